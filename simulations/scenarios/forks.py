"""Partitions branch off at any position, while they are being written: a fork is what its parent was then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.events.errors import InvalidPosition
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.cookies import STEPS, flush

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random


async def fork(user: User, random: Random) -> None:
    """Branch off, compare, and write on in the branch."""
    session = user.session
    await flush(user, random)
    first, last = session.log.first_position, session.log.position
    at = first - 1 + random.below(last - first + 2)
    kept = random.choice(["", "persist:"])
    forks = user.world.memory.setdefault("forks", [0])
    forks[0] += 1
    number = str(forks[0])
    then = session.at(at)
    cookies = [cookie for cookie in await then.cookies.get() if cookie.expiration_date is not None]
    branch = session.fork(f"{kept}fork{number}", at=at)
    found = {(cookie.domain, cookie.name): cookie.value for cookie in await branch.cookies.get()}
    for cookie in cookies:
        known = found.get((cookie.domain, cookie.name))
        if known is not None and known != cookie.value:
            raise AssertionError(f"{cookie.name} is {known!r} in the fork, and was {cookie.value!r} at {at}")
    await branch.cookies.set(url="https://fork.test/", name="branch", value=number)
    if (await branch.cookies.get(name="branch"))[0].value != number:
        raise AssertionError("a fork does not keep what is written to it")
    if await session.cookies.get(name="branch", domain="fork.test"):
        raise AssertionError("what is written to a fork is seen in its parent")
    branch.close()


async def fork_beyond(user: User, random: Random) -> None:
    """A position that the log does not have is refused, and nothing is made."""
    session = user.session
    try:
        session.fork("beyond", at=session.log.position + 1000 + random.below(1000))
    except InvalidPosition:
        return
    raise AssertionError("a fork of the future was made")


forks: Final = Scenario(
    name="forks",
    summary="partitions branch off at any position while they are written",
    steps={**STEPS, "fork": fork, "fork_beyond": fork_beyond},
    users=3,
    steps_each=(8, 16),
)
