"""Every recorded turn, decided again on the state that the log had then, comes out the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from partita.actors.kernel.fold import Behaviors
from partita.actors.replay.redecide import redecide
from partita.actors.session.behavior import BEHAVIORS
from partita.events.system import TurnFailed
from partita.simulations.checker import Broken, Checker
from partita.simulations.processes import was_played

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.actors.replay.redecide import Divergence


class DecidesTheSame(Checker):
    """Looks at the end: a log is only ever added to."""

    name = "redecide"
    rules: ClassVar[Behaviors] = BEHAVIORS

    def ended(self, partition: Partition) -> None:
        for divergence in redecide(partition.store, self.rules).divergences:
            if not _is_played(divergence):
                first = divergence.differences[0] if divergence.differences else None
                what = divergence.raised or (f"{first.path}: {first.left!r} became {first.right!r}" if first else "")
                raise Broken(f"{divergence.function} decides otherwise: {what}", divergence.position)


def _is_played(divergence: Divergence) -> bool:
    events, _ = divergence.recorded
    return bool(events) and isinstance(events[0], TurnFailed) and was_played(events[0].error)
