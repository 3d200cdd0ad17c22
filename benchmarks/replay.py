"""Folding a log, and writing one in batches, beside the ``eventsourcing`` package on SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from benchmarks.measuring import ABSENT, TIMES, Bench, Row, compared, interleaved, rate
from benchmarks.turns import tell
from benchmarks.workload import BEHAVIORS, PATH, dispatcher, opened, partition
from partita.actors.kernel.fold import fold

if TYPE_CHECKING:
    from partita.store.partition import PartitionStore

SAVED_AT_ONCE = 1_000

FOLD = "replay by fold"
WRITING = "batch writing"


class EventSourcingPeer:
    """One aggregate whose path is set again and again, by the package's own recommended means."""

    def __init__(self, directory: Path) -> None:
        from eventsourcing.application import Application
        from eventsourcing.domain import Aggregate

        class Profile(Aggregate):
            path = ""

            class PathSet(Aggregate.Event):
                path: str

                def apply(self, aggregate: Aggregate) -> None:
                    aggregate.path = self.path  # type: ignore[attr-defined]

            def set_path(self, path: str) -> None:
                self.trigger_event(self.PathSet, path=path)

        self._new = Profile
        self._application = Application[UUID](
            env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(directory / "events.db")}
        )
        self._events = 0
        self._id: UUID | None = None

    def write(self, count: int) -> None:
        """A new aggregate's events, saved 1,000 at a time."""
        profile: Any = self._new()
        for number in range(count):
            profile.set_path(PATH)
            if number % SAVED_AT_ONCE == SAVED_AT_ONCE - 1:
                self._application.save(profile)
        self._application.save(profile)
        self._id, self._events = profile.id, count

    def replay(self) -> None:
        """The newest aggregate's events, all of them."""
        assert self._id is not None
        profile: Any = self._application.repository.get(self._id)
        assert profile.version == self._events + 1
        assert profile.path == PATH

    def close(self) -> None:
        """Let go of the file."""
        self._application.close()


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    events = bench.sizes.events
    try:
        peer = EventSourcingPeer(bench.folder("eventsourcing"))
    except ImportError:
        return [_absent("fold", FOLD), _absent("batch-writing", WRITING)]
    folded = bench.scratch / "folded"
    with dispatcher() as kernel:
        store = opened(bench.scratch / "written")
        with partition(kernel, store) as running:
            figures = interleaved(
                bench.sizes.rounds,
                {
                    "write": lambda: rate(events, lambda: tell(running, events)),
                    "peer writes": lambda: rate(events, lambda: peer.write(events)),
                },
            )
    _fill(folded, events)
    with opened(folded) as store:
        figures |= interleaved(
            bench.sizes.rounds,
            {
                "fold": lambda: rate(events, lambda: _fold(store, events)),
                "peer replays": lambda: rate(events, peer.replay),
            },
        )
    peer.close()
    return [
        compared(
            "fold",
            f"{FOLD}, checksums verified / eventsourcing",
            figures,
            ours="fold",
            peer="peer replays",
            floor=20,
            goal=25,
        ),
        compared(
            "batch-writing", f"{WRITING}, a whole turn each / eventsourcing", figures, ours="write", peer="peer writes"
        ),
    ]


def _absent(name: str, what: str) -> Row:
    return Row(
        name=name,
        what=f"{what} / eventsourcing",
        ours=ABSENT,
        peer="not installed",
        score=float("nan"),
        unit=TIMES,
    )


def _fill(directory: Path, events: int) -> None:
    """A log of as many turns, with no snapshot to begin from."""
    from benchmarks.opening import build_log

    build_log(directory, events, tail=events, tail_batch=SAVED_AT_ONCE)


def _fold(store: PartitionStore, events: int) -> None:
    result = fold(store, BEHAVIORS)
    assert result.position == events
