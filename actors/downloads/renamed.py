"""Whether a file has its name already: its process may have ended after the rename, and before the log had that.

The part file is gone then, and what lies under the name is as long as the file. So may be the same file that somebody else has
fetched: that was written before the download began, or after it was last at work.
"""

from __future__ import annotations

import contextlib
from typing import Final

from partita.actors.kernel.world import Door

MODIFIED_GRAIN_US: Final = 2_000_000
"""How exactly a file system knows when a file was written: FAT to two seconds, most to some milliseconds."""


async def has_its_name(
    door: Door, part_path: str, target_path: str, total_bytes: int, *, since_us: int = 0, until_us: int = 0
) -> bool:
    """Whether the whole file of ``total_bytes`` lies at ``target_path``, last written between these times.

    In microseconds since 1970; 0: at any time. Raises :class:`OSError`.
    """
    files = door.world.files
    if not total_bytes or target_path == part_path or await files.size(part_path) is not None:
        return False
    if await files.size(target_path) != total_bytes:
        return False
    if not since_us and not until_us:
        return True
    with contextlib.suppress(FileNotFoundError):
        file = await files.open_to_read(target_path)
        await file.close()
        return since_us - MODIFIED_GRAIN_US <= file.modified_us <= (until_us or file.modified_us)
    return False
