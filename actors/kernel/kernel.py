"""What a kernel does for the actors that it runs. There are two, and actors cannot tell which one runs them.

- :mod:`partita.actors.kernel.dispatcher`: one trio thread for all actors of a system; commits on threads of their own.
- :mod:`partita.actors.kernel.simulated_dispatcher`: virtual time and a seeded order; no trio, no threads.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.delivery import Callbacks
    from partita.actors.kernel.future import Future, Waiter
    from partita.store.committer import Committer


class CarriedOut(Protocol):
    """An effect that is being carried out."""

    def stop(self) -> None:
        """Cancel it: its ``finally`` blocks run, no outcome comes."""
        ...


class Kernel(Protocol):
    """Runs actors in turns."""

    turning: bool
    """Whether a turn is being taken right now (of interest on the kernel's own thread only)."""

    ended: bool
    """Whether its loop has ended: it takes no more turns."""

    begins_promptly: bool
    """Whether it begins prompt effects without a task (:mod:`partita.actors.kernel.prompt`)."""

    def schedule(self, actor: Actor) -> None:
        """The actor has messages: let it take its turns. From any thread."""
        ...

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call ``function`` between turns, on the kernel's thread; here, when the kernel has ended. From any thread."""
        ...

    def carry_out(self, work: Callable[[], Coroutine[object, object, None]], name: str) -> CarriedOut:
        """Run an effect beside the turns. On the kernel's thread."""
        ...

    def carry_out_promptly(self, work: Callable[[], Coroutine[object, object, None]], name: str) -> CarriedOut:
        """The same for one that may need no task, where the kernel ``begins_promptly``. It begins after the turns at hand."""
        ...

    def callbacks(self) -> Callbacks:
        """Where listeners and handlers run that have no loop of their own."""
        ...

    def drive(self, committer: Committer[Any]) -> None:
        """See to it that what is submitted to ``committer`` is committed, from now on."""
        ...

    def undrive(self, committer: Committer[Any]) -> None:
        """Commit what is still there, then no more. Blocks."""
        ...

    def congested(self, committer: Committer[Any]) -> None:
        """``committer`` has more than it should: take no further turns until it has caught up."""
        ...

    def wait_for(self, future: Future[Any], timeout: float | None) -> None:
        """A blocking wait on the kernel's own thread: refused, or simulated."""
        ...

    def run_until(self, future: Future[Any]) -> None:
        """Take turns, inline on the kernel's own thread, until ``future`` is done."""
        ...

    def wait_if_possible(self, future: Future[Any]) -> None:
        """Wait for something that runs beside the turns, unless this is the thread that it runs on."""
        ...

    def task_wait(self) -> Waiter | None:
        """How a task of this kernel waits; None where trio does it."""
        ...

    def on_own_thread(self) -> bool:
        """Whether the calling thread is the one that takes the turns."""
        ...

    def may_block(self) -> bool:
        """Whether the calling thread may be held up by a full mailbox."""
        ...
