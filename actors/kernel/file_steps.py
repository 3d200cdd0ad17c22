"""What a files port may offer beyond what every port does: found by its methods, asked for by no name.

A file of some kilobytes is received in less time than a hop to a thread takes, so what is several steps may be one. A port that
has none of this is no worse a port: those who read a recording back, and tests, leave most of it out.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from partita.actors.kernel.file_ports import Files, OpenFile


@runtime_checkable
class FinishingFile(OpenFile, Protocol):
    """A file whose end is one step. Found by its method."""

    async def finish(self, offset: int, data: bytes) -> None:
        """Write, sync and close: one hop to a thread, not three. Closed also when that raises ``OSError``."""
        ...


@runtime_checkable
class PlacingFiles(Files, Protocol):
    """Files whose beginning and end are one step each. Found by its methods."""

    async def claim_both(self, path: str, beside: str) -> bool:
        """Two names of one folder, durably; False, and neither is made, when something has one of them."""
        ...

    async def put_in_place(
        self, opened: OpenFile, source: str, target: str, *, url: str, referrer: str, over_nothing: bool
    ) -> None:
        """Mark ``source``, where there is a place for that, and rename it, if it is still the file that was ``opened``.

        Else ``FileNotFoundError``. Raises ``OSError`` as ``rename`` does.
        """
        ...


@runtime_checkable
class BusyFiles(Files, Protocol):
    """Files whose calls go on elsewhere, while the loop may look idle. Found by its property."""

    @property
    def under_way(self) -> int:
        """How many calls have not come back yet."""
        ...
