"""What comes at once falls into the order in which it came: threads, the network and the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer, ServedFile

import partita
from partita.actors.live_world import disk
from partita.actors.live_world.clocks import SystemClock
from partita.actors.recorded_world.watch import RELIEF_S
from partita.session import Session
from partita.store.committer import Committer

from .playing import PATIENCE_S, played, recorded

CONTENT = bytes(range(256)) * 40_000


def test_concurrent_fetches_and_downloads_fall_into_the_same_order(tmp_path: Path, server: LoopbackServer) -> None:
    login = server.url("/login")
    files = [server.on(f"/file{n}", ServedFile(CONTENT)) for n in range(3)]

    def application(session: Session) -> list[object]:
        session.set_download_path(str(tmp_path / "downloads"))
        fetches = [session.fetch(login) for _ in range(10)]
        downloads = [session.download_url(url) for url in files]
        fetches += [session.fetch(f"{login}?{n}") for n in range(10)]
        items = [download.get(PATIENCE_S) for download in downloads]
        return [*(f.get(PATIENCE_S).text for f in fetches), *(item.finished().get(PATIENCE_S) for item in items)]

    log, then = recorded(tmp_path, application)
    for attempt in range(3):
        files_dir = tmp_path / f"again {attempt}"
        report, now = played(log.folder, application, files_dir=files_dir)
        assert now == then
        assert report.agrees, report.error or report.first_difference
        saved = sorted(path for path in files_dir.rglob("*") if path.is_file())
        assert [path.read_bytes() == CONTENT for path in saved] == [True] * 3


def test_threads_of_the_application_speak_in_the_recorded_order(tmp_path: Path, server: LoopbackServer) -> None:
    login = server.url("/login")

    def application(session: Session) -> list[str]:
        def work(number: int) -> None:
            for again in range(5):
                session.cookies.set(url=login, name=f"c{number}", value=str(again)).get(PATIENCE_S)
                session.fetch(f"{login}?{number}").get(PATIENCE_S)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(cookie.name for cookie in session.cookies.get().get(PATIENCE_S))

    log, then = recorded(tmp_path, application)
    report, now = played(log.folder, application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


@pytest.mark.parametrize("slow", ["file", "log"])
def test_a_disk_that_takes_its_time_is_waited_for(
    tmp_path: Path, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """Nothing moves meanwhile, and still nothing is let through that came later."""
    url = server.on("/file", ServedFile(CONTENT[:1000]))
    is_recorded, is_slow, disk_goes_on = threading.Event(), threading.Event(), threading.Event()

    def application(session: Session) -> list[str]:
        session.set_download_path(str(tmp_path / "downloads"))
        is_slow.set()
        download = session.download_url(url)
        if not is_recorded.is_set():
            download.get(PATIENCE_S).finished().get(PATIENCE_S)
        session.cookies.set(url=url, name="late", value="1")
        names = [cookie.name for cookie in session.cookies.get().get(PATIENCE_S)]
        return [*names, download.get(PATIENCE_S).finished().get(PATIENCE_S)]

    log, then = recorded(tmp_path, application)
    is_recorded.set()
    is_slow.clear()
    ticks: list[float] = []
    sleep, rename, commit_once = SystemClock.sleep, disk.rename, Committer.commit_once

    async def counting(clock: SystemClock, seconds: float) -> None:
        await sleep(clock, seconds)
        if is_slow.is_set():
            ticks.append(seconds)
        if sum(ticks) > 2 * RELIEF_S:
            disk_goes_on.set()

    def rename_slowly(*arguments: object, **options: object) -> None:
        assert disk_goes_on.wait(PATIENCE_S)
        rename(*arguments, **options)  # type: ignore[arg-type]

    def commit_slowly(committer: Committer[Any]) -> bool:
        if is_slow.is_set():
            assert disk_goes_on.wait(PATIENCE_S)
        return commit_once(committer)

    monkeypatch.setattr(SystemClock, "sleep", counting)
    if slow == "file":
        monkeypatch.setattr(disk, "rename", rename_slowly)
    else:
        monkeypatch.setattr(Committer, "commit_once", commit_slowly)
    report, now = played(log.folder, application)
    assert now == then == ["late", "completed"]
    assert report.agrees, report.error or report.first_difference


ORDERS = {
    "what does nothing comes first": (["set c", "remove c"], ["remove c", "set c"]),
    "and it is known that they differ": (["agent x", "set c", "remove c"], ["set c", "agent x", "remove c"]),
    "and each is another one": (["set c", "agent x", "remove c"], ["agent x", "remove c", "set c"]),
    "what does nothing did nothing then": (["remove c", "set c", "remove c"], ["remove c", "set c", "remove c"]),
    "what is alike comes twice": (["set c", "set d", "set c"], ["set d", "set c", "set c"]),
}


@pytest.mark.parametrize("recorded_order, played_order", ORDERS.values(), ids=ORDERS)
def test_threads_that_came_in_another_order_are_put_into_the_recorded_one(
    tmp_path: Path, recorded_order: list[str], played_order: list[str]
) -> None:
    url = "http://shop.example/"

    def application_of(order: list[str]) -> Callable[[Session], list[str]]:
        def application(session: Session) -> list[str]:
            said: list[partita.Future[None]] = []
            for word in order:
                verb, _, name = word.partition(" ")
                if verb == "set":
                    said.append(session.cookies.set(url=url, name=name, value="1"))
                elif verb == "remove":
                    said.append(session.cookies.remove(url, name))
                else:
                    threading.Thread(target=session.set_user_agent, args=(name,)).start()
            for future in said:
                future.get(PATIENCE_S)
            return sorted(cookie.name for cookie in session.cookies.get().get(PATIENCE_S))

        return application

    log, then = recorded(tmp_path, application_of(recorded_order))
    report, now = played(log.folder, application_of(played_order))
    assert now == then
    assert report.agrees, report.error or report.first_difference
