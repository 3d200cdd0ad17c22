"""Recorded exchanges as an HTTP archive."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from exchanges.har_schema import HAR
from servers.loopback import LoopbackServer, redirects, sends

import partita
from partita.actors.exchanges.har import har_of
from partita.actors.exchanges.headers import recorded
from partita.errors import UsageError
from partita.events.exchanges import (
    BeginExchange,
    ExchangeBegun,
    NoteBody,
    NoteFailure,
    NoteRequest,
    NoteResponse,
    RecordedField,
)
from partita.events.secret import REDACTED, Secret
from partita.events.turn import External, Turn
from partita.session import Session

PATIENCE_S = 60.0
BLOBS: dict[str, bytes] = {}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with partita.System(data_dir=tmp_path / "data", record="exchanges") as system:
        yield system.from_partition("persist:x")


def valid(har: Any) -> list[Any]:
    """The entries of an archive that is one."""
    jsonschema.validate(json.loads(json.dumps(har)), HAR)
    for entry in har["log"]["entries"]:
        timings = entry["timings"]
        assert entry["time"] == pytest.approx(sum(ms for ms in timings.values() if ms != -1))
    return list(har["log"]["entries"])


def turns(*messages: Any) -> list[Turn[Any, Any, Any]]:
    """One turn a message, a second apart."""
    events = {number: (ExchangeBegun("x"),) for number, one in enumerate(messages) if isinstance(one, BeginExchange)}
    return [
        Turn(number + 1, (number + 1) * 1_000_000, "session", External("network"), message, events.get(number, ()))
        for number, message in enumerate(messages)
    ]


def blob(content: bytes) -> str:
    name = content.hex() or "00"
    BLOBS[name] = content
    return name


def entries(*messages: Any, **options: Any) -> list[Any]:
    return valid(har_of(turns(*messages), BLOBS.get, **options))


def asked(url: str = "http://a.test/", method: str = "GET", body: bytes = b"", **headers: str) -> NoteRequest:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return NoteRequest("x", method, url, recorded(tuple(fields)), blob(body) if body else "")


def head(status: int = 200, *headers: tuple[str, str], reason: str = "OK") -> NoteResponse:
    return NoteResponse("x", status, reason, "HTTP/1.1", recorded(headers))


def piece(content: bytes, *, is_last: bool = True) -> NoteBody:
    return NoteBody("x", blob(content), (len(content),), is_last=is_last)


# -- of real exchanges ------------------------------------------------------------------------------------------------


def test_redirects_cookies_and_bodies_of_a_session(session: Session, server: LoopbackServer, tmp_path: Path) -> None:
    server.on("/login", redirects("/home?q=1", cookies=("sid=c00kie; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",)))
    server.on(
        "/home",
        sends(gzip.compress(b"home" * 100), headers=[("Content-Encoding", "gzip"), ("Content-Type", "text/html")]),
    )
    before = datetime.now(UTC)
    form = {"user": "anna", "word": "p&ss"}
    session.fetch(server.url("/login"), method="POST", data=form, headers={"X-Token": "t0ken"}).get(PATIENCE_S)
    session.flush().get(PATIENCE_S)
    login, home = valid(session.har())
    assert (login["request"]["method"], login["request"]["url"]) == ("POST", server.url("/login"))
    assert login["request"]["postData"]["params"] == [
        {"name": "user", "value": "anna"},
        {"name": "word", "value": "p&ss"},
    ]
    assert login["request"]["bodySize"] == len("user=anna&word=p%26ss")
    assert (login["response"]["status"], login["response"]["redirectURL"]) == (302, server.url("/home?q=1"))
    (cookie,) = login["response"]["cookies"]
    assert {**cookie, "expires": None} == {
        "name": "sid",
        "value": REDACTED,
        "path": "/",
        "expires": None,
        "httpOnly": True,
        "secure": False,
        "sameSite": "Lax",
    }
    assert abs(datetime.fromisoformat(cookie["expires"]) - before - timedelta(seconds=60)) < timedelta(seconds=30)
    assert home["request"]["queryString"] == [{"name": "q", "value": "1"}]
    assert home["request"]["cookies"] == [{"name": "sid", "value": REDACTED}]
    content = home["response"]["content"]
    assert (content["text"], content["size"], content["mimeType"]) == ("home" * 100, 400, "text/html")
    assert content["compression"] == 400 - home["response"]["bodySize"]
    assert login["_exchange"] == home["_exchange"]
    assert session.log.position >= home["_position"] > login["_position"]
    assert before - timedelta(seconds=1) < datetime.fromisoformat(login["startedDateTime"]) < datetime.now(UTC)
    for secrets in (False, True):
        text = json.dumps(session.har(secrets=secrets))
        assert ("c00kie" in text) == ("t0ken" in text) == secrets
    assert "anna" not in json.dumps(session.har(bodies=False))
    session.export_har(tmp_path / "x.har")
    assert json.loads((tmp_path / "x.har").read_text(encoding="utf-8")) == session.har()
    with pytest.raises(UsageError, match="nothing is written over"):
        session.export_har(tmp_path / "x.har")


def test_positions_choose_which_requests_are_in_it(session: Session, server: LoopbackServer) -> None:
    server.on("/a", sends(b"a"))
    ends = []
    for number in range(3):
        session.fetch(server.url(f"/a?{number}")).get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
        ends.append(session.log.position)
    found = valid(session.har(ends[0] + 1, ends[1]))
    assert [entry["request"]["url"] for entry in found] == [server.url("/a?1")]
    assert len(valid(session.har(start=ends[0] + 1))) == 2
    assert len(valid(session.har(stop=ends[1]))) == 2


def test_without_a_recording_the_archive_is_empty(tmp_path: Path, server: LoopbackServer) -> None:
    server.on("/a", sends(b"a"))
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:x")
        session.fetch(server.url("/a")).get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
        assert valid(session.har()) == []


# -- of all kinds of exchanges ----------------------------------------------------------------------------------------


def test_times_are_those_of_the_turns() -> None:
    (entry,) = entries(
        BeginExchange("download", "GET", "http://a.test/"), asked(), head(), piece(b"ab", is_last=False), piece(b"c")
    )
    assert entry["startedDateTime"] == "1970-01-01T00:00:02.000+00:00"
    assert (entry["timings"]["wait"], entry["timings"]["receive"], entry["time"]) == (1000, 2000, 3000)
    assert [entry["timings"][name] for name in ("blocked", "dns", "connect", "ssl")] == [-1] * 4
    assert entry["_purpose"] == "download"
    assert entry["response"]["bodySize"] == 3


def test_a_request_that_fails_has_no_response_and_says_why() -> None:
    (entry,) = entries(asked(), NoteFailure("x", "ERR_CONNECTION_REFUSED", "nobody there"))
    assert entry["_error"] == "net::ERR_CONNECTION_REFUSED: nobody there"
    assert (entry["response"]["status"], entry["time"]) == (0, 1000)


def test_a_response_that_breaks_off_has_what_came() -> None:
    broken = (asked(), head(200, ("Content-Type", "text/plain")), piece(b"so far", is_last=False))
    (entry,) = entries(*broken, NoteFailure("x", "ERR_CONNECTION_RESET"))
    assert entry["_error"] == "net::ERR_CONNECTION_RESET"
    assert entry["response"]["content"]["text"] == "so far"
    (entry,) = entries(*broken)
    assert "end of this response" in entry["comment"]


def test_exchanges_that_run_at_the_same_time_are_kept_apart() -> None:
    other = NoteRequest("y", "GET", "http://b.test/")
    answer = NoteResponse("y", 404, "Not Found", "HTTP/1.1")
    found = entries(asked(), other, answer, head(200), NoteBody("y", is_last=True), piece(b"a"))
    assert [(entry["request"]["url"], entry["response"]["status"]) for entry in found] == [
        ("http://a.test/", 200),
        ("http://b.test/", 404),
    ]
    assert "comment" not in found[1]


@pytest.mark.parametrize(
    ("content_type", "body", "text", "encoding"),
    [
        ("text/plain", "ä".encode(), "ä", None),
        ("text/plain; charset=iso-8859-1", b"\xe4", "ä", None),
        ('TEXT/HTML; x=1; Charset="utf-8"', "ä".encode(), "ä", None),
        ("application/json", b"{}", "{}", None),
        ("application/problem+json", b"{}", "{}", None),
        ("image/svg+xml", b"<svg/>", "<svg/>", None),
        ("text/plain", b"\xff\xfe", None, "base64"),
        ("text/plain; charset=no-such", b"a", None, "base64"),
        ("image/png", b"\x89PNG", None, "base64"),
        ("", b"a", None, "base64"),
    ],
)
def test_a_body_is_text_where_it_is_one_and_base64_elsewhere(
    content_type: str, body: bytes, text: str | None, encoding: str | None
) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    (entry,) = entries(asked(), head(200, *headers), piece(body))
    content = entry["response"]["content"]
    assert content["text"] == (base64.b64encode(body).decode() if text is None else text)
    assert content.get("encoding") == encoding
    assert content["size"] == len(body)
    (entry,) = entries(
        asked("http://a.test/", "PUT", body, **({"Content_Type": content_type} if content_type else {})), head()
    )
    assert entry["request"]["postData"]["text"] == content["text"]
    assert entry["request"]["postData"].get("_encoding") == encoding


def test_a_body_that_does_not_decode_stands_as_it_came() -> None:
    (entry,) = entries(
        asked(), head(200, ("Content-Encoding", "gzip"), ("Content-Type", "text/plain")), piece(b"no gzip")
    )
    content = entry["response"]["content"]
    assert base64.b64decode(content["text"]) == b"no gzip"
    assert content["size"] == 7
    assert "as it came" in content["comment"]


def test_what_is_not_in_the_log_any_more_is_said() -> None:
    gone = NoteBody("x", "ff", (9,), is_last=True)
    (entry,) = entries(NoteRequest("x", "PUT", "http://a.test/", body="ff"), head(), gone)
    for comment in (entry["request"]["postData"]["comment"], entry["response"]["content"]["comment"]):
        assert "not in the log any more" in comment
    assert (entry["request"]["bodySize"], entry["response"]["bodySize"]) == (-1, 9)


def test_an_erased_secret_stays_one() -> None:
    erased = Secret.from_sealed(b"sealed", lambda sealed: None)
    fields = tuple(RecordedField(name, secret=erased) for name in ("Cookie", "X-Token"))
    answer = NoteResponse("x", 200, "OK", "HTTP/1.1", (RecordedField("Set-Cookie", secret=erased),))
    (entry,) = entries(NoteRequest("x", "GET", "http://a.test/", fields), answer, piece(b""), secrets=True)
    assert [field["value"] for field in entry["request"]["headers"]] == [REDACTED, REDACTED]
    assert entry["request"]["cookies"] == entry["response"]["cookies"] == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=b=c", {"name": "a", "value": "b=c"}),
        ("token", {"name": "", "value": "token"}),
        ("a=1; Secure; SameSite=None; Domain=.A.test", {"secure": True, "sameSite": "None"}),
        ("a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT", {"expires": "2026-01-01T00:00:00.000+00:00"}),
        ("a=1; Max-Age=0; Expires=Thu, 01 Jan 2026 00:00:00 GMT", {"expires": "1970-01-01T00:00:01.000+00:00"}),
        ("a=1; Max-Age=999999999999999999", {"name": "a"}),
        ("a=1; Max-Age=-999999999999999999", {"name": "a"}),
    ],
)
def test_cookies_of_responses(line: str, expected: dict[str, Any]) -> None:
    (entry,) = entries(asked(), head(200, ("Set-Cookie", line)), piece(b""), secrets=True)
    (cookie,) = entry["response"]["cookies"]
    assert expected.items() <= cookie.items()


def test_only_a_redirect_has_a_redirect_url() -> None:
    for status, expected in ((301, "http://a.test/x"), (308, "http://a.test/x"), (201, ""), (304, "")):
        (entry,) = entries(asked("http://a.test/y"), head(status, ("Location", "x")), piece(b""))
        assert entry["response"]["redirectURL"] == expected
    (entry,) = entries(asked(), head(302, ("Location", "http://[bad")), piece(b""))
    assert entry["response"]["redirectURL"] == "http://[bad"
