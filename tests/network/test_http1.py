"""Responses on the wire, without I/O: what is read, what is refused, and by which name."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.network.http import NetError
from partita.actors.network.transport.http1 import MOST_FIELDS, MOST_HEAD_BYTES, MOST_INTERIM, Head, HeadReader, body_of
from partita.actors.network.transport.requests import CHUNKED, chunk, request_head, target_of

OK = b"HTTP/1.1 200 OK\r\n"


class Outcome:
    """One response: its head, its body and what became of it."""

    def __init__(self, pieces: Sequence[bytes], method: str = "GET") -> None:
        self.head: Head | None = None
        self.body = b""
        self.error: str | None = None
        self.surplus = self.kept = False
        self.interim: list[int] = []
        try:
            self._read([piece for piece in pieces if piece], method)
        except NetError as error:
            self.error = error.name

    def _read(self, pieces: list[bytes], method: str) -> None:
        reader = HeadReader()
        while self.head is None:
            if not pieces:
                raise reader.end()
            self.head = reader.feed(pieces.pop(0))
        self.interim = [head.status for head in reader.interim]
        body, self.kept = body_of(self.head, method)
        for piece in [reader.rest, *pieces]:
            if piece:
                self.body += body.feed(piece)
        if not body.done:
            body.end()
        self.surplus = body.surplus

    @property
    def told(self) -> tuple[object, ...]:
        head = None if self.head is None else (self.head.status, self.head.reason, self.head.headers)
        return head, self.interim, self.error, self.kept, self.surplus, None if self.error else self.body


def fields(*lines: bytes) -> tuple[tuple[str, str], ...]:
    head = Outcome([OK + b"\r\n".join([*lines, b"Content-Length: 0", b"", b""])]).head
    assert head is not None
    return head.headers[:-1]


@pytest.mark.parametrize(
    ("line", "status", "reason", "version"),
    [
        (b"HTTP/1.1 200 OK", 200, "OK", "HTTP/1.1"),
        (b"HTTP/1.1 200", 200, "", "HTTP/1.1"),
        (b"HTTP/1.1 404 ", 404, "", "HTTP/1.1"),
        (b"HTTP/1.0 299 Caf\xe9 au lait", 299, "Caf\u00e9 au lait", "HTTP/1.0"),
        (b"HTTP/1.7 200 OK", 200, "OK", "HTTP/1.1"),
        (b"HTTP/1.1  200  OK", 200, "OK", "HTTP/1.1"),
    ],
)
def test_a_status_line_is_read(line: bytes, status: int, reason: str, version: str) -> None:
    head = Outcome([line + b"\r\nContent-Length: 0\r\n\r\n"]).head
    assert head is not None
    assert (head.status, head.reason, head.http_version) == (status, reason, version)


@pytest.mark.parametrize(
    "line",
    [
        b"What do you want?",
        b"HTTQ/1.1 200 Fine",
        b"HTTP/2 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/1.1 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 -20 OK",
        b"HTTP/1.1 2\xb20 OK",
        b"HTTP/1. 200 OK",
        b"http/1.1 200 OK",
        b"ICY 200 OK",
        b"<html>HTTP/0.9</html>",
        b"\r\nHTTP/1.1 200 OK",
        b" HTTP/1.1 200 OK",
    ],
)
def test_anything_else_is_no_http(line: bytes) -> None:
    assert Outcome([line + b"\r\n\r\n"]).error == "ERR_INVALID_HTTP_RESPONSE"


def test_noise_is_refused_before_it_ends() -> None:
    with pytest.raises(NetError, match="ERR_INVALID_HTTP_RESPONSE"):
        HeadReader().feed(b"x")


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        ((b"A: b",), (("A", "b"),)),
        ((b"A:b", b"a:  \t c \t "), (("A", "b"), ("a", "c"))),
        ((b"A:",), (("A", ""),)),
        ((b"A: b: c",), (("A", "b: c"),)),
        ((b"A: \xe9\xff",), (("A", "\u00e9\u00ff"),)),
        ((b"A : b",), (("A", "b"),)),
        ((b"A: b", b" c", b"\t  d", b"E: f"), (("A", "b c d"), ("E", "f"))),
        ((b"no field", b"A: b"), (("A", "b"),)),
        ((b": nameless", b"A: b"), (("A", "b"),)),
        ((b"a b: c", b"A: b"), (("A", "b"),)),
        ((b"\xe9: c", b"A: b"), (("A", "b"),)),
        ((b"A: b\nB: c",), (("A", "b"), ("B", "c"))),
        ((b"A: b\rB: c",), (("A", "b"), ("B", "c"))),
        ((b"A: \x01\x7f",), (("A", "\x01\x7f"),)),
    ],
)
def test_fields_are_read_as_chromium_reads_them(lines: tuple[bytes, ...], read: tuple[tuple[str, str], ...]) -> None:
    assert fields(*lines) == read


@pytest.mark.parametrize("line", [b"A: b\0c", b"A\0: b", b"\0"])
def test_a_nul_spoils_the_head(line: bytes) -> None:
    assert Outcome([OK + line + b"\r\n\r\n"]).error == "ERR_INVALID_HTTP_RESPONSE"


def test_lines_may_end_in_a_bare_line_feed() -> None:
    outcome = Outcome([b"HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nhi"])
    assert (outcome.body, outcome.error, outcome.kept) == (b"hi", None, True)


def test_a_head_beyond_its_limit_is_refused_whether_or_not_it_ends() -> None:
    fill = b"A: " + b"x" * (MOST_HEAD_BYTES - len(OK) - len(b"A: \r\n\r\n"))
    assert Outcome([OK + fill + b"\r\n\r\n"]).error is None
    for ending in (b"x\r\n\r\n", b"xxxxxx"):
        assert Outcome([OK + fill + ending]).error == "ERR_RESPONSE_HEADERS_TOO_BIG"
    many = b"a:b\r\n" * (MOST_FIELDS + 1)
    assert Outcome([OK + many + b"\r\n"]).error == "ERR_RESPONSE_HEADERS_TOO_BIG"


def test_interim_responses_count_as_head_and_have_a_limit_of_their_own() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    outcome = Outcome([hints * 2 + b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n"])
    assert (outcome.interim, outcome.head and outcome.head.status) == ([103, 103, 100], 200)
    assert Outcome([hints * (MOST_INTERIM + 1) + OK + b"\r\n"]).error == "ERR_INVALID_HTTP_RESPONSE"
    big = b"HTTP/1.1 103 Hints\r\nA: " + b"x" * (MOST_HEAD_BYTES // 2) + b"\r\n\r\n"
    assert Outcome([big * 2 + OK + b"\r\n"]).error == "ERR_RESPONSE_HEADERS_TOO_BIG"


@pytest.mark.parametrize(
    ("lines", "body", "read", "kept"),
    [
        ((b"Content-Length: 5",), b"hello", b"hello", True),
        ((b"Content-Length: 0",), b"", b"", True),
        ((b"Content-Length: 5", b"content-length: 5"), b"hello", b"hello", True),
        ((b"Content-Length: 5, 5",), b"hello", b"hello", True),
        ((b"Content-Length: 005",), b"hello", b"hello", True),
        ((b"Content-Length: 5", b"Connection: close"), b"hello", b"hello", False),
        ((b"Content-Length: 5", b"Connection: Keep-Alive, Close"), b"hello", b"hello", False),
        ((), b"hello", b"hello", False),
        ((b"Transfer-Encoding: chunked",), b"5\r\nhello\r\n0\r\n\r\n", b"hello", True),
        ((b"Transfer-Encoding: Chunked",), b"5\r\nhello\r\n0\r\n\r\n", b"hello", True),
        ((b"Transfer-Encoding: chunked", b"Content-Length: 3"), b"5\r\nhello\r\n0\r\n\r\n", b"hello", False),
        ((b"Transfer-Encoding: chunked", b"Content-Length: 3", b"Content-Length: 4"), b"0\r\n\r\n", b"", False),
        ((b"Transfer-Encoding: gzip, chunked",), b"5\r\nhello\r\n0\r\n\r\n", b"hello", False),
        ((b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"), b"0\r\n\r\n", b"", False),
        ((b"Transfer-Encoding: chunked, gzip",), b"5\r\nhello", b"5\r\nhello", False),
        ((b"Transfer-Encoding: chunked, chunked",), b"5\r\nhello", b"5\r\nhello", False),
        ((b"Transfer-Encoding: xchunked", b"Content-Length: 2"), b"hello", b"hello", False),
        ((b"Transfer-Encoding: identity", b"Content-Length: 5"), b"hello", b"hello", True),
    ],
)
def test_how_a_body_ends(lines: tuple[bytes, ...], body: bytes, read: bytes, kept: bool) -> None:
    outcome = Outcome([OK + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body])
    assert (outcome.error, outcome.body, outcome.kept, outcome.surplus) == (None, read, kept, False)


@pytest.mark.parametrize(
    ("lines", "body", "name"),
    [
        ((b"Content-Length: 5", b"Content-Length: 6"), b"hello", "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH"),
        ((b"Content-Length: 5, 6",), b"hello", "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH"),
        ((b"Location: /a", b"location: /b"), b"", "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION"),
        (
            (b"Content-Disposition: inline", b"Content-Disposition: attachment"),
            b"",
            "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_DISPOSITION",
        ),
        ((b"Content-Length: five",), b"hello", "ERR_INVALID_HTTP_RESPONSE"),
        ((b"Content-Length: -5",), b"hello", "ERR_INVALID_HTTP_RESPONSE"),
        ((b"Content-Length: +5",), b"hello", "ERR_INVALID_HTTP_RESPONSE"),
        ((b"Content-Length: 0x5",), b"hello", "ERR_INVALID_HTTP_RESPONSE"),
        ((b"Content-Length: \xb2",), b"hello", "ERR_INVALID_HTTP_RESPONSE"),
        ((b"Content-Length:",), b"hello", "ERR_INVALID_HTTP_RESPONSE"),
        ((b"Content-Length: 99999999999999999999",), b"hello", "ERR_INVALID_HTTP_RESPONSE"),
        ((b"Content-Length: 9",), b"hello", "ERR_CONTENT_LENGTH_MISMATCH"),
        ((b"Transfer-Encoding: chunked",), b"", "ERR_INCOMPLETE_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"5\r\nhel", "ERR_INCOMPLETE_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"5\r\nhello\r\n", "ERR_INCOMPLETE_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"5\r\nhello\r\n0\r\n", "ERR_INCOMPLETE_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"5\r\nhello, world\r\n", "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"five\r\nhello\r\n", "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"-5\r\nhello\r\n", "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"0x5\r\nhello\r\n", "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"\r\nhello\r\n", "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"1" * 17 + b"\r\n", "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"5;" + b"x" * 20_000 + b"\r\n", "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"5;" + b"x" * 20_000, "ERR_INVALID_CHUNKED_ENCODING"),
        ((b"Transfer-Encoding: chunked",), b"0\r\n" + b"a: b\r\n" * 100_000, "ERR_INVALID_CHUNKED_ENCODING"),
    ],
)
def test_what_cannot_be_believed_is_refused_by_its_name(lines: tuple[bytes, ...], body: bytes, name: str) -> None:
    assert Outcome([OK + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body]).error == name


def test_extensions_and_trailers_are_skipped() -> None:
    wire = b'5;a="b\xff" \r\nhello\r\nA ; q\r\n0123456789\r\n000\r\nTrailer: x\r\nSet-Cookie: no\r\n\r\n'
    outcome = Outcome([OK + b"Transfer-Encoding: chunked\r\n\r\n" + wire])
    assert (outcome.error, outcome.body, outcome.kept) == (None, b"hello0123456789", True)


@pytest.mark.parametrize(
    "wire",
    [
        b"Content-Length: 5\r\n\r\nhello!",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n!",
        b"Content-Length: 0\r\n\r\n!",
    ],
)
def test_bytes_behind_a_body_are_surplus(wire: bytes) -> None:
    assert Outcome([OK + wire]).surplus
    assert Outcome([OK + wire[:-1], wire[-1:]]).surplus


@pytest.mark.parametrize(
    ("method", "status", "kept"),
    [("HEAD", 200, True), ("GET", 204, True), ("GET", 304, True), ("GET", 101, False), ("HEAD", 404, True)],
)
@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_some_responses_have_no_body_whatever_they_announce(
    method: str, status: int, kept: bool, framing: bytes
) -> None:
    outcome = Outcome([b"HTTP/1.1 %d Whatever\r\n" % status + framing + b"\r\n"], method)
    assert (outcome.error, outcome.body, outcome.kept) == (None, b"", kept)


def test_http_1_0_closes_unless_it_says_otherwise_and_knows_no_chunks() -> None:
    old = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n"
    assert not Outcome([old + b"\r\nhi"]).kept
    assert Outcome([old + b"Connection: keep-alive\r\n\r\nhi"]).kept
    assert Outcome([b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]).body == b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("wire", "name"), [(b"", "ERR_EMPTY_RESPONSE"), (b"HTTP/1.1 2", "ERR_RESPONSE_HEADERS_TRUNCATED")]
)
def test_an_end_before_the_head_has_a_name(wire: bytes, name: str) -> None:
    assert Outcome([wire]).error == name


def test_a_chunk_that_lies_within_what_came_is_not_copied() -> None:
    head = HeadReader().feed(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    assert head is not None
    body, _ = body_of(head, "GET")
    body.feed(b"10000\r\n")
    data = bytes(1000)
    assert body.feed(data) is data


WIRES = [
    OK + b"Content-Length: 5\r\nA: b\r\n c\r\n\r\nhello",
    OK + b"Content-Length: 5\r\n\r\nhello and more",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\nsurplus",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello, \r\n0\r\n\r\n",
    OK + b"\r\nuntil the end",
    b"HTTP/1.1 200 OK\nContent-Length: 1\n\n\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\nLink: x\n\n" + OK + b"Content-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\0\1\2",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
    b"HTTP/1.1 200",
    b"HTTX",
    OK + b"A: \0\r\n\r\n",
]


@pytest.mark.parametrize("wire", WIRES)
@given(cuts=st.lists(st.integers(0, 140), max_size=12))
def test_however_the_bytes_are_cut_the_result_is_the_same(wire: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    pieces = [wire[start:end] for start, end in itertools.pairwise(edges)]
    assert Outcome(pieces).told == Outcome([wire]).told
    assert Outcome([bytes([byte]) for byte in wire]).told == Outcome([wire]).told


@given(st.binary(max_size=300))
def test_no_bytes_at_all_raise_anything_but_a_net_error(wire: bytes) -> None:
    for prefix in (b"", OK, OK + b"Transfer-Encoding: chunked\r\n\r\n"):
        Outcome([prefix + wire])


# -- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://shop.test/", ("http", "shop.test", 80, "shop.test"), "/"),
        ("http://shop.test:80/a?b#c", ("http", "shop.test", 80, "shop.test"), "/a?b"),
        ("https://shop.test:8443/a", ("https", "shop.test", 8443, "shop.test:8443"), "/a"),
        ("HTTP://Shop.Test", ("http", "shop.test", 80, "shop.test"), "/"),
        ("http://shop.test?q", ("http", "shop.test", 80, "shop.test"), "/?q"),
        ("http://[::1]:81/", ("http", "::1", 81, "[::1]:81"), "/"),
        ("http://u:p@shop.test/", ("http", "shop.test", 80, "shop.test"), "/"),
        ("http://b\u00fccher.test/\u00e9 x", ("http", "xn--bcher-kva.test", 80, "xn--bcher-kva.test"), "/%C3%A9%20x"),
    ],
)
def test_a_url_is_taken_apart(url: str, origin: tuple[object, ...], target: str) -> None:
    found, asked = target_of(url)
    assert ((found.scheme, found.host, found.port, found.host_field), asked) == (origin, target)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("gopher://shop.test/", "ERR_UNKNOWN_URL_SCHEME"),
        ("http:///", "ERR_INVALID_URL"),
        ("http://shop.test:99999/", "ERR_INVALID_URL"),
        ("http://shop.test:x/", "ERR_INVALID_URL"),
        ("http://[::1/", "ERR_INVALID_URL"),
        ("http://a\nb/", "ERR_INVALID_URL"),
    ],
)
def test_where_nothing_can_be_asked_has_a_name(url: str, name: str) -> None:
    with pytest.raises(NetError) as caught:
        target_of(url)
    assert caught.value.name == name


def test_a_head_has_host_and_connection_first_and_its_framing_added() -> None:
    given_fields = (("Accept", "*/*"), ("Content-Length", "99"), ("transfer-encoding", "gzip"), ("X", "\u00e9"))
    assert request_head("GET", "/", "shop.test", given_fields, None) == (
        b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: keep-alive\r\nAccept: */*\r\nX: \xe9\r\n\r\n"
    )
    assert b"\r\nContent-Length: 7\r\n" in request_head("GET", "/", "a", (), 7)
    assert b"\r\nTransfer-Encoding: chunked\r\n" in request_head("POST", "/", "a", (), CHUNKED)
    assert b"\r\nHost: other\r\n" in request_head("GET", "/", "a", (("host", "other"),), None)
    for method, said in (("POST", True), ("PUT", True), ("PATCH", True), ("GET", False), ("DELETE", False)):
        assert (b"Content-Length: 0" in request_head(method, "/", "a", (), None)) is said


@pytest.mark.parametrize(
    ("method", "target", "field"),
    [
        ("GET", "/", ("A", "b\r\nEvil: c")),
        ("GET", "/", ("A", "b\nc")),
        ("GET", "/", ("A", "b\rc")),
        ("GET", "/", ("A", "b\0c")),
        ("GET", "/", ("A\r\nEvil", "b")),
        ("GET", "/", ("A", "\u2603")),
        ("GET", "/", ("Host", "a\r\nEvil: c")),
        ("GET / HTTP/1.1\r\nEvil: c\r\n", "/", ("A", "b")),
        ("GET /x", "/", ("A", "b")),
        ("GET", "/ HTTP/1.1\r\nEvil: c", ("A", "b")),
        ("GET", "/a b", ("A", "b")),
    ],
)
def test_nothing_breaks_out_of_its_line(method: str, target: str, field: tuple[str, str]) -> None:
    with pytest.raises(NetError, match="ERR_INVALID_ARGUMENT"):
        request_head(method, target, "shop.test", (field,), None)


def test_chunks_go_out_as_they_come_in() -> None:
    wire = chunk(b"hello") + chunk(bytes(range(256))) + chunk(b"")
    assert Outcome([OK + b"Transfer-Encoding: chunked\r\n\r\n" + wire]).body == b"hello" + bytes(range(256))
