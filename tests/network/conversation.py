"""A conversation with the machine of an exchange: feed it a word, expect a command. No port, no loop, no time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from partita.actors.kernel.context import Context
from partita.actors.network.exchange.machine import Exchange
from partita.actors.network.exchange.requests import Sight
from partita.actors.network.exchange.words import Begin, Command, Done, Head, HeadCame, Send, StoreCookies, Word
from partita.actors.network.redirects import Outgoing
from partita.actors.session.behavior import session as SESSION
from partita.events.session import SessionState
from partita.events.types import Message

C = TypeVar("C")
NOW_US = 1_700_000_000_000_000


class Conversation:
    """One exchange. ``state`` is the session that it sees; what it tells the session is decided and evolved for real."""

    def __init__(self, url: str = "https://shop.test/", *, state: SessionState | None = None, **asked: Any) -> None:
        self.state = state or SessionState()
        self.now_us = NOW_US
        self.machine = Exchange(Outgoing(**{"method": "GET", "url": url, **asked}), number=1, pool="p")
        self.told: list[Message] = []
        self.noticed: list[tuple[str, Any]] = []
        self.turns = 0

    def begin(self) -> Command:
        return self.say(Begin())

    def say(self, word: Word) -> Command:
        command = self.machine.feed(word, Sight(self.state, self.now_us))
        for message in self.machine.told:
            self.tell(message)
        self.machine.told.clear()
        self.noticed += [(notice.hook, notice.details) for notice in self.machine.notices]
        self.machine.notices.clear()
        if isinstance(command, StoreCookies):
            self.tell(command.message)
            return self.say(Done())
        return command

    def tell(self, message: Message) -> None:
        self.told.append(message)
        self.turns += 1
        ctx = Context(seed=b"s" * 16, position=self.turns, now_us=self.now_us, actor="session")
        for event in SESSION.decide[type(message)](self.state, message, ctx).events:
            self.state = SESSION.evolve[type(event)](self.state, event)

    def expect(self, command: object, kind: type[C]) -> C:
        assert isinstance(command, kind), command
        return command

    def head(self, status: int = 200, *headers: tuple[str, str], reason: str = "OK") -> Command:
        """The network answers."""
        return self.say(HeadCame(Head(status, reason, "HTTP/1.1", headers)))

    def sent(self, command: object) -> dict[str, str]:
        """The header fields of a request that goes out."""
        return dict(self.expect(command, Send).request.headers)

    def passes(self, seconds: float) -> None:
        self.now_us += round(seconds * 1e6)

    def again(self, url: str | None = None, **asked: Any) -> Conversation:
        """Another exchange of the same session, later."""
        following = Conversation(url or self.machine.asked.url, state=self.state, **asked)
        following.now_us, following.turns = self.now_us, self.turns
        return following


def with_state(state: SessionState, **parts: Any) -> SessionState:
    return msgspec.structs.replace(state, **parts)


def names(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    return [name for name, _ in pairs]
