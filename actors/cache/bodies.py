"""Bodies on their way into the cache, and out of it.

A body is cut into pieces, each a blob, while its caller reads it: no more than a piece is in memory. The entry is told of when
the body has ended, so it is never there without its blobs; what was cut off by a crash is named by nobody.

It awaits nothing but the door, so the simulation kernel runs it as well.
"""

from __future__ import annotations

from typing import Final

from partita.actors.cache.ranges import CachedSpan
from partita.actors.cache.storing import StoreOrder
from partita.actors.kernel.world import Door
from partita.events.cache import CachedPart, DiscardParts, StoreEntry
from partita.events.errors import Overloaded
from partita.events.points import buggify
from partita.events.session import SessionState

PIECE_BYTES: Final = 256 << 10
"""A piece is stored when it has so many bytes."""


class CacheBodyMissing(Exception):
    """The body of an entry is not there, or cannot be read. The entry is of no use: go to the network."""


class CacheWriter:
    """Stores one body, as ``order`` says. One of :meth:`finish` and :meth:`abandon` ends it; after that it does nothing."""

    def __init__(self, door: Door, order: StoreOrder) -> None:
        self._door = door
        self._order = order
        self._parts: list[CachedPart] = []
        self._piece: list[bytes] = []
        self._piece_bytes = 0
        self._size_bytes = 0
        self._ended = False

    def add(self, chunk: bytes) -> None:
        """The next bytes of the body. One that is too long, or comes faster than the disk, is given up."""
        if self._ended:
            return
        self._size_bytes += len(chunk)
        if self._size_bytes > self._order.limit_bytes:
            self._give_up()
            return
        self._piece.append(chunk)
        self._piece_bytes += len(chunk)
        if self._piece_bytes >= PIECE_BYTES:
            self._put()

    def finish(self) -> None:
        """The body has ended as it should."""
        self._end(complete=True)

    def abandon(self) -> None:
        """The body broke off, or its caller wants no more of it. What came may be kept as a part (RFC 9111 3.3).

        Where the effect itself was stopped (its partition closes, say) nothing more is told than what is to be forgotten.
        """
        if self._door.stopped:
            if not self._ended:
                self._give_up()
        else:
            self._end(complete=False)

    def _end(self, *, complete: bool) -> None:
        if self._ended:
            return
        if self._piece_bytes:
            self._put()
        if not self._ended:
            self._ended = True
            parts = tuple(self._parts)
            message = self._order.finished(parts, complete=complete)
            if isinstance(message, StoreEntry) and self._joins_what_is_gone(message):
                message = DiscardParts(parts) if parts else None
            if message is not None:
                self._door.tell(message, to="session")

    def _joins_what_is_gone(self, message: StoreEntry) -> bool:
        """Whether the new bytes go together with stored ones whose entry was removed meanwhile, and its blobs with it."""
        session = self._door.published("session")
        assert isinstance(session, SessionState), "a partition has a session"
        new = {part.digest for part in self._parts}
        return any(part.digest not in new and not session.cache.names(part.digest) for part in message.parts)

    def _put(self) -> None:
        content = b"".join(self._piece)
        self._piece, self._piece_bytes = [], 0
        try:
            digest = self._door.put_blob(content)
        except Overloaded:
            self._give_up()
            return
        self._parts.append(CachedPart(digest.hex(), len(content)))

    def _give_up(self) -> None:
        self._ended = True
        self._piece, self._piece_bytes = [], 0
        if self._parts:
            self._door.tell(DiscardParts(tuple(self._parts)), to="session")


class SpanReader:
    """The bytes of some spans, one after another. Whoever stops before the end closes it.

    What has been opened can be read to its end, whatever becomes of the entry meanwhile.
    """

    def __init__(self, door: Door, spans: tuple[CachedSpan, ...]) -> None:
        self._door = door
        self._spans = spans
        self._next = 0
        self._ahead: list[bytes] = []
        self._held: tuple[bytes, ...] = ()

    async def open(self) -> None:
        """Read the first span ahead, or all when they are small: where the body is gone, that is known before any of it is shown.

        Raises :class:`CacheBodyMissing`.
        """
        if self._spans and buggify("cache.body_missing"):
            raise CacheBodyMissing("as if somebody had deleted it")
        size_bytes = 0
        for span in self._spans:
            self._ahead.append(await self._read(span))
            size_bytes += span.stop - span.start
            if size_bytes >= PIECE_BYTES:
                break
        self._held = tuple(span.digest for span in self._spans[len(self._ahead) :])
        if self._held:
            self._door.hold_blobs(self._held)

    def whole(self, limit_bytes: int) -> bytes | None:
        """All of the body, when it has been read ahead and is not longer than this; then nothing is left to be read."""
        if self._next or len(self._ahead) < len(self._spans) or sum(map(len, self._ahead)) > limit_bytes:
            return None
        ahead, self._ahead, self._next = self._ahead, [], len(self._spans)
        return ahead[0] if len(ahead) == 1 else b"".join(ahead)

    async def next_chunk(self) -> bytes | None:
        """The next bytes; None at the end. Raises :class:`CacheBodyMissing`."""
        if self._next >= len(self._spans):
            return None
        content = self._ahead.pop(0) if self._ahead else await self._read(self._spans[self._next])
        self._next += 1
        if self._next == len(self._spans):
            self.close()
        return content

    def close(self) -> None:
        """Nothing more is read. May be called twice."""
        held, self._held = self._held, ()
        self._next = len(self._spans)
        if held:
            self._door.let_go_of_blobs(held)

    def __aiter__(self) -> SpanReader:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.next_chunk()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def _read(self, span: CachedSpan) -> bytes:
        content = await self._door.blob(span.digest)
        if content is None or len(content) < span.stop:
            raise CacheBodyMissing(f"the blob {span.digest.hex()} is not there")
        return content if span.start == 0 and span.stop == len(content) else content[span.start : span.stop]


def read_spans(door: Door, spans: tuple[CachedSpan, ...]) -> SpanReader:
    """The body of a stored response, in pieces. Reading raises :class:`CacheBodyMissing`."""
    return SpanReader(door, spans)
