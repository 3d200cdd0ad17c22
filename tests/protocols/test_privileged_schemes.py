"""Schemes with privileges (FEATURES R1 to R10, T20, H5)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import partita
from partita.actors.protocols.schemes import checked_schemes, privileges_of, secure_schemes, standard_schemes
from partita.errors import InvalidURL, ProtocolError
from partita.events.protocols import CustomScheme, Privileges, ProtocolsState
from partita.protocol import PrivilegedSchemes, Protocol

STANDARD = CustomScheme("app", Privileges(standard=True, secure=True))


def test_a_scheme_is_a_struct_or_electrons_mapping_and_reads_as_electrons_json() -> None:
    mapping = {"scheme": "App", "privileges": {"standard": True, "bypassCSP": True, "supportFetchAPI": True}}
    struct = CustomScheme("app", Privileges(standard=True, bypass_csp=True, support_fetch_api=True))
    assert checked_schemes([mapping]) == checked_schemes([struct]) == (struct,)
    names = msgspec.to_builtins(struct)["privileges"]
    assert list(names) == [
        "standard", "secure", "bypassCSP", "allowServiceWorkers", "supportFetchAPI", "corsEnabled", "stream", "codeCache",
        "allowExtensions",
    ]  # fmt: skip
    assert checked_schemes([{"scheme": "x"}]) == (CustomScheme("x", Privileges()),)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("app", TypeError, "a list of CustomScheme"),
        ({"scheme": "app"}, TypeError, "a list of CustomScheme"),
        (7, TypeError, "a list of CustomScheme"),
        (["app"], TypeError, "no custom scheme"),
        ([{}], TypeError, "scheme"),
        ([{"scheme": 7}], TypeError, "scheme"),
        ([{"scheme": "a b"}], ValueError, "'a b' is no scheme"),
        ([{"scheme": "data"}], ValueError, "'data' names no place to ask"),
        ([{"scheme": "app", "privileges": {"standard": 1}}], TypeError, "standard"),
        ([{"scheme": "app", "privileges": {"standart": True}}], TypeError, "'standart'"),
        ([{"scheme": "app"}, {"scheme": "APP"}], ValueError, "more than once"),
        (
            [{"scheme": "app", "privileges": {"codeCache": True}}],
            ValueError,
            "^Code cache can only be enabled when the custom scheme is registered as standard scheme.$",
        ),
    ],
)
def test_what_is_no_list_of_schemes_is_refused(given: Any, error: type[Exception], words: str) -> None:
    registry = PrivilegedSchemes()
    with pytest.raises(error, match=words):
        registry.register(given)
    assert registry.for_a_session() == ()


def test_a_second_list_overwrites_the_first_and_after_a_session_none_is_taken() -> None:
    registry = PrivilegedSchemes()
    registry.register([CustomScheme("first")])
    registry.register([STANDARD])
    assert registry.for_a_session() == (STANDARD,)
    with pytest.raises(ProtocolError) as caught:
        registry.register([])
    assert str(caught.value) == "protocol.registerSchemesAsPrivileged should be called before app is ready"
    assert registry.for_a_session() == (STANDARD,)


def test_the_processs_list_is_taken_before_its_first_session_only(tmp_path: Path) -> None:
    program = """
import httpx, partita, sys
partita.protocol.register_schemes_as_privileged([{"scheme": "app", "privileges": {"standard": True}}])
with partita.System(data_dir=sys.argv[1]) as system:
    session = system.from_partition("persist:x")
    session.protocol.handle("app", lambda request: httpx.Response(200, text=str(request.url)))
    assert session.fetch("app:///foo").get(10).text == "app://foo/"
    try:
        partita.protocol.register_schemes_as_privileged([])
    except partita.errors.ProtocolError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "protocol.registerSchemesAsPrivileged should be called before app is ready\n", done.stderr


def test_privileges_are_looked_up_by_scheme() -> None:
    state = ProtocolsState(privileged=(STANDARD, CustomScheme("other", Privileges(stream=True))))
    assert standard_schemes(state) == secure_schemes(state) == {"app"}
    assert standard_schemes(ProtocolsState()) == secure_schemes(ProtocolsState()) == frozenset()
    assert privileges_of(state, "other").stream
    assert privileges_of(state, "http") == Privileges()


def test_the_log_is_told_of_privileges_once(system: partita.System) -> None:
    session = system.from_partition("persist:x")
    Protocol(session._partition, system, (STANDARD,))
    session.flush().get(10)
    position = session.log.position
    Protocol(session._partition, system, (STANDARD,))
    session.flush().get(10)
    assert session.log.position == position
    assert session._state.protocols.privileged == (STANDARD,)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("app://foo", "app://foo/"),
        ("app:///foo", "app://foo/"),
        ("app://foo:1234/x", "app://foo/x"),
        ("app://FOO/a/../b?q#f", "app://foo/b?q"),
    ],
)
def test_a_url_of_a_standard_scheme_reaches_its_handler_in_its_normal_form(
    system: partita.System, session: partita.Session, url: str, seen: str
) -> None:
    protocol = Protocol(session._partition, system, (STANDARD,))
    protocol.handle("app", lambda request: httpx.Response(200, text=str(request.url)))
    assert session.fetch(url).get(10).text == seen


def test_a_url_of_a_standard_scheme_needs_a_host(system: partita.System, session: partita.Session) -> None:
    Protocol(session._partition, system, (STANDARD,))
    with pytest.raises(InvalidURL, match="Invalid URL"):
        session.fetch("app://")


def test_a_relative_redirect_within_a_standard_scheme_is_followed(
    system: partita.System, session: partita.Session
) -> None:
    protocol = Protocol(session._partition, system, (STANDARD,))
    protocol.register_protocol(
        "app",
        lambda request: {"statusCode": 302, "headers": {"Location": "../to"}} if "from" in request.url else request.url,
    )
    assert session.fetch("app://host/a/from").get(10).text == "app://host/to"


def test_a_page_of_a_standard_scheme_has_relative_urls(system: partita.System, session: partita.Session) -> None:
    Protocol(session._partition, system, (STANDARD,)).handle(
        "app", lambda request: httpx.Response(200, text=str(request.url))
    )
    page = session.new_page("app://shop/a/")
    assert page.fetch("b?c").get(10).text == "app://shop/a/b?c"
    assert page.new_frame("/frame").url == "app://shop/frame"
    page.main_frame.navigate("../d").get(10)
    assert page.get_url() == "app://shop/d"


def test_the_program_of_the_guide_runs(tmp_path: Path) -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "guides" / "protocols.md"
    (program,) = re.findall(
        r"^```python\n(# app\.py\n.*?)^```", guide.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_the_modules_protocol_is_the_default_sessions(tmp_path: Path) -> None:
    """FEATURES R29."""
    program = """
import httpx, partita
partita.protocol.handle("app", lambda request: httpx.Response(200, text="default"))
assert partita.protocol.is_protocol_handled("app")
assert partita.default_session.protocol.is_protocol_handled("app")
assert partita.default_session.fetch("app:x").get(10).text == "default"
assert not partita.from_partition("other").protocol.is_protocol_handled("app")
assert not hasattr(partita.protocol, "handle_with_care")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PARTITA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
