"""Files that come over several connections, which break, stall and lie, one by one and together; now and then a file changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.simulations.checkers.completions import CompletedWhenTold
from partita.simulations.checkers.stray_files import NoFileIsStray
from partita.simulations.internet import Entity, serve
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.downloads import (
    FILES,
    HOST,
    STEPS,
    finish_all,
    go_on_with,
    pattern,
    prepare,
    wait_for_its_end,
)
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.network.http import Request, Response
    from partita.simulations.world import World

SIZES: Final = (1_500_000, 2_500_000, 4_000_000, 7_000_000)
CONNECTIONS: Final = (2, 3, 4, 7)


def entity(world: World, number: int, version: int) -> Entity:
    """A version of a file. What it is compared by is a strong tag, or a date."""
    random = stream_of(world.seed, "users", f"file:{number}:{version}")
    body = pattern(random, random.choice(SIZES))
    if stream_of(world.seed, "users", f"validator:{number}").below(4):
        return Entity(body, e_tag=f'"{number}.{version}"')
    return Entity(body, last_modified=f"Thu, 01 Jan 2026 00:00:{version % 60:02} GMT")


def hosts(world: World) -> None:
    """A server of files that sends ranges of them."""
    versions = world.memory.setdefault("versions", {})

    def files(request: Request) -> Response | None:
        name = request.url.path.removeprefix("/file")
        if not name.isdecimal() or int(name) >= FILES:
            return None
        return serve(request, entity(world, int(name), versions.get(name, 0)))

    world.internet.host(HOST, files)


async def _begun(user: User, random: Random) -> Any:
    url = f"https://{HOST}/file{random.below(FILES)}"
    return await user.session.download_url(url, segments=random.choice(CONNECTIONS))


async def begin(user: User, random: Random) -> None:
    """Start a download over several connections, and wait a while for its end."""
    item = await _begun(user, random)
    await user.sleep(random.random() * 5)
    if random.below(2):
        await wait_for_its_end(user, item)


async def see_through(user: User, random: Random) -> None:
    """Start one, and go on with it whenever it stops: the file is wanted."""
    await go_on_with(user, random, await _begun(user, random))


async def change(user: User, random: Random) -> None:
    """Put a new version up."""
    name = str(random.below(FILES))
    versions = user.world.memory["versions"]
    versions[name] = versions.get(name, 0) + 1


segments: Final = Scenario(
    name="segments",
    summary="files come over several connections at a time, which break one by one",
    hosts=hosts,
    steps={**STEPS, "begin": begin, "see_through": see_through, "change": change},
    opened=prepare,
    finish=finish_all,
    checkers=(CompletedWhenTold, NoFileIsStray),
    users=2,
    steps_each=(3, 6),
)
