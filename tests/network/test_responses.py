"""``SessionResponse`` is an ``httpx.Response``, and leans on how that is made."""

from __future__ import annotations

import gzip
import pickle
from typing import Any

import httpx
import httpx2
import pytest

from partita.actors.kernel.world import Interim, NetworkRequest
from partita.actors.network.exchange import Hop
from partita.actors.network.http import NetError, is_httpx_default
from partita.actors.network.responses import SessionResponse

SENT = NetworkRequest("POST", "http://a.test/x?y#top", (("X-One", "1"), ("Content-Type", "a/b")), b"sent")
HEADERS = (("Content-Type", "text/plain; charset=latin-1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=é"))


def response(body: bytes = b"body", headers: tuple[tuple[str, str], ...] = HEADERS, **more: Any) -> SessionResponse:
    return SessionResponse(SENT, Hop(SENT, 200, "Fine", "HTTP/1.1", headers), body, **more)


def test_it_has_every_attribute_that_httpx_gives_its_own() -> None:
    theirs = httpx.Response(200, stream=httpx.ByteStream(b""), request=httpx.Request("GET", "http://a/"))
    ours = response()
    assert {name for name in vars(theirs) if not hasattr(ours, name)} == set()
    theirs.read()
    assert {name for name in vars(theirs) if not hasattr(response().as_read(), name)} <= {"_decoder"}


def test_what_is_made_on_demand_is_what_was_sent_and_said() -> None:
    made = response(interim=(Interim(103, (("Link", "</a.css>"),)),), remote_address="192.0.2.1", from_cache=True)
    assert "headers" not in vars(made)
    assert made.headers.get_list("set-cookie") == ["a=1", "b=\xe9"]
    assert (made.request.method, made.request.headers["x-one"], made.request.content) == ("POST", "1", b"sent")
    assert made.request is made.request
    assert (str(made.url), made.http_version, made.reason_phrase) == ("http://a.test/x?y#top", "HTTP/1.1", "Fine")
    assert made.extensions["from_cache"] is True
    assert made.extensions["remote_address"] == "192.0.2.1"
    assert made.extensions["interim_responses"][0].status == 103
    other = httpx.Request("GET", "http://b.test/")
    made.request, made.headers = other, httpx.Headers({"x": "1"})
    assert (made.request, dict(made.headers)) == (other, {"x": "1"})


def test_one_that_is_read_is_as_httpx_leaves_it() -> None:
    made = response("Maß".encode("latin-1")).as_read()
    assert (made.text, made.content, made.num_bytes_downloaded) == ("Maß", b"Ma\xdf", 3)
    assert made.is_closed
    assert made.is_stream_consumed
    assert list(made.iter_bytes(2)) == [b"Ma", b"\xdf"]
    with pytest.raises(httpx.StreamConsumed):
        next(made.iter_raw())
    assert made.raise_for_status() is made


def test_codings_are_undone_when_it_is_first_read_and_their_errors_name_the_request() -> None:
    coded = (("Content-Encoding", "gzip"),)
    made = response(gzip.compress(b"unfolded"), coded).as_read()
    with pytest.raises(httpx.ResponseNotRead):
        _ = made.content
    assert made.read() == made.content == b"unfolded"
    with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED") as caught:
        response(b"none of it", coded).as_read().read()
    assert str(caught.value.request.url) == "http://a.test/x?y#top"
    assert response(b"", coded).as_read().content == b""


def test_it_is_pickled_as_httpx_pickles_its_own() -> None:
    made = response().as_read()
    again = pickle.loads(pickle.dumps(made))
    assert (again.status_code, again.content, again.headers, str(again.url)) == (
        200,
        b"body",
        made.headers,
        str(made.url),
    )
    assert again.request.headers == made.request.headers


def test_what_httpx_sends_of_itself_is_known() -> None:
    for words in (httpx, httpx2):
        with words.Client() as client:
            for name, value in client.headers.items():
                assert name == "connection" or is_httpx_default(name, value), name
    assert not is_httpx_default("User-Agent", "Mine/1")
    assert not is_httpx_default("X-Other", "*/*")
