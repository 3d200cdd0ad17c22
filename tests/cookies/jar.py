"""A jar with a clock that the test turns: it takes messages as the session does, and keeps what happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from partita.actors.cookies.behavior import behavior
from partita.actors.cookies.matching import SameSiteContext, cookie_header
from partita.actors.kernel.context import Context
from partita.events.cookies import (
    CookieRemoved,
    CookiesReceived,
    CookiesState,
    CookieStored,
    GetCookies,
    RemoveCookies,
    SetCookie,
    StoredCookie,
    slot_of,
    stem_of,
)
from partita.events.secret import Secret

if TYPE_CHECKING:
    from partita.actors.kernel.behavior import Decision
    from partita.events.types import Event, Message

SUITES = Path(__file__).parents[3] / "shared" / "suites"
NEW_YEARS_EVE_2015_US = 1_451_520_000 * 1_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND


def suite(name: str) -> list[Any]:
    """The cases of a shared suite; without the folder (a clone by itself) the test is skipped by its name."""
    path = SUITES / name
    if not path.exists():
        pytest.skip(f"the shared suite {name} is not beside this checkout")
    cases = json.loads(path.read_text("utf-8"))["cases"]
    assert isinstance(cases, list)
    return cases


class Jar:
    def __init__(self, now_us: int = NEW_YEARS_EVE_2015_US) -> None:
        self.state: CookiesState = behavior.initial()
        self.now_us = now_us
        self.events: list[Event] = []
        self._turns = 0

    def tell(self, message: Message) -> Decision:
        """Decide twice, compare, evolve: as a turn and its replay do."""
        self._turns += 1
        before = self.state
        decision, again = (behavior.decide[type(message)](before, message, self._context()) for _ in range(2))
        assert decision.events == again.events, "decide is not pure"
        assert repr(decision.refusal) == repr(again.refusal), "decide is not pure"
        if decision.refusal is not None:
            assert not decision.events, "a refusal changes nothing"
        for event in decision.events:
            self.state = behavior.evolve[type(event)](self.state, event)
        self.events += decision.events
        self.check()
        return decision

    def _context(self) -> Context:
        return Context(seed=b"jar", position=self._turns, now_us=self.now_us, actor="session")

    def set(self, url: str, name: str = "", value: str = "", **details: Any) -> list[str]:
        """``cookies.set``: the causes of what changed. Raises what the caller would get."""
        decision = self.tell(SetCookie(url=url, name=name, value=Secret(value), **details))
        if decision.refusal is not None:
            raise decision.refusal
        return causes(decision.events)

    def receive(
        self, url: str, *lines: str, context: SameSiteContext = "strict", partition_key: str | None = None
    ) -> list[str]:
        """A response with these ``Set-Cookie`` lines: the causes of what changed."""
        received = CookiesReceived(url, tuple(Secret(line) for line in lines), context, partition_key)
        return causes(self.tell(received).events)

    def get(self, **wanted: Any) -> list[StoredCookie]:
        reply = self.tell(GetCookies(**wanted)).reply
        assert isinstance(reply, list)
        return reply

    def names(self, **wanted: Any) -> list[str]:
        return [cookie.name for cookie in self.get(**wanted)]

    def remove(self, url: str, name: str) -> list[str]:
        return causes(self.tell(RemoveCookies(url, name)).events)

    def header(self, url: str, context: SameSiteContext = "strict", partition_key: str | None = None) -> str | None:
        return cookie_header(self.state, url, self.now_us, context=context, partition_key=partition_key)

    def check(self) -> None:
        """What holds for every jar, after every turn."""
        everything = [cookie for bucket in self.state.stems.values() for cookie in bucket.values()]
        assert self.state.count == len(everything)
        assert self.state.partitioned == sum(cookie.partition_key is not None for cookie in everything)
        assert all(self.state.stems.values()), "an empty stem stays behind"
        assert len({cookie.creation_us for cookie in everything}) == len(everything), "two cookies of one creation time"
        for stem, bucket in self.state.stems.items():
            for slot, cookie in bucket.items():
                assert (stem, slot) == (stem_of(cookie.domain), slot_of(cookie))
                assert cookie.path.startswith("/")
                assert cookie.domain == cookie.domain.lower()
                assert cookie.creation_us <= self.state.newest_us
                assert cookie.updated_us <= self.state.newest_us


def causes(events: tuple[Event, ...]) -> list[str]:
    return [event.cause for event in events if isinstance(event, (CookieStored, CookieRemoved))]


def fields(cookie: StoredCookie, *names: str) -> dict[str, Any]:
    """Some fields of a cookie, its value as text."""
    shown = structs.asdict(cookie) | {"value": cookie.value.reveal_text()}
    return {name: shown[name] for name in names}
