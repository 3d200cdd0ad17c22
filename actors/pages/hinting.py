"""A document is read for a page: whatever it hints at is told, and done, while the rest of it comes in (FEATURES E7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from partita.actors.kernel.world import Door
from partita.actors.pages.hints import DocumentHints
from partita.events.network import Preconnect

HANDLER: Final = "preconnect"
"""Who is told of each hint: the session's listeners. Nobody waits for what they make of it."""


async def read_document(
    door: Door, hints: DocumentHints, body: AsyncIterator[bytes], at_hand: bytes | None = None
) -> bytes:
    """The whole body. ``at_hand``: all of it, where nobody has to wait for it."""
    await _follow(door, hints)
    if at_hand is not None:
        hints.feed(at_hand)
        content = at_hand
    else:
        chunks = []
        async for chunk in body:
            hints.feed(chunk)
            chunks.append(chunk)
            await _follow(door, hints)
        content = b"".join(chunks)
    hints.finish()
    await _follow(door, hints)
    return content


async def _follow(door: Door, hints: DocumentHints) -> None:
    for hint in hints.found():
        await door.world.handlers.ask(door.partition, HANDLER, hint)
        door.tell(Preconnect(hint.preconnect_url), to="session")
