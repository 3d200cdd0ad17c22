"""Content codings undone, piece by piece and within limits (RFC 9110 8.4). Pure.

A few bytes can stand for gigabytes: 10 KiB of brotli, or 10 MiB of gzip, unfold to 10 GiB. So nothing here makes more than
:data:`PIECE_BYTES` at a time, whatever comes in, and a body that unfolds beyond all measure is given up (:class:`Limits`).

What Chromium does with bodies that are not quite right, it does here (``net/filter/``): a coding that it does not know leaves
the whole body as it came, bytes behind the end of gzip's and zlib's streams are ignored, and a stream that breaks off gives
what it has: that a body came whole is for its framing to say. ``deflate`` is zlib's format or, as some servers send it, the
bare one. Other than there, a second member of gzip is read (RFC 1952 2.2), and the checksum of each has to be right.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]
from msgspec import Struct

from partita.actors.network.http import NetError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES: Final = 128 * 1024
"""No piece is longer."""

MOST_CODINGS: Final = 5
"""Codings over each other that a body may have; curl draws the line there too."""

_SLICE_BYTES: Final = 64 * 1024  # what is not yet consumed is copied by zlib: not all of a large chunk each time
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16
_SNIFFED_BYTES: Final = 1000
_BROTLI_LIMIT_BYTES: Final = PIECE_BYTES // 2  # its buffer grows in steps, and may come out longer by half
_WINDOW_LOG: Final = 23  # 8 MiB: no more is asked of whoever decodes zstd (RFC 9659 3)


class Limits(Struct, frozen=True):
    """What a body may unfold to: so many bytes in any case, and beyond them so many times the bytes that came in.

    Text of every day has a ratio below 20; what is made of nothing but zeros has 1,032 in gzip.
    """

    free_bytes: int = 32 * 1024 * 1024
    ratio: int = 200


LIMITS: Final = Limits()


class _Coding(Protocol):
    """One coding, undone."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What ``data``, put behind all that came before, stands for. Raises one of :data:`_FAILURES`."""
        ...


def _pieces(inflate: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What ``data`` adds. A full piece says that there may be more, even when all of ``data`` is consumed."""
    full = True
    while (data or full) and not inflate.eof:
        piece = inflate.decompress(data, PIECE_BYTES)
        yield piece
        full = len(piece) == PIECE_BYTES
        data = inflate.unconsumed_tail


class _Gzip:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self._behind = b""  # what may be the beginning of another member
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._ended:
            if self._inflate.eof:
                data = self._another_member(data)
                continue
            yield from _pieces(self._inflate, data)
            data = self._inflate.unused_data

    def _another_member(self, data: bytes) -> bytes:
        self._behind += data
        if len(self._behind) < len(_GZIP_MAGIC):
            return b""
        data, self._behind = self._behind, b""
        self._ended = not data.startswith(_GZIP_MAGIC)
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        return data


class _Deflate:
    """zlib's format; until something has come of it, it may turn out to be the bare one (RFC 9110 8.4.1.2, note)."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj()
        self._replay: bytes | None = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inflate.eof:
            return
        try:
            for piece in _pieces(self._inflate, data):
                if piece:
                    self._replay = None
                yield piece
        except zlib.error:
            if self._replay is None:
                raise
            data, self._replay = self._replay + data, None
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            yield from _pieces(self._inflate, data)
        if self._replay is not None:
            self._replay = None if len(self._replay) >= _SNIFFED_BYTES else self._replay + data


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        decompressor = self._decompressor
        more = True
        while more and not decompressor.is_finished():
            piece = decompressor.process(data, output_buffer_limit=_BROTLI_LIMIT_BYTES)
            yield piece
            more = len(piece) >= _BROTLI_LIMIT_BYTES or not decompressor.can_accept_more_data()
            data = b""


class _Zstd:
    """Frame after frame (RFC 8878 3.1)."""

    def __init__(self) -> None:
        self._decompressor = self._fresh()

    @staticmethod
    def _fresh() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._decompressor.eof:
                self._decompressor = self._fresh()
            yield self._decompressor.decompress(data, PIECE_BYTES)
            while not (self._decompressor.needs_input or self._decompressor.eof):
                yield self._decompressor.decompress(b"", PIECE_BYTES)
            data = self._decompressor.unused_data


_CODINGS: Final[Mapping[str, Callable[[], _Coding]]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}

_FAILURES: Final = (zlib.error, brotli.error, zstd.ZstdError)


class Decoder:
    """A body's codings, undone: :meth:`feed` it the body, chunk by chunk. There is nothing to be said at the end."""

    def __init__(self, codings: Iterable[str], limits: Limits = LIMITS) -> None:
        """``codings``: names that :func:`decoder_for` knows, in the order in which they were applied."""
        self._names = tuple(codings)
        self._stages = [_CODINGS[name]() for name in reversed(self._names)]
        self._limits = limits
        self._came_bytes = 0
        self._made_bytes = [0] * len(self._stages)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the chunk stands for, in pieces that are not empty and not longer than :data:`PIECE_BYTES`.

        Raises :class:`NetError` ``ERR_CONTENT_DECODING_FAILED``.
        """
        view = memoryview(data)
        for start in range(0, len(data), _SLICE_BYTES):
            part = view[start : start + _SLICE_BYTES]
            self._came_bytes += len(part)
            try:
                yield from self._through(bytes(part), 0)
            except _FAILURES as error:
                raise NetError("ERR_CONTENT_DECODING_FAILED", f"the body is not {self._said()}: {error}") from error

    def _through(self, data: bytes, stage: int) -> Iterator[bytes]:
        for piece in self._stages[stage].feed(data):
            if not piece:
                continue
            self._count(len(piece), stage)
            if stage + 1 == len(self._stages):
                yield piece
            else:
                yield from self._through(piece, stage + 1)

    def _count(self, made_bytes: int, stage: int) -> None:
        total = self._made_bytes[stage] = self._made_bytes[stage] + made_bytes
        limits = self._limits
        if total > limits.free_bytes and total > limits.ratio * self._came_bytes:
            raise NetError(
                "ERR_CONTENT_DECODING_FAILED",
                f"{self._came_bytes} bytes of {self._said()} have unfolded to {total} already, more than {limits.ratio} "
                f"times as many: such a body is meant to fill the memory, and is not read on",
            )

    def _said(self) -> str:
        return ", ".join(self._names)


def decoder_for(content_encoding: str, limits: Limits = LIMITS) -> Decoder | None:
    """What undoes the codings that ``Content-Encoding`` names; None where there are none, or one that nobody knows.

    Raises :class:`NetError` for more than :data:`MOST_CODINGS`.
    """
    names = [name for part in content_encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if not names or not _CODINGS.keys() >= set(names):
        return None
    if len(names) > MOST_CODINGS:
        raise NetError("ERR_CONTENT_DECODING_FAILED", f"{len(names)} codings over each other: {', '.join(names)}")
    return Decoder(names, limits)


def decoded(body: bytes, content_encoding: str, limits: Limits = LIMITS) -> bytes:
    """A whole body without its codings. Raises :class:`NetError` ``ERR_CONTENT_DECODING_FAILED``."""
    decoder = decoder_for(content_encoding, limits)
    return body if decoder is None else b"".join(decoder.feed(body))
