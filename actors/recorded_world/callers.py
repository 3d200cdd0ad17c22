"""Which call of the application is which of the recording.

Calls are numbered as they come, and threads may come in another order than they came. The first turn that a call leads to
says what it is: from then on it is that one of the recording, and no other, however alike they are. Before that, a call may
take the place of any that says the same and has not come yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeGuard

from partita.actors.recorded_world.opening import is_call, is_same
from partita.events.turn import Cause, External

if TYPE_CHECKING:
    from partita.actors.recorded_world.opening import AnyTurn, Opening
    from partita.events.types import Message

NOBODY: Final = 0


class Callers:
    """Of one opening that is played back."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._recorded: dict[int, int] = {}
        self._come: set[int] = set()
        self.differ = False
        """Whether the calls came in another order, by what was seen of them."""

    @property
    def renumbered(self) -> dict[int, int]:
        """The calls whose numbers differ, with the recorded number of each."""
        return {said: recorded for said, recorded in self._recorded.items() if said != recorded}

    def recorded(self, cause: Cause) -> Cause:
        """A cause as the recording has it, as far as anybody knows."""
        if not is_call(cause):
            return cause
        number = self._recorded.get(cause.call_id)
        if number is None:
            number = NOBODY if cause.call_id in self._come else cause.call_id
        return External(cause.kind, number)

    def may_be(self, said: Cause, recorded: Cause) -> bool:
        """Whether that could be the recorded one, though its number is another."""
        if not (is_call(said) and is_call(recorded)):
            return True
        return said.call_id not in self._recorded and recorded.call_id not in self._come

    def note_taken(self, said: Cause, recorded: Cause) -> None:
        """A turn was taken in the place of a recorded one."""
        if is_call(said) and is_call(recorded) and said.call_id not in self._recorded:
            self._recorded[said.call_id] = recorded.call_id
            self._come.add(recorded.call_id)

    def look(self, actor: str, message: Message, cause: Cause, would_be_recorded: Callable[[], bool]) -> None:
        """Where the first words of a call are not what was recorded under its number, threads came otherwise."""
        if self.differ or not self._is_unknown(cause):
            return
        if not _says(self._opening.of_call(cause.call_id), actor, message):
            self.differ = would_be_recorded()

    def has_the_number_of_another(self, actor: str, message: Message, cause: Cause) -> bool:
        """Whether under the number of a call that is not known yet something else was recorded."""
        if not self._is_unknown(cause):
            return False
        of_call = self._opening.of_call(cause.call_id)
        return bool(of_call) and not _says(of_call, actor, message)

    def _is_unknown(self, cause: Cause) -> TypeGuard[External]:
        return is_call(cause) and cause.call_id not in self._recorded


def _says(turns: Iterable[AnyTurn], actor: str, message: Message) -> bool:
    return any(turn.actor == actor and is_same(turn.message, message) for turn in turns)
