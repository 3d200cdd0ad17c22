"""Where an exchange stands, and what it knows: the data that the steps of the machine work on."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, auto
from typing import Final

from partita.actors.cache.rules import CachedHead, Found, StoreOrder
from partita.actors.kernel.world import NetworkRequest
from partita.actors.network.exchange import hooks
from partita.actors.network.exchange.requests import Sight
from partita.actors.network.exchange.words import AskHook, Command, Head, Hop, NotifyHook
from partita.actors.network.http import NetError, RedirectRefused
from partita.actors.network.redirects import Outgoing
from partita.actors.web_request.details import Stage
from partita.events.network import ReferrerPolicy
from partita.events.protocols import SchemeHandler
from partita.events.types import Message
from partita.events.web_request import Hook

INTERNAL_REDIRECT: Final = Head(307, "Internal Redirect", "HTTP/1.1", ())
"""What a listener that redirects stands for (FEATURES W7)."""


class Step(IntEnum):
    """Where an exchange stands."""

    BEGIN = auto()
    BEFORE_REQUEST = auto()
    DRESS = auto()
    BEFORE_SEND_HEADERS = auto()
    ROUTE = auto()
    LOOK_UP = auto()
    OPEN = auto()
    SEND = auto()
    JUDGE = auto()
    HEADERS_RECEIVED = auto()
    COOKIES = auto()
    REDIRECT = auto()
    DRAIN = auto()
    STARTED = auto()
    READ = auto()
    REWRITE = auto()
    DELIVER = auto()
    BODY = auto()
    FAILED = auto()
    OVER = auto()


class ExchangeState:
    """One exchange.

    ``number`` is its id for webRequest (FEATURES W5), ``pool`` the partition whose connections it uses. ``told`` and ``notices``
    are for whoever drives it: messages for the session, and listeners that only look on; they are to be taken away after
    each word.
    """

    def __init__(self, asked: Outgoing, *, number: int, pool: str) -> None:
        self.asked = asked
        self.number = number
        self.pool = pool
        self.step = Step.BEGIN
        self.sight = Sight.NOTHING
        self.told: list[Message] = []
        self.notices: list[NotifyHook] = []
        self.hops: list[Hop] = []
        self.url_chain: tuple[str, ...] = (asked.url,)
        self.earlier_policies: tuple[ReferrerPolicy, ...] = ()
        self.policy: ReferrerPolicy = asked.initiator.referrer_policy if asked.initiator is not None else ""
        self.request = NetworkRequest(asked.method, asked.url)
        self.head = INTERNAL_REDIRECT
        self.body = b""
        self.error: NetError | RedirectRefused | None = None
        self.after_drain = Step.BEFORE_REQUEST
        self.unasked: tuple[Hook, ...] = ()
        self.begin_hop()

    def begin_hop(self) -> None:
        """What is known of one hop only."""
        self.handler: SchemeHandler | None = None
        self.found: Found | None = None
        self.cached: CachedHead | None = None
        self.store: StoreOrder | None = None
        self.cookie_lines: tuple[str, ...] = ()
        self.requested_us = 0
        self.retries = 0
        self.has_response = False
        """Whether ``head`` is that of a response of this hop."""
        self.from_cache = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be asked for."""
        return self.step is Step.OVER

    # -- webRequest -----------------------------------------------------------------------------------------------------

    def hooks_of(self, stage: Stage) -> tuple[Hook, ...]:
        """The listeners of a stage that this request is for."""
        state = self.sight.session.web_request
        if not state.hooks:  # the ordinary case, and every stage asks
            return ()
        return hooks.hooks_for(state, stage, self.asked.url, self.asked.resource_type)

    def ask(self, stage: Stage, then: Callable[[ExchangeState], Command | Step]) -> Command | Step:
        """Ask the first of a stage's listeners, or go on."""
        self.unasked = self.hooks_of(stage)
        return self.ask_next(stage, then)

    def ask_next(self, stage: Stage, then: Callable[[ExchangeState], Command | Step]) -> Command | Step:
        """Ask the next one: it sees what those before have made of it."""
        if not self.unasked:
            return then(self)
        hook, self.unasked = self.unasked[0], self.unasked[1:]
        return AskHook(hook.id, hooks.details(self, stage))

    def notify(self, stage: Stage, *, redirect_url: str | None = None, error: str | None = None) -> None:
        """Let those who look on see it."""
        for hook in self.hooks_of(stage):
            seen = hooks.details(self, stage, redirect_url=redirect_url, error=error)
            self.notices.append(NotifyHook(hook.id, seen))

    # -- how it fails ---------------------------------------------------------------------------------------------------

    def fail(self, error: NetError | RedirectRefused) -> Step:
        """It has failed for this reason."""
        self.error = error
        return Step.FAILED

    def blocked(self) -> Step:
        """A listener has cancelled it (FEATURES W6)."""
        return self.fail(
            NetError("ERR_BLOCKED_BY_CLIENT", f"a listener cancelled the request, or failed: {self.asked.url}")
        )
