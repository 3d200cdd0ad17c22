"""The live kernel in virtual time: see :mod:`partita.simulations.stage` and :mod:`partita.simulations.trio_kernel`."""

from __future__ import annotations

from partita.actors.kernel.simulated_dispatcher import Stalled
from partita.actors.kernel.world import Clock
from partita.simulations.stage import Program, Stuck
from partita.simulations.trio_kernel import Schedule, VirtualClock, run_in_virtual_time


class TrioStage:
    """Each process is a trio run of its own; the clock and the schedule go on."""

    def __init__(self, seed: int, *, draws_at_most: int | None = None) -> None:
        self._schedule = Schedule(seed, draws_at_most=draws_at_most)
        self._clock = VirtualClock()
        self.clock: Clock = self._clock

    @property
    def draws(self) -> int:
        """See :class:`~partita.simulations.stage.Stage`; so for the rest."""
        return self._schedule.draws

    def live(self, program: Program) -> None:
        try:
            run_in_virtual_time(program, self._schedule, clock=self._clock)
        except Stalled as error:
            raise Stuck(str(error)) from error

    def close(self) -> None:
        """Each run has closed itself."""
