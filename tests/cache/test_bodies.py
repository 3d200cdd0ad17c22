"""Bodies on their way into the cache and out of it, in a whole partition."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from cache.serving import fresh

import partita
from partita.actors.cache import rules
from partita.actors.cache.bodies import PIECE_BYTES, CacheBodyMissing, CacheWriter, SpanReader
from partita.actors.kernel import bodies
from partita.actors.kernel.carrying import EffectDoor
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.kernel.world import Door
from partita.events.cache import ClearCache, ConfigureCache, Extent, GetCacheSize, RemoveEntries
from partita.events.turn import External

URL = "http://a.test/x"
BODY = hashlib.shake_256(b"a body").digest(1_000_000)


def partition_of(session: partita.Session) -> Partition:
    return session._partition


def door_of(session: partita.Session) -> Door:
    partition = partition_of(session)
    return cast("Door", EffectDoor(partition.carrying, "session", External("api", 1)))


def order_for(door: Door, *headers: tuple[str, str], url: str = URL) -> rules.StoreOrder:
    state = door.published("session").cache  # type: ignore[attr-defined]
    now_us = door.world.clock.now_us()
    verdict = rules.judge(
        state,
        query(url),
        rules.Found("miss"),
        200,
        "OK",
        "HTTP/1.1",
        fresh(*headers).headers,
        requested_us=now_us,
        received_us=now_us,
    )
    assert verdict.store is not None
    return verdict.store


def query(url: str = URL) -> rules.CacheQuery:
    return rules.CacheQuery(method="GET", url=url, headers=(), mode="default", site="")


def found(door: Door, url: str = URL) -> rules.Found:
    state = door.published("session").cache  # type: ignore[attr-defined]
    return rules.look_up(state, query(url), door.world.clock.now_us())


def stored(session: partita.Session, content: bytes = BODY, *, url: str = URL, chunk_bytes: int = 100_000) -> None:
    door = door_of(session)
    writer = CacheWriter(door, order_for(door, url=url))
    for start in range(0, len(content), chunk_bytes):
        writer.add(content[start : start + chunk_bytes])
    writer.finish()
    session.flush().get()


async def read(door: Door, url: str = URL) -> bytes:
    head = found(door, url).head
    assert head is not None
    reader = SpanReader(door, head.body)
    await reader.open()
    return b"".join([chunk async for chunk in reader])


def now(coroutine: Any) -> Any:
    """What never waits for anything but the door needs no loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


@pytest.fixture(params=["memory", "disk"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with partita.World(seed=1, quiet=True) as world, world.system() as system:
        yield system.from_partition("cache" if request.param == "memory" else "persist:cache")


def test_a_body_is_stored_in_pieces_and_comes_back_whole(session: partita.Session) -> None:
    stored(session)
    door = door_of(session)
    head = found(door).head
    assert head is not None
    assert len(head.body) == 4
    assert all(span.stop - span.start <= PIECE_BYTES + 100_000 for span in head.body)
    assert now(read(door)) == BODY
    assert partition_of(session).call(GetCacheSize()) > len(BODY)


def test_it_can_be_read_before_it_is_durable_and_after_it_was_forgotten(session: partita.Session) -> None:
    door = door_of(session)
    writer = CacheWriter(door, order_for(door))
    writer.add(BODY)
    writer.finish()
    partition = partition_of(session)
    partition.call(GetCacheSize())
    partition.bodies._remembered.clear()
    assert now(read(door)) == BODY
    session.flush().get()
    partition.bodies._remembered.clear()
    assert partition.committer.unwritten_bytes == 0
    assert now(read(door)) == BODY


def test_an_empty_body_is_a_body(session: partita.Session) -> None:
    stored(session, b"")
    assert now(read(door_of(session))) == b""


def test_a_body_that_turns_out_too_long_is_given_up_and_leaves_nothing(session: partita.Session) -> None:
    partition = partition_of(session)
    partition.call(ConfigureCache(max_size_bytes=4_000_000))
    door = door_of(session)
    writer = CacheWriter(door, order_for(door))
    for _ in range(10):
        writer.add(BODY[:100_000])
    writer.finish()
    session.flush().get()
    assert found(door).verdict == "miss"
    settle(partition)
    assert partition.store.statistics().blobs == 0


def settle(partition: Partition) -> None:
    """Effects carried out, and what they asked of the store written."""
    assert isinstance(partition.kernel, SimulatedDispatcher)
    partition.kernel.run_until_idle()


def test_blobs_that_nobody_names_any_more_leave_the_store(session: partita.Session) -> None:
    partition = partition_of(session)
    stored(session)
    stored(session, url="http://a.test/y")
    settle(partition)
    assert partition.store.statistics().blobs == 4  # two entries, one content
    partition.ask(ClearCache()).get()
    settle(partition)
    assert partition.store.statistics().blobs == 0
    assert partition.store.verify().ok
    stored(session)
    settle(partition)
    assert partition.store.statistics().blobs == 4
    assert now(read(door_of(session))) == BODY


def test_a_body_that_is_being_read_is_read_to_its_end(session: partita.Session) -> None:
    partition = partition_of(session)
    stored(session)
    door = door_of(session)
    head = found(door).head
    assert head is not None
    reader = SpanReader(door, head.body)
    now(reader.open())
    partition.ask(ClearCache()).get()
    settle(partition)
    partition.bodies._remembered.clear()
    assert b"".join([now(reader.next_chunk()) for _ in head.body]) == BODY
    assert now(reader.next_chunk()) is None
    settle(partition)
    assert partition.store.statistics().blobs == 0


def test_a_reader_that_is_closed_holds_nothing_back(session: partita.Session) -> None:
    partition = partition_of(session)
    stored(session)
    door = door_of(session)
    head = found(door).head
    assert head is not None
    reader = SpanReader(door, head.body)
    now(reader.open())
    partition.ask(ClearCache()).get()
    reader.close()
    reader.close()
    settle(partition)
    assert partition.store.statistics().blobs == 0


def test_a_body_that_is_gone_is_told_before_anything_of_it_is_shown(session: partita.Session) -> None:
    stored(session)
    partition = partition_of(session)
    door = door_of(session)
    head = found(door).head
    assert head is not None
    partition.drop_blobs([span.digest for span in head.body])
    session.flush().get()
    with pytest.raises(CacheBodyMissing):
        now(SpanReader(door, head.body).open())


def test_a_disk_that_is_too_slow_costs_the_entry_and_no_memory(
    session: partita.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_UNWRITTEN_BYTES", 2 * PIECE_BYTES)
    door = door_of(session)
    writer = CacheWriter(door, order_for(door))
    for _ in range(10):
        writer.add(BODY[:PIECE_BYTES])
    writer.finish()
    partition = partition_of(session)
    assert partition.committer.unwritten_bytes <= 3 * PIECE_BYTES
    session.flush().get()
    assert found(door).verdict == "miss"


def test_memory_keeps_what_was_used_last(session: partita.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "REMEMBERED_BYTES", 2_500)
    partition = partition_of(session)
    digests = [partition.put_blob(bytes([number]) * 1_000) for number in range(2)]
    assert partition.blob(digests[0]) is not None
    digests.append(partition.put_blob(b"2" * 1_000))
    assert list(partition.bodies._remembered) == [digests[0], digests[2]]
    assert partition.blob(digests[1]) == bytes([1]) * 1_000


def test_a_cache_outlives_its_process() -> None:
    with partita.World(seed=1, quiet=True) as world:
        with world.system() as system:
            stored(system.from_partition("persist:cache"))
        with world.system() as system:
            session = system.from_partition("persist:cache")
            assert now(read(door_of(session))) == BODY
            world.crash()
        with world.system() as system:
            assert now(read(door_of(system.from_partition("persist:cache")))) == BODY


def test_what_a_process_left_behind_is_swept_up_by_the_next() -> None:
    with partita.World(seed=1, quiet=True) as world:
        with world.system() as system:
            session = system.from_partition("persist:cache")
            stored(session)
            partition = partition_of(session)
            partition.put_blob(b"half a body")
            session.flush().get()
            assert partition.store.statistics().blobs == 5
            world.crash()
        with world.system() as system:
            session = system.from_partition("persist:cache")
            partition = partition_of(session)
            settle(partition)
            assert partition.store.statistics().blobs == 4
            assert now(read(door_of(session))) == BODY


def test_where_exchanges_were_recorded_nothing_is_swept_up() -> None:
    with partita.World(seed=1, quiet=True) as world:
        world.host("a.test", lambda request: (200, {"Cache-Control": "max-age=60"}, b"x" * 1000))
        with world.system(record="exchanges") as system:
            system.from_partition("persist:cache").fetch(URL, method="POST", content=b"sent").get()
            system.from_partition("persist:cache").fetch(URL).get()
        with world.system() as system:
            partition = partition_of(system.from_partition("persist:cache"))
            settle(partition)
            assert partition.store.statistics().blobs == 2


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_part_is_not_joined_to_one_that_was_removed_while_it_came(tmp_path: Path, is_removed: bool) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:work")
        door = door_of(session)
        first = msgspec.structs.replace(order_for(door, ("ETag", '"1"')), status=206, extent=Extent(0, 99, 200))
        writer = CacheWriter(door, first)
        writer.add(BODY[:100])
        writer.finish()
        session.flush().get()
        (entry,) = session._state.cache.entries(URL)
        rest = msgspec.structs.replace(first, extent=Extent(100, 199, 200), joins=entry, replaces=(entry.id,))
        writer = CacheWriter(door, rest)
        writer.add(BODY[100:200])
        if is_removed:
            partition_of(session).ask(RemoveEntries((entry.key,), "evicted")).get()
        writer.finish()
        session.flush().get()
        entries = session._state.cache.entries(URL)
        assert [len(one.parts) for one in entries] == ([] if is_removed else [2])
