"""The protocols' vocabulary (FEATURES R1 to R29, H1 to H7): which schemes have a handler. Handlers never enter state."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct, field

from partita.events.types import Event, Message, State

HandlerKind = Literal["handle", "register", "intercept"]
"""Which of Electron's ways a handler was set: ``protocol.handle``, ``register*Protocol`` or ``intercept*Protocol``."""

HandlerAnswers = Literal["response", "file", "buffer", "string", "http", "stream", "any"]
"""What a handler answers with: an ``httpx.Response``, or what the family's name says; ``any`` is the free type (FEATURES R16)."""

BUILT_IN: Final = ("http", "https", "file")
"""Schemes that are answered without a handler. A handler for one of them intercepts it (FEATURES H1)."""


class Privileges(Struct, frozen=True, rename="camel"):
    """What a custom scheme may do (FEATURES R2 to R10). All are false unless told otherwise."""

    standard: bool = False
    secure: bool = False
    bypass_csp: bool = field(default=False, name="bypassCSP")
    allow_service_workers: bool = False
    support_fetch_api: bool = field(default=False, name="supportFetchAPI")
    cors_enabled: bool = False
    stream: bool = False
    code_cache: bool = False
    allow_extensions: bool = False


class CustomScheme(Struct, frozen=True, rename="camel"):
    """A scheme and its privileges (FEATURES T20). ``scheme`` is in lower case once it was registered."""

    scheme: str
    privileges: Privileges = Privileges()


class SchemeHandler(Struct, frozen=True, array_like=True):
    """That a scheme has a handler. ``number`` tells it from others that the scheme had, or has, in this opening."""

    scheme: str
    kind: HandlerKind
    answers: HandlerAnswers
    number: int

    @property
    def intercepts(self) -> bool:
        """Whether it stands before what would answer otherwise; else it is the only one to answer."""
        return self.kind == "intercept" or (self.kind == "handle" and self.scheme in BUILT_IN)


class SetSchemeHandler(Message, frozen=True, tag="protocols.set_scheme_handler/1"):
    """Give a scheme a handler. The reply is whether it was given: a scheme has one of each kind, and keeps it."""

    handler: SchemeHandler


class RemoveSchemeHandler(Message, frozen=True, tag="protocols.remove_scheme_handler/1"):
    """Take a scheme's handler away: the one that intercepts it, or the registered one. The reply is what was taken, or None."""

    scheme: str
    intercepts: bool


class SetPrivilegedSchemes(Message, frozen=True, tag="protocols.set_privileged_schemes/1"):
    """Which privileges schemes have in this process. Told at an opening, when it is not as it was before."""

    schemes: tuple[CustomScheme, ...]


class SchemeHandlerSet(Event, frozen=True, tag="protocols.scheme_handler_set/1"):
    """A scheme has a handler."""

    handler: SchemeHandler


class SchemeHandlerRemoved(Event, frozen=True, tag="protocols.scheme_handler_removed/1"):
    """A scheme has it no more."""

    handler: SchemeHandler


class SchemeHandlersCleared(Event, frozen=True, tag="protocols.scheme_handlers_cleared/1"):
    """An opening: the functions were those of another process (DESIGN, 5)."""


class PrivilegedSchemesSet(Event, frozen=True, tag="protocols.privileged_schemes_set/1"):
    """These schemes have privileges, and no others."""

    schemes: tuple[CustomScheme, ...]


class ProtocolsState(State, frozen=True, tag="protocols.state/1"):
    """The schemes that have a handler, by scheme, and those that have privileges."""

    registered: dict[str, SchemeHandler] = field(default_factory=dict)
    intercepted: dict[str, SchemeHandler] = field(default_factory=dict)
    privileged: tuple[CustomScheme, ...] = ()

    @property
    def schemes(self) -> tuple[str, ...]:
        """Those that somebody answers for in this program."""
        return (*self.registered, *self.intercepted)
