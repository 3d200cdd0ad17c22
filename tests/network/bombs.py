"""Bodies of a few KiB or MiB that stand for 10 GiB of zeros. None of them is ever there unfolded, here neither."""

from __future__ import annotations

import gzip
import zlib

import brotli  # type: ignore[import-untyped]

MIB = 1 << 20
UNFOLDED_BYTES = 10 << 30


def of_members() -> bytes:
    """10 MiB of gzip: one member after another (RFC 1952 2.2)."""
    return gzip.compress(bytes(10 * MIB)) * (UNFOLDED_BYTES // (10 * MIB))


def of_one_stream() -> bytes:
    """10 MiB of zlib's format: a block that refers to nothing before it, over and over."""
    deflate = zlib.compressobj()
    head = deflate.compress(bytes(MIB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(MIB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return head + block * (UNFOLDED_BYTES // MIB - 1)


def of_brotli() -> bytes:
    """9 KiB: a meta-block of 16 MiB, over and over."""
    compressor = brotli.Compressor(quality=5, lgwin=24)
    zeros = bytes(16 * MIB)
    head, block = (compressor.process(zeros) + compressor.flush() for _ in range(2))
    return head + block * (UNFOLDED_BYTES // len(zeros) - 1)  # type: ignore[no-any-return]


def of_zstd() -> bytes:
    """320 KiB: one frame of blocks that say how often a byte comes (RFC 8878 3.1.1.2.2)."""
    magic, descriptor, window = b"\x28\xb5\x2f\xfd", b"\0", bytes((13 << 3,))  # a window of 8 MiB
    longest = 128 << 10
    block = (longest << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    return magic + descriptor + window + block * (UNFOLDED_BYTES // longest)


def of_gzip_in_gzip() -> bytes:
    """25 KiB: what is 10 MiB of gzip once it is unfolded."""
    return gzip.compress(of_members())


BOMBS = {
    "gzip": of_members,
    "deflate": of_one_stream,
    "br": of_brotli,
    "zstd": of_zstd,
    "gzip, gzip": of_gzip_in_gzip,
}
"""By ``Content-Encoding``."""
