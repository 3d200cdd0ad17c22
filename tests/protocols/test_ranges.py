"""Parts of bodies: of files, of whole answers and of streams (WANTS 48, 100; RFC 9110 14)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import partita
from partita.actors.protocols.ranges import part_asked_for

CONTENT = bytes(range(256)) * 16
SIZE = len(CONTENT)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=10-", (10, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=90-1000", (90, 100)),
        ("BYTES= 0-0 ", (0, 1)),
        ("bytes=99-99", (99, 100)),
        ("bytes=100-", "unsatisfiable"),
        ("bytes=100-200", "unsatisfiable"),
        ("bytes=-0", "unsatisfiable"),
        ("bytes=9-8", None),
        ("bytes=0-1,5-6", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=\uff11-\uff12", None),
        ("items=0-9", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_a_range_of_a_hundred_octets(value: str, expected: object) -> None:
    assert part_asked_for((("Range", value),), (), 100) == expected


def test_nothing_of_nothing_can_be_had() -> None:
    assert part_asked_for((("Range", "bytes=0-"),), (), 0) == "unsatisfiable"
    assert part_asked_for((), (), 0) is None


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200))
def test_a_part_is_what_python_slices(first: int, last: int, size: int) -> None:
    content = bytes(number % 256 for number in range(size))
    part = part_asked_for((("Range", f"bytes={first}-{last}"),), (), size)
    if first > last:
        assert part is None
    elif first >= size:
        assert part == "unsatisfiable"
    else:
        assert isinstance(part, tuple)
        assert content[part[0] : part[1]] == content[first : last + 1]


@pytest.mark.parametrize(
    ("condition", "applies"),
    [('"v1"', True), ('"v2"', False), ('W/"v1"', False), ("Sun, 06 Nov 1994 08:49:37 GMT", True), ("yesterday", False)],
)
def test_if_range_of_another_version_asks_for_all(condition: str, applies: bool) -> None:
    headers = (("ETag", '"v1"'), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"))
    part = part_asked_for((("Range", "bytes=0-9"), ("If-Range", condition)), headers, 100)
    assert part == ((0, 10) if applies else None)


def plain() -> Iterator[bytes]:
    for start in range(0, SIZE, 100):
        yield CONTENT[start : start + 100]


async def under_a_loop() -> AsyncIterator[bytes]:
    for chunk in plain():
        yield chunk


def handled(body: Any, **headers: str) -> Any:
    return lambda session: session.protocol.handle(
        "s", lambda request: httpx.Response(200, content=body(), headers=headers)
    )


ANSWERS = {
    "bytes": handled(lambda: CONTENT),
    "plain stream": handled(plain, **{"Content-Length": str(SIZE)}),
    "async stream": handled(under_a_loop, **{"Content-Length": str(SIZE)}),
    "buffer": lambda session: session.protocol.register_buffer_protocol("s", lambda request: CONTENT),
    "string": lambda session: session.protocol.register_string_protocol(
        "s", lambda request: {"data": CONTENT.decode("latin-1"), "charset": "latin-1"}
    ),
}


@pytest.mark.parametrize("kind", [*ANSWERS, "file", "file: URL"])
def test_a_part_is_cut_out_of_whatever_a_handler_gives(session: partita.Session, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    url = "s:x"
    if kind == "file":
        session.protocol.register_file_protocol("s", lambda request: str(path))
    elif kind == "file: URL":
        url = path.as_uri()
    else:
        ANSWERS[kind](session)
    for value, start, stop in [
        ("0-9", 0, 10),
        ("150-250", 150, 251),
        (f"{SIZE - 1}-", SIZE - 1, SIZE),
        ("-300", SIZE - 300, SIZE),
    ]:
        response = session.fetch(url, headers={"Range": f"bytes={value}"}).get(10)
        assert response.status_code == 206
        assert response.content == CONTENT[start:stop]
        assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert response.headers["content-length"] == str(stop - start)
    beyond = session.fetch(url, headers={"Range": f"bytes={SIZE}-"}).get(10)
    assert (beyond.status_code, beyond.content) == (416, b"")
    assert beyond.headers["content-range"] == f"bytes */{SIZE}"
    whole = session.fetch(url, headers={"Range": "bytes=0-1,4-5"}).get(10)
    assert (whole.status_code, whole.content) == (200, CONTENT)


def test_a_handlers_own_206_is_left_alone(session: partita.Session) -> None:
    session.protocol.handle(
        "s", lambda request: httpx.Response(206, content=b"own", headers={"Content-Range": "bytes 0-2/9"})
    )
    response = session.fetch("s:x", headers={"Range": "bytes=5-6"}).get(10)
    assert (response.content, response.headers["content-range"]) == (b"own", "bytes 0-2/9")


def test_a_stream_of_unknown_length_is_given_whole(session: partita.Session) -> None:
    handled(plain)(session)
    response = session.fetch("s:x", headers={"Range": "bytes=5-6"}).get(10)
    assert (response.status_code, response.content) == (200, CONTENT)


def test_a_stream_that_is_shorter_than_it_says_breaks_off(session: partita.Session) -> None:
    handled(lambda: iter([b"short"]), **{"Content-Length": "1000"})(session)
    with pytest.raises(partita.NetError, match="ERR_CONTENT_LENGTH_MISMATCH"):
        session.fetch("s:x", headers={"Range": "bytes=900-"}).get(10)


def test_what_follows_a_part_is_not_read(session: partita.Session) -> None:
    made = []

    def endless() -> Iterator[bytes]:
        while True:
            made.append(1)
            yield b"x" * 100

    handled(endless, **{"Content-Length": "1000000000"})(session)
    assert session.fetch("s:x", headers={"Range": "bytes=150-349"}).get(10).content == b"x" * 200
    assert len(made) <= 5
