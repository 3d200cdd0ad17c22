"""What listeners are told, where they run, and what becomes of what they say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

import partita
from partita.emitter import ListenerFailed
from partita.web_request import Details, WebRequest, WebRequestResponse

from .asking import answers, ask, details

CANCEL = WebRequestResponse(cancel=True)
Answerer = Callable[[Details, Callable[..., object]], object]


@pytest.mark.parametrize(
    ("stage", "said", "answer"),
    [
        ("before_request", None, None),
        ("before_request", WebRequestResponse(), WebRequestResponse()),
        ("before_request", {}, WebRequestResponse()),
        ("before_request", {"cancel": True}, CANCEL),
        ("before_request", {"cancel": None}, WebRequestResponse()),
        ("before_request", {"redirectURL": "https://b.test/"}, WebRequestResponse(redirect_url="https://b.test/")),
        ("before_request", {"redirect_url": "https://b.test/"}, WebRequestResponse(redirect_url="https://b.test/")),
        ("before_request", {"redirectURL": ""}, WebRequestResponse()),
        ("before_request", {"uploadData": "grün"}, WebRequestResponse(upload_data="grün".encode())),
        ("before_request", WebRequestResponse(upload_data=b"new"), WebRequestResponse(upload_data=b"new")),
        ("before_send_headers", {"requestHeaders": {"A": "1"}}, WebRequestResponse(request_headers={"A": "1"})),
        ("headers_received", {"responseHeaders": {"A": ["1", "2"], "B": "3"}, "statusLine": "HTTP/1.1 404 No"},
         WebRequestResponse(response_headers={"A": ("1", "2"), "B": "3"}, status_line="HTTP/1.1 404 No")),
        ("response_body", b"new", WebRequestResponse(body=b"new")),
        ("response_body", "grün", WebRequestResponse(body="grün".encode())),
        ("response_body", bytearray(b"new"), WebRequestResponse(body=b"new")),
        ("response_body", b"", WebRequestResponse(body=b"")),
        ("response_body", {"body": b"new"}, WebRequestResponse(body=b"new")),
        ("response_body", None, None),
    ],
)  # fmt: skip
def test_what_a_listener_may_answer(
    session: partita.Session, web_request: WebRequest, stage: Any, said: object, answer: object
) -> None:
    getattr(web_request, f"on_{stage}")(lambda details: said)
    assert ask(session, stage) == answer


@pytest.mark.parametrize(
    ("stage", "said", "text"),
    [
        ("before_request", True, "a listener of before_request answers a WebRequestResponse"),
        ("before_request", "https://b.test/", "a listener of before_request answers"),
        ("before_request", b"body", "a listener of before_request answers"),
        ("before_request", {"cancel": 1}, "cancel is a bool"),
        ("before_request", {"redirectUrl": "x"}, "an answer has no property 'redirectUrl'"),
        ("before_request", {"redirectURL": 5}, "redirectURL is a str"),
        ("before_request", {"uploadData": 5}, "uploadData is bytes or a str"),
        ("before_send_headers", {"requestHeaders": [("A", "1")]}, "requestHeaders is a mapping"),
        ("headers_received", WebRequestResponse(status_line=200), "statusLine is a str"),  # type: ignore[arg-type]
        ("response_body", 5, "a listener of response_body answers"),
    ],
)
def test_what_is_no_answer_counts_as_a_refusal_and_is_reported(
    session: partita.Session, web_request: WebRequest, stage: Any, said: object, text: str
) -> None:
    getattr(web_request, f"on_{stage}")(lambda details: said)
    with pytest.warns(ListenerFailed, match=text):
        assert ask(session, stage) == CANCEL


def test_a_listener_that_raises_counts_as_a_refusal_and_is_reported(
    session: partita.Session, web_request: WebRequest
) -> None:
    def broken(details: Details) -> None:
        raise ZeroDivisionError("in the listener")

    web_request.on_before_request(broken)
    with pytest.warns(
        ListenerFailed, match=r"GET https://shop.test/basket, which counts as a refusal[\s\S]*in the list"
    ):
        assert ask(session, "before_request") == CANCEL


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_listener_that_would_end_its_thread_counts_as_a_refusal(
    session: partita.Session, web_request: WebRequest, error: type[BaseException]
) -> None:
    def leaving(details: Details) -> None:
        raise error

    async def leaving_later(details: Details) -> None:
        raise error

    for listener in (leaving, leaving_later):
        web_request.on_before_request(listener)
        with pytest.warns(ListenerFailed):
            assert ask(session, "before_request") == CANCEL
    web_request.on_before_request(lambda details: None)
    assert ask(session, "before_request") is None


def test_one_that_looks_on_holds_nobody_up_and_may_raise(session: partita.Session, web_request: WebRequest) -> None:
    go_on, seen = threading.Event(), threading.Event()

    def slow(details: Details) -> None:
        go_on.wait()
        seen.set()

    web_request.on_completed(slow)
    assert ask(session, "completed") is None
    assert not seen.is_set()
    go_on.set()
    assert seen.wait(10)

    reported = threading.Event()
    with pytest.warns(ListenerFailed, match="a listener of error_occurred raised at GET https://shop.test/basket:\n"):

        def broken(details: Details) -> None:
            web_request._system.callbacks.run(reported.set)
            raise ZeroDivisionError

        web_request.on_error_occurred(broken)
        assert ask(session, "error_occurred") is None
        assert reported.wait(10)


def test_one_that_looks_on_is_told_in_order(session: partita.Session, web_request: WebRequest) -> None:
    async def main() -> list[int]:
        told: list[int] = []
        done = trio.Event()

        def listener(details: Details) -> None:
            told.append(details.id)
            if details.id == 49:
                done.set()

        web_request.on_send_headers(listener)
        web_request.on_completed(listener)
        for number in range(50):
            await answers(session, "send_headers" if number % 2 == 0 else "completed", details(id=number))
        await done.wait()
        return told

    assert trio.run(main) == list(range(50))


# -- Electron's callback ----------------------------------------------------------------------------------------------


def test_a_listener_of_two_arguments_answers_by_its_callback(session: partita.Session, web_request: WebRequest) -> None:
    def listener(details: Details, callback: Callable[..., object]) -> None:
        callback({"cancel": True})
        callback({"redirectURL": "https://second.test/"})

    web_request.on_before_request(listener)
    assert ask(session, "before_request") == CANCEL


@pytest.mark.parametrize("said", [(), (None,), ({},)])
def test_a_callback_without_an_answer_lets_the_request_go_on(
    session: partita.Session, web_request: WebRequest, said: tuple[Any, ...]
) -> None:
    web_request.on_before_request(lambda details, callback: callback(*said))
    assert ask(session, "before_request") in (None, WebRequestResponse())


def test_a_callback_may_come_later_and_from_another_thread(session: partita.Session, web_request: WebRequest) -> None:
    def listener(details: Details, callback: Callable[..., object]) -> str:
        threading.Timer(0.01, callback, [{"cancel": True}]).start()
        return "what it returns does not count"

    web_request.on_before_request(listener)
    assert ask(session, "before_request") == CANCEL


def test_an_async_listener_may_use_the_callback(session: partita.Session, web_request: WebRequest) -> None:
    async def listener(details: Details, callback: Callable[..., object]) -> None:
        await trio.lowlevel.checkpoint()
        callback({"cancel": True})

    web_request.on_before_request(listener)
    assert ask(session, "before_request") == CANCEL


def test_a_wrong_answer_by_callback_is_a_refusal_too(session: partita.Session, web_request: WebRequest) -> None:
    web_request.on_before_request(lambda details, callback: callback(5))
    with pytest.warns(ListenerFailed, match="answers a WebRequestResponse"):
        assert ask(session, "before_request") == CANCEL


def test_raising_after_the_callback_is_reported_and_the_answer_stands(
    session: partita.Session, web_request: WebRequest
) -> None:
    def listener(details: Details, callback: Callable[..., object]) -> None:
        callback(None)
        web_request._system.callbacks.run(reported.set)
        raise ZeroDivisionError

    reported = threading.Event()
    web_request.on_before_request(listener)
    with pytest.warns(ListenerFailed, match="raised at GET https://shop.test/basket:\n"):
        assert ask(session, "before_request") is None
        assert reported.wait(10)


def test_an_optional_second_argument_is_no_callback(session: partita.Session, web_request: WebRequest) -> None:
    def listener(details: Details, verbose: bool = False) -> WebRequestResponse:
        assert verbose is False
        return CANCEL

    web_request.on_before_request(listener)
    assert ask(session, "before_request") == CANCEL


# -- where they run ---------------------------------------------------------------------------------------------------


def test_a_plain_listener_runs_on_the_callback_thread(session: partita.Session, web_request: WebRequest) -> None:
    names: list[str] = []
    web_request.on_before_request(lambda details: names.append(threading.current_thread().name))
    ask(session, "before_request")
    assert names == ["partita callbacks"]


def test_async_listeners_run_beside_each_other_so_that_one_that_never_ends_holds_nobody_up(
    session: partita.Session, web_request: WebRequest
) -> None:
    begun = threading.Event()

    async def endless(details: Details) -> None:
        begun.set()
        await trio.sleep_forever()

    async def listener(details: Details) -> WebRequestResponse:
        await trio.lowlevel.checkpoint()
        return CANCEL

    web_request.on_completed(endless)
    web_request.on_before_request(listener)
    assert ask(session, "completed") is None
    assert begun.wait(10)
    assert ask(session, "before_request") == CANCEL
    session._system.close()


class AsyncCall:
    async def __call__(self, details: Details) -> WebRequestResponse:
        await trio.lowlevel.checkpoint()
        return CANCEL


def test_an_object_whose_call_is_async_is_an_async_listener(session: partita.Session, web_request: WebRequest) -> None:
    web_request.on_before_request(AsyncCall())
    assert ask(session, "before_request") == CANCEL


def test_a_listener_set_inside_a_trio_loop_runs_there(session: partita.Session, web_request: WebRequest) -> None:
    async def main() -> tuple[bool, list[Any]]:
        here = trio.lowlevel.current_trio_token()
        same: list[bool] = []

        async def listener(details: Details) -> dict[str, bool]:
            same.append(trio.lowlevel.current_trio_token() is here)
            await trio.lowlevel.checkpoint()
            return {"cancel": True}

        web_request.on_before_request(listener)
        said = await answers(session, "before_request")
        return same == [True], said

    assert trio.run(main) == (True, [CANCEL])


def test_a_listener_set_inside_an_asyncio_loop_runs_there(session: partita.Session, web_request: WebRequest) -> None:
    async def main() -> list[Any]:
        here = asyncio.get_running_loop()

        async def listener(details: Details) -> dict[str, bool]:
            await asyncio.sleep(0)
            return {"cancel": asyncio.get_running_loop() is here}

        web_request.on_before_request(listener)
        return await answers(session, "before_request")

    assert asyncio.run(main()) == [CANCEL]


@pytest.mark.parametrize("run", [trio.run, lambda main: asyncio.run(main())])
def test_when_the_loop_has_ended_listeners_run_among_the_callbacks(
    session: partita.Session, web_request: WebRequest, run: Callable[..., object]
) -> None:
    names: list[str] = []

    async def register() -> None:
        @web_request.add_before_request
        def plain(details: Details) -> None:
            names.append(threading.current_thread().name)

        @web_request.add_before_request
        async def asynchronous(details: Details) -> None:
            names.append(threading.current_thread().name)

    run(register)
    assert trio.run(answers, session, "before_request") == [None, None]
    assert names == ["partita callbacks", "partita async callbacks"]


def test_deliver_on_chooses_another_place(session: partita.Session, web_request: WebRequest) -> None:
    class Place:
        def __init__(self) -> None:
            self.ran = 0

        def alive(self) -> bool:
            return True

        def run(self, function: Callable[..., object], *arguments: object) -> partita.Future[Any]:
            self.ran += 1
            future: partita.Future[Any] = partita.Future()
            future.set(function(*arguments))
            return future

    place = Place()
    web_request.on_before_request(lambda details: CANCEL, deliver_on=place)
    assert ask(session, "before_request") == CANCEL
    assert place.ran == 1


def test_a_loop_that_ends_as_it_is_handed_the_listener_is_no_refusal(
    session: partita.Session, web_request: WebRequest
) -> None:
    class Ending:
        def alive(self) -> bool:
            return True

        def run(self, function: Callable[..., object], *arguments: object) -> partita.Future[Any]:
            future: partita.Future[Any] = partita.Future()
            future.set_exception(trio.RunFinishedError())
            return future

    web_request.on_before_request(lambda details: {"redirectURL": "https://b.test/"}, deliver_on=Ending())
    assert ask(session, "before_request") == WebRequestResponse(redirect_url="https://b.test/")


# -- what they are told -----------------------------------------------------------------------------------------------


def test_each_listener_may_change_the_header_fields_that_it_is_shown(
    session: partita.Session, web_request: WebRequest
) -> None:
    seen: list[dict[str, str]] = []

    def listener(details: Details) -> dict[str, Any]:
        assert details.request_headers is not None
        headers = dict(details.request_headers)
        seen.append(headers)
        details.request_headers["user-agent"] = "mine"  # type: ignore[index]
        return {"requestHeaders": details.request_headers}

    web_request.add_before_send_headers(listener)
    web_request.add_before_send_headers(listener)
    told = details(request_headers={"User-Agent": "yours"})
    said = trio.run(answers, session, "before_send_headers", told)
    assert said == [WebRequestResponse(request_headers={"user-agent": "mine"})] * 2
    assert seen == [{"User-Agent": "yours"}] * 2
    assert told.request_headers == {"User-Agent": "yours"}


def test_an_answer_is_a_copy_of_what_the_listener_goes_on_with(
    session: partita.Session, web_request: WebRequest
) -> None:
    headers = {"A": ["1"]}
    web_request.on_headers_received(lambda details: {"responseHeaders": headers})
    answer = ask(session, "headers_received", details(response_headers={"Content-Type": ("text/html",)}))
    headers["A"].append("2")
    headers["B"] = ["3"]
    assert answer == WebRequestResponse(response_headers={"A": ("1",)})


def test_a_system_that_closes_while_a_listener_is_asked_reports_nothing(tmp_path: Path) -> None:
    asked = threading.Event()

    async def endless(details: Details) -> None:
        asked.set()
        await trio.sleep_forever()

    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("scratch")
        session.web_request.on_completed(endless)
        ask(session, "completed")
        assert asked.wait(10)
