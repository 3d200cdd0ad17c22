"""Users set, read and remove cookies of their own, all at once, on a disk that fails and under processes that crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from partita.actors.kernel.behavior import Behavior
from partita.actors.session.behavior import BEHAVIORS
from partita.events.errors import StoreError
from partita.events.preferences import DownloadPathSet
from partita.simulations.scenario import Scenario, User

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.events.session import SessionState

YEAR_S: Final = 365 * 86_400
NAMES: Final = 4


def thing_of(user: User, name: str) -> str:
    """What :class:`~partita.simulations.promises.Promises` calls a cookie of a user's."""
    return f"user{user.number}.test/{name}"


def drawn_name(random: Random) -> str:
    return f"c{random.below(NAMES)}"


async def set_cookie(user: User, random: Random) -> None:
    """Set a cookie, and be told that it is durable."""
    name, value = drawn_name(random), f"{random.bits64():x}"
    promises, thing = user.world.promises, thing_of(user, name)
    expires = user.world.clock.now_us() / 1e6 + YEAR_S
    promises.begin(thing, value)
    await user.session.cookies.set(
        url=f"https://user{user.number}.test/", name=name, value=value, expiration_date=expires
    )
    promises.acknowledged(thing, value)


async def remove_cookie(user: User, random: Random) -> None:
    """Remove one."""
    name = drawn_name(random)
    promises, thing = user.world.promises, thing_of(user, name)
    promises.begin(thing, None)
    await user.session.cookies.remove(f"https://user{user.number}.test/", name)
    promises.acknowledged(thing, None)


async def read_cookie(user: User, random: Random) -> None:
    """Read one: a getter gives what this user was told last."""
    name = drawn_name(random)
    found = await user.session.cookies.get(url=f"https://user{user.number}.test/", name=name)
    value = found[0].value if found else None
    user.world.promises.seen(thing_of(user, name), value)


async def set_user_agent(user: User, random: Random) -> None:
    """A synchronous member: what was set is what is read next, durable or not (API.md, rule 3)."""
    try:
        user.session.set_user_agent(f"agent/{random.bits64():x}", random.choice([None, "en-US,fr", "de"]))
    except StoreError:
        return
    user.session.get_user_agent()


async def set_session_cookie(user: User, random: Random) -> None:
    """A cookie without an expiry lives as long as its process."""
    value = f"{random.bits64():x}"
    await user.session.cookies.set(url=f"https://user{user.number}.test/", name="session", value=value)


async def set_download_path(user: User, random: Random) -> None:
    """Another that is kept across restarts."""
    user.session.set_download_path(f"/downloads/{random.below(3)}")


async def flush(user: User, random: Random) -> None:  # noqa: ARG001
    """The barrier. Of what was undone with nobody waiting, the first of them tells."""
    flushed, memory = user.session.flush(), user.world.memory

    def count() -> None:  # at once: who waits for it may go on later than others
        if flushed.failure() is not None:
            memory["flushes that told"] = memory.get("flushes that told", 0) + 1

    flushed.when_done(count)
    await flushed


async def say_and_flush(user: User, random: Random) -> None:
    """What is said with nobody waiting is in the log after a flush, or a flush has told that it was undone."""
    path = f"/downloads/{random.bits64():x}"
    session, memory = user.session, user.world.memory
    told = memory.get("flushes that told")
    start = session.log.position
    session.set_download_path(path)
    await flush(user, random)
    said = any(event == DownloadPathSet(path) for turn in session.log.turns(start) for event in turn.events)
    if not said and memory.get("flushes that told") == told:
        raise AssertionError("what was said before a flush is not in the log, and no flush has told so")


async def set_and_ask(user: User, random: Random) -> None:
    """What waits for the disk and comes after a change waits for that as well, though it changes nothing itself."""
    name, value = drawn_name(random), f"{random.bits64():x}"
    session, promises, thing = user.session, user.world.promises, thing_of(user, name)
    url, expires = f"https://user{user.number}.test/", user.world.clock.now_us() / 1e6 + YEAR_S
    promises.begin(thing, value)
    done = session.cookies.set(url=url, name=name, value=value, expiration_date=expires)
    if random.below(2):
        await session.cookies.remove(url, "nothing of that name")
    else:
        await flush(user, random)
    if not done.done:
        raise AssertionError("an answer came before what was said before it was durable")
    await done
    promises.acknowledged(thing, value)


async def take_snapshot(user: User, random: Random) -> None:  # noqa: ARG001
    """A snapshot more than those that are taken anyway."""
    await user.session.snapshot()


async def set_many(user: User, random: Random) -> None:
    """Many at once, and wait for all: they share commits."""
    promises = user.world.promises
    expires = user.world.clock.now_us() / 1e6 + YEAR_S
    waiting = []
    for number in range(NAMES):
        name, value = f"c{number}", f"{random.bits64():x}"
        thing = thing_of(user, name)
        promises.begin(thing, value)
        done = user.session.cookies.set(
            url=f"https://user{user.number}.test/", name=name, value=value, expiration_date=expires
        )
        waiting.append((thing, value, done))
    failure = None
    for thing, value, done in waiting:
        try:
            await done
        except StoreError as error:
            failure = error
        else:
            promises.acknowledged(thing, value)
    if failure is not None:
        raise failure


_session: Final = BEHAVIORS["session"]


def _older_download_path(state: SessionState, event: DownloadPathSet) -> SessionState:
    """An older version kept the path in capitals."""
    after: SessionState = _session.evolve[DownloadPathSet](state, event)
    preferences = msgspec.structs.replace(after.preferences, download_path=event.path.upper())
    return msgspec.structs.replace(after, preferences=preferences)


BEFORE: Final[Mapping[str, Behavior[Any]]] = {
    **BEHAVIORS,
    "session": msgspec.structs.replace(
        _session,
        evolve={**_session.evolve, DownloadPathSet: _older_download_path},
        evolve_version=_session.evolve_version - 1,
    ),
}
"""Rules of an older version: its snapshots hold what today's rules do not make of the same events."""

STEPS: Final = {
    "set": set_cookie,
    "set_many": set_many,
    "remove": remove_cookie,
    "read": read_cookie,
    "user_agent": set_user_agent,
    "download_path": set_download_path,
    "session_cookie": set_session_cookie,
    "flush": flush,
    "say_and_flush": say_and_flush,
    "set_and_ask": set_and_ask,
    "snapshot": take_snapshot,
}

cookies: Final = Scenario(
    name="cookies",
    summary="users set, read and remove cookies while disks fail and processes crash",
    steps=STEPS,
    users=4,
    steps_each=(6, 16),
    before=BEFORE,
)
