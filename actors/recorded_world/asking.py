"""Who was answered by somebody else's turn, as an effect that waits for the end of a pause is.

To ask so leaves no turn, and has no place of its own in the recording: it came before the turn that answered it, and has to
come before it again: right before it, so that no other turn answers. Who asks later is answered at once, and goes on from
another place than he did; so does who has to wait now, and had not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from partita.actors.kernel.future import Future

if TYPE_CHECKING:
    from partita.actors.recorded_world.opening import Opening


class Asking:
    """Of one opening that is played back."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._replies: dict[str, Future[object]] = {}
        self._exchanges: dict[Future[object], str] = {}
        self._waiting: set[Future[object]] = set()

    def note_asked(self, exchange: str, reply: Future[object]) -> None:
        """What carries out that exchange has asked something, and waits for this."""
        self._replies[exchange] = reply
        self._exchanges[reply] = exchange
        reply.when_done(partial(self._exchanges.pop, reply, None))

    def note_taken(self, reply: Future[object] | None) -> None:
        """A message that asked for this reply was taken: when it has none yet, its time will come."""
        if reply is not None and not reply.done:
            self._waiting.add(reply)
            reply.when_done(partial(self._waiting.discard, reply))

    def had_not_to_wait(self, reply: Future[object] | None, position: int) -> bool:
        """Whether an effect asks for this that was not waiting at that position, or had its answer at once."""
        exchange = None if reply is None else self._exchanges.get(reply)
        return exchange is not None and not self._opening.waits(exchange, position)

    def missing(self, position: int) -> list[Future[object] | None]:
        """Of those that this turn answered then: who has not asked yet (None), or was not heard yet."""
        replies = (self._replies.get(exchange) for exchange in self._opening.answered_at(position))
        return [reply for reply in replies if reply is None or reply not in self._waiting]
