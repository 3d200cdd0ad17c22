"""Whether the program is asked where files go, in place of a dialog (FEATURES L23).

| message        | leads to                                                              |
|----------------|-----------------------------------------------------------------------|
| SetPathHandler | handler set, or cleared; nothing when it is so already                |
| Recover        | handler cleared, when there was one: its process has ended (DESIGN, 5) |
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.choosing import ChoosingState, PathHandlerCleared, PathHandlerSet, SetPathHandler
from partita.events.system import Recover


def set_handler(state: ChoosingState, message: SetPathHandler, ctx: Context) -> Decision:
    """Another one in its place changes nothing that the log knows of."""
    if message.is_set == state.is_asked:
        return NOTHING
    return Decision(events=(PathHandlerSet() if message.is_set else PathHandlerCleared(),))


def recover(state: ChoosingState, message: Recover, ctx: Context) -> Decision:
    """No handler outlives its process."""
    return Decision(events=(PathHandlerCleared(),)) if state.is_asked else NOTHING


def handler_set(state: ChoosingState, event: PathHandlerSet) -> ChoosingState:
    """Somebody is asked."""
    return ChoosingState(is_asked=True)


def handler_cleared(state: ChoosingState, event: PathHandlerCleared) -> ChoosingState:
    """Nobody is."""
    return ChoosingState()


behavior: Final[Behavior[ChoosingState]] = Behavior(
    kind="choosing",
    initial=ChoosingState,
    decide={SetPathHandler: set_handler, Recover: recover},
    evolve={PathHandlerSet: handler_set, PathHandlerCleared: handler_cleared},
)
