"""Who chooses the streams of a display, and what whoever asked is told (FEATURES F17)."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import partita
from partita import DesktopCapturerSource, Streams
from partita.errors import (
    AbortError,
    DOMException,
    ListenerFailed,
    NotAllowedError,
    NotReadableError,
    NotSupportedError,
)

from .asking import PATIENCE_S, Waiting, answers

SCREEN = DesktopCapturerSource(id="screen:1:0", name="Entire screen")


def test_without_a_handler_there_is_nothing_to_be_had(page: partita.Page) -> None:
    with pytest.raises(NotSupportedError, match="Not supported") as caught:
        page.get_display_media().get(PATIENCE_S)
    assert isinstance(caught.value, DOMException)
    assert caught.value.name == "NotSupportedError"


@pytest.mark.parametrize(
    ("wanted", "answer", "streams"),
    [
        ({}, {"video": {"id": SCREEN.id, "name": SCREEN.name}}, Streams(SCREEN)),
        ({}, {"video": {"id": SCREEN.id, "name": SCREEN.name, "thumbnail": b""}}, Streams(SCREEN)),
        ({}, Streams(SCREEN, "loopback"), Streams(SCREEN)),  # no sound was asked for
        ({"audio": True}, Streams(SCREEN, "loopbackWithMute"), Streams(SCREEN, "loopbackWithMute")),
        ({"audio": True}, Streams(SCREEN, "whatever", True), Streams(SCREEN, "whatever")),  # only a frame has an echo
        ({"audio": True}, Streams(SCREEN), Streams(SCREEN)),
        ({"audio": True, "video": False}, {"audio": "loopback", "enableLocalEcho": False}, Streams(None, "loopback")),
    ],
)
def test_what_the_handler_chooses_is_what_comes(
    session: partita.Session, page: partita.Page, wanted: dict[str, bool], answer: object, streams: Streams
) -> None:
    session.set_display_media_request_handler(lambda request: answer)  # type: ignore[arg-type, return-value]
    assert page.get_display_media(**wanted).get(PATIENCE_S) == streams


def test_frames_can_be_chosen_and_the_request_says_who_asks(session: partita.Session, page: partita.Page) -> None:
    seen: list[partita.DisplayMediaRequest] = []
    other = session.new_page("https://other.example/")

    async def handler(request: partita.DisplayMediaRequest) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        seen.append(request)
        return {"video": request.frame, "audio": other.main_frame, "enable_local_echo": True}

    session.set_display_media_request_handler(handler)
    streams = page.get_display_media(audio=True, user_gesture=False).get(PATIENCE_S)
    (request,) = seen
    assert request.web_contents is page
    assert request.security_origin == "https://shop.example/"
    assert (request.video_requested, request.audio_requested, request.user_gesture) == (True, True, False)
    assert isinstance(streams.video, partita.Frame)
    assert isinstance(streams.audio, partita.Frame)
    assert (streams.video.page_id, streams.audio.page_id) == (page.id, other.id)
    assert streams.enable_local_echo


@pytest.mark.parametrize(
    ("wanted", "answer", "words"),
    [
        ({}, "screen", "must be called with null or a valid object"),
        ({}, {}, "Video was requested, but no video stream was provided"),
        ({}, {"audio": "loopback"}, "Video was requested, but no video stream was provided"),
        ({}, {"video": 7}, "video must be a WebFrameMain or DesktopCapturerSource"),
        ({}, {"video": {"id": "screen"}}, "video must be a WebFrameMain or DesktopCapturerSource"),
        (
            {"audio": True},
            {"video": SCREEN, "audio": 7},
            'audio must be a WebFrameMain, "loopback" or "loopbackWithMute"',
        ),
        ({}, {"video": SCREEN, "enableLocalEcho": 1}, "enableLocalEcho is a bool, not 1"),
        ({}, {"vidoe": SCREEN}, "streams have no property 'vidoe'"),
    ],
)
def test_an_answer_that_is_none_is_reported_and_nothing_comes(
    session: partita.Session, page: partita.Page, wanted: dict[str, bool], answer: object, words: str
) -> None:
    session.set_display_media_request_handler(lambda request: answer)  # type: ignore[arg-type, return-value]
    reported = pytest.warns(ListenerFailed, match="the display media request handler failed at 'display-capture'")
    with reported as warned, pytest.raises(AbortError) as caught:
        page.get_display_media(**wanted).get(PATIENCE_S)
    assert words in str(caught.value)
    assert words in str(warned[0].message)


def test_a_handler_that_chooses_nothing_ends_the_request(session: partita.Session, page: partita.Page) -> None:
    session.set_display_media_request_handler(lambda request: None)
    with pytest.raises(AbortError, match="the display media handler chose no streams"):
        page.get_display_media().get(PATIENCE_S)


def test_the_permission_is_requested_first(session: partita.Session, page: partita.Page) -> None:
    asked: list[str] = []
    session.set_permission_request_handler(lambda request: bool(asked.append(request.permission)))  # type: ignore[func-returns-value]
    session.set_display_media_request_handler(lambda request: {"video": SCREEN})
    with pytest.raises(NotAllowedError, match="Permission denied"):
        page.get_display_media().get(PATIENCE_S)
    assert asked == ["display-capture"]


def test_a_frame_that_is_gone_cannot_be_captured(session: partita.Session, page: partita.Page) -> None:
    other = session.new_page("https://other.example/")

    def handler(request: object) -> Streams:
        frame = other.main_frame
        other.close()
        return Streams(frame)

    session.set_display_media_request_handler(handler)
    with pytest.warns(ListenerFailed, match="video must be a WebFrameMain"), pytest.raises(AbortError):
        page.get_display_media().get(PATIENCE_S)  # it was gone when it was chosen
    third = session.new_page("https://third.example/")
    frame = third.new_frame("https://third.example/video")

    def late(request: object) -> Streams:
        third._partition.call(  # the document around it changes
            partita.events.pages.CommitNavigation(0, "https://third.example/next"), to=f"page/{third.id}"
        )
        return Streams(frame)

    session.set_display_media_request_handler(late)
    with pytest.raises(NotReadableError, match="Could not start video source"):
        page.get_display_media().get(PATIENCE_S)


def test_clearing_the_handler_ends_what_it_was_asked(session: partita.Session, page: partita.Page) -> None:
    handler = Waiting(answer=None)
    session.set_display_media_request_handler(handler)
    asked = page.get_display_media()
    handler.wait_until_asked()
    session.set_display_media_request_handler(None)
    with pytest.raises(AbortError, match="was cleared"):
        asked.get(PATIENCE_S)
    handler.go.set()
    assert [answer.reason for answer in answers(session)] == ["default", "cleared"]


def test_bad_words_are_refused_at_the_call(session: partita.Session, page: partita.Page) -> None:
    with pytest.raises(TypeError, match="Display media request handler must be null or a function"):
        session.set_display_media_request_handler("screen")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="At least one of audio and video must be requested"):
        page.get_display_media(video=False)
    with pytest.raises(TypeError, match="display: Expected `bool`, got `str`"):
        page.get_display_media(video="yes")  # type: ignore[arg-type]
