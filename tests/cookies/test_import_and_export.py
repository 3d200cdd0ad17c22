"""``import_cookies`` and ``export_cookies``, with real files and the programs that share them (API.md)."""

from __future__ import annotations

import http.cookiejar
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer

import partita
from partita import World
from partita.actors.cookies import carriers
from partita.errors import CookieFileError, SystemClosed

PATIENCE_S = 30
SHOP = "https://shop.example/"


def fill(session: partita.Session) -> None:
    cookies = session.cookies
    waiting = [
        cookies.set(url=SHOP, name="sid", value="1", domain="shop.example", http_only=True, expiration_date=4e9),
        cookies.set(url="http://127.0.0.1/", name="ip", value="a b", expiration_date=4e9),
        cookies.set(url="http://127.0.0.1/", name="session", value="s"),
        cookies.set(url="https://cdn.example/", name="p", value="v", secure=True, partition_key=SHOP),
    ]
    for done in waiting:
        done.get(PATIENCE_S)


def shown(cookies: list[partita.Cookie]) -> list[tuple[object, ...]]:
    return sorted((c.name, c.value, c.domain, c.path, c.secure, c.http_only, c.session) for c in cookies)


@pytest.mark.parametrize(("name", "count"), [("cookies.txt", 3), ("state.json", 4), ("noname", 3)])
def test_what_one_session_exports_another_imports(
    session: partita.Session, tmp_path: Path, name: str, count: int
) -> None:
    fill(session)
    path = tmp_path / "new folder" / name
    assert session.cookies.export_cookies(path).get(PATIENCE_S) == count
    with partita.System(data_dir=tmp_path / "other") as system:
        other = system.from_partition("persist:other")
        taken = other.cookies.import_cookies(path).get(PATIENCE_S)
        assert (taken, taken.expired) == (count, 0)
        before = [cookie for cookie in session.cookies.get().get() if count == 4 or cookie.partition_key is None]
        assert shown(other.cookies.get().get()) == shown(before)
        position = other.log.position
        other.cookies.import_cookies(path).get(PATIENCE_S)
        assert other.log.position == position + 1, "an import is one turn"


@pytest.mark.skipif(sys.platform == "win32", reason="no modes there")
def test_a_file_of_cookies_is_its_owners_alone_and_replaced_whole(session: partita.Session, tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_text("what was there")
    path.chmod(0o644)
    with path.open() as before:
        session.cookies.export_cookies(path).get(PATIENCE_S)
        assert before.read() == "what was there"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["cookies.txt"] or sorted(os.listdir(tmp_path)) == ["cookies.txt", "data"]


def test_the_format_can_be_chosen(session: partita.Session, tmp_path: Path) -> None:
    fill(session)
    session.cookies.export_cookies(tmp_path / "a.txt", format="storage_state").get(PATIENCE_S)
    assert len(json.loads((tmp_path / "a.txt").read_bytes())["cookies"]) == 4
    assert session.cookies.import_cookies(tmp_path / "a.txt").get(PATIENCE_S) == 4, "found out by the content"
    with pytest.raises(CookieFileError, match="line 1: it has 1 fields"):
        session.cookies.import_cookies(tmp_path / "a.txt", format="netscape").get(PATIENCE_S)
    for call in (session.cookies.import_cookies, session.cookies.export_cookies):
        with pytest.raises(ValueError, match="format is 'netscape' or 'storage_state', not 'csv'"):
            call(tmp_path / "a.txt", format="csv")  # type: ignore[arg-type]  # the caller's mistake


def test_a_bad_file_imports_nothing_and_says_which_line(session: partita.Session, tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    lines = ["shop.example\tFALSE\t/\tFALSE\t0\tn\tv", "shop.example\tFALSE\t/\tFALSE\t0\t__Secure-n\tv"]
    path.write_text("\n".join(lines))
    session.flush().get(PATIENCE_S)
    position = session.log.position
    with pytest.raises(CookieFileError) as raised:
        session.cookies.import_cookies(path).get(PATIENCE_S)
    assert str(raised.value) == f"{path}: line 2: The cookie was set with an invalid __Host- or __Secure- prefix."
    assert session.cookies.get().get() == []
    session.flush().get(PATIENCE_S)
    assert session.log.position == position


def test_a_file_that_is_not_there_or_a_folder_is_an_os_error(session: partita.Session, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        session.cookies.import_cookies(tmp_path / "none.txt").get(PATIENCE_S)
    with pytest.raises(OSError):
        session.cookies.import_cookies(tmp_path).get(PATIENCE_S)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        session.cookies.export_cookies(tmp_path / "folder").get(PATIENCE_S)
    assert sorted(os.listdir(tmp_path)) == ["data", "folder"], "nothing is left beside it"


def test_a_file_of_another_size_is_no_file_of_cookies(
    session: partita.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "long.txt").write_text("#" * 100)
    monkeypatch.setattr(carriers, "MAX_FILE_BYTES", 99)
    with pytest.raises(CookieFileError, match="it has 100 bytes; 99 are read at most"):
        session.cookies.import_cookies(tmp_path / "long.txt").get(PATIENCE_S)


def test_expired_cookies_are_not_exported_and_not_imported(session: partita.Session, tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_text("shop.example\tFALSE\t/\tFALSE\t1\told\tv\nshop.example\tFALSE\t/\tFALSE\t0\tnew\tv\n")
    taken = session.cookies.import_cookies(path).get(PATIENCE_S)
    assert (taken, taken.expired) == (1, 1)
    assert session.cookies.export_cookies(path).get(PATIENCE_S) == 1


def test_a_closed_session_neither_reads_nor_writes(session: partita.Session, tmp_path: Path) -> None:
    session.close()
    for call in (session.cookies.import_cookies, session.cookies.export_cookies):
        with pytest.raises(SystemClosed):
            call(tmp_path / "cookies.txt")


def test_the_kernels_thread_touches_no_file(
    session: partita.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def noting(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).startswith(str(tmp_path / "c")):
            opened.append(threading.current_thread().name)
        return real_open(path, *arguments, **options)

    real_open = os.open
    monkeypatch.setattr(os, "open", noting)
    session.cookies.export_cookies(tmp_path / "c.txt").get(PATIENCE_S)
    session.cookies.import_cookies(tmp_path / "c.txt").get(PATIENCE_S)
    assert len(opened) == 2
    assert all(name.startswith("open_to_") for name in opened), f"{opened}: trio calls its threads by what they do"


# -- other programs -----------------------------------------------------------------------------------------------------


def test_pythons_cookie_jar_reads_what_is_exported_and_is_read(session: partita.Session, tmp_path: Path) -> None:
    fill(session)
    path = tmp_path / "cookies.txt"
    session.cookies.export_cookies(path).get(PATIENCE_S)
    jar = http.cookiejar.MozillaCookieJar(path)
    jar.load(ignore_discard=True, ignore_expires=True)
    assert {(cookie.name, cookie.value, cookie.domain) for cookie in jar} == {
        ("sid", "1", ".shop.example"),
        ("ip", "a b", "127.0.0.1"),
        ("session", "s", "127.0.0.1"),
    }
    jar.save(ignore_discard=True, ignore_expires=True)  # it takes the 0 of a session cookie for 1970
    assert session.cookies.import_cookies(path).get(PATIENCE_S) == 3
    assert [cookie.session for cookie in session.cookies.get(name="session").get()] == [True]


@pytest.mark.parametrize(
    ("program", "send", "keep"),
    [
        ("curl", ["curl", "-s", "-b", "{path}", "{url}"], ["curl", "-s", "-c", "{path}", "{url}"]),
        (
            "wget",
            ["wget", "-qO-", "--load-cookies={path}", "{url}"],
            ["wget", "-qO-", "--keep-session-cookies", "--save-cookies={path}", "{url}"],
        ),
    ],
)
def test_curl_and_wget_share_the_file(
    session: partita.Session, server: LoopbackServer, tmp_path: Path, program: str, send: list[str], keep: list[str]
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    fill(session)
    server.on("/", lambda seen, reply: reply.send(b"", headers=[("Set-Cookie", "theirs=1; HttpOnly; Max-Age=600")]))
    path = tmp_path / "cookies.txt"
    session.cookies.export_cookies(path).get(PATIENCE_S)

    def run(command: list[str]) -> None:
        words = [word.format(path=path, url=server.url("/")) for word in command]
        subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE_S)

    run(send)
    sent = server.seen[-1].header("cookie") or ""
    assert sorted(sent.split("; ")) == ["ip=a b", "session=s"]
    run(keep)
    assert session.cookies.import_cookies(path).get(PATIENCE_S) == 1
    [theirs] = session.cookies.get(name="theirs").get()
    assert theirs.domain == "127.0.0.1"
    assert not theirs.session


def test_it_works_in_a_simulated_world_as_well() -> None:
    with World(3, quiet=True) as world, world.system() as system:
        session = system.from_partition("persist:a")
        session.cookies.set(url=SHOP, name="n", value="v").get()
        assert session.cookies.export_cookies("/exports/state.json").get() == 1
        other = system.from_partition("persist:b")
        assert other.cookies.import_cookies("/exports/state.json").get() == 1
        assert other.cookies.get().get()[0].value == "v"


def test_session_cookies_outlive_the_process_when_asked_to(tmp_path: Path) -> None:
    def names(*, persist: bool) -> list[str]:
        with partita.System(data_dir=tmp_path / "data") as system:
            session = system.from_partition("persist:a", persist_session_cookies=persist)
            found = [cookie.name for cookie in session.cookies.get().get(PATIENCE_S)]
            session.cookies.set(url=SHOP, name="n", value="v").get(PATIENCE_S)
            return found

    assert names(persist=True) == []
    assert names(persist=True) == ["n"]
    assert names(persist=False) == [], "those of earlier processes end when nobody wants them any more"
    assert names(persist=True) == [], "and those of a process without the option end with it"
