"""An actor's mailbox: any thread puts, the kernel's thread takes.

An envelope is a plain tuple ``(message, cause, reply, durable)``: ``reply`` is the future of whoever asked (or None), and
``durable`` says whether it is answered when the turn is durable or as soon as it is taken.

No lock is taken on the way in. ``scheduled`` is set by whoever finds it unset, and cleared by the actor when it has run dry;
the actor looks once more after clearing it, so a message put in between is never left lying. Two threads that race may
schedule the actor twice; the second time it finds nothing to do.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from partita.events.errors import ActorFailed, ActorStopped, Overloaded
from partita.events.turn import Cause
from partita.events.types import Message

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.future import Future

Envelope = tuple[Message, Cause, "Future[object] | None", bool]

BOUND: Final = 10_000
"""Messages from outside at which a plain thread is made to wait."""

ROOM_AGAIN: Final = BOUND // 2
"""Messages at which those that wait are let in again."""

HARD_LIMIT: Final = 100_000
"""Messages at which a caller that may not be blocked is refused."""

LOOK_AGAIN_S: Final = 0.1
"""A thread that waits for room looks this often whether there is some."""


def _stopped() -> ActorFailed:
    return ActorStopped("the actor has stopped; it took no more messages")


class Mailbox:
    """First in, first out."""

    __slots__ = ("_refusal", "actor", "queue", "scheduled", "waiting")

    def __init__(self, actor: Actor) -> None:
        self.actor: Actor | None = actor
        self.queue: deque[Envelope] = deque()
        self.scheduled = False
        self.waiting: list[threading.Lock] = []  # a gate for each thread that waits for room
        self._refusal: Callable[[], ActorFailed] = _stopped

    def put(self, envelope: Envelope) -> None:
        """A message from outside: waits at the bound, or is refused at the hard limit (DESIGN, 12)."""
        if len(self.queue) >= BOUND:
            self._wait_for_room()
        self.put_internal(envelope)

    def put_internal(self, envelope: Envelope) -> None:
        """A message between actors, or an outcome: never refused."""
        self.queue.append(envelope)
        if not self.scheduled:
            self._schedule()

    def put_back(self, envelope: Envelope) -> None:
        """One that was taken before, to be taken again before all that came after it. On the kernel's thread."""
        self.queue.appendleft(envelope)
        if not self.scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self.scheduled = True
        actor = self.actor
        if actor is None:
            self._turn_away()
            return
        try:
            actor.kernel.schedule(actor)
        except KeyboardInterrupt:  # a Ctrl-C on its way in; nobody else would schedule the actor any more
            actor.kernel.schedule(actor)
            raise

    def get(self) -> Envelope:
        """The next message (pykka's name for it)."""
        return self.queue.popleft()

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.queue

    def ran_dry(self) -> bool:
        """The actor has taken all it found: whether it may rest. False when a message came in the meantime."""
        self.scheduled = False
        if self.queue and not self.scheduled:
            self.scheduled = True
            return False
        return True

    def made_room(self) -> None:
        """Let those in who wait at the bound, once half of it is free: waking them for every few costs more than it gives."""
        if self.waiting and len(self.queue) < ROOM_AGAIN:
            self._let_in()

    def close(self, refusal: Callable[[], ActorFailed] | None = None) -> None:
        """From now on everything is turned away, and what was left unread as well. On the kernel's thread.

        ``refusal`` makes the error that each caller gets; :class:`ActorStopped` unless given.
        """
        if refusal is not None:
            self._refusal = refusal
        self.actor = None
        self.scheduled = False
        self._turn_away()
        self._let_in()

    def drop_caused_after(self, position: int) -> list[Envelope]:
        """Take out the messages that were caused by turns after ``position``: those never became durable.

        Only the kernel's thread takes out; what others put in meanwhile stays behind what is put back.
        """
        kept: list[Envelope] = []
        dropped: list[Envelope] = []
        for _ in range(len(self.queue)):
            envelope = self.queue.popleft()
            caused_after = isinstance(envelope[1], int) and envelope[1] > position
            (dropped if caused_after else kept).append(envelope)
        self.queue.extendleft(reversed(kept))
        return dropped

    def _turn_away(self) -> None:
        """Whoever puts into a closed mailbox comes here; each message is popped, and answered, by one of them."""
        self.scheduled = False
        queue = self.queue
        while queue:
            try:
                _, _, reply, _ = queue.popleft()
            except IndexError:
                return
            if reply is not None:
                reply.set_exception(self._refusal())

    def _wait_for_room(self) -> None:
        actor = self.actor
        if actor is None:
            return
        if not actor.kernel.may_block():
            if len(self.queue) >= HARD_LIMIT:
                raise Overloaded(
                    f"{actor.name} has {len(self.queue)} messages waiting, the limit: await some of the futures first"
                )
            return
        gate = threading.Lock()
        while len(self.queue) >= BOUND and self.actor is not None:
            if gate.acquire(timeout=LOOK_AGAIN_S):  # at first, and when it was let in
                self.waiting.append(gate)  # before the look at the queue: the actor looks at it after it has taken

    def _let_in(self) -> None:
        waiting = self.waiting
        while waiting:
            try:
                waiting.pop().release()
            except IndexError:  # another thread was quicker
                return
