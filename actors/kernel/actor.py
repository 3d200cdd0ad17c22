"""An actor: a name, a behavior, a state and a mailbox. pykka's ``Actor`` on our own backend.

pykka leaves three hooks to new types of actors: the inbox, the future and the loop. Here the loop is no thread: the kernel
lets an actor take a few turns at a time (:meth:`Actor.take_turns`). pykka's ``__init__`` and registry are left out: they cost
a UUID, an event and a place in a list that is searched from the front; names and the partition's dict serve for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pykka

from partita.actors.kernel.fold import Rules
from partita.actors.kernel.future import Future
from partita.actors.kernel.mailbox import Mailbox
from partita.events.errors import ActorFailed
from partita.events.turn import Cause, External
from partita.events.types import AwaitedEffect, Message, State

if TYPE_CHECKING:
    from partita.actors.kernel.kernel import Kernel
    from partita.actors.kernel.partition import Partition

NO_EFFECTS: Mapping[str, AwaitedEffect] = {}


class _Stopped:
    """pykka's stop flag without a lock and a condition: it only ever goes up."""

    __slots__ = ("_mailbox",)

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def is_set(self) -> bool:
        return self._mailbox.actor is None


class Actor(pykka.Actor):
    """One actor of a partition. Made by the partition when a message first names it."""

    __slots__ = ("_loop_state", "actor_inbox", "kernel", "name", "partition", "pending", "rules", "state")

    def __init__(self, partition: Partition, name: str, rules: Rules) -> None:
        self.name = name
        self.partition = partition
        self.kernel: Kernel = partition.kernel
        self.rules = rules
        self.state: State = rules.initial()
        self.pending: Mapping[str, AwaitedEffect] = NO_EFFECTS
        self.actor_inbox: Mailbox = Mailbox(self)  # type: ignore[assignment]  # pykka types its own threads' inbox

    # -- pykka's hooks ----------------------------------------------------------------------------------------------

    @staticmethod
    def _create_actor_inbox() -> Any:
        raise NotImplementedError("a mailbox belongs to its actor: it is made in __init__")

    @staticmethod
    def _create_future() -> Future[Any]:
        return Future()

    def _start_actor_loop(self) -> None:
        """Nothing to start: the kernel comes when there is a message."""

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # pykka assigns a UUID in the __init__ that we leave out
        """The actor's name: it survives restarts."""
        return self.name

    @property
    def actor_stopped(self) -> Any:  # type: ignore[override]  # see actor_urn
        """Whether it takes no more messages."""
        return _Stopped(self.actor_inbox)

    @property
    def actor_ref(self) -> Ref:  # made when asked for: most actors never are
        """A reference to hand around."""
        return Ref(self)

    def __str__(self) -> str:
        return f"{self.name} of {self.partition.name}"

    # -- the loop ---------------------------------------------------------------------------------------------------

    def take_turns(self, quantum: int) -> int:
        """Take at most ``quantum`` turns; says how many. The kernel calls it again when messages are left."""
        mailbox = self.actor_inbox
        if mailbox.actor is None:
            return 0
        queue = mailbox.queue
        take = self.partition.take
        taken = 0
        while queue and taken < quantum:
            taken += 1
            envelope = queue.popleft()
            try:
                take(self, envelope)
            except Exception as error:
                reply = envelope[2]
                if reply is not None and not reply.done:  # what the kernel will report is an answer as well
                    reply.set_exception(error)
                raise
        if mailbox.waiting:
            mailbox.made_room()
        self.partition.look_at_backlog()
        if queue or not mailbox.ran_dry():
            self.kernel.schedule(self)
        return taken

    def stop(self, refusal: Callable[[], ActorFailed] | None = None) -> None:
        """Take no more messages; whoever waits for one is told so, by ``refusal``'s error. On the kernel's thread."""
        self.actor_inbox.close(refusal)


class Ref(pykka.ActorRef[Actor]):
    """pykka's reference, for whoever writes against pykka: it keeps its actor alive, and its ``ask`` is durable."""

    def __init__(self, actor: Actor) -> None:
        super().__init__(actor)
        self._actor = actor

    def tell(self, message: Message, *, cause: Cause | None = None) -> None:
        """Send a message; nobody waits for it."""
        if not self.is_alive():
            raise pykka.ActorDeadError(f"{self} not found")
        self._actor.actor_inbox.put((message, cause or External("api"), None, False))

    def ask(
        self, message: Message, *, block: bool = True, timeout: float | None = None, cause: Cause | None = None
    ) -> Any:
        """Send a message and get its reply, or with ``block=False`` the future of it, once its turn is durable."""
        future: Future[object] = Future()
        if self.is_alive():
            self._actor.actor_inbox.put((message, cause or External("api"), future, True))
        else:
            future.set_exception(pykka.ActorDeadError(f"{self} not found"))
        return future.get(timeout) if block else future

    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Stop the actor between two turns. True when it was alive."""
        stopped: Future[bool] = Future()

        def stop() -> None:
            alive = self.is_alive()
            self._actor.partition.forget(self._actor)
            stopped.set(alive)

        self._actor.kernel.call_soon(stop)
        return stopped.get(timeout) if block else stopped
