"""Drives the machine of an exchange: carries out its commands over the door's ports, and feeds it what came of them.

It awaits nothing but ports and the door, so the simulation kernel runs it as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from partita.actors.cache.bodies import CacheBodyMissing, CacheWriter, SpanReader
from partita.actors.kernel.world import Door, NetworkRequest, NetworkResponse
from partita.actors.network import decoding, fields
from partita.actors.network.exchange.body import Delivered
from partita.actors.network.exchange.machine import Exchange
from partita.actors.network.exchange.requests import Sight
from partita.actors.network.exchange.tracing import Tracer
from partita.actors.network.exchange.words import (
    AskHook,
    AskScheme,
    Begin,
    BodyBroke,
    BodyLeft,
    BodyRead,
    CacheBroke,
    CacheOpened,
    Command,
    Deliver,
    Done,
    Drain,
    Fail,
    Head,
    HeadCame,
    HookAnswered,
    Hop,
    OpenCached,
    ReadBody,
    Send,
    SendFailed,
    StoreCookies,
    Word,
)
from partita.actors.network.http import NetError
from partita.actors.network.redirects import Outgoing
from partita.actors.protocols.answers import answered
from partita.actors.protocols.files import file_response
from partita.actors.web_request.details import WebRequestResponse
from partita.actors.web_request.filters import handler_name
from partita.events.errors import StoreError
from partita.events.points import reached
from partita.events.session import SessionState

_DRAINED_BYTES: Final = 16 * 1024
"""A redirect's body is read when it is no longer than this: the connection can then be used again."""

MOST_REWRITTEN_BYTES: Final = 64 << 20
"""The largest body that is handed to those who may rewrite it."""


class Answer(Struct, frozen=True):
    """The response that an exchange ends with, its body unread, and the hops that led to it."""

    request: NetworkRequest
    response: Delivered
    hops: tuple[Hop, ...] = ()

    @property
    def url_chain(self) -> tuple[str, ...]:
        """Every URL that was asked, the answer's last."""
        return (*(hop.request.url for hop in self.hops), self.request.url)

    @property
    def from_cache(self) -> bool:
        """Whether no server was asked for it."""
        return self.response.from_cache


async def exchange(door: Door, asked: Outgoing) -> Answer:
    """Send a request and follow where its response leads. Raises :class:`NetError` or ``RedirectRefused``.

    Whoever gets the answer closes its response.
    """
    return await Driver(door, asked).until_answered()


class Driver:
    """One exchange on its way."""

    def __init__(self, door: Door, asked: Outgoing) -> None:
        self.door = door
        self.machine = Exchange(asked, number=door.number(), pool=door.partition)
        self.response: NetworkResponse | None = None
        self.cached: SpanReader | None = None
        self._tracer = Tracer.of(door, asked)

    async def until_answered(self) -> Answer:
        """Go on until there is a head to hand over."""
        word: Word = Begin()
        door = self.door
        try:
            while True:
                command = self.feed(word)
                if type(command) is Deliver:
                    return Answer(command.request, Delivered(self, command), command.hops)
                if type(command) is Fail:
                    raise command.error  # noqa: TRY301  # like every other error: what is open is closed on the way
                if type(command) is not OpenCached:  # what is stored is read without waiting
                    await door.before_waiting()
                word = await _PERFORM[type(command)](self, command)
        except BaseException:
            await self.give_up()
            raise

    def feed(self, word: Word) -> Command:
        """Tell the machine, and everybody whom it has something to tell."""
        door, machine, tracer = self.door, self.machine, self._tracer
        session = door.published("session")
        assert isinstance(session, SessionState), "a partition has a session"
        if tracer is not None:
            tracer.heard(word)
        command = machine.feed(word, Sight(session, door.world.clock.now_us()))
        if tracer is not None:
            tracer.wanted(machine, command)
        if machine.told:
            for message in machine.told:
                door.tell(message, to="session")
            machine.told.clear()
        if machine.notices:
            for notice in machine.notices:
                door.world.handlers.notify(door.partition, handler_name(notice.hook), notice.details)
            machine.notices.clear()
        return command

    async def give_up(self) -> None:
        """There will be no answer: nothing stays open, and who looks on is told."""
        await self.let_go()
        if not self.machine.is_over:
            self.feed(BodyLeft())

    async def let_go(self) -> None:
        """Close the response at hand."""
        response, cached, self.response, self.cached = self.response, self.cached, None, None
        if cached is not None:
            cached.close()
        if response is not None:
            await response.close()

    # -- commands -----------------------------------------------------------------------------------------------------

    async def ask_hook(self, command: AskHook) -> Word:
        """A listener that raises or is too late has been reported by the port: it counts as a refusal (API.md, rule 5)."""
        door = self.door
        try:
            answer = await door.world.handlers.ask(door.partition, handler_name(command.hook), command.details)
        except Exception:  # noqa: BLE001
            answer = WebRequestResponse(cancel=True)
        return HookAnswered(answer if isinstance(answer, WebRequestResponse) else None)

    async def send(self, command: Send) -> Word:
        """Ask the network."""
        request = command.request
        if self._tracer is not None:
            request = self._tracer.traced(request)
        return await self._answered_by(self.door.world.network.send(request))

    async def ask_scheme(self, command: AskScheme) -> Word:
        """Ask the handler of a scheme, or read a file."""
        if command.handler is None:
            return await self._answered_by(file_response(self.door, command.request))
        return await self._answered_by(
            answered(self.door, command.handler, command.request, referrer=command.referrer, send=self._past_handlers)
        )

    async def _past_handlers(self, asked: Outgoing) -> NetworkResponse:
        answer = await exchange(self.door, asked)
        return answer.response

    async def _answered_by(self, sending: Awaitable[NetworkResponse]) -> Word:
        try:
            response = self.response = await sending
        except NetError as error:
            if error.stale_connection:
                reached("exchange.stale_connection")
            return SendFailed(error)
        return HeadCame(
            Head(
                response.status,
                response.reason,
                response.http_version,
                response.headers,
                response.interim,
                response.remote_address,
            )
        )

    async def open_cached(self, command: OpenCached) -> Word:
        """Look whether the stored body is there."""
        reader = SpanReader(self.door, command.head.body)
        try:
            await reader.open()
        except CacheBodyMissing:
            reached("exchange.cached_body_missing")
            return CacheBroke()
        self.cached = reader
        return CacheOpened()

    async def store_cookies(self, command: StoreCookies) -> Word:
        """The jar hears of the response's cookies."""
        with contextlib.suppress(StoreError):  # a log that cannot be written: the response stands, as without a jar
            await self.door.ask(command.message, to="session")
        return Done()

    async def drain(self, command: Drain) -> Word:
        """Let go of the response, so that its connection can be used again."""
        response = self.response
        if response is not None:
            length = fields.length_of(response.headers)
            writer = CacheWriter(self.door, command.store) if command.store is not None else None
            try:
                if length is not None and length <= _DRAINED_BYTES:
                    async for chunk in response.body():
                        if writer is not None:
                            writer.add(chunk)
                    if writer is not None:
                        writer.finish()
            except NetError:  # the redirect stands, whatever becomes of its body
                if writer is not None:
                    writer.abandon()
        await self.let_go()
        return Done()

    async def read_body(self, command: ReadBody) -> Word:
        """All of the body, for those who may rewrite it."""
        whole = Delivered(
            self,
            Deliver(self.machine.request, self.machine.head, (), False, cached=command.cached, store=command.store),
            tells=False,
        )
        content = bytearray()
        try:
            async for chunk in whole.body():
                content += chunk
                if len(content) > MOST_REWRITTEN_BYTES:
                    return BodyBroke(_too_long())
            return BodyRead(decoding.decoded(bytes(content), command.content_encoding))
        except NetError as error:
            return BodyBroke(error)
        finally:
            await self.let_go()


_PERFORM: Final[Mapping[type, Callable[[Driver, Any], Awaitable[Word]]]] = {
    AskHook: Driver.ask_hook,
    Send: Driver.send,
    AskScheme: Driver.ask_scheme,
    OpenCached: Driver.open_cached,
    StoreCookies: Driver.store_cookies,
    Drain: Driver.drain,
    ReadBody: Driver.read_body,
}
"""What carries out each command that is answered."""


def _too_long() -> NetError:
    size = f"{MOST_REWRITTEN_BYTES >> 20} MiB"
    return NetError("ERR_INSUFFICIENT_RESOURCES", f"the body is over {size}, too long for those who may rewrite it")
