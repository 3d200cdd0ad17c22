"""How listeners are set: the argument forms, the order, what is refused at the call."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import trio

import partita
from partita.errors import SystemClosed
from partita.events.web_request import RequestFilter
from partita.web_request import Details, WebRequest, WebRequestFilter, WebRequestResponse, request_filter

from .asking import answers, ask, details, due, hooks_of

STAGES = (
    "before_request",
    "before_send_headers",
    "send_headers",
    "headers_received",
    "response_started",
    "before_redirect",
    "completed",
    "error_occurred",
    "response_body",
)


def nothing(details: Details) -> None:
    """Looks on."""


def cancel(details: Details) -> WebRequestResponse:
    return WebRequestResponse(cancel=True)


def ids(session: partita.Session, stage: Any = "before_request") -> list[str]:
    return [hook.id for hook in due(session, stage, details())]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_has_one_listener_and_any_number_of_added_ones(
    session: partita.Session, web_request: WebRequest, stage: Any
) -> None:
    on, add = getattr(web_request, f"on_{stage}"), getattr(web_request, f"add_{stage}")
    added = add(nothing)
    on(nothing)
    on(nothing)
    add(nothing)
    assert [hook.sole for hook in hooks_of(session).hooks[stage]] == [True, False, False]
    on(None)
    added.remove()
    added.remove()
    assert [hook.sole for hook in hooks_of(session).hooks[stage]] == [False]


def test_the_last_listener_wins_and_null_removes(session: partita.Session, web_request: WebRequest) -> None:
    web_request.on_before_request(cancel)
    web_request.on_before_request(lambda details: {"redirectURL": "https://last.test/"})
    assert ask(session, "before_request") == WebRequestResponse(redirect_url="https://last.test/")
    web_request.on_before_request(None)
    assert ids(session) == []
    web_request.on_before_request(None)
    web_request.on_before_request({"urls": ["<all_urls>"]}, cancel)
    web_request.on_before_request({"urls": ["<all_urls>"]}, None)
    assert ids(session) == []


def test_a_replaced_listener_is_not_asked_any_more(session: partita.Session, web_request: WebRequest) -> None:
    web_request.on_before_request(cancel)
    (before,) = ids(session)
    web_request.on_before_request(nothing)

    async def late() -> object:
        return await session._system.handlers.ask(session._partition.key, f"web_request/{before}", details())

    assert trio.run(late) is None


def test_listeners_are_asked_in_the_order_they_were_added_electrons_first(
    session: partita.Session, web_request: WebRequest
) -> None:
    said: list[str] = []
    web_request.add_before_request(lambda details: said.append("first"))
    web_request.add_before_request(lambda details: said.append("second"))
    web_request.on_before_request(lambda details: said.append("electron's"))
    assert trio.run(answers, session, "before_request") == [None, None, None]
    assert said == ["electron's", "first", "second"]


def test_they_decorate(session: partita.Session, web_request: WebRequest) -> None:
    @web_request.on_before_request
    def one(details: Details) -> None:
        """Looks on."""

    @web_request.on_completed({"urls": ["https://shop.test/*"]})
    def two(details: Details) -> None:
        """Looks on."""

    @web_request.add_before_request(WebRequestFilter(urls=["https://elsewhere.test/*"]))
    def three(details: Details) -> str:
        return details.url

    assert callable(one)
    assert callable(two)
    assert len(ids(session)) == 1
    assert len(ids(session, "completed")) == 1
    assert three(details()) == "https://shop.test/basket"
    assert three.listener(details()) == "https://shop.test/basket"
    three.remove()
    assert len(hooks_of(session).hooks["before_request"]) == 1


def test_a_filter_is_for_its_own_listener_only(session: partita.Session, web_request: WebRequest) -> None:
    web_request.on_before_request({"urls": ["https://a.test/*"], "types": ["image"]}, cancel)
    web_request.on_completed(nothing)
    assert due(session, "before_request", details()) == ()
    assert due(session, "before_request", details(url="https://a.test/", resource_type="image"))
    assert due(session, "completed", details())


@pytest.mark.parametrize("wrong", [(5,), ("listener",), ({"urls": []}, 5), (), (None, 5), ({"urls": []}, cancel, 1)])
def test_what_is_no_listener_is_refused(web_request: WebRequest, wrong: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"^Must pass null or a Function$"):
        web_request.on_before_request(*wrong)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "Parameter 'filter' must have property 'urls'."),
        ({"types": ["image"]}, "Parameter 'filter' must have property 'urls'."),
        ({"url": ["<all_urls>"], "urls": []}, "Parameter 'filter' has no property 'url'"),
        ({"urls": "https://a.test/*"}, "urls is a list of str"),
        ({"urls": [1]}, "urls is a list of str"),
        ({"urls": [], "excludeUrls": 5}, "excludeUrls is a list of str"),
        ({"urls": [], "types": ["picture"]}, "Invalid type picture"),
        ({"urls": [], "types": ["other"]}, "Invalid type other"),
        ({"urls": ["https://a"]}, "Invalid url pattern https://a: Empty path."),
        ({"urls": [], "excludeUrls": ["a"]}, "Invalid url pattern a: Missing scheme separator."),
        (5, "a filter is a mapping"),
    ],
)
def test_a_wrong_filter_is_refused_and_changes_nothing(
    session: partita.Session, web_request: WebRequest, given: Any, text: str
) -> None:
    web_request.on_before_request(cancel)
    session.flush().get()
    before = session.log.position
    with pytest.raises(TypeError) as raised:
        web_request.on_before_request(given, nothing)
    assert text in str(raised.value)
    session.flush().get()
    assert session.log.position == before
    assert ask(session, "before_request") == WebRequestResponse(cancel=True)


def test_a_filter_may_have_electrons_names_or_ours() -> None:
    expected = RequestFilter(("a",), ("b",), ("xhr",))
    assert request_filter({"urls": ["a"], "excludeUrls": ["b"], "types": ["xhr"]}) == expected
    assert request_filter({"urls": ("a",), "exclude_urls": ("b",), "types": ("xhr",)}) == expected
    assert request_filter(WebRequestFilter(urls=["a"], exclude_urls=["b"], types=["xhr"])) == expected
    assert request_filter({"urls": []}) == RequestFilter()


def test_a_listener_takes_neither_more_nor_less_than_its_stage_has_to_give(web_request: WebRequest) -> None:
    with pytest.raises(TypeError, match="takes details: nobody waits for its answer; <function"):
        web_request.on_completed(lambda details, callback: None)
    with pytest.raises(TypeError, match="takes details, and a callback if it likes; <function"):
        web_request.on_before_request(lambda details, callback, more: None)
    with pytest.raises(TypeError, match="takes details"):
        web_request.on_before_request(lambda: None)
    with pytest.raises(TypeError, match="takes details"):
        web_request.on_before_request(lambda details, *, more: None)
    with pytest.raises(TypeError, match="remove"):
        web_request.add_completed(None)  # type: ignore[call-overload]


def test_setting_and_clearing_are_turns_and_an_opening_forgets_the_hooks(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:shop")
        web_request = session.web_request
        web_request.on_before_request({"urls": ["https://a.test/*"]}, cancel)
        web_request.on_completed(nothing)
        web_request.on_completed(None)
        session.flush().get()
        names = [type(event).__name__ for turn in session.log.turns() for event in turn.events]
        assert [name for name in names if "Hook" in name] == ["HookSet", "HookSet", "HookCleared"]
        position = session.log.position
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:shop")
        assert hooks_of(session).hooks == {}
        assert "before_request" in session.at(position).state.web_request.hooks
    assert partita.replay(tmp_path / "Partitions" / "shop").agrees


def test_a_closed_session_has_no_listeners_to_set(session: partita.Session, web_request: WebRequest) -> None:
    session.close()
    with pytest.raises(SystemClosed):
        web_request.on_before_request(cancel)
    assert (session._partition.key, "web_request/before_request/1") not in session._system.handlers._handlers


def test_many_threads_set_the_one_listener_and_one_is_left(session: partita.Session, web_request: WebRequest) -> None:
    def set_it() -> None:
        for _ in range(20):
            web_request.on_before_request(cancel)

    threads = [threading.Thread(target=set_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (left,) = ids(session)
    known = [name for _, name in session._system.handlers._handlers if name.startswith("web_request/")]
    assert known == [f"web_request/{left}"]
