"""Users set, read and remove cookies of their own, all at once, on a disk that fails and under processes that crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from partita.actors.kernel.behavior import Behavior
from partita.actors.session.behavior import BEHAVIORS
from partita.events.errors import StoreError
from partita.events.preferences import UserAgentSet
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


async def set_download_path(user: User, random: Random) -> None:
    """Another that is kept across restarts."""
    user.session.set_download_path(f"/downloads/{random.below(3)}")


async def flush(user: User, random: Random) -> None:  # noqa: ARG001
    """The barrier."""
    await user.session.flush()


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


def _older_user_agent(state: SessionState, event: UserAgentSet) -> SessionState:
    """An older version kept the name in capitals."""
    after: SessionState = _session.evolve[UserAgentSet](state, event)
    preferences = msgspec.structs.replace(after.preferences, user_agent=event.user_agent.upper())
    return msgspec.structs.replace(after, preferences=preferences)


BEFORE: Final[Mapping[str, Behavior[Any]]] = {
    **BEHAVIORS,
    "session": msgspec.structs.replace(
        _session,
        evolve={**_session.evolve, UserAgentSet: _older_user_agent},
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
    "flush": flush,
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
