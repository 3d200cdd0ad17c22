from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.web_request.answers import parsed_status_line, request_fields, response_fields
from partita.actors.web_request.details import Details, UploadData, UploadFile, UploadRawData, WebRequestResponse
from partita.actors.web_request.header_map import HeaderMap

from .asking import details


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"A": "1", "b": "2"}, (("A", "1"), ("b", "2"))),
        ({"A": " 1\t"}, (("A", "1"),)),
        ({"A": ""}, (("A", ""),)),
        ({"a b": "1", "": "2", "ä": "3", "x:": "4", "ok": "5"}, (("ok", "5"),)),
        ({"A": "1\r\nInjected: yes", "B": "1\nC", "C": "nul\0"}, ()),
        ({"A": None, "B": 1, "C": b"bytes", 1: "number"}, ()),
        ({"accept": "1", "Accept": "2", "x": "3"}, (("Accept", "2"), ("x", "3"))),
        ({"Origin": "a", "Cookie": "b", "Referer": "c", "Proxy-Authorization": "d"},
         (("Origin", "a"), ("Cookie", "b"), ("Referer", "c"), ("Proxy-Authorization", "d"))),
        ({"Content-Length": "0", "transfer-encoding": "chunked", "Connection": "close", "A": "1"}, (("A", "1"),)),
        ({"A": "é"}, (("A", "é"),)),
        ({"A": "日本"}, (("A", "日本".encode().decode("latin-1")),)),
        ({"A": "\ud800"}, ()),
    ],
)  # fmt: skip
def test_the_fields_of_a_request_are_those_that_can_be_sent(headers: dict[Any, Any], fields: object) -> None:
    assert request_fields(headers) == fields


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"A": "1"}, (("A", "1"),)),
        ({"Set-Cookie": ["a=1", "b=2"], "A": ("3",)}, (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("A", "3"))),
        ({"A": []}, ()),
        ({"A": ["1", 2, None, "3\r\nB: 4", "5"]}, (("A", "1"), ("A", "5"))),
        ({"A": {"not": "a list"}, "B": 7}, ()),
        ({"Content-Encoding": "gzip"}, (("Content-Encoding", "gzip"),)),
    ],
)
def test_the_fields_of_a_response_may_have_many_values(headers: dict[Any, Any], fields: object) -> None:
    assert response_fields(headers) == fields


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("HTTP/1.1 404 Not Found", ("HTTP/1.1", 404, "Not Found")),
        ("HTTP/1.1 200", ("HTTP/1.1", 200, "")),
        ("HTTP/1.1 200 ", ("HTTP/1.1", 200, "")),
        ("http/2 503 Over", ("HTTP/2", 503, "Over")),
        (" HTTP/1.0 \t 200 OK ", ("HTTP/1.0", 200, "OK")),
        ("HTTP/1.1 99 Low", None),
        ("HTTP/1.1 600 High", None),
        ("HTTP/1.1 ٢٠٠ Other digits", None),
        ("HTTP/1.1 200 OK\r\nA: b", None),
        ("200 OK", None),
        ("", None),
    ],
)
def test_status_lines(line: str, parsed: object) -> None:
    assert parsed_status_line(line) == parsed


@given(
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.text(max_size=12), st.lists(st.text(max_size=6), max_size=3)), max_size=6
    )
)
def test_no_listener_can_break_a_line(headers: dict[str, Any]) -> None:
    for name, value in (*request_fields(headers), *response_fields(headers)):
        text = f"{name}: {value}"
        assert text.encode("latin-1")
        assert not set("\r\n\0") & set(text)
        assert name
        assert ":" not in name


def test_details_are_encoded_with_electrons_names() -> None:
    told = details(
        redirect_url="https://a.test/",
        status_line="HTTP/1.1 200 OK",
        from_cache=False,
        web_contents_id="7",
        upload_data=(UploadData(type="blob", blob_uuid="x"),),
        response_headers=HeaderMap({"X-A": ("1", "2")}),
    )
    encoded = msgspec.json.decode(msgspec.json.encode(told))
    assert encoded["redirectURL"] == "https://a.test/"
    assert encoded["statusLine"] == "HTTP/1.1 200 OK"
    assert encoded["fromCache"] is False
    assert encoded["webContentsId"] == "7"
    assert encoded["uploadData"][0]["blobUUID"] == "x"
    assert encoded["resourceType"] == "xhr"
    assert encoded["responseHeaders"] == {"X-A": ["1", "2"]}
    assert "error" not in encoded
    assert msgspec.json.decode(msgspec.json.encode(told), type=Details) == told


def test_answers_and_uploads_are_encoded_with_electrons_names() -> None:
    answer = WebRequestResponse(redirect_url="app://x", request_headers={"A": "1"}, status_line="HTTP/1.1 200 OK")
    assert msgspec.to_builtins(answer) == {
        "redirectURL": "app://x", "requestHeaders": {"A": "1"}, "statusLine": "HTTP/1.1 200 OK",
    }  # fmt: skip
    assert msgspec.to_builtins(UploadFile(file_path="/a", modification_time=1.5)) == {
        "type": "file", "filePath": "/a", "offset": 0, "length": 0, "modificationTime": 1.5,
    }  # fmt: skip
    parts = msgspec.convert(
        [{"type": "rawData", "bytes": b"1"}, {"type": "file", "filePath": "/a"}], list[UploadRawData | UploadFile]
    )
    assert parts == [UploadRawData(bytes=b"1"), UploadFile(file_path="/a")]


def test_header_fields_are_found_in_any_case_and_keep_theirs() -> None:
    headers = HeaderMap({"Content-Type": "text/html", "X-Two": "2"})
    assert headers["content-type"] == headers.get("CONTENT-TYPE") == "text/html"
    assert "content-TYPE" in headers
    assert 5 not in headers
    assert list(headers) == ["Content-Type", "X-Two"]
    assert dict(headers) == {"Content-Type": "text/html", "X-Two": "2"}
    assert {**headers, "More": "3"} == {"Content-Type": "text/html", "X-Two": "2", "More": "3"}
    assert headers.get("missing", "no") == "no"


def test_header_fields_can_be_changed_in_any_case() -> None:
    headers = HeaderMap({"Accept": "1"})
    headers["ACCEPT"] = "2"
    assert dict(headers) == {"ACCEPT": "2"}
    assert headers.setdefault("accept", "3") == "2"
    assert headers.setdefault("B", "3") == "3"
    copied = headers.copy()
    assert headers.pop("b") == "3"
    assert headers.pop("b", None) is None
    with pytest.raises(KeyError):
        headers.pop("b")
    assert copied["b"] == "3"
    del headers["accept"]
    assert not headers
    headers.update({"C": "4"}, D="5")
    assert headers.popitem() == ("D", "5")
    headers.clear()
    headers["c"] = "6"
    assert dict(headers) == {"c": "6"}
    with pytest.raises(KeyError):
        del headers["d"]
