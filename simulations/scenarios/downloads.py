"""Users download files, pause, resume and cancel, while connections break, disks fill and processes crash."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from partita.actors.kernel.context import Random
from partita.events.errors import DownloadFailed
from partita.simulations.checkers.bytes_reported import DELETED
from partita.simulations.checkers.completions import CompletedWhenTold
from partita.simulations.checkers.strangers import STRANGERS
from partita.simulations.checkers.stray_files import NoFileIsStray
from partita.simulations.internet import Entity, serve
from partita.simulations.scenario import Scenario, User
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.actors.network.http import Request, Response
    from partita.simulations.world import World

FILES: Final = 3
HOST: Final = "files.test"
SIZES: Final = (0, 1, 1000, 65_536, 300_000, 6_000_000)
PATIENCE_S: Final = 600.0
ATTEMPTS: Final = 20


def pattern(random: Random, size: int) -> bytes:
    """Bytes of which no two places look alike for long."""
    words = min(512, size // 8 + 1)
    block = b"".join([random.bits64().to_bytes(8, "big") for _ in range(words)])
    return (block * (size // len(block) + 1))[:size]


def entity(world: World, number: int) -> Entity:
    """One of the files, which never change."""
    random = stream_of(world.seed, "users", f"file:{number}")
    return Entity(pattern(random, random.choice(SIZES)), e_tag=f'"v{number}"')


def hosts(world: World) -> None:
    """A server of files that does all as it should: ranges, entity tags, HEAD."""
    entities = {f"/file{number}": entity(world, number) for number in range(FILES)}

    def files(request: Request) -> Response | None:
        entity = entities.get(request.url.path)
        return None if entity is None else serve(request, entity)

    world.internet.host(HOST, files)


async def asked_for(user: User, random: Random) -> Any:
    """A download of one of the files. Whoever asked for it is not told that nobody did."""
    try:
        return await user.session.download_url(f"https://{HOST}/file{random.below(FILES)}")
    except DownloadFailed as error:
        if "nobody began it" in str(error) and not struck_by_a_defect(user):
            raise AssertionError(f"it was asked for, and: {error}") from error
        raise


def struck_by_a_defect(user: User) -> bool:
    """Whether one has taken a turn, which may have been a download's first."""
    return any(fault.name.startswith("defect.") for fault in user.world.faults.struck)


async def begin(user: User, random: Random) -> None:
    """Start a download, and wait a while for its end."""
    item = await asked_for(user, random)
    await user.sleep(random.random() * 5)
    if random.below(2):
        await wait_for_its_end(user, item)


async def wait_for_its_end(user: User, item: Any) -> None:
    """For a while; what the user is told then, must be so from now on."""
    stopped = item.stopped()
    if await user.within(PATIENCE_S, stopped) and stopped.get() == "completed":
        user.world.memory.setdefault("completed", []).append(item.id)


def drawn_item(user: User, random: Random) -> Any | None:
    items = user.session.downloads()
    return random.choice(items) if items else None


async def see_through(user: User, random: Random) -> None:
    """Start a download, and go on with it whenever it stops: the file is wanted."""
    await go_on_with(user, random, await asked_for(user, random))


async def go_on_with(user: User, random: Random, item: Any) -> None:
    """Until it has ended, or for many times."""
    for _ in range(ATTEMPTS):
        await wait_for_its_end(user, item)
        if not item.can_resume():
            return
        await user.sleep(random.random() * 5)
        item.resume()


async def resume(user: User, random: Random) -> None:
    """Go on with one, whatever it does."""
    item = drawn_item(user, random)
    if item is not None:
        item.resume()
        if random.below(2):
            await wait_for_its_end(user, item)


async def pause(user: User, random: Random) -> None:
    """Hold one."""
    item = drawn_item(user, random)
    if item is not None:
        item.pause()
        await user.sleep(random.random() * 20)


async def cancel(user: User, random: Random) -> None:
    """Give one up."""
    item = drawn_item(user, random)
    if item is not None:
        item.cancel()


async def tidy_up(user: User, random: Random) -> None:
    """Delete what has come of a download, perhaps while it comes, or cut it off: it has to begin again."""
    item, disk = drawn_item(user, random), user.world.disk
    part_path = "" if item is None else f"{item.save_path}.part"
    if item is None or item.get_state() == "completed" or part_path not in disk.paths():
        return
    if item.get_state() == "interrupted" and random.below(2):
        length = random.below(1 + (disk.size(part_path) or 0))
        if all(
            other.get_state() != "progressing"
            for other in user.session.downloads()
            if other.save_path == item.save_path
        ):
            disk.cut(part_path, length)  # under one that is being written nobody could tell
            user.world.memory.setdefault(STRANGERS, {})[part_path] = None  # it may be taken for another program's
    else:
        with suppress(OSError):  # the disk may be read-only
            user.world.memory.setdefault(DELETED, set()).add(part_path)
            await disk.files(user.world.life).remove(part_path)
            if random.below(2):  # the next download gets the same name
                await disk.files(user.world.life).remove(item.save_path, only_if_empty=True)


async def look(user: User, random: Random) -> None:  # noqa: ARG001
    """All getters of all items answer, whatever the state."""
    for item in user.session.downloads():
        item.get_state()
        item.get_percent_complete()
        item.can_resume()
        item.get_filename()
        if not 0 <= item.get_received_bytes() <= max(SIZES) * 2:
            raise AssertionError(f"{item!r} has received {item.get_received_bytes()} bytes")


async def finish_all(user: User) -> None:
    """Everything that can go on does, and comes to its end."""
    for item in user.session.downloads():
        for _ in range(ATTEMPTS):
            if item.is_destroyed():
                break  # a listener refused it just now
            try:
                item.resume()  # one that waits for a place says so again: a defect may have taken its word
                await item.stopped()
            except DownloadFailed:
                undone = item.id not in {other.id for other in user.session.downloads()}
                if not undone and not struck_by_a_defect(user):
                    raise
                break  # a defect took its first turn: the next process settles it
            if item.is_destroyed() or not item.can_resume():
                break
        else:
            raise AssertionError(f"{item!r} can be resumed for ever: {item.last_reason}")


async def prepare(user: User) -> None:
    """Each process says anew where downloads go."""
    user.session.set_download_path("/downloads")
    await user.session.flush()


STEPS: Final = {
    "begin": begin,
    "see_through": see_through,
    "resume": resume,
    "pause": pause,
    "cancel": cancel,
    "tidy_up": tidy_up,
    "look": look,
}

downloads: Final = Scenario(
    name="downloads",
    summary="users download, pause, resume and cancel while connections break and processes crash",
    hosts=hosts,
    steps=STEPS,
    opened=prepare,
    finish=finish_all,
    checkers=(CompletedWhenTold, NoFileIsStray),
    users=3,
    steps_each=(4, 9),
)
