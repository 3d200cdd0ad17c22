"""One session, written to at once by plain threads, a trio program and an asyncio program.

Each keeps a window of writes in flight; as soon as a write is acknowledged it is read back, by whoever wrote it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import trio
from durability.waiting import all_at_once

from partita.actors.kernel.future import Future
from partita.events.cookies import SetCookie
from partita.session import Session

WINDOW = 48
"""Writes in flight of each program; also its number of cookies, so that no two in flight are for the same."""

THREADS = 4

Program = Callable[[Session, int], None]


def write(session: Session, program: str, number: int) -> Future[None]:
    return session.cookies.set(url=f"https://{program}.example/", name=f"slot{number % WINDOW}", value=str(number))


def read_back(session: Session, program: str, number: int) -> Future[bool]:
    found = session.cookies.get(domain=f"{program}.example", name=f"slot{number % WINDOW}")
    return found.map(lambda cookies: [cookie.value for cookie in cookies] == [str(number)])


def in_threads(session: Session, count: int) -> None:
    """Four plain threads, each with a share of the slots and of the window."""

    def thread(first: int) -> None:
        in_flight: deque[tuple[int, Future[None]]] = deque()
        numbers = iter(range(first, count, THREADS))
        while True:
            number = next(numbers, None)
            if number is not None:
                in_flight.append((number, write(session, "threads", number)))
            if not in_flight:
                return
            if number is None or len(in_flight) == WINDOW // THREADS:
                written, future = in_flight.popleft()
                future.get(60)
                assert read_back(session, "threads", written).get(60), f"{written} was not read back"

    all_at_once(*(partial(thread, first) for first in range(THREADS)), patience_s=120)


def in_trio(session: Session, count: int) -> None:
    """A trio program with a task for each slot."""

    async def slot(first: int) -> None:
        for number in range(first, count, WINDOW):
            await write(session, "trio", number)
            assert await read_back(session, "trio", number), f"{number} was not read back"

    async def main() -> None:
        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                for first in range(WINDOW):
                    nursery.start_soon(slot, first)

    trio.run(main)


def in_asyncio(session: Session, count: int) -> None:
    """An asyncio program with a task for each slot."""

    async def slot(first: int) -> None:
        for number in range(first, count, WINDOW):
            await write(session, "asyncio", number)
            assert await read_back(session, "asyncio", number), f"{number} was not read back"

    async def main() -> None:
        async with asyncio.timeout(120):
            await asyncio.gather(*map(slot, range(WINDOW)))

    asyncio.run(main())


PROGRAMS: dict[str, Program] = {"threads": in_threads, "trio": in_trio, "asyncio": in_asyncio}


def written_by(session: Session, program: str) -> list[int]:
    """All writes of a program, as the log has them."""
    url = f"https://{program}.example/"
    messages = (turn.message for turn in session.log.turns() if isinstance(turn.message, SetCookie))
    return [int(message.value.reveal_text()) for message in messages if message.url == url]
