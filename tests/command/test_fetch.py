from __future__ import annotations

import base64
from pathlib import Path

from servers.loopback import LoopbackServer, Reply, Seen, redirects, sends

from .conftest import Command


def test_the_body_goes_to_stdout_as_it_came(partita: Command, server: LoopbackServer) -> None:
    done = partita("fetch", server.on("/", sends(b"first\nlast")))
    assert (done.status, done.out, done.err) == (0, "first\nlast", "")


def test_a_cookie_of_one_run_is_sent_by_the_next_in_the_same_partition(
    partita: Command, server: LoopbackServer
) -> None:
    server.on("/login", redirects("/home", cookies=("id=7; Max-Age=900",)))
    home = server.on("/home", sends(b"in"))
    assert partita("fetch", server.url("/login"), "-p", "persist:work").out == "in"
    assert partita("fetch", home, "-p", "persist:work").status == 0
    assert partita("fetch", home).status == 0
    assert [seen.header("cookie") for seen in server.seen] == [None, "id=7", "id=7", None]


def test_without_a_partition_nothing_is_kept(partita: Command, server: LoopbackServer) -> None:
    assert partita("fetch", server.on("/", sends(b"", headers=[("Set-Cookie", "id=7; Max-Age=900")]))).status == 0
    assert not partita.home.exists() or list(partita.home.iterdir()) == []


def test_method_header_and_body_are_sent_as_given(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/", sends(b"done"))
    assert (
        partita("fetch", url, "-X", "PUT", "-H", "X-Mark: a: b", "-H", "Content-Type: text/x", "-d", "body").status == 0
    )
    assert partita("fetch", url, "-d", "a=1").status == 0
    (partita.directory / "body.bin").write_bytes(b"\0\1")
    assert partita("fetch", url, "-d", "@body.bin").status == 0
    assert partita("fetch", url, "-d", "@-", stdin=b"piped").status == 0
    assert [(seen.method, seen.body) for seen in server.seen] == [
        ("PUT", b"body"),
        ("POST", b"a=1"),
        ("POST", b"\0\1"),
        ("POST", b"piped"),
    ]
    assert (server.seen[0].header("x-mark"), server.seen[0].header("content-type")) == ("a: b", "text/x")
    assert server.seen[1].header("content-type") == "application/x-www-form-urlencoded"


def test_the_head_is_printed_when_asked_for_and_a_404_is_an_answer(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/", sends(b"gone", status=404, headers=[("X-Mark", "1")]))
    done = partita("fetch", url, "-i")
    assert done.status == 0
    head, _, body = done.out.partition("\n\n")
    assert head.splitlines()[0] == "HTTP/1.1 404 Not Found"
    assert "x-mark: 1" in head.lower()
    assert body == "gone"


def test_the_body_goes_to_a_file(partita: Command, server: LoopbackServer) -> None:
    done = partita("fetch", server.on("/", sends(bytes(range(256)))), "-o", "out.bin")
    assert (done.status, done.out) == (0, "")
    assert (partita.directory / "out.bin").read_bytes() == bytes(range(256))


def test_json_has_the_whole_response_in_one_object(partita: Command, server: LoopbackServer) -> None:
    server.on("/there", sends("grüße".encode(), headers=[("Content-Type", "text/plain; charset=utf-8")]))
    found = partita("fetch", server.on("/", redirects("/there")), "--json").json
    assert (found["url"], found["status"], found["reason"]) == (server.url("/there"), 200, "OK")
    assert ["content-type", "text/plain; charset=utf-8"] in [[name.lower(), value] for name, value in found["headers"]]
    assert found["body"] == "grüße"
    binary = partita("fetch", server.on("/bin", sends(b"\xff\0")), "--json").json
    assert base64.b64decode(binary["body_base64"]) == b"\xff\0"


def test_no_answer_is_one_line_and_status_1(partita: Command, server: LoopbackServer) -> None:
    def hangs_up(seen: Seen, reply: Reply) -> None:
        reply.hang_up()

    done = partita("fetch", server.on("/", hangs_up))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("partita: net::ERR_")
    assert len(done.err.splitlines()) == 1


def test_a_url_that_is_none_is_wrong_usage(partita: Command) -> None:
    for url in ("nowhere", "data:,x", "http://", "http://ho st/"):
        done = partita("fetch", url)
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1), url


def test_a_header_that_is_none_is_wrong_usage(partita: Command, server: LoopbackServer) -> None:
    for header in ("nocolon", ": value", "N\u00e4me: x", "Name: \u20ac"):
        done = partita("fetch", server.url("/"), "-H", header)
        assert (done.status, len(done.err.splitlines())) == (2, 1), header
    assert server.seen == []


def test_a_partition_can_be_named_by_its_folder(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/", sends(b"ok", headers=[("Set-Cookie", "id=7; Max-Age=900")]))
    folder = tmp_path / "elsewhere"
    assert partita("fetch", url, "-p", folder).status == 0
    assert partita("fetch", url, "-p", folder).status == 0
    assert [seen.header("cookie") for seen in server.seen] == [None, "id=7"]
    assert partita("log", "verify", folder).status == 0
