"""What a server can say wrong, through a session from end to end.

Each is an error with Chromium's name and number (``docs/guides/requests.md`` has the same table), and the session goes on: the
next request is answered, no connection is left open, and nothing is left under way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from durability.waiting import until
from network.enduring import PATIENCE_S, failure, is_called, is_good, it_goes_on, nothing_is_left, streamed_failure
from servers.misbehaving import GOOD, MisbehavingServer, Script, Wire, keeps, says

import partita
from partita.actors.network.net_errors import CODES
from partita.errors import NetError

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "requests.md"


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


# -- what a server says -------------------------------------------------------------------------------------------------------

HTTP = ("ERR_INVALID_HTTP_RESPONSE", -370)
TOO_BIG = ("ERR_RESPONSE_HEADERS_TOO_BIG", -325)
TRUNCATED = ("ERR_RESPONSE_HEADERS_TRUNCATED", -357)
MISMATCH = ("ERR_CONTENT_LENGTH_MISMATCH", -354)
LENGTHS = ("ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH", -346)
INCOMPLETE = ("ERR_INCOMPLETE_CHUNKED_ENCODING", -355)
CHUNKS = ("ERR_INVALID_CHUNKED_ENCODING", -321)
UNDECODABLE = ("ERR_CONTENT_DECODING_FAILED", -330)
EMPTY = ("ERR_EMPTY_RESPONSE", -324)
RESET = ("ERR_CONNECTION_RESET", -101)


def many(name: bytes) -> Iterator[bytes]:
    return (name + b"%d: x\r\n" % number for number in range(5_000))


def resets(*parts: bytes) -> Script:
    def script(wire: Wire) -> None:
        for part in parts:
            wire.say(part)
        wire.reset()

    return script


def never_ends_its_head(wire: Wire) -> None:
    wire.say(OK)
    while True:
        wire.say(b"A: b\r\n" * 1000)


def never_comes_to_the_answer(wire: Wire) -> None:
    while True:
        wire.say(b"HTTP/1.1 102 Processing\r\n\r\n")


WRONG: dict[str, tuple[Script, tuple[str, int]]] = {
    # status lines
    "no status line": (says(b"What do you want?\r\n\r\n"), HTTP),
    "HTTP/0.9": (says(b"<html>hello</html>"), HTTP),
    "HTTP/2 in the clear": (says(b"HTTP/2.0 200 OK\r\n\r\n"), HTTP),
    "the preface of HTTP/2": (says(b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80"), HTTP),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), HTTP),
    "TLS where there is none": (says(b"\x15\x03\x01\x00\x02\x02\x46"), HTTP),
    "a status of letters": (says(b"HTTP/1.1 two hundred\r\n\r\n"), HTTP),
    "a status of two digits": (says(b"HTTP/1.1 20 OK\r\n\r\n"), HTTP),
    "a status of four digits": (says(b"HTTP/1.1 2000 OK\r\n\r\n"), HTTP),
    "a status below 100": (says(b"HTTP/1.1 099 OK\r\n\r\n"), HTTP),
    "a status below zero": (says(b"HTTP/1.1 -200 OK\r\n\r\n"), HTTP),
    "no status": (says(b"HTTP/1.1\r\n\r\n"), HTTP),
    "a line before the status line": (says(b"\r\nHTTP/1.1 200 OK\r\n\r\n"), HTTP),
    "a space before the status line": (says(b" HTTP/1.1 200 OK\r\n\r\n"), HTTP),
    # heads
    "a NUL in a field": (says(OK + b"A: b\0c\r\n\r\n"), HTTP),
    "one field over 256 KiB": (says(OK + b"A: " + b"x" * (257 << 10) + b"\r\n\r\n"), TOO_BIG),
    "fields over 256 KiB together": (says(OK, *(b"A: " + b"x" * 1000 + b"\r\n" for _ in range(300)), b"\r\n"), TOO_BIG),
    "5,000 fields": (says(OK, b"".join(many(b"A")), b"\r\n"), TOO_BIG),
    "a reason over 256 KiB": (says(b"HTTP/1.1 200 " + b"x" * (257 << 10) + b"\r\n\r\n"), TOO_BIG),
    "a head without an end": (never_ends_its_head, TOO_BIG),
    "interim responses without an end": (never_comes_to_the_answer, HTTP),
    "no answer": (says(), EMPTY),
    "an end within the status line": (says(b"HTTP/1.1 200 O"), TRUNCATED),
    "an end within the fields": (says(OK + b"A: b\r\n"), TRUNCATED),
    "an end behind an interim response": (says(b"HTTP/1.1 103 Early Hints\r\n\r\n"), TRUNCATED),
    # lengths that lie
    "fewer bytes than said": (says(OK + b"Content-Length: 9\r\n\r\nhello"), MISMATCH),
    "no bytes of those said": (says(OK + b"Content-Length: 9\r\n\r\n"), MISMATCH),
    "a length of letters": (says(OK + b"Content-Length: nine\r\n\r\nhello"), HTTP),
    "a length below zero": (says(OK + b"Content-Length: -5\r\n\r\nhello"), HTTP),
    "a length with a sign": (says(OK + b"Content-Length: +5\r\n\r\nhello"), HTTP),
    "a length in hexadecimal": (says(OK + b"Content-Length: 0x5\r\n\r\nhello"), HTTP),
    "no number for a length": (says(OK + b"Content-Length: \r\n\r\nhello"), HTTP),
    "a length beyond 64 bits": (says(OK + b"Content-Length: 99999999999999999999\r\n\r\nhello"), HTTP),
    # framing that contradicts itself
    "two lengths": (says(OK + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello"), LENGTHS),
    "two lengths in one field": (says(OK + b"Content-Length: 5, 50\r\n\r\nhello"), LENGTHS),
    "two lengths, one of them continued": (says(OK + b"Content-Length: 5\r\n ,50\r\n\r\nhello"), LENGTHS),
    "two locations": (
        says(b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n"),
        ("ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION", -350),
    ),
    "two dispositions": (
        says(OK + b"Content-Disposition: inline\r\nContent-Disposition: attachment\r\n\r\n"),
        ("ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_DISPOSITION", -349),
    ),
    # chunks
    "no last chunk": (says(CHUNKED + b"5\r\nhello\r\n"), INCOMPLETE),
    "half a chunk": (says(CHUNKED + b"5\r\nhe"), INCOMPLETE),
    "no end of the trailers": (says(CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n"), INCOMPLETE),
    "a chunk's size of letters": (says(CHUNKED + b"five\r\nhello\r\n0\r\n\r\n"), CHUNKS),
    "a chunk's size below zero": (says(CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n"), CHUNKS),
    "a chunk's size with a prefix": (says(CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n"), CHUNKS),
    "a chunk's size beyond 64 bits": (says(CHUNKED + b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"), CHUNKS),
    "a chunk that is longer than said": (says(CHUNKED + b"4\r\nhello\r\n0\r\n\r\n"), CHUNKS),
    "a size without an end": (says(CHUNKED + b"5;" + b"x" * 300_000), CHUNKS),
    # connections
    "a reset instead of an answer": (resets(), RESET),
    "a reset within the head": (resets(OK), RESET),
    "a reset within the body": (resets(OK + b"Content-Length: 9\r\n\r\nhello"), RESET),
    # codings
    "a body that is no gzip": (says(OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"), UNDECODABLE),
    "a body that is no brotli": (
        says(OK + b"Content-Encoding: br\r\nContent-Length: 10\r\n\r\nnone of it"),
        UNDECODABLE,
    ),
    "a body that is no zstd": (says(OK + b"Content-Encoding: zstd\r\nContent-Length: 5\r\n\r\nhello"), UNDECODABLE),
    "twenty codings": (
        says(OK + b"Content-Encoding: " + b"gzip, " * 20 + b"\r\nContent-Length: 5\r\n\r\nhello"),
        UNDECODABLE,
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_server_says_wrong_has_its_name_and_the_session_goes_on(
    server: MisbehavingServer, system: partita.System, session: partita.Session, wrong: str
) -> None:
    script, (name, code) = WRONG[wrong]
    url = server.on("/bad", script)
    with it_goes_on(system, session, server):
        is_called(failure(session, url), name, code)
        is_called(streamed_failure(session, url), name, code)
        with httpx.Client(transport=session.sync_transport()) as client, pytest.raises(NetError) as caught:
            client.get(url)
        assert caught.value.name == name
        is_called(failure(session, url, cache="only-if-cached"), "ERR_CACHE_MISS", -400)


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
)
def test_what_broke_off_is_never_served_from_the_cache(
    server: MisbehavingServer, system: partita.System, session: partita.Session, framing: bytes
) -> None:
    url = server.on("/broken", says(OK + b'Cache-Control: max-age=600\r\nETag: "1"\r\n' + framing))
    with it_goes_on(system, session, server):
        assert failure(session, url).name in (MISMATCH[0], INCOMPLETE[0])
        is_called(failure(session, url, cache="only-if-cached"), "ERR_CACHE_MISS", -400)
        assert failure(session, url).name in (MISMATCH[0], INCOMPLETE[0])
        server.on("/broken", keeps(GOOD))
        assert session.fetch(url).get(PATIENCE_S).content == b"good"


LONG = b"hello" + EVIL

LENIENT: dict[str, tuple[bytes, bytes]] = {
    "more bytes than said": (OK + b"Content-Length: 5\r\n\r\n" + LONG, b"hello"),
    "the same length twice": (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "the same length twice in one field": (OK + b"Content-Length: 5, 5\r\n\r\n" + LONG, b"hello"),
    "a length and chunks": (OK + b"Content-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO + EVIL, b"hello"),
    "chunks and a length": (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n" + HELLO + EVIL, b"hello"),
    "chunks, continued on a line of their own": (
        OK + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 1\r\n\r\n" + HELLO + EVIL,
        b"hello",
    ),
    "chunks with a space before the colon": (
        OK + b"Transfer-Encoding : chunked\r\nContent-Length: 1\r\n\r\n" + HELLO + EVIL,
        b"hello",
    ),
    "chunks in capitals": (OK + b"TRANSFER-ENCODING: Chunked\r\nContent-Length: 1\r\n\r\n" + HELLO + EVIL, b"hello"),
    "chunked, identity": (OK + b"Transfer-Encoding: chunked, identity\r\n\r\n" + HELLO + EVIL, b"hello"),
    "identity and a length": (OK + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n" + LONG, b"hello"),
    "chunks behind another coding": (OK + b"Transfer-Encoding: x, chunked\r\n\r\n" + HELLO + EVIL, b"hello"),
    "lengths that differ, and chunks": (
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO + EVIL,
        b"hello",
    ),
    "more behind the last chunk": (CHUNKED + HELLO + EVIL, b"hello"),
    "a body where there is none": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n" + LONG, b""),
    "a change of the protocol": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + EVIL, b""),
    "lines that end in LF": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\n" + LONG, b"hello"),
    "lines that are no fields": (OK + b"nonsense\r\n: empty\r\nA B: c\r\nContent-Length: 5\r\n\r\n" + LONG, b"hello"),
    "more than the last chunk of gzip": (
        OK + b"Content-Encoding: gzip, identity, gzip\r\nContent-Length: 0\r\n\r\n" + EVIL,
        b"",
    ),
}
"""What is read all the same, as browsers do: how, and that what is left of it is nobody's answer."""


@pytest.mark.parametrize("wrong", LENIENT)
def test_what_can_be_read_in_one_way_only_is_read_and_leaves_nothing_behind(
    server: MisbehavingServer, system: partita.System, session: partita.Session, wrong: str
) -> None:
    wire, body = LENIENT[wrong]
    url = server.on("/odd", keeps(wire))
    with it_goes_on(system, session, server):
        assert session.fetch(url, cache="no-store").get(PATIENCE_S).content == body
        is_good(session, server)
        with session.stream(url, cache="no-store") as response:
            assert b"".join(response.iter_bytes()) == body


def ends_only_with_the_connection(framing: bytes) -> Script:
    return says(OK + framing + b"\r\n\r\n" + HELLO)


@pytest.mark.parametrize(
    "framing",
    [
        b"Transfer-Encoding: chunked, x",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 3",
        b'Transfer-Encoding: "chunked"\r\nContent-Length: 3',
    ],
)
def test_a_transfer_coding_that_is_none_ends_with_the_connection(
    server: MisbehavingServer, system: partita.System, session: partita.Session, framing: bytes
) -> None:
    """RFC 9112 6.3: nothing else is certain, and no length that stands beside it counts."""
    url = server.on("/odd", ends_only_with_the_connection(framing))
    with it_goes_on(system, session, server):
        assert session.fetch(url).get(PATIENCE_S).content == HELLO


# -- time -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", [b"", OK, OK + b"Content-Length: 5\r\n\r\nhel", CHUNKED + b"5\r\nhello\r\n", OK + b"\r\nand then"]
)
def test_a_server_that_falls_silent_times_out(
    server: MisbehavingServer, system: partita.System, session: partita.Session, said: bytes
) -> None:
    def script(wire: Wire) -> None:
        wire.say(said)
        wire.hang()

    url = server.on("/silent", script)
    with it_goes_on(system, session, server):
        is_called(failure(session, url, timeout=0.1), "ERR_TIMED_OUT", -7)
        error = streamed_failure(session, url, timeout=0.1)
        is_called(error, "ERR_TIMED_OUT", -7)
        assert isinstance(error, httpx.TimeoutException)


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n" + HELLO])
def test_one_byte_at_a_time_is_an_answer_as_well(
    server: MisbehavingServer, system: partita.System, session: partita.Session, framing: bytes
) -> None:
    url = server.on("/drips", lambda wire: wire.drip(OK + b"Set-Cookie: a=b\r\n" + framing))
    with it_goes_on(system, session, server):
        response = session.fetch(url, timeout=PATIENCE_S, cache="no-store").get(PATIENCE_S)
        assert (response.content, response.headers["set-cookie"]) == (b"hello", "a=b")


def test_an_answer_before_the_question_is_nobodys(tmp_path: Path) -> None:
    """On a connection that was made ahead of time, as on one that was used before."""
    with partita.System(data_dir=tmp_path) as system, MisbehavingServer(greeting=EVIL) as server:
        session = system.from_partition("persist:bad")
        session.preconnect(url=server.url("/"))
        until(lambda: server.connections == 1, "it is connected")
        server.greeting = b""
        until(lambda: system.world.network.statistics().idle == 1, "it is in the pool")  # type: ignore[attr-defined]
        is_good(session, server)
        answered_twice = server.on("/twice", keeps(GOOD + EVIL))
        assert session.fetch(answered_twice).get(PATIENCE_S).content == b"good"
        is_good(session, server)
        nothing_is_left(system, server)


# -- the table of the guide ---------------------------------------------------------------------------------------------------


def test_every_error_of_this_page_is_in_the_table_of_the_guide() -> None:
    page = GUIDE.read_text(encoding="utf-8")
    told = dict(re.findall(r"`(ERR_\w+)` \((-\d+)\)", page))
    assert {name: str(CODES[name]) for name in told} == told
    tests = [Path(__file__), *(Path(__file__).with_name(f"test_{name}.py") for name in ("bad_callers", "bombs"))]
    asserted = {name for path in tests for name in re.findall(r'"(ERR_\w+)"', path.read_text(encoding="utf-8"))}
    assert asserted <= told.keys(), asserted - told.keys()
