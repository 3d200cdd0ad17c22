"""Nothing is left where downloads go that no download knows of: bytes are written once the log has the file's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.downloads import DownloadState
from partita.simulations.checker import Broken, Checker
from partita.simulations.checkers.files_discarded import was_kept_from_deleting
from partita.simulations.checkers.strangers import STRANGERS
from partita.simulations.disk.names import folder_of

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class NoFileIsStray(Checker):
    """Looks at the end, in scenarios where it is known what others write. An empty one keeps a name free, and is nobody's."""

    name = "stray"

    def ended(self, partition: Partition) -> None:
        disk = self.world.disk
        if disk.lied or disk.damaged or was_kept_from_deleting(self.world):
            return
        states = [actor.state for actor in partition.actors.values()]
        known = {
            *self.world.memory.get(STRANGERS, {}),
            *(
                path
                for state in states
                if isinstance(state, DownloadState)
                for path in (state.part_path, state.target_path)
            ),
        }
        folders = {folder_of(path) for path in known if path}
        for path in disk.paths():
            if path not in known and folder_of(path) in folders and disk.size(path):
                raise Broken(f"no download knows of {path}", partition.position)
