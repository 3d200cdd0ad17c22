"""Content codings, undone: every coding, cut anywhere, broken in every way, and bodies that are meant to fill the memory."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.network.decoding import MOST_CODINGS, PIECE_BYTES, Limits, decoded, decoder_for, zstd
from partita.actors.network.http import ACCEPT_ENCODING, NetError

MIB = 1 << 20
GIB = 1 << 30
ZEROS = bytes(16 * MIB)


def bare_deflate(body: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(body) + deflate.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
ALL = [*ENCODERS.items(), ("deflate", bare_deflate)]
each_coding = pytest.mark.parametrize(("name", "encode"), ALL, ids=[*ENCODERS, "bare deflate"])

bodies = st.one_of(
    st.binary(max_size=200), st.builds(lambda part, times: part * times, st.binary(max_size=20), st.integers(0, 30_000))
)


def cut(body: bytes, places: list[int]) -> Iterator[bytes]:
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return (body[start:stop] for start, stop in itertools.pairwise(edges))


def through(content_encoding: str, chunks: Iterator[bytes]) -> list[bytes]:
    decoder = decoder_for(content_encoding)
    assert decoder is not None
    return [piece for chunk in chunks for piece in decoder.feed(chunk)]


@each_coding
@given(body=bodies, places=st.lists(st.integers(0, 10**6), max_size=8))
def test_a_body_comes_back_wherever_it_was_cut(
    name: str, encode: Callable[[bytes], bytes], body: bytes, places: list[int]
) -> None:
    pieces = through(name, cut(encode(body), places))
    assert b"".join(pieces) == body
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)


@each_coding
def test_a_body_comes_back_byte_by_byte(name: str, encode: Callable[[bytes], bytes]) -> None:
    body = b"".join(b"%d, " % number for number in range(3000))
    coded = encode(body)
    assert b"".join(through(name, (coded[at : at + 1] for at in range(len(coded))))) == body


@each_coding
@given(body=bodies, behind=st.binary(min_size=1, max_size=40), kept=st.integers(0, 10**6))
def test_what_is_not_quite_right_is_the_beginning_of_it_or_an_error(
    name: str, encode: Callable[[bytes], bytes], body: bytes, behind: bytes, kept: int
) -> None:
    coded = encode(body)
    broken_off = b"".join(through(name, cut(coded[: kept % (len(coded) + 1)], [])))
    assert body.startswith(broken_off)
    try:
        assert b"".join(through(name, cut(coded + behind, []))).startswith(body)
    except NetError as error:
        assert error.name == "ERR_CONTENT_DECODING_FAILED"


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@given(garbage=st.binary(max_size=300))
def test_garbage_is_an_error_with_a_name_or_stands_for_something(name: str, garbage: bytes) -> None:
    try:
        decoded(garbage, name)
    except NetError as error:
        assert (error.name, error.code) == ("ERR_CONTENT_DECODING_FAILED", -330)
        assert f"the body is not {name}" in error.detail


def test_what_has_been_decoded_comes_before_the_error() -> None:
    coded = bytearray(gzip.compress(b"hello" * 100))
    coded[-5] ^= 1  # its checksum
    decoder = decoder_for("gzip")
    assert decoder is not None
    pieces = decoder.feed(bytes(coded[:-8]))
    assert b"".join(pieces) == b"hello" * 100
    with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED"):
        list(decoder.feed(bytes(coded[-8:])))


def test_codings_over_each_other_are_undone_from_the_last_to_the_first() -> None:
    body = b"once and again " * 1000
    assert decoded(brotli.compress(gzip.compress(zstd.compress(body))), "ZSTD, gzip ,br") == body
    assert decoded(gzip.compress(body), "identity, gzip,") == body


def test_a_coding_that_nobody_knows_leaves_the_whole_body_as_it_is() -> None:
    for content_encoding in ("", "identity", "compress", "gzip, unknown", "utf-8"):
        assert decoder_for(content_encoding) is None
    assert decoded(b"as it is", "aws-chunked") == b"as it is"


def test_more_codings_than_anybody_needs_are_refused() -> None:
    assert decoder_for(", ".join(["gzip"] * MOST_CODINGS)) is not None
    with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED") as caught:
        decoder_for(", ".join(["gzip"] * (MOST_CODINGS + 1)))
    assert "6 codings over each other" in caught.value.detail


def test_what_is_asked_for_is_what_is_undone() -> None:
    assert all(decoder_for(coding) is not None for coding in ACCEPT_ENCODING.split(", "))


def test_members_of_gzip_and_frames_of_zstd_follow_each_other_and_what_is_neither_is_ignored() -> None:
    assert decoded(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip") == b"one two"
    assert decoded(zstd.compress(b"one ") + zstd.compress(b"two"), "zstd") == b"one two"
    for coding in ("gzip", "deflate"):
        assert decoded(ENCODERS[coding](b"one") + b"\0\0\0 and more", coding) == b"one"


def test_a_stream_that_is_flushed_but_never_ended_gives_all_it_has() -> None:
    """As servers send events: the last block never comes."""
    deflate = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    said = [deflate.compress(b"data: %d\n\n" % number) + deflate.flush(zlib.Z_SYNC_FLUSH) for number in range(5)]
    assert through("gzip", iter(said)) == [b"data: %d\n\n" % number for number in range(5)]


# -- bombs ----------------------------------------------------------------------------------------------------------------


def brotli_bomb() -> bytes:
    compressor = brotli.Compressor(quality=5, lgwin=24)
    first, again = (compressor.process(ZEROS) + compressor.flush() for _ in range(2))
    return first + again * 640


def gzip_bomb() -> bytes:
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = deflate.compress(ZEROS) + deflate.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * 640


def zstd_bomb() -> bytes:
    return zstd.compress(ZEROS) * 640


@pytest.mark.parametrize(
    ("content_encoding", "make", "longest"),
    [
        ("br", brotli_bomb, 10 * 1024),
        ("gzip", gzip_bomb, 11 * MIB),
        ("zstd", zstd_bomb, MIB),
        ("gzip, br", lambda: brotli.compress(gzip_bomb()), MIB),
    ],
)
def test_ten_gibibytes_in_a_few_bytes_are_given_up_early_and_in_little_memory(
    content_encoding: str, make: Callable[[], bytes], longest: int
) -> None:
    bomb = make()
    assert len(bomb) <= longest
    decoder = decoder_for(content_encoding)
    assert decoder is not None
    made = 0
    tracemalloc.start()
    try:
        with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED") as caught:
            for piece in decoder.feed(bomb):
                made += len(piece)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made <= 33 * MIB
    assert most < 4 * MIB
    assert "meant to fill the memory" in caught.value.detail


def test_a_bomb_behind_much_that_is_well_is_still_taken_in_small_pieces() -> None:
    """A body of 1 MiB has earned 200 MiB: nobody makes them at once."""
    decoder = decoder_for("zstd", Limits(free_bytes=0, ratio=10**9))
    assert decoder is not None
    bomb = zstd.compress(ZEROS) * 8
    tracemalloc.start()
    made = sum(map(len, decoder.feed(bomb)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made == 8 * len(ZEROS)
    assert most < 4 * MIB


def test_the_limits_are_the_callers_to_set() -> None:
    body = bytes(100_000)
    coded = gzip.compress(body)
    assert decoded(coded, "gzip", Limits(free_bytes=100_000, ratio=1)) == body
    assert decoded(coded, "gzip", Limits(free_bytes=0, ratio=1000)) == body
    with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED"):
        decoded(coded, "gzip", Limits(free_bytes=99_999, ratio=100))
