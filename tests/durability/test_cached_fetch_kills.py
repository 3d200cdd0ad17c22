"""SIGKILL in the middle of a thousand concurrent fetches: what the cache serves after it is whole and right."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from durability.bodies import BodyServers, body_servers, content_of, urls
from durability.children import Child
from durability.waiting import until

from partita.errors import NetError
from partita.session import Session
from partita.store.partition import PartitionStore
from partita.system import System

COUNT = 1_000
AT_ONCE = 50
NAME = "persist:killed"


@dataclass
class Tally:
    """What the reopened caches had."""

    hits: int = 0
    misses: int = 0
    hit_bytes: int = 0


def fetch_and_be_killed(folder: Path, servers: BodyServers, first: int, after: int) -> None:
    """A child asks for ``COUNT`` bodies at once, and is killed when ``after`` of them have come."""
    with Child("fetching.py", folder, NAME, first, COUNT, *servers.ports) as child:
        assert child.line() == "open"
        for _ in range(after):
            assert child.line() == "came"
        child.kill()
        assert child.killed, child.errors
        assert "end" not in child.rest()


def check(session: Session, servers: BodyServers, numbers: range, tally: Tally) -> None:
    """Each body is there, whole and right, or it is not there."""
    asked = servers.asked
    wanted = urls(servers.ports, numbers.start, len(numbers))
    for start in range(0, len(wanted), AT_ONCE):
        batch = wanted[start : start + AT_ONCE]
        for path, future in [(path, session.fetch(url, cache="only-if-cached")) for url, path in batch]:
            try:
                content = future.get(60).content
            except NetError as error:
                assert error.name == "ERR_CACHE_MISS", path
                tally.misses += 1
            else:
                assert content == content_of(path), path
                tally.hits += 1
                tally.hit_bytes += len(content)
    assert servers.asked == asked, "the cache alone has answered"


def run(folder: Path, *, kills: int, seed: int) -> Tally:
    """The same partition is killed again and again; each life asks for the last one's bodies by half, and for new ones."""
    chance = random.Random(seed)
    tally = Tally()
    with body_servers() as servers:
        for life in range(kills):
            first = life * COUNT // 2
            fetch_and_be_killed(folder, servers, first, after=chance.randrange(1, COUNT * 3 // 4))
            report = PartitionStore.verify_at(folder / "Partitions" / "killed")
            assert report.ok, report.damage
            with System(data_dir=folder) as system:
                session = system.from_partition(NAME)
                check(session, servers, range(first, first + COUNT), tally)
                assert session.log.verify().ok
                assert session.get_cache_size().get(60) > 0
        with System(data_dir=folder) as system:
            session = system.from_partition(NAME)
            session.clear_cache().get(60)
            session.flush().get(60)
            store = session._partition.store
            until(lambda: not store.blob_digests(), "no half body is left, though no turn ever named it")
    return tally


def test_a_cache_that_was_killed_while_it_was_filled_serves_whole_and_correct_bodies_only(tmp_path: Path) -> None:
    tally = run(tmp_path, kills=3, seed=1)
    assert tally.hits > 100
    assert tally.misses > 100
    assert tally.hit_bytes > 1 << 20


@pytest.mark.slow
def test_forty_kills_of_a_filling_cache_leave_whole_and_correct_bodies_only(tmp_path: Path) -> None:
    tally = run(tmp_path, kills=40, seed=2)
    assert tally.hits > 1_000
