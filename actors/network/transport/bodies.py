"""Bodies of responses, without I/O, by how they end (RFC 9112 6.3): what comes in from a connection, without its framing.

A reader is fed until it is ``done``. ``surplus``: more came than the body is long, so that what the connection carries next
is nobody's answer.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from partita.actors.network.http import NetError

_MOST_LINE_BYTES: Final = 16 * 1024
"""Chromium's limit on the line that begins a chunk."""
_MOST_TRAILER_BYTES: Final = 256 * 1024
_CHUNK_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?", re.DOTALL)


class BodyReader(Protocol):
    """Reads one body."""

    done: bool
    surplus: bool

    @property
    def left_bytes(self) -> int | None:
        """How many bytes of the connection are still the body's; None when nobody knows."""
        ...

    def feed(self, data: bytes) -> bytes:
        """More from the connection; the part of the body that is in it, which may be empty. Raises :class:`NetError`."""
        ...

    def end(self) -> None:
        """The connection has ended. Raises :class:`NetError` when the body has not."""
        ...


class NoBody:
    """A response without a body."""

    done = True
    left_bytes = 0

    def __init__(self) -> None:
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        """See :class:`BodyReader`; so for the rest."""
        self.surplus = self.surplus or bool(data)
        return b""

    def end(self) -> None:
        """It had ended before."""


class Sized:
    """A body of so many bytes."""

    def __init__(self, length: int) -> None:
        self.left_bytes = length
        self.done = not length
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        """See :class:`BodyReader`; so for the rest. What is all body comes back as it is, not copied."""
        left = self.left_bytes - len(data)
        if left > 0:
            self.left_bytes = left
            return data
        self.done = True
        if left < 0:
            self.surplus = True
            data = data[: self.left_bytes]
        self.left_bytes = 0
        return data

    def passed(self, left_bytes: int) -> None:
        """A part of the body was taken past here: so much is left."""
        self.left_bytes = left_bytes
        self.done = not left_bytes

    def end(self) -> None:
        if not self.done:
            raise NetError("ERR_CONTENT_LENGTH_MISMATCH", f"the connection ended {self.left_bytes} bytes too early")


class UntilEnd:
    """A body that ends with its connection."""

    left_bytes = None

    def __init__(self) -> None:
        self.done = False
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        """See :class:`BodyReader`; so for the rest."""
        return data

    def end(self) -> None:
        self.done = True


class Chunked:
    """A body in chunks (RFC 9112 7.1). Extensions and trailers are skipped.

    It goes round: a line with the size; that many bytes; an empty line. After size 0 come the trailers and an empty line.
    """

    left_bytes = None

    def __init__(self) -> None:
        self.done = False
        self.surplus = False
        self._left = 0
        self._held = b""
        self._read_line = self._size
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """See :class:`BodyReader`; so for the rest. What lies within one chunk comes back as it is, not copied."""
        if self._left > len(data):
            self._left -= len(data)
            return data
        if self._held:
            data = self._held + data
            self._held = b""
        parts: list[bytes] = []
        at = 0
        while at < len(data):
            if self.done:
                self.surplus = True
                break
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                self._left -= len(part)
                at += len(part)
                continue
            end = data.find(b"\n", at, at + _MOST_LINE_BYTES)
            if end < 0:
                if len(data) - at >= _MOST_LINE_BYTES:
                    raise _broken(f"a line is longer than {_MOST_LINE_BYTES} bytes")
                self._held = data[at:]
                break
            line = data[at : end - 1 if data[end - 1 : end] == b"\r" and end > at else end]
            at = end + 1
            self._read_line(line)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def end(self) -> None:
        if not self.done:
            raise NetError("ERR_INCOMPLETE_CHUNKED_ENCODING", "the connection ended before the last chunk")

    def _size(self, line: bytes) -> None:
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise _broken(f"{line[:40]!r} is no size of a chunk")
        self._left = int(match[1], 16)
        self._read_line = self._behind_chunk if self._left else self._trailer

    def _behind_chunk(self, line: bytes) -> None:
        if line:
            raise _broken(f"{line[:40]!r} stands behind a chunk in place of a line's end")
        self._read_line = self._size

    def _trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _MOST_TRAILER_BYTES:
            raise _broken(f"the trailers are longer than {_MOST_TRAILER_BYTES} bytes")
        self.done = not line


def _broken(what: str) -> NetError:
    return NetError("ERR_INVALID_CHUNKED_ENCODING", what)
