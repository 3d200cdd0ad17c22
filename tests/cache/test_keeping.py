"""What the cache keeps, how much of it, and which blobs nobody needs any more (FEATURES F1, F2, M2; WANTS 16, 17)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cache.serving import Bench, fresh
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from partita.actors.cache.behavior import behavior
from partita.events.cache import (
    CacheEntry,
    CacheState,
    ClearCache,
    ConfigureCache,
    GetCacheSize,
    InvalidateUrls,
    RemoveEntries,
    TouchEntries,
    shelf_of,
)


def everything(state: CacheState) -> list[CacheEntry]:
    return [entry for urls in state.shelves.values() for entries in urls.values() for entry in entries]


def check(bench: Bench) -> None:
    """What holds after every turn."""
    state = bench.client.state
    entries = everything(state)
    assert state.count == len(entries)
    assert state.size_bytes == sum(entry.size_bytes for entry in entries)
    assert state.size_bytes <= state.max_size_bytes
    assert len({entry.id for entry in entries}) == len(entries)
    assert all(shelf_of(url) == shelf for shelf, urls in state.shelves.items() for url in urls)
    assert all(entries for urls in state.shelves.values() for entries in urls.values())
    named: dict[str, int] = {}
    for entry in entries:
        for part in entry.parts:
            named[part.digest] = named.get(part.digest, 0) + 1
    assert {digest: count for group in state.uses.values() for digest, count in group.items()} == named
    assert bench.client.blobs.keys() == named.keys()


def body(number: int, size: int) -> bytes:
    return hashlib.shake_256(str(number).encode()).digest(size)


def test_the_size_is_that_of_bodies_and_heads() -> None:
    bench = Bench()
    assert bench.client.tell(GetCacheSize()) == 0
    bench.says = fresh(body=b"x" * 1000)
    bench.get()
    size = bench.client.tell(GetCacheSize())
    assert 1000 < size < 1100
    bench.get(url="http://a.test/y")
    assert bench.client.tell(GetCacheSize()) == 2 * size
    assert len(bench.client.blobs) == 1  # one content is one blob
    bench.client.tell(RemoveEntries((bench.client.state.entries("http://a.test/x")[0].key,), "missing"))
    check(bench)
    assert len(bench.client.blobs) == 1
    bench.client.tell(ClearCache())
    assert bench.client.tell(GetCacheSize()) == 0
    check(bench)


def test_what_is_on_its_way_while_the_cache_is_cleared_is_not_stored() -> None:
    bench = Bench()
    client = bench.client
    bench.says = fresh()
    server = client.server

    def clearing(*asked: Any) -> Any:
        bench.wait(1)
        client.tell(ClearCache())
        return server(*asked)

    client.server = clearing
    bench.get()
    assert (client.state.count, client.blobs) == (0, {})
    client.server = server
    bench.get()
    assert client.state.count == 1


def test_what_was_not_used_for_the_longest_time_goes_first() -> None:
    bench = Bench()
    client = bench.client
    client.tell(ConfigureCache(max_size_bytes=100_000))
    for number in range(9):
        bench.says = fresh(body=body(number, 10_000), seconds=100_000)
        bench.get(url=f"http://a.test/{number}")
        bench.wait(100)
    assert not bench.was_asked(url="http://a.test/0")  # and that notes its use
    bench.says = fresh(body=body(9, 10_000), seconds=100_000)
    bench.get(url="http://a.test/9")
    check(bench)
    assert client.state.size_bytes <= 90_000
    kept = sorted(int(entry.url.rpartition("/")[2]) for entry in everything(client.state))
    assert kept == [0, 3, 4, 5, 6, 7, 8, 9]


def test_an_entry_of_more_than_an_eighth_of_the_cache_is_not_stored() -> None:
    bench = Bench()
    bench.client.tell(ConfigureCache(max_size_bytes=80_000))
    bench.says = fresh(body=body(0, 10_001))
    bench.get()
    check(bench)
    assert bench.client.state.count == 0
    bench.says = fresh(("Content-Length", "9000"), body=body(0, 9000))
    bench.get()
    check(bench)
    assert bench.client.state.count == 1


def test_a_smaller_cache_throws_out_at_once() -> None:
    bench = Bench()
    for number in range(9):
        bench.says = fresh(body=body(number, 10_000))
        bench.get(url=f"http://a.test/{number}")
    bench.client.tell(ConfigureCache(max_size_bytes=50_000))
    check(bench)
    assert bench.client.state.count == 4
    bench.client.tell(ConfigureCache(max_size_bytes=0))
    check(bench)
    assert bench.client.state.count == 0
    with pytest.raises(ValueError, match="max_cache_size is a number of bytes, not -1"):
        bench.client.tell(ConfigureCache(max_size_bytes=-1))


def test_what_is_used_often_is_noted_once_a_minute() -> None:
    bench = Bench()
    bench.says = fresh(seconds=1000)
    bench.get()
    before = bench.client.position
    for _ in range(5):
        bench.get()
    assert bench.client.position == before
    bench.wait(61)
    for _ in range(5):
        bench.get()
    assert bench.client.position == before + 1
    (entry,) = everything(bench.client.state)
    assert entry.last_used_us == bench.client.now_us
    assert bench.client.tell(TouchEntries((entry.key,))) is None


def test_ten_thousand_entries_cost_no_more_to_add_to_than_a_shelf() -> None:
    """A change copies the dictionary of shelves and one shelf: all others are the same objects as before."""
    bench = Bench()
    for number in range(500):
        bench.says = fresh(body=b"")
        bench.get(url=f"http://a.test/{number}")
    before = bench.client.state
    bench.get(url="http://a.test/new")
    after = bench.client.state
    changed = [shelf for shelf in after.shelves if after.shelves[shelf] is not before.shelves.get(shelf)]
    assert changed == [shelf_of("http://a.test/new")]
    assert len(before.entries("http://a.test/new")) == 0


class Anything(RuleBasedStateMachine):
    """Whatever is asked, served and cleared: the books are right, and no blob is left without an entry."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.bench.client.tell(ConfigureCache(max_size_bytes=4_000))

    @rule(
        path=st.integers(0, 6),
        content=st.integers(0, 5),
        size=st.integers(0, 700),
        vary=st.sampled_from([None, "X", "X, Y"]),
        asked=st.integers(0, 3),
        site=st.sampled_from(["", "https://s.test"]),
        mode=st.sampled_from(["default", "reload", "no-cache", "force-cache"]),
        etag=st.sampled_from([None, '"1"', '"2"', 'W/"1"']),
        status=st.sampled_from([200, 200, 200, 304, 404, 500]),
    )
    def ask(self, path: int, content: int, size: int, asked: int, site: str, mode: str, status: int, **by: Any) -> None:
        fields = [(name, by[key]) for name, key in (("Vary", "vary"), ("ETag", "etag")) if by[key]]
        self.bench.says = fresh(*fields, status=status, body=b"" if status == 304 else body(content, size))
        self.bench.get(("X", str(asked)), ("Y", "1"), url=f"http://a.test/{path}", site=site, mode=mode)

    @rule(
        path=st.integers(0, 6), start=st.integers(0, 9), length=st.integers(1, 5), etag=st.sampled_from(['"1"', '"2"'])
    )
    def ask_for_a_part(self, path: int, start: int, length: int, etag: str) -> None:
        stop = min(start + length, 10)
        fields = (("Content-Range", f"bytes {start}-{stop - 1}/10"), ("ETag", etag))
        self.bench.says = fresh(*fields, status=206, body=(etag * 10).encode()[start:stop])
        self.bench.get(("Range", f"bytes={start}-{stop - 1}"), url=f"http://a.test/{path}")

    @rule(path=st.integers(0, 6))
    def post(self, path: int) -> None:
        self.bench.says = fresh(body=b"")
        self.bench.get(url=f"http://a.test/{path}", method="POST")

    @rule(seconds=st.integers(0, 100))
    def wait(self, seconds: int) -> None:
        self.bench.wait(seconds)

    @rule(size=st.integers(0, 8_000))
    def configure(self, size: int) -> None:
        self.bench.client.tell(ConfigureCache(max_size_bytes=size))

    @rule()
    def clear(self) -> None:
        self.bench.client.tell(ClearCache())

    @rule(path=st.integers(0, 6))
    def invalidate(self, path: int) -> None:
        self.bench.client.tell(InvalidateUrls((f"http://a.test/{path}", "http://a.test/nothing")))

    @invariant()
    def the_books_are_right(self) -> None:
        check(self.bench)


Anything.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnything = Anything.TestCase


def test_every_message_and_every_event_has_a_row() -> None:
    from partita.events import cache
    from partita.events.system import Recover
    from partita.events.types import Event, Message

    own = [value for value in vars(cache).values() if isinstance(value, type) and value.__module__ == cache.__name__]
    assert {*(kind for kind in own if issubclass(kind, Message)), Recover} == behavior.decide.keys()
    assert {kind for kind in own if issubclass(kind, Event)} == behavior.evolve.keys()
