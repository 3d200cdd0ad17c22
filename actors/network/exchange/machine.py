"""One exchange as a machine without I/O: hop after hop, until a response is the answer or it has failed.

Each hop goes through the steps below; a step either leads straight to another or gives a command and waits for a word. ``ENTER``
says what a step does when it is come to, ``TABLE`` where each word leads from each step; a pair that is not in it cannot be:
:class:`OutOfTurn`. The pairs are all there are, and a test goes through them::

    BEFORE_REQUEST · DRESS · BEFORE_SEND_HEADERS · ROUTE ──▶ LOOK_UP ──▶ OPEN ─────┐
          ▲                                          │          ▼         ▲        ▼
          │                                          └──────▶ SEND ──▶ JUDGE ──▶ HEADERS_RECEIVED · COOKIES · REDIRECT
          │                                                                                                      │
          └────────────────────── DRAIN ◀────────────────────────────────────────────────────────────────────────┤
                                                                        OVER ◀── BODY ◀── DELIVER ◀── STARTED ◀──┘
                                                                                    READ · REWRITE ──┘

From anywhere: FAILED. The order is Chromium's: cookies are added before ``onBeforeSendHeaders``, the cache comes after it, and
what ``onHeadersReceived`` makes of the head is what jar and caller see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from partita.actors.network.exchange import before, receiving, sending
from partita.actors.network.exchange.requests import Sight
from partita.actors.network.exchange.state import ExchangeState, Step
from partita.actors.network.exchange.words import (
    Begin,
    BodyBroke,
    BodyEnded,
    BodyLeft,
    BodyRead,
    CacheBroke,
    CacheOpened,
    Command,
    Done,
    HeadCame,
    HookAnswered,
    SendFailed,
    Word,
)


class OutOfTurn(Exception):  # a defect of the driver's, not an error
    """The machine was fed a word that it did not wait for."""


class Exchange(ExchangeState):
    """The machine: see :class:`~partita.actors.network.exchange.state.ExchangeState` for its parts."""

    def feed(self, word: Word, sight: Sight) -> Command:
        """What is wanted next, now that this is so."""
        self.sight = sight
        row = TABLE.get((self.step, type(word)))
        if row is None:
            raise OutOfTurn(f"{type(word).__name__} at {self.step.name}")
        following = row(self, word)
        while isinstance(following, Step):
            self.step = following
            following = ENTER[following](self)
        return following


ENTER: Final[Mapping[Step, Callable[[ExchangeState], Command | Step]]] = {
    Step.BEFORE_REQUEST: before.before_request,
    Step.DRESS: before.dress,
    Step.BEFORE_SEND_HEADERS: before.before_send_headers,
    Step.ROUTE: before.route,
    Step.LOOK_UP: sending.look_up,
    Step.OPEN: sending.open_cached,
    Step.SEND: sending.send,
    Step.JUDGE: sending.judge,
    Step.HEADERS_RECEIVED: receiving.headers_received,
    Step.COOKIES: receiving.cookies,
    Step.REDIRECT: receiving.redirect,
    Step.DRAIN: receiving.drain,
    Step.STARTED: receiving.started,
    Step.READ: receiving.read,
    Step.REWRITE: receiving.rewrite,
    Step.DELIVER: receiving.deliver,
    Step.FAILED: receiving.failed,
}
"""What a step does when it is come to: it leads on, or gives a command."""

TABLE: Final[Mapping[tuple[Step, type[Word]], Callable[..., Command | Step]]] = {
    (Step.BEGIN, Begin): lambda exchange, word: Step.BEFORE_REQUEST,  # noqa: ARG005
    (Step.BEFORE_REQUEST, HookAnswered): before.before_request_answered,
    (Step.BEFORE_SEND_HEADERS, HookAnswered): before.before_send_headers_answered,
    (Step.OPEN, CacheOpened): sending.cache_opened,
    (Step.OPEN, CacheBroke): sending.cache_broke,
    (Step.SEND, HeadCame): sending.head_came,
    (Step.SEND, SendFailed): sending.send_failed,
    (Step.HEADERS_RECEIVED, HookAnswered): receiving.headers_received_answered,
    (Step.COOKIES, Done): lambda exchange, word: Step.REDIRECT,  # noqa: ARG005
    (Step.DRAIN, Done): receiving.drained,
    (Step.READ, BodyRead): receiving.body_read,
    (Step.READ, BodyBroke): receiving.body_unreadable,
    (Step.REWRITE, HookAnswered): receiving.rewrite_answered,
    (Step.BODY, BodyEnded): receiving.body_ended,
    (Step.BODY, BodyBroke): receiving.body_broke,
    (Step.BODY, BodyLeft): receiving.body_left,
    **{
        (step, BodyLeft): receiving.aborted
        for step in (
            Step.BEGIN,
            Step.BEFORE_REQUEST,
            Step.BEFORE_SEND_HEADERS,
            Step.OPEN,
            Step.SEND,
            Step.HEADERS_RECEIVED,
            Step.COOKIES,
            Step.DRAIN,
            Step.READ,
            Step.REWRITE,
        )
    },
}
"""Where each word leads: to a step, or to a command at once."""
