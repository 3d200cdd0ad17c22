"""What stands in a log of what was noted, under each capture mode."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.live_world.clocks import SystemClock
from partita.actors.net_log.constants import EVENT_TYPES, SOURCE_TYPES, constants
from partita.actors.net_log.entries import OCTETS_AT_MOST, Capture, SourceId, elided, encoded, told
from partita.actors.net_log.layout import PAGE_BYTES
from partita.actors.net_log.recorder import Recorder
from partita.events.net_log import CaptureMode

ROOT = Path(__file__).resolve().parents[2]
DEFAULT, SENSITIVE, EVERYTHING = (Capture.of(mode) for mode in get_args(CaptureMode))
SOURCE = SourceId(7, "URL_REQUEST", 1000)


def entries(event: str, parameters: dict[str, Any], capture: Capture = DEFAULT, phase: str = "none") -> list[Any]:
    return [json.loads(e) for e in encoded(SOURCE, event, phase, 1234, parameters=parameters, capture=capture)]


def test_an_entry_has_chromiums_fields() -> None:
    (entry,) = entries("URL_REQUEST_START_JOB", {"url": "http://a.test/"}, phase="begin")
    assert entry == {
        "params": {"url": "http://a.test/"},
        "phase": 1,
        "source": {"id": 7, "start_time": "1000", "type": SOURCE_TYPES.index("URL_REQUEST")},
        "time": "1234",
        "type": EVENT_TYPES.index("URL_REQUEST_START_JOB"),
    }


# The cases of Chromium's http_log_util_unittest.cc.
@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Cookie", "name=value", "[10 bytes were stripped]"),
        ("cOoKiE", "name=value", "[10 bytes were stripped]"),
        ("Set-Cookie", "name=value", "[10 bytes were stripped]"),
        ("Set-Cookie2", "name=value", "[10 bytes were stripped]"),
        ("Authorization", "Basic 1234", "[10 bytes were stripped]"),
        ("Proxy-Authorization", "Basic 1234", "[10 bytes were stripped]"),
        ("Proxy-Authenticate", "Basic realm=test", "Basic realm=test"),
        ("WWW-Authenticate", "Basic realm=test", "Basic realm=test"),
        ("WWW-Authenticate", "Digest realm=test", "Digest realm=test"),
        ("WWW-Authenticate", "NTLM 1234", "NTLM [4 bytes were stripped]"),
        ("WWW-Authenticate", "NTLM", "NTLM"),
        ("WWW-Authenticate", "Negotiate 1234", "Negotiate [4 bytes were stripped]"),
        ("WWW-Authenticate", "Negotiate, Basic realm=x", "Negotiate, Basic realm=x"),
        ("X-Anything", "1234", "1234"),
        ("Cookie", "", ""),
        ("Cookie", "[10 bytes were stripped]", "[10 bytes were stripped]"),
    ],
)
def test_credentials_are_stripped_from_header_fields(name: str, value: str, shown: str) -> None:
    assert elided(name, value, DEFAULT) == shown
    assert elided(name, value, SENSITIVE) == value


@pytest.mark.parametrize(
    "headers",
    [
        [("Cookie", "a=1"), ("Accept", "*/*")],
        ["Cookie: a=1", "Accept: */*"],
        {"Cookie": "a=1", "Accept": "*/*"},
    ],
)
def test_headers_may_be_given_as_pairs_lines_or_a_mapping(headers: object) -> None:
    assert told("HTTP_TRANSACTION_SEND_REQUEST_HEADERS", {"headers": headers}, DEFAULT)["headers"] == [
        "Cookie: [3 bytes were stripped]",
        "Accept: */*",
    ]


def test_a_status_line_among_the_headers_stands_as_it_is() -> None:
    lines = told("HTTP_TRANSACTION_READ_RESPONSE_HEADERS", {"headers": ["HTTP/1.1 200 OK", "Set-Cookie: a"]}, DEFAULT)
    assert lines == {"headers": ["HTTP/1.1 200 OK", "Set-Cookie: [1 bytes were stripped]"]}


@pytest.mark.parametrize("key", ["url", "location", "line", "anything"])
def test_a_user_and_a_password_are_taken_out_of_urls(key: str) -> None:
    text = "GET http://user:pa@ss@a.test/path?at=b@c HTTP/1.1"
    assert told("X", {key: text}, DEFAULT) == {key: "GET http://a.test/path?at=b@c HTTP/1.1"}
    assert told("X", {key: text}, SENSITIVE) == {key: text}
    assert told("X", {"headers": [f"Location: {text}"]}, DEFAULT) == {
        "headers": [f"Location: {text}".replace("user:pa@ss@", "")]
    }


def test_what_identifies_a_cookie_is_only_told_where_it_is_sensitive() -> None:
    parameters = {"operation": "send", "status": "INCLUDE", "name": "sid", "domain": "a.test", "path": "/"}
    assert told("COOKIE_INCLUSION_STATUS", parameters, DEFAULT) == {"operation": "send", "status": "INCLUDE"}
    assert told("COOKIE_INCLUSION_STATUS", parameters, SENSITIVE) == parameters


def test_the_bytes_of_a_connection_are_only_there_with_everything() -> None:
    parameters = {"bytes": b"secret"}
    for capture in (DEFAULT, SENSITIVE):
        assert [e["params"] for e in entries("SOCKET_BYTES_SENT", parameters, capture)] == [{"byte_count": 6}]
    (entry,) = entries("SOCKET_BYTES_SENT", parameters, EVERYTHING)
    assert entry["params"] == {"bytes": base64.b64encode(b"secret").decode(), "byte_count": 6}


@pytest.mark.parametrize("raw", [True, False])
def test_many_bytes_are_several_entries_that_fit_a_page_each(raw: bool) -> None:
    octets = bytes(range(256)) * 100
    given = octets if raw else base64.b64encode(octets).decode()
    made = encoded(SOURCE, "SOCKET_BYTES_RECEIVED", "none", 1, parameters={"bytes": given}, capture=EVERYTHING)
    assert len(made) == -(-len(octets) // OCTETS_AT_MOST)
    assert all(len(entry) < PAGE_BYTES - 300 for entry in made)
    parameters = [json.loads(entry)["params"] for entry in made]
    assert b"".join(base64.b64decode(one["bytes"]) for one in parameters) == octets
    assert sum(one["byte_count"] for one in parameters) == len(octets)


def test_an_error_may_be_given_by_its_name() -> None:
    for error, number in ((-7, -7), ("ERR_FAILED", -2), ("net::ERR_ABORTED", -3), ("?", -2)):
        assert told("FAILED", {"net_error": error}, DEFAULT) == {"net_error": number}


def test_large_integers_are_text_and_other_values_what_json_has_for_them() -> None:
    parameters = {
        "a": 1 << 53,
        "b": (1 << 53) + 1,
        "c": (1, {"d": None}),
        "e": b"\0",
        "f": {3},
        "g": 1.5,
        "h": Path("/x"),
    }
    assert told("X", parameters, DEFAULT) == {
        "a": 1 << 53,
        "b": str((1 << 53) + 1),
        "c": [1, {"d": None}],
        "e": "AA==",
        "f": [3],
        "g": 1.5,
        "h": "/x",
    }


def test_a_word_that_is_not_in_the_table_is_logged_all_the_same() -> None:
    (entry,) = entries("NO_SUCH_EVENT", {"x": 1}, phase="middle")
    assert EVENT_TYPES[entry["type"]] == "PARTITA_EVENT"
    assert entry["params"] == {"event": "NO_SUCH_EVENT", "x": 1}
    assert entry["phase"] == 0


@given(st.text(), st.text())
def test_any_text_can_be_logged(name: str, value: str) -> None:
    (entry,) = entries("FAILED", {name: value + "\ud800", "headers": [(name, value)]})
    assert "headers" in entry["params"]


def test_the_tables_name_nothing_twice() -> None:
    for table in (EVENT_TYPES, SOURCE_TYPES):
        assert len(set(table)) == len(table)
    told_constants = constants(time_tick_offset_ms=5, capture_mode="default", client_info={"name": "x"})
    assert told_constants["timeTickOffset"] == "5"
    assert told_constants["logEventPhase"] == {"PHASE_BEGIN": 1, "PHASE_END": 2, "PHASE_NONE": 0}


def noted(*notes: tuple[str, str]) -> list[tuple[str, int]]:
    recorder = Recorder(SystemClock(), "default", {})
    trace = recorder.source("URL_REQUEST")
    for event, phase in notes:
        trace.note(event, phase)
    return [(EVENT_TYPES[one["type"]], one["phase"]) for one in map(json.loads, recorder.next_entries())]


def test_with_its_first_event_all_ends_that_a_source_has_begun() -> None:
    assert noted(
        ("REQUEST_ALIVE", "begin"), ("SOCKET_POOL", "begin"), ("SSL_CONNECT", "begin"), ("REQUEST_ALIVE", "end")
    ) == [
        ("REQUEST_ALIVE", 1),
        ("SOCKET_POOL", 1),
        ("SSL_CONNECT", 1),
        ("SSL_CONNECT", 2),
        ("SOCKET_POOL", 2),
        ("REQUEST_ALIVE", 2),
    ]


def test_an_end_of_what_has_not_begun_is_a_moment() -> None:
    begin_and_end = [("FAILED", "begin"), ("FAILED", "begin"), ("FAILED", "end"), ("FAILED", "end"), ("FAILED", "end")]
    assert noted(*begin_and_end) == [("FAILED", 1), ("FAILED", 1), ("FAILED", 2), ("FAILED", 2), ("FAILED", 0)]


def test_a_source_says_on_what_it_depends_once() -> None:
    recorder = Recorder(SystemClock(), "default", {})
    socket = recorder.source("URL_REQUEST").source("SOCKET")
    for _ in range(2):
        socket.note("SOCKET_CLOSED")
    first, second = map(json.loads, recorder.next_entries())
    assert first["params"] == {"source_dependency": {"id": 1, "type": SOURCE_TYPES.index("URL_REQUEST")}}
    assert "params" not in second
    assert first["source"]["id"] == second["source"]["id"] == 2


NOTED = re.compile(r"""\bnote\(\s*["']([A-Z0-9_]+)["']""")
SOURCES = re.compile(r"""(?:\.source\(|\.trace\([^"')]*,)\s*["']([A-Z0-9_]+)["']""")


def test_every_word_that_the_network_notes_is_in_the_tables() -> None:
    words, sources = set(), set()
    for path in sorted((ROOT / "actors").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.parent.name not in ("net_log", "exchanges"):
            words.update(NOTED.findall(text))
            sources.update(SOURCES.findall(text))
    assert {"REQUEST_ALIVE", "URL_REQUEST_START_JOB"} <= words
    assert not words - set(EVENT_TYPES), "add them to EVENT_TYPES in actors/net_log/constants.py, by Chromium's names"
    assert not sources - set(SOURCE_TYPES), "add them to SOURCE_TYPES in actors/net_log/constants.py"
