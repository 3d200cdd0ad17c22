"""What the writers of the kill tests write, and what must be there after the first ``n`` operations of each.

Each writer goes round its slots, one cookie each; every seventh operation removes the cookie of its slot again. So the
state after ``n`` operations is known, and is another for every ``n``.
"""

from __future__ import annotations

from partita.actors.kernel.future import Future
from partita.events.cookies import CookiesState, RemoveCookies, SetCookie
from partita.events.types import Message
from partita.session import Session

WRITERS = 4
SLOTS = 60
REMOVES_EVERY = 7
FAR_S = 4_000_000_000.0
"""In seconds since 1970: without an expiry, a cookie ends with its session."""

Jar = dict[tuple[int, str], str]
"""By writer and name of the cookie: its value."""


def url_of(writer: int) -> str:
    return f"https://writer{writer}.example/"


def _removes(counter: int) -> bool:
    return counter >= SLOTS and counter % REMOVES_EVERY == 0


def begin(session: Session, writer: int, counter: int) -> Future[None]:
    """One operation: a durable ask."""
    name = f"slot{counter % SLOTS}"
    if _removes(counter):
        return session.cookies.remove(url_of(writer), name)
    return session.cookies.set(url=url_of(writer), name=name, value=str(counter), expiration_date=FAR_S)


def operation_of(message: Message) -> tuple[int, str, str | None] | None:
    """The writer, name and value (None: removed) that a message in the log stands for."""
    if isinstance(message, SetCookie):
        value = message.value.reveal_text()
        return _writer_of(message.url), message.name, value
    if isinstance(message, RemoveCookies):
        return _writer_of(message.url), message.name, None
    return None


def _writer_of(url: str) -> int:
    return int(url.removeprefix("https://writer")[0])


def operations(writer: int, start: int, stop: int) -> list[tuple[int, str, str | None]]:
    """What the log has of a writer's operations ``start`` to ``stop - 1``."""
    return [(writer, f"slot{n % SLOTS}", None if _removes(n) else str(n)) for n in range(start, stop)]


def jar_after(counts: list[int]) -> Jar:
    """The whole jar after so many operations of each writer."""
    jar: Jar = {}
    for writer, count in enumerate(counts):
        for _, name, value in operations(writer, max(0, count - SLOTS), count):
            if value is not None:
                jar[writer, name] = value
    return jar


def jar_in(state: CookiesState) -> Jar:
    """The jar that was found."""
    found: Jar = {}
    for bucket in state.stems.values():
        for cookie in bucket.values():
            key = (int(cookie.domain.removeprefix("writer")[0]), cookie.name)
            assert key not in found, f"{key} is there twice"
            found[key] = cookie.value.reveal_text()
    return found
