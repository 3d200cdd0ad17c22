"""Users take over files of which another program has brought the beginning, and are asked where others go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.events.errors import DownloadRefused
from partita.simulations.checkers.completions import CompletedWhenTold
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.downloads import (
    FILES,
    HOST,
    STEPS,
    entity,
    finish_all,
    hosts,
    prepare,
    wait_for_its_end,
)
from partita.simulations.scenarios.prompts import begin_and_leave
from partita.simulations.streams import key_of, numbered

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random


LATEST_S: Final = 20.0


async def listen(user: User) -> None:
    """Each process listens anew, and refuses one of eight; asked where a file goes, it says so late, or does not say."""
    await prepare(user)
    key = key_of(user.world.seed, "users", "taken_over")
    asked = user.world.memory.setdefault("asked", [0])

    def answer(event: Any) -> None:
        asked[0] += 1
        if numbered(key, asked[0]).below(8) == 0:
            event.prevent_default()

    async def choose(request: Any) -> str | None:
        asked[0] += 1
        number = asked[0]
        random = numbered(key, number)
        await user.sleep(random.random() * LATEST_S)
        name = request.item.get_filename() or "unnamed"  # a defect may have taken the turn that named it
        return None if random.below(4) == 0 else f"/chosen/{number}/{name}"

    user.session.on("will-download", answer)
    user.session.set_choose_path_handler(choose)


async def take_over(user: User, random: Random) -> None:
    """Put the beginning of a file on the disk, or something else of that length, and go on with it."""
    number = random.below(FILES)
    whole = entity(user.world, number)
    if not whole.body:
        return  # nothing of it can be missing
    offset = random.below(len(whole.body))
    path = f"/taken/{random.bits64():x}.bin"
    is_other = random.below(4) == 0
    try:
        file = await user.world.disk.files(user.world.life).open(path)
        try:
            await file.write(0, b"x" * offset if is_other else whole.body[:offset])
            await file.sync()
        finally:
            await file.close()
    except OSError:
        return  # the disk is full, or read-only
    try:
        item = await user.session.create_interrupted_download(
            path=path,
            url_chain=[f"https://{HOST}/old", f"https://{HOST}/file{number}"],
            offset=offset,
            length=len(whole.body),
            e_tag='"another"' if is_other else whole.e_tag,
        )
    except DownloadRefused:
        user.world.reached("user.refused")
        return
    if random.below(2):
        item.resume()
        await wait_for_its_end(user, item)


taken_over: Final = Scenario(
    name="taken_over",
    summary="users go on with files that another program began, and are asked where others go",
    hosts=hosts,
    steps={
        "take_over": take_over,
        "begin_and_leave": begin_and_leave,
        **{name: STEPS[name] for name in ("resume", "pause", "cancel", "look")},
    },
    opened=listen,
    finish=finish_all,
    checkers=(CompletedWhenTold,),
    users=3,
    steps_each=(8, 14),
)
