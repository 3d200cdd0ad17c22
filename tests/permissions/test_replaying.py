"""Answers are in the log: it is decided again, rewound, forked and played back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

import partita
from partita.errors import PlaybackDiverged
from partita.store.partition import PartitionStore

from .asking import PATIENCE_S, Waiting, answers, permissions_of

SHOP = "https://shop.example/"


def application(system: partita.System, handler: Any) -> list[object]:
    session = system.from_partition("persist:shop", permissions="deny")
    page = session.new_page(SHOP)
    session.set_permission_request_handler(handler)
    session.set_permission_check_handler(lambda check: check.permission == "usb")
    session.set_display_media_request_handler(lambda request: {"video": request.frame})
    told: list[object] = [page.request_permission(each).get(PATIENCE_S) for each in ("midi", "geolocation")]
    told += [page.check_permission(each) for each in ("usb", "hid")]
    frame = page.get_display_media().get(PATIENCE_S).video
    told.append(isinstance(frame, partita.Frame) and frame.url)
    session.flush().get(PATIENCE_S)
    return told


def recorded(folder: Path) -> list[object]:
    with partita.System(data_dir=folder) as system:
        session = system.from_partition("persist:shop", permissions="deny")

        def handler(request: partita.PermissionRequest) -> bool:
            session.set_user_agent(f"asked for {request.permission}/1.0")  # what it says is part of the recording
            return request.permission != "geolocation"

        return application(system, handler)


TOLD = [True, False, True, False, SHOP]


def test_todays_code_decides_the_same(tmp_path: Path) -> None:
    assert recorded(tmp_path) == TOLD
    report = partita.replay(tmp_path / "Partitions" / "shop")
    assert not report.divergences
    assert report.turns


@pytest.mark.parametrize("asks_somebody", [False, True])
def test_a_playback_takes_the_answers_from_the_log(tmp_path: Path, asks_somebody: bool) -> None:
    """Also when whoever pressed the button then is not there any more."""
    assert recorded(tmp_path) == TOLD
    with partita.playback(tmp_path / "Partitions" / "shop") as system:
        session = system.from_partition("persist:shop", permissions="deny")

        async def handler(request: partita.PermissionRequest) -> bool:
            session.set_user_agent(f"asked for {request.permission}/1.0")
            if asks_somebody:
                await trio.sleep_forever()
            return request.permission != "geolocation"

        assert application(system, handler) == TOLD
    report = system.report()
    assert report.agrees, report.first_difference


def test_a_handler_that_answers_something_else_ends_the_playback(tmp_path: Path) -> None:
    assert recorded(tmp_path) == TOLD
    with partita.playback(tmp_path / "Partitions" / "shop", patience_s=1.0) as system:
        session = system.from_partition("persist:shop", permissions="deny")

        def handler(request: partita.PermissionRequest) -> bool:
            session.set_user_agent(f"asked for {request.permission}/1.0")
            return True

        with pytest.raises(PlaybackDiverged):
            application(system, handler)
    (opening,) = system.report().openings
    assert "the handler of 'geolocation' answers yes now; the recording has no at position" in str(opening.error)


def test_a_check_that_says_something_else_ends_the_playback(tmp_path: Path) -> None:
    def once(system: partita.System, answer: bool) -> bool:
        session = system.from_partition("persist:shop")
        session.set_permission_check_handler(lambda check: answer)
        return session.new_page(SHOP).check_permission("midi")

    with partita.System(data_dir=tmp_path) as system:
        assert once(system, True)
    with partita.playback(tmp_path / "Partitions" / "shop") as system:
        assert once(system, True)
    assert system.report().agrees
    with partita.playback(tmp_path / "Partitions" / "shop") as system, pytest.raises(PlaybackDiverged):
        once(system, False)


def test_a_fork_begins_without_handlers_and_with_the_grants(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:shop", keep_permission_grants=True)
        handler = Waiting()
        session.set_permission_request_handler(lambda request: True)
        page = session.new_page(SHOP)
        page.request_permission("midi").get(PATIENCE_S)
        session.set_permission_request_handler(handler)
        page.request_permission("geolocation")
        handler.wait_until_asked()
        fork = session.fork("fork")
        handler.go.set()
        state = permissions_of(fork)
        assert (state.handlers, state.pending) == ({}, ())
        assert [grant.permission for grant in fork.permission_grants()] == ["midi"]
        assert [answer.reason for answer in answers(fork)] == ["handler", "ended"]


def test_what_was_pending_when_a_process_died_is_refused_by_the_next(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with partita.System(data_dir=home) as system:
        session = system.from_partition("persist:shop")
        handler = Waiting()
        session.set_permission_request_handler(handler)
        asked = session.new_page(SHOP).request_permission("midi")
        handler.wait_until_asked()
        session.flush().get(PATIENCE_S)
        with PartitionStore.read(home / "Partitions" / "shop") as store:  # as a process that died here leaves it
            store.export(tmp_path / "dead.log", include_keys=True)
        handler.go.set()
        assert asked.get(PATIENCE_S) is True
    with PartitionStore.read(tmp_path / "dead.log") as store, partita.System(data_dir=tmp_path / "next") as system:
        fork = store.fork(None, name="dead", at=store.position)
        session = system._adopt(fork, "dead", "dead", persistent=False)
        state = permissions_of(session)
        assert (state.handlers, state.pending) == ({}, ())
        (answer,) = answers(session)
        assert (answer.granted, answer.reason, answer.handler) == (False, "ended", 1)
