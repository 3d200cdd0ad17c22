"""What holds of every jar, whatever it is told: found by Hypothesis, and by other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cookies.jar import Jar
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.cookies.behavior import DECIDE, EVOLVE, behavior
from partita.actors.cookies.dates import parse_cookie_date
from partita.actors.cookies.matching import header_of, in_send_order, target_of
from partita.actors.cookies.parsing import MAX_PAIR_BYTES, ParsedCookie, parse_set_cookie
from partita.actors.cookies.suffixes import registrable_domain
from partita.events import cookies
from partita.events.cookies import CookiesState, CookieStored, CookiesTouched, stem_of
from partita.events.errors import CookieError
from partita.events.secret import Secret
from partita.events.system import Recover
from partita.events.types import Event, Message

HOSTS = ["example.com", "www.example.com", "a.b.example.com", "example.co.uk", "localhost", "127.0.0.1", "[::1]", "com"]
octet_text = st.text(st.characters(max_codepoint=0xFF), max_size=40)
urls = st.builds(
    "{}://{}{}".format, st.sampled_from(["http", "https"]), st.sampled_from(HOSTS), st.sampled_from(["/", "/a/b"])
)
names = st.sampled_from(["", "a", "b", "__Host-c"])
values = st.sampled_from(["", "1", "2", "=", "__secure-"])
ATTRIBUTES = ["Secure", "HttpOnly", "Path=/", "Path=/a", "Domain=example.com", "Domain=com", "Max-Age=0", "Max-Age=5"]
ATTRIBUTES += ["SameSite=None", "SameSite=Strict", "Priority=Low", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
attributes = st.lists(st.sampled_from(ATTRIBUTES), max_size=4)
lines = st.builds(lambda name, value, rest: "; ".join((f"{name}={value}", *rest)), names, values, attributes)
operations = st.one_of(
    st.tuples(st.just("receive"), urls, st.lists(lines, max_size=3)),
    st.tuples(st.just("set"), urls, names, values, st.sampled_from(["", "example.com", "com"]), st.booleans()),
    st.tuples(st.just("remove"), urls, names),
    st.tuples(st.just("get"), urls),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 3_000_000, 70_000_000])),
)


def carry_out(jar: Jar, operation: tuple[Any, ...]) -> None:
    match operation:
        case ("receive", url, given_lines):
            jar.receive(url, *given_lines)
        case ("set", url, name, value, domain, http_only):
            try:
                jar.set(url, name, value, domain=domain, http_only=http_only)
            except CookieError:
                return
        case ("remove", url, name):
            jar.remove(url, name)
            assert name not in jar.names(url=url)
        case ("get", url):
            found = jar.get(url=url)
            assert found == in_send_order(found)
            assert header_of(found) == jar.header(url)
        case ("wait", duration_us):
            jar.now_us += duration_us


@settings(max_examples=150, deadline=None)
@given(st.lists(operations, max_size=25))
def test_a_jar_keeps_its_invariants_and_is_what_its_events_fold_to(told: list[tuple[Any, ...]]) -> None:
    jar = Jar()
    for operation in told:
        before, image = jar.state, encoded(jar.state)
        carry_out(jar, operation)
        assert encoded(before) == image, "a published state was changed"
    folded = behavior.initial()
    for event in jar.events:
        folded = EVOLVE[type(event)](folded, event)
    assert encoded(folded) == encoded(jar.state)
    assert decoded(encoded(jar.state)) == jar.state
    assert list(decoded(encoded(jar.state)).stems) == list(jar.state.stems)


def encoded(state: CookiesState) -> bytes:
    return msgspec.msgpack.encode(state, enc_hook=lambda secret: secret.reveal_text())


def decoded(image: bytes) -> CookiesState:
    return msgspec.msgpack.decode(image, type=CookiesState, dec_hook=lambda _, value: Secret(value))


@settings(max_examples=300, deadline=None)
@given(octet_text)
def test_any_line_is_read_or_refused(line: str) -> None:
    parsed = parse_set_cookie(line)
    if isinstance(parsed, ParsedCookie):
        assert parsed.name or parsed.value
        assert len(parsed.name) + len(parsed.value) <= MAX_PAIR_BYTES
        assert ";" not in parsed.name + parsed.value
        assert parsed.name == parsed.name.strip(" \t")
        again = parse_set_cookie(f"{parsed.name}={parsed.value}")
        assert isinstance(again, ParsedCookie)
        assert (again.name, again.value) == (parsed.name, parsed.value)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789:- /JanFebGMT,éx"), max_size=40))
def test_any_text_is_a_cookie_date_or_none(text: str) -> None:
    seconds = parse_cookie_date(text)
    assert seconds is None or -11_644_473_600 <= seconds <= 253_402_300_799


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_url_with_a_host_or_none(text: str) -> None:
    for url in (text, f"https://{text}", f"http://{text}/"):
        target = target_of(url)
        if target is not None:
            assert target.host
            assert target.host.isascii()
            registrable_domain(target.host)


@pytest.mark.parametrize(
    ("domain", "stem"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("localhost", "localhost"),
        ("127.0.0.1", "0.1"),
        ("[::1]", "[::1]"),
        ("example.com.", "com."),
        ("", ""),
        (".com", ".com"),
    ],
)
def test_cookies_that_a_host_may_share_have_one_stem(domain: str, stem: str) -> None:
    assert stem_of(domain) == stem


def test_every_message_and_event_of_the_jar_has_a_row() -> None:
    def declared(base: type[Any]) -> set[type[Any]]:
        types = {value for value in vars(cookies).values() if isinstance(value, type) and issubclass(value, base)}
        return types - {base}

    assert set(DECIDE) == declared(Message) | {Recover}
    assert set(EVOLVE) == declared(Event)
    assert CookieStored in EVOLVE
    assert CookiesTouched in EVOLVE


PROGRAM = """
from cookies.jar import Jar
jar = Jar()
for number in range(400):
    url = f"https://h{number % 7}.d{number % 5}.example.co.uk/"
    jar.receive(url, f"n{number}=v; Max-Age={number}", f"m{number % 9}=w")
jar.now_us += 100_000_000
jar.get()
print([(stem, list(bucket)) for stem, bucket in jar.state.stems.items()])
print([type(event).__name__ for event in jar.events])
"""


def test_a_jar_is_the_same_in_processes_with_other_hash_seeds() -> None:
    tests = Path(__file__).parents[1]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().strip()


def test_no_value_shows_in_a_repr() -> None:
    jar = Jar()
    jar.set("https://example.com/", "name", "hush-hush")
    assert "hush-hush" not in repr(jar.state) + repr(jar.events)
