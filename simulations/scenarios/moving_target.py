"""Files that change while they are being downloaded, from servers with weak tags, dates, or nothing to compare by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from partita.simulations.checkers.completions import CompletedWhenTold
from partita.simulations.checkers.stray_files import NoFileIsStray
from partita.simulations.internet import Entity, serve
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.downloads import FILES, HOST, SIZES, STEPS, finish_all, pattern, prepare
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.network.http import Request, Response
    from partita.simulations.world import World

VALIDATORS: Final = ("strong", "weak", "date", "none")
FIRST_MODIFIED: Final = datetime(2026, 1, 1, tzinfo=UTC)


def entity(world: World, number: int, version: int) -> Entity:
    """A version of a file: its bytes are its own, and so is its length now and then. A weak tag stands for some of them."""
    random = stream_of(world.seed, "users", f"file:{number}:{version}")
    usual = stream_of(world.seed, "users", f"size:{number}").choice(SIZES[2:])
    body = pattern(random, random.choice(SIZES[2:]) if random.below(2) else usual)
    validator = stream_of(world.seed, "users", f"validator:{number}").choice(VALIDATORS)
    if validator == "date":
        return Entity(body, last_modified=format_datetime(FIRST_MODIFIED + timedelta(seconds=version), usegmt=True))
    if validator == "none":
        return Entity(body)
    return Entity(body, e_tag=f'"{number}.{version}"' if validator == "strong" else f'W/"{number}.{version // 8}"')


def hosts(world: World) -> None:
    """A server whose files have versions; which one is served, users change, or the time, as long as things go wrong."""
    versions = world.memory.setdefault("versions", {})
    every_s = world.knobs.settings["files.change_every_s"]

    def files(request: Request) -> Response | None:
        name = request.url.path.removeprefix("/file")
        if not name.isdecimal() or int(name) >= FILES:
            return None
        if every_s and not world.healed:
            due = int(world.clock.monotonic() / every_s)
            versions[name] = max(versions.get(name, 0), due)
        return serve(request, entity(world, int(name), versions.get(name, 0)))

    world.internet.host(HOST, files)


async def change(user: User, random: Random) -> None:
    """Put a new version up."""
    name = str(random.below(FILES))
    versions = user.world.memory["versions"]
    versions[name] = versions.get(name, 0) + 1


moving_target: Final = Scenario(
    name="moving_target",
    summary="files change under their downloads, and servers answer with the wrong ranges",
    hosts=hosts,
    steps={**STEPS, "change": change},
    settings={"files.change_every_s": (0.0, 0.0, 1.0, 20.0)},
    opened=prepare,
    finish=finish_all,
    checkers=(CompletedWhenTold, NoFileIsStray),
    users=3,
    steps_each=(5, 10),
)
