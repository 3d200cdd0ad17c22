"""The steps before a request goes out: its listeners, what the session adds, where it goes. Pure."""

from __future__ import annotations

import msgspec

from partita.actors.kernel.world import NetworkRequest
from partita.actors.network import urls
from partita.actors.network.exchange import requests
from partita.actors.network.exchange.state import INTERNAL_REDIRECT, ExchangeState, Step
from partita.actors.network.exchange.words import Command, HookAnswered, Hop
from partita.actors.network.http import NetError
from partita.actors.network.redirects import Outgoing, moved
from partita.actors.pages.requests import policy_after
from partita.actors.protocols.schemes import handler_for, standard_schemes
from partita.actors.web_request.answers import request_fields


def before_request(exchange: ExchangeState) -> Command | Step:
    """FEATURES W5."""
    return exchange.ask("before_request", _requested)


def before_request_answered(exchange: ExchangeState, word: HookAnswered) -> Command | Step:
    """FEATURES W6, W7, WANTS 44."""
    answer = word.answer
    if answer is not None:
        if answer.cancel:
            return exchange.blocked()
        if answer.upload_data is not None:
            exchange.asked = msgspec.structs.replace(exchange.asked, body=answer.upload_data)
        if answer.redirect_url is not None:
            return _redirect_internally(exchange, answer.redirect_url)
    return exchange.ask_next("before_request", _requested)


def _requested(exchange: ExchangeState) -> Step:  # noqa: ARG001  # what comes after a stage has one shape
    return Step.DRESS


def _redirect_internally(exchange: ExchangeState, target: str) -> Step:
    """As if a server had sent a 307 (FEATURES W7)."""
    asked = exchange.asked
    try:
        url = urls.parse_url(target, standard_schemes(exchange.sight.session.protocols))
        following = moved(asked, url, followed=len(exchange.hops))
    except ValueError as error:
        return exchange.fail(NetError("ERR_INVALID_REDIRECT", f"a listener redirected {asked.url}: {error}"))
    except NetError as error:
        return exchange.fail(error)
    exchange.head = INTERNAL_REDIRECT
    exchange.has_response = True
    exchange.request = NetworkRequest(asked.method, asked.url)
    follow(exchange, following)
    exchange.begin_hop()
    return Step.BEFORE_REQUEST


def follow(exchange: ExchangeState, following: Outgoing) -> None:
    """The next hop is this one."""
    head = exchange.head
    exchange.notify("before_redirect", redirect_url=following.url)
    exchange.hops.append(Hop(exchange.request, head.status, head.reason, head.http_version, head.headers))
    exchange.earlier_policies = (*exchange.earlier_policies, exchange.policy)
    exchange.policy = policy_after(exchange.policy, head.headers)
    exchange.asked = following
    exchange.url_chain = (*exchange.url_chain, following.url)


def dress(exchange: ExchangeState) -> Step:
    """Add what the session adds."""
    exchange.request = requests.dressed(exchange)
    return Step.BEFORE_SEND_HEADERS


def before_send_headers(exchange: ExchangeState) -> Command | Step:
    """FEATURES W8."""
    return exchange.ask("before_send_headers", _headers_ready)


def before_send_headers_answered(exchange: ExchangeState, word: HookAnswered) -> Command | Step:
    """FEATURES W9, W10."""
    answer = word.answer
    if answer is not None:
        if answer.cancel:
            return exchange.blocked()
        if answer.request_headers is not None:
            headers = request_fields(answer.request_headers)
            exchange.request = msgspec.structs.replace(exchange.request, headers=headers)
    return exchange.ask_next("before_send_headers", _headers_ready)


def _headers_ready(exchange: ExchangeState) -> Step:  # noqa: ARG001
    return Step.ROUTE


def route(exchange: ExchangeState) -> Step:
    """To the handler of its scheme, to a file, or past the cache to the network."""
    asked = exchange.asked
    bypass = asked.bypass_custom_protocol_handlers
    exchange.handler = handler_for(exchange.sight.session.protocols, asked.url, bypass=bypass)
    scheme = asked.url.partition(":")[0]
    if exchange.handler is not None or scheme == "file":
        return Step.SEND
    if scheme not in urls.SCHEMES:
        return exchange.fail(NetError("ERR_UNKNOWN_URL_SCHEME", f"{scheme}: has no handler"))
    return Step.LOOK_UP if asked.uses_cache else Step.SEND
