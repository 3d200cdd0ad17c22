"""What a page checks (FEATURES F16)."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import partita
from partita.actors.permissions import names
from partita.errors import ListenerFailed
from partita.events.permissions import NoteCheck

from .asking import PATIENCE_S


def checks(session: partita.Session) -> list[NoteCheck]:
    session.flush().get(PATIENCE_S)
    return [turn.message for turn in session.log.turns(actor="session") if isinstance(turn.message, NoteCheck)]


@pytest.mark.parametrize("permission", names.CHECKED)
def test_without_a_handler_all_but_one_is_there_and_nothing_is_noted(
    session: partita.Session, page: partita.Page, permission: str
) -> None:
    assert page.check_permission(permission) is (permission != "deprecated-sync-clipboard-read")
    assert checks(session) == []


def test_the_handler_says_it_on_the_callback_thread_and_the_log_has_it(
    session: partita.Session, page: partita.Page
) -> None:
    seen: list[tuple[partita.PermissionCheck, str]] = []

    def handler(check: partita.PermissionCheck) -> bool:
        seen.append((check, threading.current_thread().name))
        return check.permission == "hid"

    session.set_permission_check_handler(handler)
    assert page.check_permission("hid") is True
    assert page.check_permission("usb") is False
    check, thread = seen[0]
    assert thread == "partita callbacks"
    assert check.web_contents is page
    assert check.requesting_origin == check.embedding_origin == "https://shop.example/"
    assert (check.requesting_url, check.is_main_frame) == ("https://shop.example/cart", True)
    assert [(note.permission, note.granted, note.handler) for note in checks(session)] == [
        ("hid", True, 1),
        ("usb", False, 1),
    ]
    session.set_permission_check_handler(None)
    assert page.check_permission("usb") is True


def test_a_frame_of_another_origin_has_no_web_contents_and_no_url(session: partita.Session, page: partita.Page) -> None:
    seen: list[partita.PermissionCheck] = []
    session.set_permission_check_handler(lambda check: bool(seen.append(check)))  # type: ignore[func-returns-value]
    same, other = page.new_frame("https://shop.example/x"), page.new_frame("https://ads.example/")
    assert not same.check_permission("midi")
    assert not other.check_permission("midi")
    assert not page.check_permission("notifications")
    assert [(check.web_contents, check.requesting_url, check.requesting_origin) for check in seen] == [
        (page, "https://shop.example/x", "https://shop.example/"),
        (None, None, "https://ads.example/"),
        (None, "https://shop.example/cart", "https://shop.example/"),
    ]
    assert seen[1].embedding_origin == "https://shop.example/"
    assert seen[1].frame is not None


def test_files_are_of_an_origin_of_electrons(session: partita.Session) -> None:
    seen: list[partita.PermissionCheck] = []
    session.set_permission_check_handler(lambda check: bool(seen.append(check)))  # type: ignore[func-returns-value]
    page = session.new_page("file:///home/index.html")
    page.new_frame("https://myfakesite/").check_permission("midi")
    session.new_page().check_permission("midi")
    assert [(check.requesting_origin, check.embedding_origin) for check in seen] == [
        ("https://myfakesite/", "file:///"),
        ("null", "null"),
    ]


def test_media_has_a_type_and_an_origin(session: partita.Session, page: partita.Page) -> None:
    seen: list[partita.PermissionCheck] = []
    session.set_permission_check_handler(lambda check: seen.append(check) or True)  # type: ignore[func-returns-value]
    page.check_permission("media")
    page.check_permission("media", media_type="video", security_origin="https://ads.example/")
    assert [(check.media_type, check.security_origin) for check in seen] == [
        ("unknown", None),
        ("video", "https://ads.example/"),
    ]


def raises(check: object) -> bool:
    raise RuntimeError("no idea")


def call(function: Any, check: object) -> object:
    return function(check)


async def promises(check: object) -> bool:
    return True


@pytest.mark.parametrize("handler", [raises, lambda check: 1, promises.__call__, partial(call, promises)])
def test_a_handler_that_fails_has_refused_and_is_reported(
    session: partita.Session, page: partita.Page, handler: Any
) -> None:
    session.set_permission_check_handler(handler)
    with pytest.warns(ListenerFailed, match="the permission check handler failed at 'midi'"):
        assert page.check_permission("midi") is False
    (note,) = checks(session)
    assert not note.granted
    assert note.failure


def test_an_async_function_is_no_check_handler(session: partita.Session) -> None:
    with pytest.raises(TypeError, match="a plain function: a page's script waits for it"):
        session.set_permission_check_handler(promises)  # type: ignore[arg-type]


def test_a_late_handler_has_refused(tmp_path: Path) -> None:
    go = threading.Event()
    with partita.System(data_dir=tmp_path, handler_timeout=0.05) as system:
        session = system.from_partition("scratch")
        session.set_permission_check_handler(lambda check: go.wait(PATIENCE_S))
        with pytest.warns(ListenerFailed, match="HandlerTimeout"):
            assert session.new_page("https://shop.example/").check_permission("midi") is False
        go.set()


def test_a_handler_may_check_and_ask_the_session(session: partita.Session, page: partita.Page) -> None:
    """On the callback thread itself nobody has to be waited for."""

    def handler(check: partita.PermissionCheck) -> bool:
        session.set_user_agent("checked/1.0")
        return check.permission == "midi" or page.check_permission("midi")

    session.set_permission_check_handler(handler)
    assert page.check_permission("usb") is True
    assert session.get_user_agent() == "checked/1.0"


@pytest.mark.parametrize(
    ("permission", "details", "error"),
    [
        ("camera", {}, ValueError),
        ("media", {"media_types": ["video"]}, TypeError),
        ("midi", {"file_path": ""}, TypeError),
    ],
)
def test_what_there_is_not_is_refused(
    page: partita.Page, permission: str, details: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        page.check_permission(permission, **details)
