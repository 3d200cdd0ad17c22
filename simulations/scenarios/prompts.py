"""Listeners of will-download that answer late, never, by refusing, or with a path of their own; some of them raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.events.errors import DownloadFailed, DownloadRefused
from partita.simulations.checkers.completions import CompletedWhenTold
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.downloads import FILES, HOST, STEPS, drawn_item, finish_all, hosts
from partita.simulations.streams import key_of, numbered

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random

LATEST_S: Final = 120.0


async def prepare(user: User) -> None:
    """Each process listens anew."""
    user.session.set_download_path("/downloads")
    await user.session.flush()
    key = key_of(user.world.seed, "users", "prompts")
    asked = user.world.memory.setdefault("asked", [0])

    async def answer(event: Any) -> None:
        asked[0] += 1
        random = numbered(key, asked[0])
        match random.below(6):
            case 0:
                event.prevent_default()
            case 1:
                event.item.set_save_path(f"/elsewhere/{asked[0]}.bin")
            case 2:
                await user.sleep(random.random() * LATEST_S)
            case 3:
                await never(user)
            case 4:
                await user.sleep(random.random() * LATEST_S)
                event.prevent_default()
            case _:
                pass

    user.session.on("will-download", answer)


async def never(user: User) -> None:
    """As long as things go wrong, this user does not answer."""
    while not user.world.healed:
        await user.sleep(LATEST_S)


async def begin_and_leave(user: User, random: Random) -> None:
    """Start one, and be told what became of the question, or of the page that asked."""
    try:
        await user.session.download_url(f"https://{HOST}/file{random.below(FILES)}")
    except DownloadRefused:
        user.world.reached("user.refused")
    except DownloadFailed:
        user.world.reached("user.failed")


async def pause(user: User, random: Random) -> None:
    """Hold one; for a while only, when nobody was asked about it yet: who began it waits for that."""
    item = drawn_item(user, random)
    if item is None:
        return
    item.pause()
    await user.sleep(random.random() * 20)
    if not item.is_destroyed() and not item.save_path:
        item.resume()


prompts: Final = Scenario(
    name="prompts",
    summary="listeners of will-download answer late, never, with a path of their own, or refuse",
    hosts=hosts,
    steps={
        "begin_and_leave": begin_and_leave,
        "pause": pause,
        **{name: STEPS[name] for name in ("resume", "cancel", "look")},
    },
    opened=prepare,
    finish=finish_all,
    checkers=(CompletedWhenTold,),
    users=3,
    steps_each=(5, 10),
)
