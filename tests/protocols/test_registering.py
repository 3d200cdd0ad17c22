"""The ``register_*`` and ``intercept_*`` families (FEATURES R11 to R29, T15 to T17, T22)."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from servers.loopback import LoopbackServer, sends

import partita
from partita.actors.kernel.handler_table import HandlerLate
from partita.emitter import ListenerFailed
from partita.protocol import (
    MimeTypedBuffer,
    ProtocolRequest,
    ProtocolResponse,
    ProtocolResponseUploadData,
    UploadedBytes,
)

KINDS = ["file", "buffer", "string", "http", "stream", "free"]


def register(session: partita.Session, kind: str, verb: str = "register") -> Callable[..., bool]:
    name = f"{verb}_protocol" if kind == "free" else f"{verb}_{kind}_protocol"
    method: Callable[..., bool] = getattr(session.protocol, name)
    return method


def fetched(session: partita.Session, kind: str, answer: object, **options: Any) -> httpx.Response:
    """What comes of one answer of a handler of that kind."""
    assert register(session, kind)("s", lambda request: answer) is True
    try:
        return session.fetch("s:x", **options).get(10)
    finally:
        assert session.protocol.unregister_protocol("s") is True


def failure(session: partita.Session, kind: str, answer: object) -> str:
    with pytest.raises(partita.NetError) as caught:
        fetched(session, kind, answer)
    return caught.value.name


# -- who answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_scheme_is_registered_once(session: partita.Session, kind: str) -> None:
    assert session.protocol.is_protocol_registered("s") is False
    assert register(session, kind)("s", lambda request: None) is True
    assert register(session, kind)("s", lambda request: None) is False
    assert session.protocol.is_protocol_registered("s") is True
    assert session.protocol.is_protocol_intercepted("s") is False
    assert session.protocol.is_protocol_handled("s") is True
    assert session.protocol.unregister_protocol("s") is True
    assert session.protocol.unregister_protocol("s") is False
    assert session.protocol.is_protocol_registered("s") is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_scheme_is_intercepted_once(session: partita.Session, kind: str) -> None:
    assert register(session, kind, "intercept")("http", lambda request: None) is True
    assert register(session, kind, "intercept")("http", lambda request: None) is False
    assert session.protocol.is_protocol_intercepted("http") is True
    assert session.protocol.is_protocol_registered("http") is False
    assert session.protocol.unintercept_protocol("http") is True
    assert session.protocol.unintercept_protocol("http") is False
    assert session.protocol.is_protocol_intercepted("http") is False


@pytest.mark.parametrize("scheme", ["http", "https", "file"])
def test_what_is_built_in_cannot_be_registered_and_does_not_count_as_registered(
    session: partita.Session, scheme: str
) -> None:
    assert session.protocol.register_string_protocol(scheme, lambda request: "x") is False
    assert session.protocol.is_protocol_registered(scheme) is False


def test_an_intercepting_handler_stands_before_a_registered_one(session: partita.Session) -> None:
    session.protocol.register_string_protocol("s", lambda request: "registered")
    session.protocol.intercept_string_protocol("s", lambda request: "intercepted")
    assert session.fetch("s:x").get(10).text == "intercepted"
    session.protocol.unintercept_protocol("s")
    assert session.fetch("s:x").get(10).text == "registered"


def test_a_scheme_is_the_same_in_any_case(session: partita.Session) -> None:
    session.protocol.register_string_protocol("App", lambda request: request.url)
    assert session.protocol.is_protocol_registered("aPP")
    assert session.fetch("APP:Thing").get(10).text == "app:Thing"


# -- requests -------------------------------------------------------------------------------------------------------------


def test_a_handler_is_given_the_request(session: partita.Session) -> None:
    seen: list[ProtocolRequest] = []
    session.protocol.register_string_protocol("s", lambda request: seen.append(request) or "ok")
    session.fetch("s:x?q#fragment", method="POST", content=b"body", headers={"X-Own": "1"}).get(10)
    session.fetch("s:x", method="POST", content=iter([b"made ", b"on the way"])).get(10)
    session.fetch("s:x").get(10)
    assert (seen[0].url, seen[0].method, seen[0].referrer, seen[0].headers["X-Own"]) == ("s:x?q", "POST", "", "1")
    assert [request.upload_data for request in seen] == [
        (UploadedBytes(b"body"),),
        (UploadedBytes(b"made on the way"),),
        None,
    ]


@pytest.mark.parametrize("is_async", [False, True])
def test_an_answer_may_be_called_back_later_and_only_the_first_counts(session: partita.Session, is_async: bool) -> None:
    def call(callback: Callable[..., None]) -> None:
        callback("first")
        callback("second")

    def plain(request: ProtocolRequest, callback: Callable[..., None]) -> None:
        threading.Thread(target=call, args=(callback,)).start()

    async def later(request: ProtocolRequest, callback: Callable[..., None]) -> None:
        await trio.lowlevel.checkpoint()
        call(callback)

    session.protocol.register_string_protocol("s", later if is_async else plain)
    assert session.fetch("s:x").get(10).text == "first"


def test_a_handler_with_a_callback_may_return_its_answer_all_the_same(session: partita.Session) -> None:
    session.protocol.register_string_protocol("s", lambda request, callback: "returned")
    assert session.fetch("s:x").get(10).text == "returned"


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_is_not_implemented(session: partita.Session, kind: str) -> None:
    assert failure(session, kind, None) == "ERR_NOT_IMPLEMENTED"
    register(session, kind)("s", lambda request, callback: callback())
    with pytest.raises(partita.NetError) as caught:
        session.fetch("s:x").get(10)
    assert (caught.value.name, caught.value.code) == ("ERR_NOT_IMPLEMENTED", -11)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("number", "name"), [(-6, "ERR_FILE_NOT_FOUND"), (-106, "ERR_INTERNET_DISCONNECTED"), (-123456, "ERR_FAILED")]
)
def test_an_error_by_number_is_that_error(session: partita.Session, kind: str, number: int, name: str) -> None:
    assert failure(session, kind, {"error": number}) == name
    assert failure(session, kind, ProtocolResponse(error=number)) == name


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("file", 7),
        ("file", {"data": b"bytes"}),
        ("buffer", "text"),
        ("buffer", {"data": "text"}),
        ("string", b"bytes"),
        ("string", {"data": 7}),
        ("string", {"data": "x", "statusCode": "200"}),
        ("string", {"data": "x", "statusCode": 99}),
        ("string", {"data": "x", "headers": ["no", "mapping"]}),
        ("string", {"data": "x", "headers": {"X-Bad": "line\nbreak"}}),
        ("string", {"data": "x", "mimeType": 7}),
        ("http", "http://h/"),
        ("http", {"method": "GET"}),
        ("http", {"url": "no url"}),
        ("http", {"url": "file:///etc/hostname"}),
        ("http", {"url": "http://h/", "method": "NO METHOD"}),
        ("http", {"url": "http://h/", "session": "no session"}),
        ("stream", "text"),
        ("stream", {"data": "text"}),
        ("stream", {"data": 7}),
        ("stream", httpx.Response(200)),
        ("free", 7),
    ],
)
def test_an_answer_of_the_wrong_kind_fails(session: partita.Session, kind: str, answer: object) -> None:
    assert failure(session, kind, answer) == "ERR_FAILED"


def test_a_handler_that_raises_fails_the_request_and_is_reported(session: partita.Session) -> None:
    with pytest.warns(ListenerFailed, match="the handler of 's' raised"):
        session.protocol.register_string_protocol("s", lambda request: 1 / 0)
        with pytest.raises(partita.NetError, match="ERR_FAILED"):
            session.fetch("s:x").get(10)


# -- responses ------------------------------------------------------------------------------------------------------------


def test_a_string_is_html_in_utf_8_unless_it_says_otherwise(session: partita.Session) -> None:
    response = fetched(session, "string", "grüße")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.text == "grüße"
    latin = fetched(session, "string", {"data": "grüße", "charset": "iso-8859-1", "mimeType": "text/plain"})
    assert latin.headers["content-type"] == "text/plain; charset=iso-8859-1"
    assert (latin.content, latin.text) == ("grüße".encode("latin-1"), "grüße")


def test_content_type_beats_mime_type_and_a_list_is_a_repeated_field(session: partita.Session) -> None:
    answer = {
        "statusCode": 404,
        "mimeType": "text/plain",
        "headers": {"Content-Type": "application/json", "X-Many": ["a", "b"], "Content-Length": "999"},
        "data": "{}",
    }
    response = fetched(session, "string", answer)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    assert response.headers.get_list("x-many") == ["a", "b"]
    assert response.headers["content-length"] == "2"


def test_a_buffer_is_bytes_or_a_typed_buffer(session: partita.Session) -> None:
    assert fetched(session, "buffer", bytearray(b"octets")).content == b"octets"
    assert fetched(session, "buffer", {"data": memoryview(b"octets"), "mimeType": "image/png"}).headers[
        "content-type"
    ] == ("image/png")
    typed = fetched(session, "buffer", MimeTypedBuffer(b"x"))
    assert typed.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_file_has_the_type_of_its_name(session: partita.Session, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"<p>")
    for answer in (str(path), path, {"path": str(path)}, ProtocolResponse(path=str(path))):
        response = fetched(session, "file", answer)
        assert response.content == b"<p>"
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["access-control-allow-origin"] == "*"
    special = fetched(session, "file", {"path": str(path), "mimeType": "text/x-own", "headers": {"X-Own": "1"}})
    assert (special.headers["content-type"], special.headers["x-own"]) == ("text/x-own; charset=utf-8", "1")


def test_a_file_that_is_not_there_is_not_found(session: partita.Session, tmp_path: Path) -> None:
    for missing in (tmp_path / "missing", tmp_path, "relative/path", "/with\0nul"):
        assert failure(session, "file", missing if isinstance(missing, str) else str(missing)) == "ERR_FILE_NOT_FOUND"


@pytest.mark.parametrize("data", [None, b"whole", io.BytesIO(b"whole"), iter([b"wh", b"", b"ole"]), [b"whole"]])
def test_a_stream_is_anything_that_gives_bytes(session: partita.Session, data: object) -> None:
    response = fetched(session, "stream", {"data": data, "statusCode": 201, "headers": {"X-Own": "1"}})
    assert response.content == (b"" if data is None else b"whole")
    assert (response.status_code, response.headers["x-own"]) == (201, "1")
    assert "access-control-allow-origin" not in response.headers


def test_the_free_type_tells_by_what_it_is_given(
    session: partita.Session, tmp_path: Path, server: LoopbackServer
) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"file")
    server.on("/", sends(b"http"))
    for answer, expected in [
        ("text", b"text"),
        (b"bytes", b"bytes"),
        (path, b"file"),
        ({"path": str(path)}, b"file"),
        ({"url": server.url("/")}, b"http"),
        ({"data": iter([b"stream"])}, b"stream"),
        (iter([b"stream"]), b"stream"),
        (httpx.Response(200, content=b"response"), b"response"),
        ({"statusCode": 204}, b""),
    ]:
        assert fetched(session, "free", answer).content == expected


# -- other requests -------------------------------------------------------------------------------------------------------


def test_an_http_handler_has_another_request_sent(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/target", sends(b"there", headers=[("X-Seen", "yes"), ("Set-Cookie", "sid=1")]))
    response = fetched(session, "http", {"url": server.url("/target")}, headers={"X-Own": "1", "Cookie": "not=sent"})
    assert (response.content, response.headers["x-seen"]) == (b"there", "yes")
    (seen,) = server.seen
    assert (seen.method, seen.header("x-own"), seen.header("cookie")) == ("GET", "1", None)
    assert [cookie.name for cookie in session.cookies.get(url=server.url("/")).get(10)] == ["sid"]


def test_an_http_handler_says_method_body_and_referrer(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/target", sends(b"there"))
    upload = ProtocolResponseUploadData("text/x-own", "grüße")
    answer = ProtocolResponse(
        url=server.url("/target"), method="put", upload_data=upload, referrer="https://from.test/"
    )
    fetched(session, "http", answer)
    fetched(session, "http", {"url": server.url("/target")}, method="POST", content=b"handed on")
    mapping = {"url": server.url("/target"), "uploadData": {"contentType": "a/b", "data": b"c"}}
    fetched(session, "http", mapping, method="POST", content=b"dropped")
    put, post, mapped = server.seen
    assert (put.method, put.body.decode(), put.header("content-type")) == ("PUT", "grüße", "text/x-own")
    assert put.header("referer") == "https://from.test/"
    assert (post.method, post.body) == ("POST", b"handed on")
    assert (mapped.method, mapped.body, mapped.header("content-type")) == ("POST", b"c", "a/b")


def test_an_intercepting_http_handler_does_not_meet_itself(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/", sends(b"the server"))
    session.protocol.intercept_http_protocol("http", lambda request: {"url": request.url})
    assert session.fetch(server.url("/")).get(10).content == b"the server"


def test_an_http_handlers_redirect_is_followed(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/from", sends(status=302, headers=[("Location", "/to")]))
    server.on("/to", sends(b"arrived"))
    assert fetched(session, "http", {"url": server.url("/from")}).content == b"arrived"


def test_an_http_handler_may_use_another_session(
    system: partita.System, session: partita.Session, server: LoopbackServer
) -> None:
    server.on("/", sends(b"seen by the other", headers=[("Set-Cookie", "sid=1")]))
    other = system.from_partition("other")
    answer = {"url": server.url("/"), "session": other}
    assert fetched(session, "http", answer).content == b"seen by the other"
    assert [cookie.name for cookie in other.cookies.get().get(10)] == ["sid"]
    other.close()
    assert failure(session, "http", answer) == "ERR_FAILED"


# -- redirects ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "method", "body"), [(302, "GET", None), (307, "POST", (UploadedBytes(b"kept"),))])
def test_a_redirect_of_a_handler_is_followed_to_another_scheme(
    session: partita.Session, status: int, method: str, body: object
) -> None:
    """FEATURES R28."""
    seen: list[ProtocolRequest] = []
    session.protocol.register_string_protocol("to", lambda request: seen.append(request) or "here")
    answer = {"statusCode": status, "headers": {"Location": "to:there"}}
    assert fetched(session, "string", answer, method="POST", content=b"kept").text == "here"
    assert (seen[0].method, seen[0].upload_data) == (method, body)


def test_an_answer_that_never_comes_is_waited_for_as_long_as_handlers_have(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path, handler_timeout=0.05) as system:
        session = system.from_partition("x")
        session.protocol.register_string_protocol("s", lambda request, callback: None)
        with pytest.warns(HandlerLate), pytest.raises(partita.NetError, match="ERR_TIMED_OUT"):
            session.fetch("s:x").get(10)


def test_a_download_can_come_from_a_handler(session: partita.Session, tmp_path: Path) -> None:
    session.set_download_path(str(tmp_path))
    session.protocol.intercept_buffer_protocol("https", lambda request: {"data": b"x" * 100_000, "mimeType": "a/b"})
    item = session.download_url("https://h.test/report.txt").get(10)
    assert item.finished().get(10) == "completed"
    assert Path(item.save_path).read_bytes() == b"x" * 100_000
