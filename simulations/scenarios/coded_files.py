"""Users download what servers code on the way, into a folder where another program writes as well."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

from partita.simulations.checkers.bytes_reported import DELETED
from partita.simulations.checkers.completions import CompletedWhenTold
from partita.simulations.checkers.strangers import STRANGERS, StrangersFilesStay
from partita.simulations.checkers.stray_files import NoFileIsStray
from partita.simulations.internet import Entity, serve
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.downloads import FILES, HOST, STEPS, drawn_item, finish_all, pattern, prepare
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.network.http import Request, Response
    from partita.simulations.world import World

SIZES: Final = (1, 1000, 65_536, 300_000, 600_000)
"""None is empty: an empty file would be taken for a name that is kept free."""


def entity(world: World, number: int) -> Entity:
    """One of the files, which never change."""
    random = stream_of(world.seed, "users", f"file:{number}")
    return Entity(pattern(random, random.choice(SIZES)), e_tag=f'"v{number}"')


def hosts(world: World) -> None:
    """A server that codes a file or not, as it likes, under one entity tag; a range of a coded one is of its coded bytes."""
    entities = {f"/file{number}": entity(world, number) for number in range(FILES)}
    coded: dict[str, bytes] = {}
    mood = stream_of(world.seed, "users", "coding")

    def files(request: Request) -> Response | None:
        path = request.url.path
        entity = entities.get(path)
        if entity is None:
            return None
        if not mood.below(2):
            return serve(request, entity)
        if path not in coded:
            coded[path] = gzip.compress(entity.body, mtime=0)
        return serve(request, entity, gzipped=coded[path])

    world.internet.host(HOST, files)


async def meddle(user: User, random: Random) -> None:
    """Another program gives a file the name that a download keeps free for its own."""
    item, disk = drawn_item(user, random), user.world.disk
    path = "" if item is None else item.save_path
    if item is None or item.get_state() == "completed" or path not in disk.paths() or disk.content(path):
        return
    content = f"somebody's {random.bits64():x}".encode()
    files, own = disk.files(user.world.life), f"/elsewhere/{random.bits64():x}"
    strangers = user.world.memory.setdefault(STRANGERS, {})
    strangers.setdefault(path)  # a crash may come in the middle
    try:
        file = await files.open(own)
        try:
            await file.write(0, content)
            await file.sync()
        finally:
            await file.close()
        await files.rename(own, path, over_nothing=True)
    except OSError:
        return  # the disk is full, or read-only; or the download was quicker; or it is there all the same
    strangers[path] = content


async def take(user: User, random: Random) -> None:
    """Somebody is content with what has come of a file, and gives that the name."""
    item, disk = drawn_item(user, random), user.world.disk
    path = "" if item is None else item.save_path
    content = disk.content(f"{path}.part")
    if item is None or item.get_state() != "interrupted" or not content:
        return
    if len(content) == len(entity(user.world, int(item.get_url_chain()[0][-1])).body):
        return  # it is the file, though nobody knows how long that is
    files = disk.files(user.world.life)
    strangers = user.world.memory.setdefault(STRANGERS, {})
    before = strangers.get(path)
    strangers[path] = None  # a crash may come in the middle
    try:
        file = await files.open(f"{path}.part", emptied=False, must_exist=True)
        try:
            await file.write(0, content)  # a sync of it may have failed: then what is there would never get to the disk
            await file.sync()
        finally:
            await file.close()
        user.world.memory.setdefault(DELETED, set()).add(f"{path}.part")
        await files.rename(f"{path}.part", path, over_nothing=True)
    except OSError:
        strangers[path] = before
        return
    # Of one that went on meanwhile, more has come, or may come to what has another name now.
    is_his = item.get_state() == "interrupted" and disk.content(path) == content
    strangers[path] = content if is_his else None


coded_files: Final = Scenario(
    name="coded_files",
    summary="users download what servers code on the way, where another program writes as well",
    hosts=hosts,
    steps={**STEPS, "meddle": meddle, "take": take},
    opened=prepare,
    finish=finish_all,
    checkers=(CompletedWhenTold, NoFileIsStray, StrangersFilesStay),
    users=3,
    steps_each=(4, 9),
)
