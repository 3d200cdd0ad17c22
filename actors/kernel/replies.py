"""Who waits for an answer, and when it is given.

A reply goes with its turn's commit, or at once when the turn is not recorded or the caller only wanted it taken. A decision
can hold a caller back under a key (``waits``) until a later one of the same actor has the answer (``answers``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.mailbox import Envelope
from partita.events.turn import Turn
from partita.events.types import Effect


class Reply(Protocol):
    """Where an answer goes."""

    def set(self, value: Any) -> None:
        """The answer."""
        ...

    def set_exception(self, exc_info: BaseException) -> None:
        """There is none, and why."""
        ...


Entry = tuple[Turn[Any, Any, Any] | None, Reply | None, object, tuple[Effect, ...]]
"""What the committer is given: the turn (None: a barrier), who waits, the answer, and the effects to release."""


class Rejection:
    """A reply that will be a failure once its turn is durable."""

    __slots__ = ("_error", "_reply")

    def __init__(self, reply: Reply, error: BaseException) -> None:
        self._reply = reply
        self._error = error

    def set(self, value: object) -> None:  # noqa: ARG002  # the shape of every reply
        """The turn is durable: fail."""
        self._reply.set_exception(self._error)

    def set_exception(self, error: BaseException) -> None:
        """The turn is not durable: fail for that."""
        self._reply.set_exception(error)


class Barrier:
    """The reply of a flush: when it fails, what was undone before it has been told."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def set(self, value: object) -> None:
        """All before it is durable."""
        self._reply.set(value)

    def set_exception(self, error: BaseException) -> None:
        """Something before it is not."""
        self._reply.set_exception(error)


def settle(reply: Reply, decision: Decision) -> None:
    """Give a decision's answer here and now."""
    if decision.refusal is not None:
        reply.set_exception(decision.refusal)
    else:
        reply.set(decision.reply)


class Replies:
    """Those that one partition's actors hold back. ``submit`` hands an entry to the committer."""

    def __init__(self, submit: Callable[[Entry, bool], None]) -> None:
        self._submit = submit
        self._waiting: dict[tuple[str, str], list[tuple[int, Envelope]]] = {}

    @property
    def waiting(self) -> int:
        """How many are held back."""
        return sum(map(len, self._waiting.values()))

    def hold(self, actor: str, key: str, envelope: Envelope, position: int) -> None:
        """Whoever sent this, until that actor answers the key; a durable ask, until that answer is durable.

        ``position``: of the last turn when it was asked.
        """
        self._waiting.setdefault((actor, key), []).append((position, envelope))

    def kept_back(
        self, actor: str, decision: Decision, reply: Reply, envelope: Envelope, position: int
    ) -> Reply | None:
        """A reply that does not simply go with its recorded turn: who is left to be told when the turn is durable."""
        if decision.waits is not None:
            self.hold(actor, decision.waits, envelope, position)
            return None
        if not envelope[3]:
            settle(reply, decision)
            return None
        assert decision.refusal is not None
        return Rejection(reply, decision.refusal)

    def answer(self, actor: str, decision: Decision, *, durable: bool) -> None:
        """Release those that an earlier decision held back; with ``durable``, once this turn is."""
        for key, value in decision.answers:
            for _, (_, _, waiting, waits_for_disk) in self._waiting.pop((actor, key), ()):
                assert waiting is not None, "only who asked is held back"
                reply = Rejection(waiting, value) if isinstance(value, BaseException) else waiting
                if durable and waits_for_disk:
                    self._submit((None, reply, value, ()), False)
                else:
                    reply.set(value)

    def give_back(self) -> list[tuple[int, str, Envelope]]:
        """All that is held back, to be asked again: what they were told to wait for may have been undone.

        With the position that was the last one when each asked.
        """
        waiting, self._waiting = self._waiting, {}
        return [(position, actor, envelope) for (actor, _), held in waiting.items() for position, envelope in held]

    def fail_all(self, error: BaseException) -> None:
        """Nobody will answer them any more."""
        for _, _, envelope in self.give_back():
            if envelope[2] is not None:
                envelope[2].set_exception(error)
