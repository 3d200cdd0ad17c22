"""The steps between a request and the head of its response: the cache, the network, the cache again. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from partita.actors.cache import rules
from partita.actors.cache.rules import CacheQuery, Found
from partita.actors.network import fields, urls
from partita.actors.network.exchange import requests
from partita.actors.network.exchange.state import ExchangeState, Step
from partita.actors.network.exchange.words import (
    AskScheme,
    CacheBroke,
    CacheOpened,
    Command,
    Head,
    HeadCame,
    OpenCached,
    Send,
    SendFailed,
)
from partita.actors.network.http import NetError

RETRIES: Final = 2
"""How often a request is sent again because a kept connection turned out to be dead."""


def _query(exchange: ExchangeState) -> CacheQuery:
    request = exchange.request
    return CacheQuery(
        method=request.method,
        url=urls.without_fragment(request.url),
        headers=request.headers,
        mode=exchange.asked.cache,
        site=requests.cache_site(exchange),
    )


def look_up(exchange: ExchangeState) -> Step:
    """RFC 9111 4; the cache modes of FEATURES F12i."""
    sight = exchange.sight
    found = exchange.found = rules.look_up(sight.session.cache, _query(exchange), sight.now_us)
    if found.verdict == "refuse":
        url = exchange.asked.url
        return exchange.fail(NetError("ERR_CACHE_MISS", f"{url} is not in the cache, and nothing else was allowed"))
    if found.verdict in ("use", "use_and_revalidate"):
        exchange.cached = found.head
        return Step.OPEN
    return Step.SEND


def open_cached(exchange: ExchangeState) -> Command:
    """Look whether the stored body is there."""
    assert exchange.cached is not None
    return OpenCached(exchange.cached)


def cache_opened(exchange: ExchangeState, word: CacheOpened) -> Step:  # noqa: ARG001  # each row has the same shape
    """The stored response is the answer; where the network was asked, what it said has been made part of it."""
    cached, found, sight = exchange.cached, exchange.found, exchange.sight
    assert cached is not None
    assert found is not None
    if not exchange.has_response:
        exchange.from_cache = True
        if (touch := rules.used(sight.session.cache, found, sight.now_us)) is not None:
            exchange.told.append(touch)
        if found.verdict == "use_and_revalidate":
            exchange.told.append(requests.revalidation(exchange))
        exchange.head = Head(cached.status, cached.reason, "HTTP/1.1", cached.headers)
        exchange.has_response = True
        return Step.HEADERS_RECEIVED
    exchange.head = msgspec.structs.replace(
        exchange.head, status=cached.status, reason=cached.reason, headers=cached.headers
    )
    return Step.HEADERS_RECEIVED


def cache_broke(exchange: ExchangeState, word: CacheBroke) -> Step:  # noqa: ARG001
    """Its body is gone: as if nothing had been stored. What a server has said was about that, so it is asked again."""
    assert exchange.found is not None
    if (removal := rules.missing(exchange.found)) is not None:
        exchange.told.append(removal)
    if exchange.asked.cache == "only-if-cached":
        return exchange.fail(NetError("ERR_CACHE_MISS", f"the stored body of {exchange.asked.url} is gone"))
    return _once_more(exchange)


def _once_more(exchange: ExchangeState) -> Step:
    """Send the request again, as if nothing had been stored."""
    exchange.found = Found("miss", since=exchange.sight.session.cache.marks(_query(exchange).url))
    exchange.cached, exchange.store = None, None
    exchange.has_response = False
    exchange.after_drain = Step.SEND
    return Step.DRAIN


def send(exchange: ExchangeState) -> Command:
    """Ask whoever answers."""
    if not exchange.retries:
        exchange.notify("send_headers")
    exchange.requested_us = exchange.sight.now_us
    request = exchange.request
    if exchange.handler is not None or request.url.startswith("file:"):
        return AskScheme(exchange.handler, request, fields.first(request.headers, "referer") or "")
    if exchange.found is not None and exchange.found.conditions:
        headers = fields.replaced(request.headers, exchange.found.conditions)
        request = msgspec.structs.replace(request, headers=headers)
    if exchange.retries:
        request = msgspec.structs.replace(request, on_new_connection=True)
    return Send(request)


def head_came(exchange: ExchangeState, word: HeadCame) -> Step:
    """The head of a response."""
    exchange.head = word.head
    exchange.has_response = True
    exchange.cookie_lines = fields.every(word.head.headers, "set-cookie")
    return Step.JUDGE


def send_failed(exchange: ExchangeState, word: SendFailed) -> Step:
    """Again, where a kept connection was to blame; else a stored response may do; else that was it."""
    error, sight = word.error, exchange.sight
    if error.stale_connection and exchange.retries < RETRIES and isinstance(exchange.request.body, bytes):
        exchange.retries += 1
        return Step.SEND
    if exchange.found is not None:
        stored = rules.judge_failure(sight.session.cache, _query(exchange), exchange.found, error.name, sight.now_us)
        if stored is not None:
            exchange.cached = stored
            return Step.OPEN
    return exchange.fail(error)


def judge(exchange: ExchangeState) -> Step:
    """What the cache makes of the network's response."""
    if exchange.found is None:
        return Step.HEADERS_RECEIVED
    head, sight = exchange.head, exchange.sight
    verdict = rules.judge(
        sight.session.cache,
        _query(exchange),
        exchange.found,
        head.status,
        head.reason,
        head.http_version,
        head.headers,
        requested_us=exchange.requested_us,
        received_us=sight.now_us,
    )
    exchange.told.extend(verdict.tell)
    if verdict.again:
        return _once_more(exchange)
    exchange.store = verdict.store
    if verdict.head is None:
        return Step.HEADERS_RECEIVED
    exchange.cached = verdict.head
    if verdict.head.then_network:
        return Step.OPEN
    exchange.after_drain = Step.OPEN
    return Step.DRAIN
