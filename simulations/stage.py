"""What a simulated process runs on. Time goes on from one process to the next; everything else ends with it.

``KernelStage`` is the simulation kernel; the live kernel in virtual time is in :mod:`partita.simulations.trio_stage`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from partita.actors.kernel.future import Future
from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher, Stalled
from partita.actors.kernel.world import Clock
from partita.events.errors import PartitaError
from partita.simulations.life import Crash, Dead

Program = Callable[[Kernel], Awaitable[None]]
"""What a process does, on the kernel that it is given."""


class Stuck(PartitaError):
    """The program waits, and nothing that could end its waiting is under way."""


class Stage(Protocol):
    """Runs processes, one after another, in virtual time."""

    clock: Clock

    @property
    def draws(self) -> int:
        """How often the seed was asked who goes next."""
        ...

    def live(self, program: Program) -> None:
        """Run a process to its end.

        Raises :class:`Crash` when it crashed, or :class:`Dead` when that was lost in unwinding; :class:`Stuck` when it never
        ends.
        """
        ...

    def close(self) -> None:
        """No more processes."""
        ...


class KernelStage:
    """Everything on the simulation kernel."""

    def __init__(self, seed: int, *, draws_at_most: int | None = None) -> None:
        self.kernel = SimulatedDispatcher(seed, draws_at_most=draws_at_most)
        self.clock: Clock = self.kernel.clock

    @property
    def draws(self) -> int:
        """See :class:`Stage`."""
        return self.kernel.draws

    def live(self, program: Program) -> None:
        """See :class:`Stage`."""
        kernel = self.kernel
        ended: Future[None] = Future()

        async def process() -> None:
            await program(kernel)
            ended.set(None)

        kernel.carry_out(process, "process")
        try:
            kernel.run_until(ended)
        except Stalled as error:
            kernel.crash()
            raise Stuck(str(error)) from error
        except (Crash, Dead):
            kernel.crash()
            raise
        kernel.run_until_idle()

    def close(self) -> None:
        """See :class:`Stage`."""
        self.kernel.crash()
        self.kernel.close()
