"""Carries out ``StopFetch``."""

from __future__ import annotations

import contextlib
from typing import Final

from partita.actors.kernel.world import Carriers, Door
from partita.events.downloads import StopFetch


async def stop_fetch(effect: StopFetch, door: Door) -> None:
    """Stop the fetch and delete what it leaves. One that still writes deletes its files when it has closed them."""
    for effect_id in (effect.effect_id, *effect.helpers):
        if effect_id is not None:
            door.stop(effect_id)
    files = door.world.files
    for path in effect.discard:
        with contextlib.suppress(OSError):
            await files.remove(path)
    if effect.placeholder:
        with contextlib.suppress(OSError):
            await files.remove(effect.placeholder, only_if_empty=True)


CARRIERS: Final[Carriers] = {StopFetch: stop_fetch}
