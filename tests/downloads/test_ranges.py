from __future__ import annotations

import errno

import pytest

from partita.actors.downloads import interruptions
from partita.actors.downloads.ranges import continued, fit, head_of, range_fields, validator
from partita.actors.network.http import NetError
from partita.actors.network.net_errors import CODES
from partita.events.downloads import RESUMABLE

PARTIAL = (("Content-Range", "bytes 100-999/1000"), ("ETag", '"v1"'))


@pytest.mark.parametrize(
    ("e_tag", "last_modified", "expected"),
    [
        ('"v1"', "yesterday", '"v1"'),
        ('W/"v1"', "yesterday", "yesterday"),
        ('W/"v1"', "", None),
        ("", "yesterday", "yesterday"),
        ("", "", None),
    ],
)
def test_only_a_strong_validator_makes_sure_that_the_rest_fits(
    e_tag: str, last_modified: str, expected: str | None
) -> None:
    assert validator(e_tag, last_modified) == expected


def test_the_rest_is_asked_for_on_a_condition() -> None:
    assert range_fields(100, '"v1"') == (("Range", "bytes=100-"), ("If-Range", '"v1"'))


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (206, PARTIAL, "goes on"),
        (206, (("content-range", "bytes 100-999/*"),), "goes on"),
        (206, (("Content-Range", "bytes 0-999/1000"), ("ETag", '"v1"')), "ask again"),
        (206, (("Content-Range", "bytes 100-1999/2000"), ("ETag", '"v1"')), "ask again"),
        (206, (("Content-Range", "bytes 100-999/1000"), ("ETag", '"v2"')), "ask again"),
        (206, (("Content-Range", "lines 1-2/3"),), "ask again"),
        (206, (), "ask again"),
        (416, (("Content-Range", "bytes */50"),), "ask again"),
        (412, (), "ask again"),
        (200, (("ETag", '"v2"'),), "begins again"),
        (404, (), "failed"),
        (503, (), "failed"),
        (302, (), "failed"),
    ],
)
def test_a_response_to_a_range_is_compared_with_what_was_asked(
    status: int, headers: tuple[tuple[str, str], ...], expected: str
) -> None:
    assert fit(status, headers, offset=100, total_bytes=1000, e_tag='"v1"') == expected


@pytest.mark.parametrize(("now", "expected"), [("Monday", "goes on"), ("Tuesday", "ask again"), ("", "goes on")])
def test_the_rest_of_another_file_is_told_by_its_date_when_a_server_ignores_the_condition(
    now: str, expected: str
) -> None:
    headers = (("Content-Range", "bytes 100-999/1000"), ("Last-Modified", now))
    assert fit(206, headers, offset=100, total_bytes=1000, e_tag="", last_modified="Monday") == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, "begins again"), (203, "begins again"), (206, "failed"), (416, "failed"), (204, "failed")],
)
def test_a_response_to_a_plain_request_is_the_file_or_none(status: int, expected: str) -> None:
    assert fit(status, PARTIAL, offset=0, total_bytes=0, e_tag="") == expected


def test_a_head_keeps_what_a_download_needs() -> None:
    headers = (
        ("Content-Type", "Text/HTML; charset=utf-8"),
        ("Content-Length", "900"),
        ("Content-Disposition", "attachment"),
        ("Last-Modified", "then"),
        ("Accept-Ranges", "bytes"),
        *PARTIAL,
    )
    head = head_of(("http://a/", "http://b/"), 206, headers, 100)
    assert (head.mime_type, head.total_bytes, head.offset) == ("text/html", 1000, 100)
    assert (head.e_tag, head.last_modified, head.accept_ranges) == ('"v1"', "then", "bytes")
    assert head.url_chain == ("http://a/", "http://b/")


@pytest.mark.parametrize(
    ("headers", "total"),
    [
        ((("Content-Length", "900"),), 900),
        ((("Content-Length", "-3"),), 0),
        ((("Content-Length", "900"), ("Transfer-Encoding", "chunked")), 0),
        ((), 0),
    ],
)
def test_a_total_is_what_the_server_says_or_unknown(headers: tuple[tuple[str, str], ...], total: int) -> None:
    assert head_of(("http://a/",), 200, headers, 0).total_bytes == total


def test_every_net_error_and_file_error_has_a_reason() -> None:
    assert all(interruptions.of_net_error(NetError(name)) != "NONE" for name in CODES)
    assert interruptions.of_net_error(NetError("ERR_CONNECTION_RESET")) == "NETWORK_FAILED"
    assert interruptions.of_net_error(NetError("ERR_TIMED_OUT")) == "NETWORK_TIMEOUT"
    assert interruptions.of_net_error(NetError("ERR_CERT_DATE_INVALID")) == "SERVER_CERT_PROBLEM"
    assert interruptions.of_file_error(OSError(errno.ENOSPC, "")) == "FILE_NO_SPACE"
    assert interruptions.of_file_error(OSError(errno.EDQUOT, "")) == "FILE_NO_SPACE"
    assert interruptions.of_file_error(OSError("no number")) == "FILE_FAILED"


def test_a_status_is_the_file_or_a_reason() -> None:
    assert interruptions.of_status(200) == "NONE"
    assert interruptions.of_status(404) == "SERVER_BAD_CONTENT"
    assert interruptions.of_status(503) == "SERVER_FAILED"
    assert "SERVER_FAILED" in RESUMABLE
    assert "SERVER_BAD_CONTENT" not in RESUMABLE


@pytest.mark.parametrize("total", ["99999999999999999999999999", "9" * 5000])
def test_a_number_that_no_file_has_is_none(total: str) -> None:
    headers = (("Content-Range", f"bytes 100-999/{total}"), ("Content-Length", total))
    assert fit(206, headers, offset=100, total_bytes=0, e_tag="") == "ask again"
    assert head_of(("https://a.test/f",), 206, headers, 100).total_bytes == 0
    assert head_of(("https://a.test/f",), 200, headers, 0).total_bytes == 0


def test_a_range_need_not_say_again_what_the_first_response_said() -> None:
    first = head_of(
        ("https://a.test/f",),
        200,
        (("Content-Length", "1000"), ("Content-Type", "text/plain"), ("ETag", '"v1"'), ("Last-Modified", "yesterday")),
        0,
    )
    rest = head_of(("https://a.test/f",), 206, (("Content-Range", "bytes 100-199/*"), ("Content-Length", "100")), 100)
    assert rest.total_bytes == 0, "the server does not say"
    known = continued(rest, first)
    assert (known.total_bytes, known.mime_type, known.e_tag, known.last_modified) == (
        1000,
        "text/plain",
        '"v1"',
        "yesterday",
    )
    assert (known.status, known.offset) == (206, 100)
    assert continued(first, rest) == first
