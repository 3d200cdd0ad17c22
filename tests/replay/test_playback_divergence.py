"""What a playback says when the application does something else, or when the recording has a hole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, ServedFile

import partita
from partita.actors.live_world import disk
from partita.actors.recorded_world import watch
from partita.errors import PlaybackDiverged, PlaybackError, RecordingEnded, RecordingIncomplete
from partita.events.exchanges import NoteBody
from partita.session import Session
from partita.store.environment import written
from partita.store.partition import PartitionStore

from .playing import NAME, PATIENCE_S, Recorded, recorded


@pytest.fixture
def log(tmp_path: Path, server: LoopbackServer) -> Recorded:
    """Turn 2: a user agent; from 3 on: /login, over a redirect to /home."""

    def application(session: Session) -> None:
        session.set_user_agent("shop/1.0")
        session.fetch(server.url("/login"), headers={"X-Token": "t0"}).get(PATIENCE_S)

    return recorded(tmp_path, application)[0]


def test_another_request_is_named_with_the_one_that_was_recorded(log: Recorded, server: LoopbackServer) -> None:
    with partita.playback(log.folder) as system:
        session = system.from_partition(NAME)
        session.set_user_agent("shop/1.0")
        with pytest.raises(PlaybackDiverged) as caught:
            session.fetch(server.url("/other")).get(PATIENCE_S)
    assert f"asks GET {server.url('/other')}" in str(caught.value)
    assert f"has GET {server.url('/login')}" in str(caught.value)
    assert caught.value.position == 3
    report = system.report()
    assert not report.agrees
    assert (report.turns, report.error) == (2, caught.value)
    found = report.first_difference
    assert found is not None
    assert (found.position, found.played) == (3, None)
    assert [(one.path, one.left, one.right) for one in found.differences] == [
        ("message.url", server.url("/login"), server.url("/other"))
    ]


def test_a_request_with_another_body_is_another_request(log: Recorded, server: LoopbackServer) -> None:
    with partita.playback(log.folder) as system:
        session = system.from_partition(NAME)
        session.set_user_agent("shop/1.0")
        with pytest.raises(PlaybackDiverged, match="with the body"):
            session.fetch(server.url("/login"), method="POST", content=b"other").get(PATIENCE_S)


def test_another_header_field_is_a_difference_and_playing_goes_on(log: Recorded, server: LoopbackServer) -> None:
    with partita.playback(log.folder) as system:
        session = system.from_partition(NAME)
        session.set_user_agent("shop/1.0")
        assert session.fetch(server.url("/login"), headers={"X-Token": "t1"}).get(PATIENCE_S).text == "home"
    report = system.report()
    assert report.error is None
    assert not report.agrees
    found = report.first_difference
    assert found is not None
    assert found.position == 4
    (difference,) = found.differences
    assert difference.path == "message.headers[4].secret"


def test_another_call_says_what_was_recorded_and_what_is_said(log: Recorded) -> None:
    with partita.playback(log.folder) as system:
        session = system.from_partition(NAME)
        with pytest.raises(PlaybackDiverged) as caught:
            session.set_user_agent("shop/2.0")
        with pytest.raises(PlaybackDiverged):
            session.set_download_path("/tmp")
    text = str(caught.value)
    assert "at position 2 the recording has preferences.set_user_agent" in text
    assert "'shop/1.0' was recorded, 'shop/2.0' is said" in text


def test_a_secret_is_not_shown_in_what_differs(tmp_path: Path) -> None:
    def application(session: Session, value: str = "s3cret-1") -> None:
        session.cookies.set(url="https://shop.example/", name="sid", value=value).get(PATIENCE_S)

    log, _ = recorded(tmp_path, application)
    with partita.playback(log.folder) as system, pytest.raises(PlaybackDiverged) as caught:
        application(system.from_partition(NAME), "s3cret-2")
    assert "s3cret" not in str(caught.value)


def test_an_application_that_closes_too_early_is_told_what_was_to_come(log: Recorded) -> None:
    with partita.playback(log.folder, patience_s=0.3) as system:
        system.from_partition(NAME).set_user_agent("shop/1.0")
    report = system.report()
    assert isinstance(report.error, PlaybackDiverged)
    assert "closes the partition at position 2" in str(report.error)
    assert report.openings[0].left == len(log.turns()) - 2


def test_an_application_that_goes_on_beyond_the_end_is_told_so(log: Recorded, server: LoopbackServer) -> None:
    with partita.playback(log.folder) as system:
        session = system.from_partition(NAME)
        session.set_user_agent("shop/1.0")
        session.fetch(server.url("/login"), headers={"X-Token": "t0"}).get(PATIENCE_S)
        system.ended(session).get(PATIENCE_S)
        assert [cookie.name for cookie in session.cookies.get().get(PATIENCE_S)] == ["sid"]
        with pytest.raises(RecordingEnded):
            session.set_user_agent("shop/2.0")
    assert system.report().agrees


def test_a_partition_that_was_not_recorded_is_named(log: Recorded) -> None:
    with (
        partita.playback(log.folder) as system,
        pytest.raises(RecordingIncomplete, match=r"no partition 'other'.*'shop'"),
    ):
        system.from_partition("persist:other")


def test_an_opening_more_than_were_recorded_is_refused(log: Recorded, server: LoopbackServer) -> None:
    with partita.playback(log.folder, patience_s=0.3) as system:
        session = system.from_partition(NAME)
        session.close()
        with pytest.raises(RecordingIncomplete, match="once more"):
            system.from_partition(NAME)


def test_a_log_without_exchanges_says_what_would_have_them(tmp_path: Path, server: LoopbackServer) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition(NAME)
        session.fetch(server.url("/login")).get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
    folder = tmp_path / "Partitions" / "shop"
    with partita.playback(folder) as system:
        session = system.from_partition(NAME)
        with pytest.raises(PlaybackDiverged, match='record="exchanges"'):
            session.fetch(server.url("/login")).get(PATIENCE_S)


def test_a_body_that_is_gone_is_named_with_its_position(log: Recorded, server: LoopbackServer) -> None:
    turn = next(turn for turn in log.turns() if getattr(turn.message, "content", ""))
    assert isinstance(turn.message, NoteBody)
    digest = bytes.fromhex(turn.message.content)
    with PartitionStore.open(log.folder, name="shop", random_bytes=bytes) as store:
        written(store._log.environment, lambda transaction: transaction.delete("blobs", digest))
    with partita.playback(log.folder) as system:
        session = system.from_partition(NAME)
        session.set_user_agent("shop/1.0")
        with pytest.raises(RecordingIncomplete) as caught:
            session.fetch(server.url("/login"), headers={"X-Token": "t0"}).get(PATIENCE_S)
    assert digest.hex() in str(caught.value)
    assert caught.value.position == turn.position
    assert system.report().error is caught.value


def test_history_that_was_given_up_is_named(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path, record="exchanges", retain_bytes=2000) as system:
        session = system.from_partition(NAME)
        for number in range(100):
            session.set_user_agent(f"agent/{number}")
            if number % 10 == 0:
                session.snapshot().get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
        first = session.log.first_position
    assert first > 1
    with pytest.raises(RecordingIncomplete, match=f"begins at position {first}"):
        partita.playback(tmp_path / "Partitions" / "shop")


def test_a_log_without_its_keys_cannot_be_played_back(log: Recorded, tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        system.from_partition(NAME).log.export(tmp_path / "log")
    with pytest.raises(RecordingIncomplete, match="exported without its keys"):
        partita.playback(tmp_path / "log")


def test_a_value_that_was_cleared_is_a_hole(tmp_path: Path) -> None:
    def application(session: Session) -> None:
        session.cookies.set(url="https://shop.example/", name="sid", value="1").get(PATIENCE_S)

    log, _ = recorded(tmp_path, application)
    with PartitionStore.open(log.folder, name="shop", random_bytes=bytes) as store:
        store.erase_key(store.keyring.current)
    with (
        partita.playback(log.folder, patience_s=0.5) as system,
        pytest.raises(RecordingIncomplete, match=r"turn 2 .* was cleared"),
    ):
        application(system.from_partition(NAME))


def test_a_disk_that_never_comes_back_is_not_waited_for_longer_than_the_patience(
    tmp_path: Path, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.on("/file", ServedFile(b"content"))

    def application(session: Session) -> str:
        session.set_download_path(str(tmp_path / "downloads"))
        return session.download_url(url).get(PATIENCE_S).finished().get(PATIENCE_S)

    log, _ = recorded(tmp_path, application)
    comes_back = threading.Event()
    came_back: list[bool] = []
    rename = disk.rename

    def rename_late(*arguments: object, **options: object) -> None:
        came_back.append(comes_back.wait(PATIENCE_S))
        rename(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(disk, "rename", rename_late)
    with partita.playback(log.folder, patience_s=0.3) as system:
        session = system.from_partition(NAME)
        session.set_download_path(str(tmp_path / "downloads"))
        download = session.download_url(url)
        download.when_done(download.failure)
        with pytest.raises(PlaybackDiverged, match="set_user_agent"):
            session.set_user_agent("what was never said")
        comes_back.set()
    assert came_back == [True]


def test_a_defect_of_the_playback_itself_is_told_to_who_waits(log: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)

    def defective(*arguments: object, **options: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(watch, "diverged", defective)
    with partita.playback(log.folder) as system:
        session = system.from_partition(NAME)
        with pytest.raises(PlaybackError, match="a defect"):
            session.set_user_agent("another")
    assert [args.exc_type for args in reported] == [RuntimeError]
    assert isinstance(system.report().error, PlaybackError)
