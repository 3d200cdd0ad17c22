"""A process that does durable asks from four threads is killed again and again, and what it acknowledged must be there.

    python -m tests.durability.kills --kills 500 --seed 1

A partition lives through some dozens of lives. In each a child (``writing.py``) opens it and writes until SIGKILL comes: at a
random moment of its writing, or of its opening. Then the log is read, from outside, and held against what was acknowledged.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # run as tests.durability.kills: the tests find each other below tests/
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from durability.children import Child
from durability.jar_writers import WRITERS, jar_after, jar_in, operation_of, operations

from partita.actors.kernel.fold import fold
from partita.actors.session.behavior import BEHAVIORS
from partita.events.errors import StoreUnavailable
from partita.events.session import SessionState
from partita.store.names import folder_name
from partita.store.partition import PartitionStore

LIVES_OF_A_PARTITION = 25
OPENING_EVERY = 6
"""Every so many lives the kill falls into the opening."""
OPENING_S = 0.015
RETAINED_BYTES = 300_000


@dataclass
class Tally:
    """What a run has seen."""

    kills: int = 0
    in_opening: int = 0
    acknowledged: int = 0
    durable_unacknowledged: int = 0
    turns_verified: int = 0
    snapshots_seen: int = 0
    histories_cut: int = 0
    in_flight_at_most: int = 0


@dataclass
class Victim:
    """A partition that is killed many times, and how far each writer of it has come."""

    data_dir: Path
    name: str
    retain_bytes: int
    counts: list[int] = field(default_factory=lambda: [0] * WRITERS)
    epoch: int = 0

    @property
    def folder(self) -> Path:
        return self.data_dir / "Partitions" / folder_name(self.name)


def live_and_be_killed(victim: Victim, chance: random.Random, tally: Tally, *, in_opening: bool) -> None:
    """One life, its end, and what has to hold then."""
    window = chance.choice((1, 1, 8))
    child = Child("writing.py", victim.data_dir, f"persist:{victim.name}", window, victim.retain_bytes, *victim.counts)
    with child:
        assert child.line() == "opening"
        if in_opening:
            time.sleep(chance.uniform(0, OPENING_S))
            child.kill()
            said = child.rest()
        else:
            assert child.line() == "open"
            said = [child.line() for _ in range(chance.randrange(1, 250))]
            time.sleep(chance.uniform(0, 0.003))
            child.kill()
            said += child.rest()
        assert child.killed, child.errors
    tally.kills += 1
    tally.in_opening += in_opening and "open" not in said
    check(victim, [line for line in said if line != "open"], window, tally)


def check(victim: Victim, said: list[str], window: int, tally: Tally) -> None:
    """Everything acknowledged is there, the chain verifies, and the folded state is that of the acknowledgements."""
    acknowledged = _acknowledged(said, victim.counts)
    try:
        store = PartitionStore.read(victim.folder)
    except StoreUnavailable:
        assert not any(acknowledged), "there is no partition, and things were acknowledged"
        assert not victim.epoch
        return
    with store:
        report = store.verify()
        assert report.ok, report.damage
        assert report.last_position == store.position
        found = _operations_in(store)
        state = fold(store, BEHAVIORS).images.get("session", (SessionState(), {}))[0]
        assert isinstance(state, SessionState)
        assert store.epoch >= victim.epoch
        victim.epoch = store.epoch
        tally.turns_verified += report.turns
        tally.snapshots_seen += report.snapshots
        tally.histories_cut += store.first_position > 1
    for writer in range(WRITERS):
        before = victim.counts[writer]
        least = before + acknowledged[writer]
        there = found.get(writer, [])
        durable = _count_after(writer, there, least, window)
        assert durable is not None, (
            f"writer {writer}: {least} operations are acknowledged and at most {window} were in flight; the log ends with"
            f" {there[-1:]}"
        )
        start = durable - len(there)
        assert there == operations(writer, start, durable), f"the log of writer {writer} has a gap or something twice"
        tally.acknowledged += acknowledged[writer]
        tally.durable_unacknowledged += durable - least
        tally.in_flight_at_most = max(tally.in_flight_at_most, durable - least)
        victim.counts[writer] = durable
    assert jar_in(state.cookies) == jar_after(victim.counts)


def _acknowledged(said: list[str], counts: list[int]) -> list[int]:
    """How many operations of each writer were acknowledged, in order and without a gap."""
    acknowledged = [0] * WRITERS
    for line in said:
        word, writer, counter = line.split()
        assert word == "acknowledged"
        assert int(counter) == counts[int(writer)] + acknowledged[int(writer)]
        acknowledged[int(writer)] += 1
    return acknowledged


def _operations_in(store: PartitionStore) -> dict[int, list[tuple[int, str, str | None]]]:
    """By writer: the operations that the log still has, in its order."""
    found: dict[int, list[tuple[int, str, str | None]]] = {}
    for turn in store.turns(store.first_position):
        operation = operation_of(turn.message)
        if operation is not None:
            found.setdefault(operation[0], []).append(operation)
    return found


def _count_after(writer: int, there: list[tuple[int, str, str | None]], least: int, window: int) -> int | None:
    """How many operations the log shows to be durable: ``least``, or up to ``window`` more."""
    if not there:
        return least  # history may have been cut; the jar tells
    return next((n for n in range(least, least + window + 1) if operations(writer, n - 1, n) == there[-1:]), None)


def run(kills: int, seed: int, folder: Path, *, lives: int = LIVES_OF_A_PARTITION, progress: bool = False) -> Tally:
    """``kills`` lives and ends; raises :class:`AssertionError` at the first thing that was lost."""
    chance = random.Random(seed)
    tally = Tally()
    victim = Victim(folder, "victim0", 0)
    for life in range(kills):
        if life % lives == 0:
            number = life // lives
            victim = Victim(folder, f"victim{number}", RETAINED_BYTES if number % 2 else 0)
        try:
            live_and_be_killed(victim, chance, tally, in_opening=life % OPENING_EVERY == 0)
        except BaseException as error:
            error.add_note(f"life {life} of seed {seed}, partition {victim.folder}")
            raise
        if progress and tally.kills % 50 == 0:
            print(f"{tally.kills} kills: {tally}", flush=True)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder to work in, which stays")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        tally = run(options.kills, options.seed, folder, progress=True)
    print(f"nothing lost: {tally} in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
