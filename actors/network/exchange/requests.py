"""A hop's request with what the session adds: header fields, cookies, the page that it comes from. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from partita.actors.cookies.matching import SameSiteContext, cookies_for, header_of, stale_keys
from partita.actors.kernel.world import NetworkRequest
from partita.actors.network import fields, urls
from partita.actors.network.fields import Fields
from partita.actors.pages.requests import credentials_go_along, fields_of, same_site_context, top_level_site
from partita.actors.pages.sites import site_of
from partita.actors.preferences.languages import accept_language_header
from partita.actors.preferences.user_agent import default_user_agent
from partita.events.cookies import TouchCookies
from partita.events.network import RevalidateCached
from partita.events.session import SessionState

if TYPE_CHECKING:
    from partita.actors.network.exchange.state import ExchangeState


class Sight(Struct, frozen=True):
    """What an exchange sees: the session's newest state, and the time."""

    NOTHING: ClassVar[Sight]

    session: SessionState
    now_us: int


Sight.NOTHING = Sight(SessionState(), 0)


def dressed(exchange: ExchangeState) -> NetworkRequest:
    """The request with what the session adds, as of now. Cookies that were last sent a while ago are touched (DESIGN, 6)."""
    asked, preferences = exchange.asked, exchange.sight.session.preferences
    url, authorization = urls.without_userinfo(asked.url)
    given = (*asked.headers, *page_fields(exchange))
    if authorization is not None and fields.first(given, "authorization") is None:
        given = (*given, ("Authorization", authorization))
    own = _own_fields(preferences.user_agent, preferences.accept_languages, asked.accept_encoding)
    cookie = _cookie_field(exchange, fields.joined(given, "cookie"))
    headers = fields.outgoing(given, own=own, cookie=cookie)
    return NetworkRequest(asked.method, url, headers, asked.body, asked.timeout_s, pool=exchange.pool)


@lru_cache(maxsize=64)
def _own_fields(user_agent: str | None, accept_languages: str | None, accept_encoding: str) -> Fields:
    own = (
        ("User-Agent", user_agent or default_user_agent()),
        ("Accept", "*/*"),
        ("Accept-Encoding", accept_encoding),
        ("Accept-Language", accept_language_header(accept_languages)),
    )
    return tuple(field for field in own if field[1])


def page_fields(exchange: ExchangeState) -> Fields:
    """What is said of the page that the request comes from: ``Origin``, ``Referer``, ``Sec-Fetch-...``."""
    asked = exchange.asked
    return fields_of(
        asked.url,
        asked.method,
        asked.headers,
        asked.initiator,
        asked.resource_type,
        exchange.url_chain,
        exchange.policy,
        earlier_policies=exchange.earlier_policies,
    )


def has_credentials(exchange: ExchangeState) -> bool:
    """Whether cookies are sent and stored."""
    return credentials_go_along(exchange.asked.credentials, exchange.asked.initiator, exchange.url_chain)


def cookie_context(exchange: ExchangeState) -> tuple[SameSiteContext, str | None]:
    """The same-site context, and the partition of partitioned cookies."""
    asked = exchange.asked
    if asked.initiator is None:
        return "strict", site_of(asked.url)
    context = same_site_context(asked.method, exchange.url_chain, asked.initiator, asked.resource_type)
    return context, cache_site(exchange) or site_of(asked.url)


def _cookie_field(exchange: ExchangeState, given: str) -> str | None:
    """The jar's cookies, and the caller's own behind them, which win over those of the same name."""
    if not has_credentials(exchange):
        return None
    sight = exchange.sight
    if not sight.session.cookies.stems:  # an empty jar
        return given or None
    context, partition_key = cookie_context(exchange)
    url = urls.without_fragment(exchange.asked.url)
    sent = cookies_for(sight.session.cookies, url, sight.now_us, context=context, partition_key=partition_key)
    if not sent:
        return given or None
    if given:
        named = {pair.partition("=")[0].strip() for pair in given.split(";")}
        sent = [cookie for cookie in sent if cookie.name not in named]
    if stale := stale_keys(sent, sight.now_us):
        exchange.told.append(TouchCookies(stale))
    own = header_of(sent)
    return "; ".join(part for part in (own, given) if part) or None


def cache_site(exchange: ExchangeState) -> str:
    """The site that cache entries are kept apart by; empty without a page."""
    asked = exchange.asked
    return top_level_site(asked.url, asked.initiator, asked.resource_type)


def revalidation(exchange: ExchangeState) -> RevalidateCached:
    """What has a response that was served stale asked for again, behind the caller's back (RFC 5861 3)."""
    asked = exchange.asked
    return RevalidateCached(
        url=asked.url,
        headers=asked.headers,
        credentials=asked.credentials,
        timeout_s=asked.timeout_s,
        resource_type=asked.resource_type,
        initiator=asked.initiator,
    )
