"""What a cancelled download had received is deleted, whenever its process ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.events.downloads import DiscardFiles, DownloadState
from partita.simulations.checker import Broken, Checker
from partita.simulations.checkers.strangers import STRANGERS

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.actors.kernel.world import Door
    from partita.events.types import Effect
    from partita.simulations.world import World

_KEEP_IT: Final = ("defect.", "file.read_only", "disk.read_only")
"""Nothing is deleted by a carrier that raises, nor on a disk that is read-only."""


def was_kept_from_deleting(world: World) -> bool:
    """Whether something of that kind has happened."""
    return any(fault.name.startswith(_KEEP_IT) for fault in world.faults.struck)


class CancelledFilesAreGone(Checker):
    """Looks at the end. The name of a part file may belong to another download by then.

    An empty file is nobody's: it kept a name free for a download whose process ended before the log knew of that. A whole
    file under a name that was kept free for the download is known by its length: others may have put theirs there.
    """

    name = "discarded"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._whole: dict[str, tuple[int, int]] = {}

    def carried(self, effect: Effect, door: Door) -> None:  # noqa: ARG002
        if isinstance(effect, DiscardFiles) and effect.placeholder:
            self._whole[effect.target_path] = effect.total_bytes, self._io_errors()

    def ended(self, partition: Partition) -> None:
        disk = self.world.disk
        if disk.lied or was_kept_from_deleting(self.world):
            return
        states = {name: actor.state for name, actor in partition.actors.items()}
        downloads = {name: state for name, state in states.items() if isinstance(state, DownloadState)}
        kept = {
            *self.world.memory.get(STRANGERS, {}),
            *(
                path
                for state in downloads.values()
                if state.phase != "cancelled"
                for path in (state.part_path, state.target_path)
            ),
        }
        for name, state in downloads.items():
            if state.phase != "cancelled":
                continue
            if state.part_path not in kept and disk.size(state.part_path):
                raise Broken(f"{name} was cancelled, and {state.part_path} is still there", partition.position)
        if any(fault.name.startswith("clock.") for fault in self.world.faults.struck):
            return  # when a file was written tells nothing
        for path, (size_bytes, io_errors) in self._whole.items():
            if self._io_errors() > io_errors:
                continue  # perhaps the file could not be looked at
            if path not in kept and size_bytes and disk.size(path) == size_bytes:
                raise Broken(f"the download of {path} was cancelled, and the file is whole", partition.position)

    def _io_errors(self) -> int:
        return sum(fault.name == "file.io_error" for fault in self.world.faults.struck)
