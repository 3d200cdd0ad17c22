"""Carries out ``StopFetch`` and ``DiscardFiles``: what is under way ends, and what it leaves is deleted.

A deletion counts when its outcome is in the log; until then a crash has it done once more by the next process. So nobody
else may have the name in the meantime: his file would be deleted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from partita.actors.downloads.claims import is_of_another
from partita.actors.downloads.renamed import has_its_name
from partita.actors.kernel.shared import Shared
from partita.actors.kernel.world import Carriers, Door
from partita.events.downloads import DiscardFiles, FilesDiscarded, StopFetch
from partita.events.points import reached


class _Leaving(dict[str, Callable[[], bool]]):
    """The paths that are being left, and whether they still are: of all partitions."""


def leave(door: Door, *paths: str) -> None:
    """These are about to be deleted, or renamed: nobody else may have their names before the log has the effect's outcome."""
    leaving = door.world.shared.of(_Leaving)
    for path in [path for path, is_left in leaving.items() if not is_left()]:
        del leaving[path]
    leaving.update(dict.fromkeys(paths, door.awaiting()))


def is_leaving(shared: Shared, path: str) -> bool:
    """Whether this file is about to be deleted or renamed, or that is not in the log yet."""
    is_left = shared.of(_Leaving).get(path)
    return is_left is not None and is_left()


async def stop_fetch(effect: StopFetch, door: Door) -> None:
    """Stop the fetch and its helpers. Each ends when it has closed what it has open."""
    for effect_id in (effect.effect_id, *effect.helpers):
        if effect_id is not None:
            door.stop(effect_id)


async def discard_files(effect: DiscardFiles, door: Door) -> FilesDiscarded:
    """Delete the files, when nobody of the download has them open any more. At a closing: at once, and at the next opening."""
    leave(door, *effect.files, effect.placeholder)
    whole: tuple[str, ...] = ()
    try:
        await door.alone()
        if await _is_whole(effect, door):
            reached("download.discarded_whole")
            whole = (effect.target_path,)
    finally:
        await _delete(effect, whole, door)
    return FilesDiscarded(effect.id)


async def _is_whole(effect: DiscardFiles, door: Door) -> bool:
    """Whether it got its name before a crash, or before it was cancelled."""
    try:
        for part_path in effect.files:
            if effect.until_us and await has_its_name(
                door,
                part_path,
                effect.target_path,
                effect.total_bytes,
                since_us=effect.since_us,
                until_us=effect.until_us,
            ):
                return True
    except OSError:  # nobody can tell
        pass
    return False


async def _delete(effect: DiscardFiles, whole: tuple[str, ...], door: Door) -> None:
    files = door.world.files
    for path in (*effect.files, *whole):
        if not is_of_another(door, path):
            with contextlib.suppress(OSError):
                await files.remove(path)
    if effect.placeholder and not is_of_another(door, effect.placeholder):
        with contextlib.suppress(OSError):
            await files.remove(effect.placeholder, only_if_empty=True)


CARRIERS: Final[Carriers] = {StopFetch: stop_fetch, DiscardFiles: discard_files}
