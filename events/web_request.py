"""webRequest's vocabulary (FEATURES W1 to W22, T18): which hooks are set, and with what filters.

A listener never enters state (DESIGN, 5): what is recorded is that there is one, for which stage, and what it listens to.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct, field

from partita.events.network import ResourceType
from partita.events.types import Event, Message, State

Stage = Literal[
    "before_request",
    "before_send_headers",
    "send_headers",
    "headers_received",
    "response_started",
    "before_redirect",
    "completed",
    "error_occurred",
    "response_body",
]
"""Electron's eight, and one of our own: the whole body, decoded (WANTS 43)."""

BLOCKING: Final = frozenset({"before_request", "before_send_headers", "headers_received", "response_body"})
"""The stages whose listeners answer; at the others they look on."""


class RequestFilter(Struct, frozen=True, array_like=True, gc=False):
    """Which requests a hook is for (FEATURES W2 to W4).

    One that matches a pattern of ``urls`` (none: all do) and none of ``exclude_urls``, and is of one of ``types`` (none: all
    are).
    """

    urls: tuple[str, ...] = ()
    exclude_urls: tuple[str, ...] = ()
    types: tuple[ResourceType, ...] = ()


class Hook(Struct, frozen=True, array_like=True, gc=False):
    """A listener that is set. ``sole``: it is the one of ``on_...``, of which a stage has one at most (FEATURES W1)."""

    id: str
    stage: Stage
    filter: RequestFilter = RequestFilter()
    sole: bool = False

    @property
    def blocking(self) -> bool:
        """Whether the request waits for its answer."""
        return self.stage in BLOCKING


class SetHook(Message, frozen=True, tag="web_request.set_hook/1"):
    """Set a hook. A sole one takes the place of the one before; the others come behind those that are there."""

    id: str
    stage: Stage
    filter: RequestFilter = RequestFilter()
    sole: bool = False


class ClearHook(Message, frozen=True, tag="web_request.clear_hook/1"):
    """Take a hook away: the one of that id, or without one the sole one of the stage."""

    stage: Stage
    id: str | None = None


class HookSet(Event, frozen=True, tag="web_request.hook_set/1"):
    """A hook is set; a sole one that was there is gone."""

    hook: Hook


class HookCleared(Event, frozen=True, tag="web_request.hook_cleared/1"):
    """A hook is gone."""

    stage: Stage
    id: str


class HooksForgotten(Event, frozen=True, tag="web_request.hooks_forgotten/1"):
    """The process that the listeners lived in has ended: an opening begins without any (DESIGN, 5)."""


class WebRequestState(State, frozen=True, tag="web_request.state/1"):
    """The hooks that are set, by stage, in the order they are asked: the sole one, then the others as they were added."""

    hooks: dict[Stage, tuple[Hook, ...]] = field(default_factory=dict)
