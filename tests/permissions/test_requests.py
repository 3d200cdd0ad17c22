"""What a page requests, who is asked, and what comes of it (FEATURES F15, T24)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
import trio

import partita
from partita.actors.permissions import names
from partita.errors import HandlerLate, ListenerFailed, UsageError

from .asking import PATIENCE_S, Waiting, answers, permissions_of, wait_until_pending

DETAILS: dict[str, dict[str, Any]] = {
    "openExternal": {"external_url": "mailto:a@b.example"},
    "media": {"media_types": ["audio"]},
}


@pytest.mark.parametrize("permission", names.REQUESTED)
def test_without_a_handler_every_request_is_granted(page: partita.Page, permission: str) -> None:
    assert page.request_permission(permission, **DETAILS.get(permission, {})).get(PATIENCE_S) is True


@pytest.mark.parametrize("permission", names.REQUESTED)
def test_a_handler_is_told_who_asks_for_what(session: partita.Session, page: partita.Page, permission: str) -> None:
    seen: list[partita.PermissionRequest] = []
    session.set_permission_request_handler(lambda request: seen.append(request) or False)  # type: ignore[func-returns-value]
    assert page.request_permission(permission, **DETAILS.get(permission, {})).get(PATIENCE_S) is False
    (request,) = seen
    assert request.web_contents is page
    assert request.frame is not None
    assert request.frame.url == request.requesting_url == "https://shop.example/cart"
    assert request.permission == permission
    assert request.requesting_origin == request.embedding_origin == "https://shop.example/"
    assert request.is_main_frame


def test_some_permissions_have_details_of_their_own(session: partita.Session, page: partita.Page) -> None:
    seen: list[Any] = []
    session.set_permission_request_handler(lambda request: seen.append(request) or True)  # type: ignore[func-returns-value]
    page.request_permission("openExternal", external_url="zoom:1").get(PATIENCE_S)
    page.request_permission("media", media_types=["audio", "video", "audio"]).get(PATIENCE_S)
    page.request_permission("fileSystem", file_path="/a", is_directory=True, file_access_type="readable").get(
        PATIENCE_S
    )
    external, media, file = seen
    assert isinstance(external, partita.OpenExternalPermissionRequest)
    assert external.external_url == "zoom:1"
    assert isinstance(media, partita.MediaAccessPermissionRequest)
    assert (media.security_origin, media.media_types) == ("https://shop.example/", ("video", "audio"))
    assert isinstance(file, partita.FilesystemPermissionRequest)
    assert (file.file_path, file.is_directory, file.file_access_type) == ("/a", True, "readable")


def test_a_frame_of_another_origin_says_so(session: partita.Session, page: partita.Page) -> None:
    seen: list[partita.PermissionRequest] = []
    session.set_permission_request_handler(lambda request: seen.append(request) or True)  # type: ignore[func-returns-value]
    ad = page.new_frame("https://ads.example:8443/banner")
    blank = ad.new_frame()
    ad.request_permission("geolocation").get(PATIENCE_S)
    blank.request_permission("geolocation").get(PATIENCE_S)
    ad.request_permission("pointerLock").get(PATIENCE_S)
    assert [(each.requesting_origin, each.embedding_origin, each.is_main_frame) for each in seen] == [
        ("https://ads.example:8443/", "https://shop.example/", False),
        ("https://ads.example:8443/", "https://shop.example/", False),
        ("https://shop.example/", "https://shop.example/", True),
    ]
    assert seen[1].requesting_url == "about:blank"
    inner = cast("partita.Frame", seen[1].frame)
    assert (inner.parent is not None, inner.top.url) == (True, "https://shop.example/cart")


@pytest.mark.parametrize(
    ("permission", "details", "error", "words"),
    [
        ("notification", {}, ValueError, "there is no permission 'notification': there is 'clipboard-read'"),
        ("hid", {}, ValueError, "'hid' is not requested: a page chooses a device"),
        (7, {}, TypeError, "a permission's name is a str, not 7"),
        ("midi", {"external_url": "a:b"}, TypeError, "'midi' has no detail 'external_url': it has no details"),
        (
            "media",
            {"media_type": "video"},
            TypeError,
            "has no detail 'media_type': it has security_origin, media_types",
        ),
        ("openExternal", {}, TypeError, "'openExternal' is requested with external_url"),
        ("openExternal", {"external_url": "/relative"}, ValueError, "external_url is an absolute URL, not '/relative'"),
        ("openExternal", {"external_url": 1}, TypeError, "external_url: Expected `str | null`, got `int`"),
        ("openExternal", {"external_url": "a:\ud800"}, ValueError, "surrogates not allowed"),
        ("media", {}, TypeError, "'media' is requested with media_types"),
        ("media", {"media_types": "audio"}, TypeError, "media_types is a list of 'video' and 'audio', not 'audio'"),
        ("media", {"media_types": ["smell"]}, ValueError, "media_types: Invalid enum value 'smell'"),
        ("fileSystem", {"file_access_type": "both"}, ValueError, "file_access_type: Invalid enum value 'both'"),
    ],
)
def test_what_there_is_not_is_refused_at_the_call_and_leaves_no_turn(
    session: partita.Session, page: partita.Page, permission: Any, details: dict[str, Any], error: type, words: str
) -> None:
    session.flush().get(PATIENCE_S)
    before = session.log.position
    with pytest.raises(error) as caught:
        page.request_permission(permission, **details)
    assert words in str(caught.value)
    session.flush().get(PATIENCE_S)
    assert session.log.position == before


@pytest.mark.parametrize("setter", ["set_permission_request_handler", "set_permission_check_handler"])
def test_what_is_no_function_is_refused_with_electrons_text(session: partita.Session, setter: str) -> None:
    with pytest.raises(TypeError, match="Must pass null or function"):
        getattr(session, setter)("yes")


def raises(request: object) -> bool:
    raise RuntimeError(f"no idea: {chr(0xD800)}")


async def raises_later(request: object) -> bool:
    await trio.lowlevel.checkpoint()
    raise RuntimeError("no idea")


@pytest.mark.parametrize("handler", [raises, raises_later, lambda request: 1, lambda request: None])
def test_a_handler_that_fails_has_refused_and_is_reported(
    session: partita.Session, page: partita.Page, handler: Any
) -> None:
    session.set_permission_request_handler(handler)
    with pytest.warns(
        ListenerFailed, match="the permission request handler failed at 'midi' for https://shop.example/"
    ):
        assert page.request_permission("midi").get(PATIENCE_S) is False
    (answer,) = answers(session)
    assert (answer.reason, answer.granted, answer.handler) == ("failed", False, 1)
    assert answer.failure.startswith(
        ("RuntimeError: no idea", "TypeError: a permission request handler answers True or")
    )


def test_a_late_handler_has_refused_and_what_it_says_then_is_not_heard(tmp_path: Path) -> None:
    handler = Waiting()
    with partita.System(data_dir=tmp_path, handler_timeout=0.05) as system:
        session = system.from_partition("scratch")
        session.set_permission_request_handler(handler)
        page = session.new_page("https://shop.example/")
        with pytest.warns(HandlerLate, match="did not answer within 0.05 s"):
            assert page.request_permission("midi").get(PATIENCE_S) is False
        handler.go.set()
        (answer,) = answers(session)
        assert answer.reason == "failed"
        assert answer.failure.startswith("HandlerTimeout")


def test_clearing_the_handler_refuses_what_it_was_asked(session: partita.Session, page: partita.Page) -> None:
    handler = Waiting()
    session.set_permission_request_handler(handler)
    asked = [page.request_permission("midi"), page.new_frame("https://ads.example/").request_permission("midi")]
    wait_until_pending(session, 2)
    session.set_permission_request_handler(None)
    assert [future.get(PATIENCE_S) for future in asked] == [False, False]
    handler.go.set()
    assert [answer.reason for answer in answers(session)] == ["cleared", "cleared"]
    assert page.request_permission("midi").get(PATIENCE_S) is True  # by default
    assert permissions_of(session).pending == ()


def test_the_handler_before_may_still_answer_what_it_was_asked(session: partita.Session, page: partita.Page) -> None:
    first = Waiting(answer=True)
    session.set_permission_request_handler(first)
    asked = page.request_permission("midi")
    first.wait_until_asked()
    session.set_permission_request_handler(lambda request: False)
    first.go.set()
    assert asked.get(PATIENCE_S) is True
    assert page.request_permission("midi").get(PATIENCE_S) is False
    assert [(answer.handler, answer.granted) for answer in answers(session)] == [(1, True), (2, False)]


def test_a_closed_page_is_refused_and_asks_no_more(session: partita.Session, page: partita.Page) -> None:
    handler = Waiting()
    session.set_permission_request_handler(handler)
    other = session.new_page("https://other.example/")
    asked, kept = page.request_permission("midi"), other.request_permission("midi")
    wait_until_pending(session, 2)
    page.close()
    assert asked.get(PATIENCE_S) is False
    handler.go.set()
    assert kept.get(PATIENCE_S) is True
    with pytest.raises(UsageError, match="the frame is gone"):
        page.request_permission("midi").get(PATIENCE_S)
    with pytest.raises(UsageError, match="the frame is gone"):
        page.check_permission("midi")
    assert sorted(answer.reason for answer in answers(session)) == ["document_gone", "handler"]


def test_closing_the_session_refuses_what_is_asked(session: partita.Session, page: partita.Page) -> None:
    async def never(request: object) -> bool:
        await trio.sleep_forever()
        return True

    session.set_permission_request_handler(never)
    asked = page.request_permission("midi")
    wait_until_pending(session, 1)
    session.close()
    assert asked.get(PATIENCE_S) is False


def test_a_handler_runs_in_the_loop_it_was_set_in(system: partita.System) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        session = system.from_partition("scratch")

        async def handler(request: object) -> bool:
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            return False

        session.set_permission_request_handler(handler)
        return await session.new_page("https://shop.example/").request_permission("midi")

    assert asyncio.run(main()) is False


def test_in_the_systems_own_loop_it_works_as_well(tmp_path: Path) -> None:
    async def main() -> None:
        async with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("scratch")
            page = session.new_page("https://shop.example/")

            async def handler(request: object) -> bool:
                await trio.lowlevel.checkpoint()
                return page.check_permission("midi")

            session.set_permission_request_handler(handler)
            session.set_permission_check_handler(lambda check: page.get_url() == "https://shop.example/")
            assert await page.request_permission("midi") is True

    trio.run(main)


def test_ten_origins_ask_at_once_and_each_has_its_own_answer(session: partita.Session) -> None:
    pages = [session.new_page(f"https://shop{number}.example/") for number in range(10)]
    session.set_permission_request_handler(lambda request: request.requesting_origin == "https://shop3.example/")
    asked = [page.request_permission("midi") for page in pages]
    assert [future.get(PATIENCE_S) for future in asked] == [number == 3 for number in range(10)]


def test_the_log_says_who_asked_what_was_answered_by_whom_and_how_long_it_took(
    session: partita.Session, page: partita.Page
) -> None:
    handler = Waiting(answer=False)
    session.set_permission_request_handler(handler)
    asked = page.request_permission("midi")
    handler.wait_until_asked()
    handler.go.set()
    asked.get(PATIENCE_S)
    session.flush().get(PATIENCE_S)
    turns = list(session.log.turns())[-4:]
    assert [(turn.actor.partition("/")[0], type(turn.message).__name__) for turn in turns] == [
        ("page", "AskPermission"),
        ("session", "PutQuestion"),
        ("session", "HandlerAnswered"),
        ("page", "AnswerPermission"),
    ]
    (answer,) = answers(session)
    assert (answer.granted, answer.reason, answer.handler) == (False, "handler", 1)
    assert answer.waited_us == turns[2].time - turns[1].time
    assert turns[1].cause == turns[0].position
    assert turns[3].cause == turns[2].position
