"""``session.changes(start)``: the past, then the present, with no gap and none twice."""

from __future__ import annotations

import asyncio
import threading

import pytest
import trio

import partita
from partita.errors import SystemClosed

URL = "https://shop.example/"


def write(session: partita.Session, count: int) -> None:
    for number in range(count):
        session.cookies.set(url=URL, name=f"w{number}", value="v", expiration_date=4e9).get()


def test_the_past_comes_first_then_what_is_written_meanwhile(session: partita.Session) -> None:
    changes = session.changes(1)
    seen = [next(changes).position for _ in range(7)]
    writer = threading.Thread(target=write, args=(session, 50))
    writer.start()
    seen += [next(changes).position for _ in range(50)]
    writer.join()
    assert seen == list(range(1, 58))


def test_without_a_start_only_what_is_new_is_told(session: partita.Session) -> None:
    changes = session.changes()
    write(session, 1)
    assert next(changes).position == 8


def test_it_ends_with_the_partition_and_what_was_durable_is_told_before(session: partita.Session) -> None:
    changes = session.changes(5)
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(turn.position for turn in changes))
    reader.start()
    write(session, 3)
    session.close()
    reader.join(30)
    assert not reader.is_alive()
    assert seen == list(range(5, 11))
    with pytest.raises(SystemClosed):
        session.changes(1)


def test_closing_it_ends_the_iteration(session: partita.Session) -> None:
    changes = session.changes()
    ended = threading.Thread(target=lambda: list(changes))
    ended.start()
    changes.close()
    ended.join(30)
    assert not ended.is_alive()


def test_it_is_followed_under_trio_and_under_asyncio(session: partita.Session) -> None:
    async def follow() -> list[int]:
        seen = []
        async for turn in session.changes(1):
            seen.append(turn.position)
            if turn.position == 12:
                break
        return seen

    writer = threading.Thread(target=write, args=(session, 5))
    writer.start()
    assert trio.run(follow) == list(range(1, 13))
    writer.join()
    assert asyncio.run(follow()) == list(range(1, 13))
