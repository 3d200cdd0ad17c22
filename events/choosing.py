"""Where a download's file goes may be asked of the program (FEATURES L23): whether it is. The function never enters state."""

from __future__ import annotations

from partita.events.types import Event, Message, State


class SetPathHandler(Message, frozen=True, tag="choosing.set_path_handler/1"):
    """There is somebody to ask from now on, or (``is_set`` false) nobody any more."""

    is_set: bool


class PathHandlerSet(Event, frozen=True, tag="choosing.path_handler_set/1"):
    """Somebody is asked where files go."""


class PathHandlerCleared(Event, frozen=True, tag="choosing.path_handler_cleared/1"):
    """Nobody is: it was taken back, or its process has ended (DESIGN, 5)."""


class ChoosingState(State, frozen=True, tag="choosing.state/1"):
    """Whether somebody is asked where files go."""

    is_asked: bool = False
