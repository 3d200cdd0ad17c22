"""Ranges: served from what is stored, stored themselves, and put together (RFC 9110 14; RFC 9111 3.3, 3.4)."""

from __future__ import annotations

import itertools

import pytest
from cache.origin import Response
from cache.serving import Bench, at, field, fresh
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.cache import ranges
from partita.events.cache import CachedPart, CacheEntry, Extent

BODY = b"0123456789"


def part(start: int, stop: int, *headers: tuple[str, str], total: int | str = 10) -> Response:
    """The bytes from ``start`` to before ``stop``."""
    fields = (("Content-Range", f"bytes {start}-{stop - 1}/{total}"), *headers)
    return fresh(*fields, status=206, body=BODY[start:stop])


def with_part(start: int, stop: int, *headers: tuple[str, str], total: int | str = 10) -> Bench:
    bench = Bench()
    bench.says = part(start, stop, *headers, total=total)
    bench.get(("Range", f"bytes={start}-{stop - 1}"))
    return bench


@pytest.mark.parametrize(
    ("wanted", "content_range", "body"),
    [
        ("bytes=0-1", "bytes 0-1/10", b"01"),
        ("bytes=3-", "bytes 3-9/10", b"3456789"),
        ("bytes=3-99", "bytes 3-9/10", b"3456789"),
        ("bytes=-2", "bytes 8-9/10", b"89"),
        ("bytes=-99", "bytes 0-9/10", BODY),
    ],
)
def test_a_range_is_taken_from_the_whole(wanted: str, content_range: str, body: bytes) -> None:
    bench = Bench()
    bench.says = fresh(("ETag", '"1"'))
    bench.get()
    got = bench.get(("Range", wanted))
    assert got is not None
    assert (got.status, got.body, field(got, "Content-Range"), len(bench.asked)) == (206, body, content_range, 1)
    assert field(got, "Content-Length") == str(len(body))


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=5-3", "bytes=-0", "bytes=-", "bytes=0-1,3-4", "lines=1-2"])
def test_what_cannot_be_answered_from_here_goes_to_the_server(wanted: str) -> None:
    bench = Bench()
    bench.says = fresh()
    bench.get()
    assert bench.was_asked(("Range", wanted))
    assert "If-Range" not in dict(bench.sent)


def test_several_ranges_at_once_leave_the_cache_alone() -> None:
    bench = Bench()
    bench.says = fresh()
    bench.get()
    bench.says = fresh(("Content-Type", "multipart/byteranges; boundary=x"), status=206, body=b"--x")
    bench.get(("Range", "bytes=0-1,3-4"))
    got = bench.get()
    assert got is not None
    assert (got.status, got.body) == (200, BODY)


@pytest.mark.parametrize(
    ("if_range", "is_partial"),
    [('"1"', True), (at(-100), False), ('"2"', None), ('W/"1"', None)],
)
def test_if_range_is_compared_strongly(if_range: str, is_partial: bool | None) -> None:
    bench = Bench()
    bench.says = fresh(("ETag", '"1"'), ("Last-Modified", at(-100)))
    bench.get()
    asked = bench.was_asked(("Range", "bytes=0-1"), ("If-Range", if_range))
    assert asked == (is_partial is not True)


@pytest.mark.parametrize(
    ("wanted", "body"),
    [("bytes=3-6", b"3456"), ("bytes=4-5", b"45"), ("bytes=2-6", None), ("bytes=3-7", None), ("bytes=-2", None)],
)
def test_a_part_answers_for_what_is_in_it(wanted: str, body: bytes | None) -> None:
    bench = with_part(3, 7)
    asked = bench.was_asked(("Range", wanted))
    assert asked == (body is None)
    if body is not None:
        got = bench.get(("Range", wanted))
        assert got is not None
        assert (got.status, got.body) == (206, body)


def test_a_part_does_not_answer_for_the_whole() -> None:
    bench = with_part(0, 5)
    bench.says = fresh()
    got = bench.get()
    assert got is not None
    assert (got.status, got.body) == (200, BODY)
    assert bench.sent == ()  # without a strong validator nothing can be put together
    assert not bench.was_asked()


def test_what_follows_a_part_is_asked_for_and_put_behind_it() -> None:
    bench = with_part(0, 4, ("ETag", '"1"'))
    bench.says = part(4, 10, ("ETag", '"1"'))
    got = bench.get()
    assert got is not None
    assert bench.sent == (("Range", "bytes=4-"), ("If-Range", '"1"'))
    assert (got.status, got.body, field(got, "Content-Length"), field(got, "Content-Range")) == (200, BODY, "10", None)
    got = bench.get()
    assert got is not None
    assert (got.status, got.body, len(bench.asked)) == (200, BODY, 2)


def test_a_range_that_goes_beyond_a_part_is_completed() -> None:
    bench = with_part(2, 5, ("ETag", '"1"'))
    bench.says = part(5, 8, ("ETag", '"1"'))
    got = bench.get(("Range", "bytes=3-7"))
    assert got is not None
    assert bench.sent == (("Range", "bytes=5-7"), ("If-Range", '"1"'))
    assert (got.status, got.body, field(got, "Content-Range")) == (206, b"34567", "bytes 3-7/10")
    got = bench.get(("Range", "bytes=2-7"))
    assert got is not None
    assert (got.body, len(bench.asked)) == (b"234567", 2)


def test_a_server_that_has_something_else_by_now_sends_all_of_it() -> None:
    bench = with_part(0, 4, ("ETag", '"1"'))
    bench.says = fresh(("ETag", '"2"'), body=b"another")
    got = bench.get()
    assert got is not None
    assert (got.status, got.body) == (200, b"another")
    got = bench.get()
    assert got is not None
    assert (got.body, len(bench.asked)) == (b"another", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        part(4, 10, ("ETag", '"2"')),
        part(5, 10, ("ETag", '"1"')),
        part(4, 8, ("ETag", '"1"')),
        part(4, 10, ("ETag", '"1"'), ("Content-Length", "5")),
        fresh(status=206),
        fresh(status=416),
    ],
)
def test_a_rest_that_does_not_fit_is_asked_for_again_as_a_whole(wrong: Response) -> None:
    bench = with_part(0, 4, ("ETag", '"1"'))
    answers = [wrong, fresh(body=BODY)]
    bench.client.server = lambda method, url, headers: (bench.asked.append((method, url, headers)), answers.pop(0))[1]
    got = bench.get()
    assert got is not None
    assert (got.status, got.body, bench.sent) == (200, BODY, ())


def test_parts_of_one_representation_grow_together() -> None:
    bench = with_part(0, 3, ("ETag", '"1"'))
    for start, stop in ((6, 10), (3, 7), (0, 5)):
        bench.says = part(start, stop, ("ETag", '"1"'))
        bench.get(("Range", f"bytes={start}-{stop - 1}"))
    assert bench.client.state.count == 1
    bench.says = part(5, 10, ("ETag", '"1"'))
    got = bench.get()
    assert got is not None
    assert got.body == BODY
    got = bench.get()
    assert got is not None
    assert (got.body, got.status) == (BODY, 200)


def test_parts_of_two_representations_are_not_mixed() -> None:
    bench = with_part(0, 4, ("ETag", '"1"'))
    bench.says = part(4, 10, ("ETag", '"2"'))
    bench.get(("Range", "bytes=4-9"))
    assert bench.client.state.count == 1
    assert bench.was_asked(("Range", "bytes=0-1"))


def test_a_part_does_not_displace_the_whole_that_it_is_of() -> None:
    bench = Bench()
    bench.says = fresh(("ETag", '"1"'))
    bench.get()
    bench.says = part(0, 4, ("ETag", '"1"'))
    bench.get(("Range", "bytes=0-3"), mode="reload")
    got = bench.get()
    assert got is not None
    assert (got.body, len(bench.asked)) == (BODY, 2)


def test_a_body_that_broke_off_is_kept_as_a_part() -> None:
    from partita.actors.cache import rules

    bench = Bench()
    client = bench.client
    query = rules.CacheQuery(method="GET", url="http://a.test/x", headers=(), mode="default", site="")
    for headers, is_kept in (
        ((("ETag", '"1"'), ("Content-Length", "10")), True),
        ((("ETag", 'W/"1"'), ("Content-Length", "10")), False),
        ((("ETag", '"1"'),), False),
        ((("ETag", '"1"'), ("Content-Length", "10"), ("Accept-Ranges", "none")), False),
    ):
        now_us = client.now_us
        verdict = rules.judge(
            client.state,
            query,
            rules.Found("miss"),
            200,
            "OK",
            "HTTP/1.1",
            fresh(*headers).headers,
            requested_us=now_us,
            received_us=now_us,
        )
        assert verdict.store is not None
        client.store(verdict.store, BODY[:4], complete=False)
        assert client.state.count == is_kept
        if is_kept:
            bench.says = part(4, 10, ("ETag", '"1"'))
            got = bench.get()
            assert got is not None
            assert (got.body, got.status) == (BODY, 200)
            client.tell(rules.RemoveEntries((client.state.entries(query.url)[0].key,), "missing"))
        assert not client.blobs


# -- the arithmetic -----------------------------------------------------------------------------------------------------


def entry_of(start: int, stop: int, cuts: list[int], total: int) -> CacheEntry:
    """Parts that are stretches of one blob, which is the whole representation."""
    edges = sorted({start, stop, *(cut for cut in cuts if start < cut < stop)})
    parts = tuple(CachedPart("00" * 32, after - before, before) for before, after in itertools.pairwise(edges))
    extent = None if (start, stop) == (0, total) else Extent(start, stop - 1, total)
    return CacheEntry("1", "", "u", 206, "", "", (), (), 0, 0, parts, extent, 0, 0)


def read(parts: tuple[CachedPart, ...], whole: bytes) -> bytes:
    return b"".join(whole[part.start : part.start + part.size_bytes] for part in parts)


@given(st.data())
def test_any_range_of_any_part_is_those_bytes(data: st.DataObject) -> None:
    total = data.draw(st.integers(2, 60))
    whole = bytes(range(total))
    start = data.draw(st.integers(0, total - 1))
    stop = data.draw(st.integers(start + 1, total))
    entry = entry_of(start, stop, data.draw(st.lists(st.integers(0, total))), total)
    first = data.draw(st.integers(0, total - 1))
    last = data.draw(st.integers(first, total + 3))
    taken = ranges.taken(entry, ranges.Wanted(first, last))
    is_there = start <= first and min(last, total - 1) < stop
    assert (taken is not None) == is_there
    if taken is not None:
        assert read(ranges.cut(entry.parts, *taken), whole) == whole[first : last + 1]
        expected = f"bytes {first}-{min(last, total - 1)}/{total}"
        assert ranges.content_range(entry, *taken) == expected


@given(st.data())
def test_two_parts_together_are_the_bytes_of_both(data: st.DataObject) -> None:
    total = data.draw(st.integers(2, 60))
    whole = bytes(range(total))
    spans = []
    for _ in range(2):
        start = data.draw(st.integers(0, total - 1))
        spans.append((start, data.draw(st.integers(start + 1, total))))
    (one_start, one_stop), (two_start, two_stop) = spans
    entry = entry_of(one_start, one_stop, data.draw(st.lists(st.integers(0, total))), total)
    new = (CachedPart("00" * 32, two_stop - two_start, two_start),)
    together = ranges.joined(entry, Extent(two_start, two_stop - 1, total), new)
    if entry.extent is None or two_start > one_stop or one_start > two_stop:
        assert together is None
        return
    assert together is not None
    extent, parts = together
    start, stop = min(one_start, two_start), max(one_stop, two_stop)
    assert read(parts, whole) == whole[start:stop]
    assert extent == (None if (start, stop) == (0, total) else Extent(start, stop - 1, total))
