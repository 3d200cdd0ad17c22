"""Whole applications, played back out of their log: with no network, equal to the turn."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile

import partita
from partita.errors import NetError
from partita.session import Session

from .playing import NAME, PATIENCE_S, Recorded, played, recorded

CONTENT = bytes(range(256)) * 40_000


def echoes(seen: Seen, reply: Reply) -> None:
    reply.send(seen.method.encode() + b" " + seen.body + b" " + (seen.header("cookie") or "").encode())


def hangs_up(seen: Seen, reply: Reply) -> None:
    reply.head(200, {"Content-Length": "1000"})
    reply.write(b"x" * 400)
    reply.hang_up()


def test_fetches_with_cookies_and_bodies_come_out_the_same(tmp_path: Path, server: LoopbackServer) -> None:
    login, echo = server.url("/login"), server.on("/echo", echoes)

    def application(session: Session) -> list[str]:
        session.set_user_agent("shop/1.0")
        home = session.fetch(login).get(PATIENCE_S)
        posted = [session.fetch(echo, method="POST", content=f"order {n}").get(PATIENCE_S) for n in range(3)]
        names = [cookie.name for cookie in session.cookies.get().get(PATIENCE_S)]
        elapsed = [repr(response.elapsed) for response in (home, *posted)]
        return [home.text, str(home.url), *(response.text for response in posted), *names, *elapsed]

    log, then = recorded(tmp_path, application)
    asked = len(server.seen)
    report, now = played(log.folder, application)
    assert now == then
    assert "POST order 2 sid=1" in now
    assert report.agrees, report
    assert report.turns == len(log.turns())
    assert len(server.seen) == asked


def test_failures_of_the_network_come_again_with_their_details(tmp_path: Path, server: LoopbackServer) -> None:
    broken = server.on("/broken", hangs_up)

    def application(session: Session) -> list[tuple[str, str]]:
        failures = []
        for url in ("http://127.0.0.1:1/", broken):
            with pytest.raises(NetError) as caught:
                session.fetch(url).get(PATIENCE_S)
            failures.append((caught.value.name, caught.value.detail))
        return failures

    log, then = recorded(tmp_path, application)
    assert [name for name, _ in then] == ["ERR_CONNECTION_REFUSED", "ERR_CONTENT_LENGTH_MISMATCH"]
    report, now = played(log.folder, application)
    assert now == then
    assert report.agrees, report


def test_a_download_that_broke_off_was_paused_and_resumed_does_so_again(tmp_path: Path, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hang_up_at=[3_000_000], hold_at=6_000_000)
    url = server.on("/file", file)

    def application(session: Session) -> tuple[str, str, str, int]:
        session.set_download_path(str(tmp_path / "downloads"))
        item = session.download_url(url).get(PATIENCE_S)
        broke = item.stopped().get(PATIENCE_S), item.last_reason
        item.resume()
        if not file.go_on.is_set():
            assert file.held.wait(PATIENCE_S)
        item.pause()
        file.go_on.set()
        item.resume()
        return *broke, item.finished().get(PATIENCE_S), item.get_received_bytes()

    log, then = recorded(tmp_path, application)
    assert then == ("interrupted", "SERVER_CONTENT_LENGTH_MISMATCH", "completed", len(CONTENT))
    report, now = played(log.folder, application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


def test_a_download_whose_name_another_program_got_is_given_the_next_one_again(
    tmp_path: Path, server: LoopbackServer
) -> None:
    file = ServedFile(CONTENT, hold_at=3_000_000)
    url = server.on("/file", file)
    folder = tmp_path / "downloads"

    def application(session: Session) -> tuple[str, str]:
        session.set_download_path(str(folder))
        item = session.download_url(url).get(PATIENCE_S)
        if not file.go_on.is_set():
            assert file.held.wait(PATIENCE_S)
            (folder / "file").write_text("another program's")
            file.go_on.set()
        return item.finished().get(PATIENCE_S), item.save_path

    log, then = recorded(tmp_path, application)
    assert then == ("completed", str(folder / "file (1)"))
    assert (folder / "file").read_text() == "another program's"
    report, now = played(log.folder, application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


def test_a_download_that_was_interrupted_five_times_is_played_back_without_a_network(
    tmp_path: Path, server: LoopbackServer
) -> None:
    """In three openings: it breaks off five times, twice right before the partition is closed."""
    file = ServedFile(CONTENT, hang_up_at=[1_000_000, 2_500_000, 4_000_000, 7_000_000, 9_000_000])
    url = server.on("/file", file)
    folder = tmp_path / "files"

    def part(session: Session, tries: int) -> list[tuple[str, str]]:
        session.set_download_path(str(folder))
        earlier = session.downloads()
        item = earlier[0] if earlier else session.download_url(url).get(PATIENCE_S)
        told = []
        for attempt in range(tries):
            if attempt or earlier:
                item.resume()
            told.append((item.stopped().get(PATIENCE_S), item.last_reason))
        session.flush().get(PATIENCE_S)
        return told

    def application(system: partita.System) -> list[tuple[str, str]]:
        told = []
        for tries in (2, 3, 1):
            session = system.from_partition(NAME)
            told += part(session, tries)
            session.close()
        return told

    with partita.System(data_dir=tmp_path, record="exchanges") as system:
        then = application(system)
    assert [state for state, _ in then] == ["interrupted"] * 5 + ["completed"]
    assert (folder / "file").read_bytes() == CONTENT
    log = Recorded(tmp_path)
    asked = len(server.seen)
    with partita.playback(log.folder) as played_back:
        assert application(played_back) == then
        assert played_back.path_of(folder / "file").read_bytes() == CONTENT
    report = played_back.report()
    assert report.agrees, report.error or report.first_difference
    assert report.turns == len(log.turns())
    assert len(server.seen) == asked


def test_a_cancelled_download_is_cancelled_in_the_same_place(tmp_path: Path, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=6_000_000)
    url = server.on("/file", file)

    def application(session: Session) -> str:
        session.set_download_path(str(tmp_path / "downloads"))
        item = session.download_url(url).get(PATIENCE_S)
        if not file.go_on.is_set():
            assert file.held.wait(PATIENCE_S)
        item.cancel()
        return item.finished().get(PATIENCE_S)

    log, then = recorded(tmp_path, application)
    file.go_on.set()
    files_dir = tmp_path / "again"
    report, now = played(log.folder, application, files_dir=files_dir)
    assert (now, then) == ("cancelled", "cancelled")
    assert report.agrees, report.error or report.first_difference
    assert [path for path in files_dir.rglob("*") if path.is_file()] == []


def test_listeners_and_their_answers_are_the_applications_own(tmp_path: Path, server: LoopbackServer) -> None:
    urls = [server.on(f"/file{n}", ServedFile(CONTENT[:100_000])) for n in range(2)]

    def application(session: Session) -> list[str]:
        told: list[str] = []

        @session.on("will-download")
        def choose(event: partita.WillDownload) -> None:
            if event.item.get_url() == urls[0]:
                event.prevent_default()
            else:
                event.item.set_save_path(str(tmp_path / "chosen"))

        session.set_download_path(str(tmp_path / "downloads"))
        with pytest.raises(partita.PartitaError):
            session.download_url(urls[0]).get(PATIENCE_S)
        item = session.download_url(urls[1]).get(PATIENCE_S)
        told.append(item.finished().get(PATIENCE_S))
        return [*told, item.save_path]

    log, then = recorded(tmp_path, application)
    report, now = played(log.folder, application, files_dir=tmp_path / "again")
    assert now == then
    assert report.agrees, report.error or report.first_difference
    assert (tmp_path / "chosen").exists()
    with partita.playback(log.folder, files_dir=tmp_path / "again") as system:
        assert system.path_of(now[-1]).read_bytes() == CONTENT[:100_000]


def test_an_application_that_opens_its_partition_again_is_played_opening_by_opening(
    tmp_path: Path, server: LoopbackServer
) -> None:
    url, login = server.on("/file", ServedFile(CONTENT, hold_at=5_000_000)), server.url("/login")
    folder = str(tmp_path / "downloads")

    def first(session: Session) -> str:
        session.set_download_path(folder)
        session.fetch(login).get(PATIENCE_S)
        return session.download_url(url).get(PATIENCE_S).id

    def second(session: Session) -> str:
        (item,) = session.downloads()
        item.resume()
        return item.finished().get(PATIENCE_S)

    recorded(tmp_path, first)
    served = server._answers["/file"]
    assert isinstance(served, ServedFile)
    served.go_on.set()
    log, then = recorded(tmp_path, second)
    assert then == "completed"
    with partita.playback(log.folder, files_dir=tmp_path / "again") as system:
        session = system.from_partition(NAME)
        first(session)
        session.close()
        assert second(system.from_partition(NAME)) == then
        assert system.path_of(Path(folder, "file")).read_bytes() == CONTENT
    report = system.report()
    assert report.agrees, report.error or report.first_difference
    assert [opening.first for opening in report.openings] == [1, report.openings[0].last + 1]


def test_a_later_opening_can_be_played_by_itself(tmp_path: Path, server: LoopbackServer) -> None:
    login = server.url("/login")

    def application(session: Session) -> str:
        session.fetch(login).get(PATIENCE_S)
        return session.cookies.get().get(PATIENCE_S)[0].value

    recorded(tmp_path, application)
    log, then = recorded(tmp_path, application)
    second = next(turn.position for turn in log.turns()[1:] if type(turn.message).__name__ == "Recover")
    report, now = played(log.folder, application, start=second)
    assert now == then
    assert report.agrees
    assert report.openings[0].first == second


def test_an_exported_log_with_its_keys_is_played_back_as_well(tmp_path: Path, server: LoopbackServer) -> None:
    login = server.url("/login")
    file = tmp_path / "log"

    def application(session: Session) -> str:
        return session.fetch(login).get(PATIENCE_S).text

    with partita.System(data_dir=tmp_path, record="exchanges") as system:
        session = system.from_partition(NAME)
        then = application(session)
        session.flush().get(PATIENCE_S)
        session.log.export(file, include_keys=True)
    report, now = played(file, application)
    assert now == then
    assert report.agrees


def test_an_application_under_trio_is_played_back(tmp_path: Path, server: LoopbackServer) -> None:
    login, url = server.url("/login"), server.on("/file", ServedFile(CONTENT))

    async def application(system: partita.System) -> list[str]:
        session = system.from_partition(NAME)
        session.set_download_path(str(tmp_path / "downloads"))
        texts: list[str] = []

        async def fetch(number: int) -> None:
            texts.append((await session.fetch(f"{login}?{number}")).text)

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(fetch, number)
            item = await session.download_url(url)
        session.set_user_agent("later/1")
        return [*texts, await item.finished()]

    async def record() -> list[str]:
        async with partita.System(data_dir=tmp_path, record="exchanges") as system:
            return await application(system)

    async def play() -> tuple[list[str], object]:
        async with partita.playback(tmp_path / "Partitions" / "shop") as system:
            now = await application(system)
        return now, system.report()

    then = trio.run(record)
    now, report = trio.run(play)
    assert now == then
    assert isinstance(report, partita.PlaybackReport)
    assert report.agrees, report.error or report.first_difference
