"""The process that the tour kills: it opens the partition, fetches, and begins a download that it will not finish.

``python -m partita.command.tour_child DATA_DIR PARTITION HOME_URL FILE_URL SAVE_PATH RECORD``. It ends when its stdin
does, and so does not outlive a tour that was killed itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from partita.system import System

if TYPE_CHECKING:
    from partita.downloading import WillDownload
    from partita.session import Session
    from partita.system import Record


def begin_download(system: System, partition: str, home_url: str, file_url: str, save_path: str) -> Session:
    """Fetch, and begin the download."""
    session = system.from_partition(partition)
    session.fetch(home_url).get()

    def save_there(event: WillDownload) -> None:
        event.item.set_save_path(save_path)

    session.on("will-download", save_there)
    session.download_url(file_url).get()
    return session


def main(data_dir: str, partition: str, home_url: str, file_url: str, save_path: str, *, record: Record) -> None:
    """Begin the download, and wait."""
    with System(data_dir=Path(data_dir), record=record) as system:
        begin_download(system, partition, home_url, file_url, save_path)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:6], record=cast("Record", sys.argv[6]))
