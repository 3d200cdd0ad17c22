"""Users order many downloads at once: they wait for places, go on by themselves, and have digests and rates."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

from partita.events.download_ledger import BeginDownload
from partita.events.download_options import DownloadLimits, DownloadOptions, RetryPolicy
from partita.events.download_queue import LimitDownloads
from partita.events.errors import DownloadFailed
from partita.simulations.checkers.completions import CompletedWhenTold
from partita.simulations.checkers.digests import DigestsHold
from partita.simulations.checkers.places import PlacesAreKept
from partita.simulations.checkers.rates import RatesAreKept
from partita.simulations.checkers.stray_files import NoFileIsStray
from partita.simulations.internet import Entity, serve
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.downloads import (
    FILES,
    cancel,
    look,
    pattern,
    pause,
    prepare,
    resume,
    wait_for_its_end,
)
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.network.http import Request, Response
    from partita.simulations.world import World

HOSTS: Final = ("one.test", "two.test")
SIZES: Final = (0, 1000, 65_536, 300_000, 2_000_000)
PATIENCE_S: Final = 900.0
ATTEMPTS: Final = 20


def body_of(world: World, number: int) -> bytes:
    """A file; all hosts have the same ones."""
    random = stream_of(world.seed, "users", f"file:{number}")
    return pattern(random, random.choice(SIZES))


def hosts(world: World) -> None:
    """Servers of files, of which now and then one has had enough for a while (RFC 9110 15.6.4)."""
    entities = {f"/file{number}": Entity(body_of(world, number), e_tag=f'"v{number}"') for number in range(FILES)}
    busy = stream_of(world.seed, "users", "busy")

    def files(request: Request) -> Response | tuple[int, dict[str, str], bytes] | None:
        entity = entities.get(request.url.path)
        if entity is not None and not world.healed and not busy.below(8):
            return 503, {"Retry-After": str(busy.below(20))}, b"later"
        return None if entity is None else serve(request, entity)

    for name in HOSTS:
        world.internet.host(name, files)


def options_of(user: User, random: Random, number: int) -> DownloadOptions:
    """What a download is ordered with; now and then a digest that it cannot have."""
    policy = RetryPolicy(attempts=1 + random.below(5), first_s=random.random() * 4, resume_on_open=random.below(2) == 1)
    body = body_of(user.world, number) + (b"" if random.below(6) else b"!")
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return DownloadOptions(
        retry=policy if random.below(4) else None,
        priority=random.below(3),
        rate_bytes_s=random.choice((0, 0, 50_000)),
        integrity=f"sha256-{digest}" if random.below(2) else "",
    )


async def order(user: User, random: Random) -> None:
    """Order a few at once, and wait for one of them."""
    session = user.session
    item: Any = None
    for _ in range(1 + random.below(4)):
        number = random.below(FILES)
        url = f"https://{random.choice(HOSTS)}/file{number}"
        begin = BeginDownload(url, session.get_download_path(), options=options_of(user, random, number))
        download_id = await session._partition.ask(begin)  # noqa: SLF001  # the face has no options yet
        item = next((known for known in session.downloads() if known.id == download_id), item)
    if item is not None and random.below(2):
        await wait_for_its_end(user, item)


async def limit(user: User, random: Random) -> None:
    """All of them together, no faster than that."""
    limits = DownloadLimits(int(user.world.knobs.settings["downloads.concurrent"]), 1 + random.below(2), 400_000)
    await user.session._partition.ask(LimitDownloads(limits))  # noqa: SLF001


async def opened(user: User) -> None:
    """Few places, from the first process on."""
    await prepare(user)
    limits = DownloadLimits(int(user.world.knobs.settings["downloads.concurrent"]), 2)
    await user.session._partition.ask(LimitDownloads(limits))  # noqa: SLF001


def had_defects(user: User) -> bool:
    """Whether a defect may have taken a word that somebody waits for: the next process settles that."""
    return any(fault.name.startswith("defect.") for fault in user.world.faults.struck)


async def finish(user: User) -> None:
    """Everything comes to its end, but what has a digest that it cannot have: that is cancelled."""
    for _ in range(ATTEMPTS):
        items = [item for item in user.session.downloads() if not is_missing(user, item)]
        for item in items:
            if not await user.within(PATIENCE_S, item.stopped()):
                if not had_defects(user):
                    raise AssertionError(f"{item!r} stands still")
                for other in items:  # a defect took the first turn of one that has a place, until the next process
                    other.cancel()
        if not any(item.can_resume() for item in items):
            break
    else:
        raise AssertionError("a download can be resumed for ever")
    for item in items:
        if item.get_state() == "progressing":  # a defect has taken what it waits for
            item.cancel()


def is_missing(user: User, item: Any) -> bool:
    """Go on with it, or give it up; whether it is not there: a defect has taken its first turn, or a failed commit all of it."""
    try:
        if item.last_reason == "FILE_HASH_MISMATCH":
            item.cancel()
        else:
            item.resume()
    except DownloadFailed:
        if item.id in {known.id for known in user.session.downloads()} and not had_defects(user):
            raise
        return True
    return False


queueing: Final = Scenario(
    name="queueing",
    summary="many downloads wait for few places, go on by themselves, and have digests and rates",
    hosts=hosts,
    steps={"order": order, "limit": limit, "resume": resume, "pause": pause, "cancel": cancel, "look": look},
    settings={"downloads.concurrent": (1, 2, 3)},
    opened=opened,
    finish=finish,
    checkers=(CompletedWhenTold, NoFileIsStray, PlacesAreKept, RatesAreKept, DigestsHold),
    users=3,
    steps_each=(3, 7),
)
