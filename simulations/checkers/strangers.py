"""What another program has put where a download was to go is not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

STRANGERS: Final = "strangers"
"""In the world's memory under this name: such files by their paths, with what is in them; None: perhaps there is none."""


class StrangersFilesStay(Checker):
    """Looks at each opening, and at the end."""

    name = "strangers"

    def opened(self, partition: Partition) -> None:
        self._compare(partition)

    def ended(self, partition: Partition) -> None:
        self._compare(partition)

    def _compare(self, partition: Partition) -> None:
        if self.world.disk.lied:
            return
        for path, content in self.world.memory.get(STRANGERS, {}).items():
            found = self.world.disk.content(path)
            if content is not None and found != content:
                what = "gone" if found is None else f"{len(found)} other bytes"
                raise Broken(f"{path} was put there by another program, and is {what} now", partition.position)
