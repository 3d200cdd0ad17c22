"""A child that cancels a download and gets no further than its deletion: ``cancelling.py DATA_DIR PARTITION FOLDER URL``.

It says ``deleting PATH`` when the first file is about to be deleted, and waits there to be killed.
"""

from __future__ import annotations

import sys

import trio
from durability.children import heard, say

from partita.actors.live_world.files import DiskFiles
from partita.system import System


async def stand(files: DiskFiles, path: str, *, only_if_empty: bool = False) -> None:
    """In the place of ``DiskFiles.remove``."""
    say("deleting", path)
    await trio.sleep_forever()


def main() -> None:
    data_dir, name, folder, url = sys.argv[1:]
    DiskFiles.remove = stand  # type: ignore[method-assign]
    with System(data_dir=data_dir) as system:
        session = system.from_partition(name)
        session.set_download_path(folder)
        item = session.download_url(url).get()
        item.cancel()
        heard()


if __name__ == "__main__":
    main()
