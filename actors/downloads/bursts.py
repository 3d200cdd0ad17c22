"""While data flows fast it goes from the connection to the file in a thread; here is said whether it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from partita.actors.downloads.body import Body
from partita.actors.downloads.part_file import PartFile
from partita.actors.kernel.file_ports import BodySource

BURST_FROM_BYTES: Final = 256 << 10
"""So much at once comes where data flows faster than the loop takes it."""

_ANY: Final = 1 << 62


def _without_end() -> int:
    return _ANY


async def take_bursts(
    body: Body, part: PartFile, goes_on: Callable[[], bool], end: Callable[[], int] = _without_end
) -> None:
    """Until data comes slower, the body or the segment is over, or ``goes_on`` says no. Raises as reading and writing do."""

    async def take(source: BodySource) -> bool:
        until = end()

        def passed() -> None:
            if not goes_on() or end() < until:
                source.stop()

        return await part.take(source, until, passed)

    flows = True
    while flows and goes_on() and part.received_bytes < end():
        flows = await body.burst(take)
