"""One exchange: hop after hop, until a response is the answer.

It awaits nothing but ports and the door, so the simulation kernel runs it as well. What a hop's cookies change is told
to the session before the next hop is made, so a cookie that a redirect sets is sent to where it leads.
"""

from __future__ import annotations

import contextlib
from typing import Final

from msgspec import Struct

from partita.actors.cookies.matching import cookies_for, header_of, stale_keys
from partita.actors.kernel.world import Door, NetworkRequest, NetworkResponse
from partita.actors.network import fields, urls
from partita.actors.network.fields import Fields
from partita.actors.network.http import NetError
from partita.actors.network.redirects import Outgoing, redirected
from partita.actors.preferences.languages import accept_language_header
from partita.actors.preferences.user_agent import default_user_agent
from partita.events.cookies import CookiesReceived, TouchCookies
from partita.events.errors import StoreError
from partita.events.secret import Secret
from partita.events.session import SessionState

_DRAINED_BYTES: Final = 16 * 1024
"""A redirect's body is read when it is no longer than this: the connection can then be used again."""


class Hop(Struct, frozen=True):
    """A redirect that was followed: what was sent, and the head of what came back."""

    request: NetworkRequest
    status: int
    reason: str
    http_version: str
    headers: Fields


class Answer(Struct, frozen=True):
    """The response that an exchange ends with, its body unread, and the hops that led to it."""

    request: NetworkRequest
    response: NetworkResponse
    hops: tuple[Hop, ...] = ()

    @property
    def url_chain(self) -> tuple[str, ...]:
        """Every URL that was asked, the answer's last."""
        return (*(hop.request.url for hop in self.hops), self.request.url)


async def exchange(door: Door, asked: Outgoing) -> Answer:
    """Send a request and follow where its response leads. Raises :class:`NetError` or ``RedirectRefused``.

    Whoever gets the answer closes its response.
    """
    hops: list[Hop] = []
    while True:
        request = _dressed(door, asked)
        response = await door.world.network.send(request)
        try:
            await _tell_cookies(door, asked, response)
            following = redirected(asked, response.status, response.headers, followed=len(hops))
            if following is None:
                return Answer(request, response, tuple(hops))
            await _drain(response)
        except BaseException:
            await response.close()
            raise
        await response.close()
        hops.append(Hop(request, response.status, response.reason, response.http_version, response.headers))
        asked = following


def _dressed(door: Door, asked: Outgoing) -> NetworkRequest:
    """The request with what the session adds, as of now."""
    session = door.published("session")
    assert isinstance(session, SessionState), "a partition has a session"
    url, authorization = urls.without_userinfo(asked.url)
    given = asked.headers
    if authorization is not None and fields.first(given, "authorization") is None:
        given = (*given, ("Authorization", authorization))
    cookie = None
    if asked.credentials != "omit" and fields.first(given, "cookie") is None:
        cookie = _cookie_field(door, session, urls.without_fragment(url))
    preferences = session.preferences
    headers = fields.outgoing(
        given,
        user_agent=preferences.user_agent or default_user_agent(),
        accept_language=accept_language_header(preferences.accept_languages),
        accept_encoding=asked.accept_encoding,
        cookie=cookie,
    )
    return NetworkRequest(asked.method, url, headers, asked.body, asked.timeout_s)


def _cookie_field(door: Door, session: SessionState, url: str) -> str | None:
    """The cookies that go along. Those that were last sent a while ago are touched (DESIGN, 6)."""
    now_us = door.world.clock.now_us()
    sent = cookies_for(session.cookies, url, now_us)
    if stale := stale_keys(sent, now_us):
        door.tell(TouchCookies(stale), to="session")
    return header_of(sent)


async def _tell_cookies(door: Door, asked: Outgoing, response: NetworkResponse) -> None:
    if asked.credentials == "omit":
        return
    lines = tuple(Secret(line) for line in fields.every(response.headers, "set-cookie"))
    if lines:
        url, _ = urls.without_userinfo(urls.without_fragment(asked.url))
        with contextlib.suppress(
            StoreError
        ):  # a log that cannot be read or written: the response stands, as without a jar
            await door.ask(CookiesReceived(url, lines), to="session")


async def _drain(response: NetworkResponse) -> None:
    length = fields.first(response.headers, "content-length")
    if length is None or not length.isdecimal() or int(length) > _DRAINED_BYTES:
        return
    with contextlib.suppress(NetError):  # the redirect stands, whatever becomes of its body
        async for _ in response.body():
            pass
