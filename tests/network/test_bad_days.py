"""Many things wrong at once, and odd ones: what belongs to nobody goes to nobody, and the session goes on."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from durability.waiting import until
from network.enduring import PATIENCE_S, failure, is_called, is_good, it_goes_on
from network.test_bad_input import CHUNKED, EVIL, HELLO, LENIENT, OK, WRONG
from servers.misbehaving import KEEP, MisbehavingServer, Script, Wire, keeps, says

import partita
from partita.errors import NetError

ENDLESS = ("a head without an end", "interim responses without an end")


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


def storm(session: partita.Session, server: MisbehavingServer) -> None:
    """Everything that is wrong, three times; everything odd, five times; 200 good requests: all under way at once."""
    names = [name for name in WRONG if name not in ENDLESS]
    for number, name in enumerate(names):
        server.on(f"/bad/{number}", WRONG[name][0])
    for number, (wire, _) in enumerate(LENIENT.values()):
        server.on(f"/odd/{number}", keeps(wire))
    bodies = [body for _, body in LENIENT.values()]
    wanted = [("bad", number) for number in range(len(names))] * 3 + [
        ("odd", number) for number in range(len(bodies))
    ] * 5
    wanted += [("good", 0)] * 200
    random.Random(7).shuffle(wanted)
    under_way = []
    for kind, number in wanted:
        path = "/good" if kind == "good" else f"/{kind}/{number}"
        under_way.append((kind, number, session.fetch(server.url(path), cache="no-store")))
    for kind, number, future in under_way:
        if kind == "bad":
            with pytest.raises(NetError) as caught:
                future.get(PATIENCE_S)
            assert caught.value.name == WRONG[names[number]][1][0], names[number]
        else:
            assert future.get(PATIENCE_S).content == (b"good" if kind == "good" else bodies[number])
    session.close_all_connections().get(PATIENCE_S)


def test_a_storm_of_everything_at_once_harms_no_request_that_is_right(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    with it_goes_on(system, session, server):
        storm(session, server)


def test_a_storm_is_recorded_and_logged_as_it_was(server: MisbehavingServer, tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path / "data", record="exchanges") as system:
        session = system.from_partition("persist:storm")
        with it_goes_on(system, session, server):
            session.net_log.start_logging(tmp_path / "net.json", capture_mode="everything").get(PATIENCE_S)
            storm(session, server)
            session.net_log.stop_logging().get(PATIENCE_S)
        assert json.loads((tmp_path / "net.json").read_bytes())["events"]
        statuses = [entry["response"]["status"] for entry in session.har()["log"]["entries"]]
        assert statuses.count(200) >= 200


def floods(first: bytes) -> Script:
    """What was asked for, in one piece with what is noise, and on without an end."""

    def script(wire: Wire) -> None:
        while True:
            wire.say(first + EVIL * 1000)

    return script


@pytest.mark.parametrize("first", [OK + b"Content-Length: 5\r\n\r\nhello", CHUNKED + HELLO])
def test_a_flood_behind_an_answer_is_cut_off(
    server: MisbehavingServer, system: partita.System, session: partita.Session, first: bytes
) -> None:
    url = server.on("/flood", floods(first))
    with it_goes_on(system, session, server):
        for _ in range(3):
            assert session.fetch(url, cache="no-store").get(PATIENCE_S).content == b"hello"
        is_good(session, server)
        until(lambda: server.open <= 1, "the floods are cut off")


def test_a_body_for_head_is_nobodys(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    url = server.on("/head", keeps(OK + b"Content-Length: 39\r\n\r\n" + EVIL))
    with it_goes_on(system, session, server):
        for _ in range(2):
            response = session.fetch(url, method="HEAD", cache="no-store").get(PATIENCE_S)
            assert (response.content, response.headers["content-length"]) == (b"", "39")
            is_good(session, server)


def test_a_body_with_304_does_not_become_the_stored_one(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    fields = b'ETag: "1"\r\nCache-Control: no-cache\r\n'

    def script(wire: Wire) -> object:
        if b"if-none-match" in wire.head.lower():
            wire.say(b"HTTP/1.1 304 Not Modified\r\n" + fields + b"Content-Length: 4\r\n\r\nevil" + EVIL)
        else:
            wire.say(OK + fields + b"Content-Length: 5\r\n\r\nhello")
        return KEEP

    url = server.on("/kept", script)
    with it_goes_on(system, session, server):
        for _ in range(3):
            assert session.fetch(url).get(PATIENCE_S).content == b"hello"
            is_good(session, server)
        assert session.fetch(url, cache="only-if-cached").get(PATIENCE_S).content == b"hello"


def test_a_server_that_answers_another_question_first_is_heard_once(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    """Response splitting: the second answer, which nobody asked for, comes a little later than the first."""
    go_on, said = threading.Event(), threading.Event()

    def script(wire: Wire) -> object:
        wire.say(OK + b"Content-Length: 5\r\n\r\nhello")
        assert go_on.wait(PATIENCE_S)
        wire.say(EVIL)
        said.set()
        return KEEP

    url = server.on("/split", script)
    with it_goes_on(system, session, server):
        assert session.fetch(url, cache="no-store").get(PATIENCE_S).content == b"hello"
        go_on.set()
        assert said.wait(PATIENCE_S)


@pytest.mark.parametrize(
    "location",
    [
        b"/a b",
        b"/\xc3\xbc",
        b"/\xfc",
        b"\\a\\b",
        b"//127.0.0.1:%d/a",
        b"?a=b",
        b"#a",
        b"",
        b"/" + b"a" * 100_000,
        b"\t/a\t",
    ],
)
def test_an_odd_location_leads_somewhere_or_nowhere_but_never_astray(
    server: MisbehavingServer, system: partita.System, session: partita.Session, location: bytes
) -> None:
    port = int(server.url("").rpartition(":")[2])
    where = location.replace(b"%d", str(port).encode())
    url = server.on("/odd", keeps(b"HTTP/1.1 302 Found\r\nLocation: " + where + b"\r\nContent-Length: 0\r\n\r\n"))
    with it_goes_on(system, session, server):
        future = session.fetch(url, cache="no-store")
        try:
            response = future.get(PATIENCE_S)
        except NetError as error:
            assert error.name in ("ERR_TOO_MANY_REDIRECTS", "ERR_EMPTY_RESPONSE", "ERR_INVALID_REDIRECT")
            assert len(error.detail) < 1_000
        else:
            assert response.status_code == 302
        asked = [path for path in server.requests if path not in ("/good", "/odd")]
        assert all(path.isascii() and " " not in path for path in asked)


def test_cookies_beyond_their_limits_are_not_kept(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    lines = [
        b"Set-Cookie: a=" + b"x" * 5_000,
        b"Set-Cookie: b=\x01",
        b"Set-Cookie: ",
        b"Set-Cookie: =",
        b"Set-Cookie: ok=1",
    ]
    lines += [b"Set-Cookie: n%d=%s" % (number, b"y" * 500) for number in range(400)]
    url = server.on("/cookies", keeps(OK + b"\r\n".join(lines) + b"\r\nContent-Length: 0\r\n\r\n"))
    with it_goes_on(system, session, server):
        session.fetch(url).get(PATIENCE_S)
        names = {cookie.name for cookie in session.cookies.get().get(PATIENCE_S)}
        assert not names & {"a", "b"}
        assert 100 < len(names) <= 180, "Chromium keeps 150 to 180 of a domain"
        assert session.fetch(url).get(PATIENCE_S).status_code == 200


def test_a_request_is_given_up_while_a_listener_thinks(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    asked = threading.Event()
    kept: list[object] = []

    def thinks(details: object, callback: object) -> None:
        kept.append(callback)
        asked.set()

    with it_goes_on(system, session, server):
        url = server.url("/thinking")
        session.web_request.on_before_request({"urls": [url]}, thinks)
        future = session.fetch(url)
        assert asked.wait(PATIENCE_S)
        future.cancel()
        with pytest.raises(NetError) as caught:
            future.get(PATIENCE_S)
        is_called(caught.value, "ERR_ABORTED", -3)
        assert "/thinking" not in server.requests


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 9\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\nzzz",
        b"\r\nuntil the end",
        b"Content-Length: 5\r\n\r\nhello" + EVIL,
    ],
)
def test_the_body_of_a_redirect_counts_for_nothing_and_its_cookies_count(
    server: MisbehavingServer, system: partita.System, session: partita.Session, rest: bytes
) -> None:
    url = server.on("/hop", says(b"HTTP/1.1 302 Found\r\nLocation: /good\r\nSet-Cookie: hop=1\r\n" + rest))
    with it_goes_on(system, session, server):
        response = session.fetch(url).get(PATIENCE_S)
        assert (response.content, response.history[0].headers["set-cookie"]) == (b"good", "hop=1")
        assert [cookie.name for cookie in session.cookies.get().get(PATIENCE_S)] == ["hop"]


# -- uploads and slow readers -------------------------------------------------------------------------------------------------


def parts() -> Iterator[bytes]:
    for _ in range(64):
        yield bytes(1 << 20)


def test_a_server_that_does_not_read_an_upload_times_out(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    go_on = threading.Event()
    url = server.on("/deaf", lambda wire: go_on.wait(PATIENCE_S))
    with it_goes_on(system, session, server):
        for content in (bytes(64 << 20), parts()):
            is_called(failure(session, url, method="POST", content=content, timeout=0.2), "ERR_TIMED_OUT", -7)
        go_on.set()


@pytest.mark.parametrize("status", [303, 403, 500])
def test_an_upload_that_is_refused_in_the_middle_ends_there(
    server: MisbehavingServer, system: partita.System, session: partita.Session, status: int
) -> None:
    """The refusal is the answer, and the connection is not used again."""

    def script(wire: Wire) -> None:
        wire.say(f"HTTP/1.1 {status} Early\r\nContent-Length: 5\r\n\r\nearly".encode())
        wire.hang()  # what comes is read, and thrown away

    url = server.on("/early", script)
    with it_goes_on(system, session, server):
        response = session.fetch(url, method="POST", content=parts()).get(PATIENCE_S)
        assert (response.status_code, response.content) == (status, b"early")


def test_a_reader_that_takes_its_time_does_not_use_up_the_servers(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    body = bytes(8 << 20)
    url = server.on("/large", says(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body))
    with it_goes_on(system, session, server), session.stream(url, timeout=1.0, cache="no-store") as response:
        chunks = response.iter_bytes()
        size = len(next(chunks))
        time.sleep(1.2)
        assert size + sum(map(len, chunks)) == len(body)
