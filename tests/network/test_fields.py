from __future__ import annotations

import pytest

from partita.actors.network import fields


def outgoing(given: fields.Fields = (), cookie: str | None = None) -> fields.Fields:
    own = (("User-Agent", "Me/1"), ("Accept", "*/*"), ("Accept-Encoding", "gzip"), ("Accept-Language", "en-US"))
    return fields.outgoing(given, own=own, cookie=cookie)


def test_a_request_carries_what_the_session_says_and_what_the_caller_gave() -> None:
    assert outgoing((("X-One", "1"),), "a=b") == (
        ("User-Agent", "Me/1"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "gzip"),
        ("Accept-Language", "en-US"),
        ("X-One", "1"),
        ("Cookie", "a=b"),
    )


def test_the_caller_wins_whatever_the_case_of_the_name() -> None:
    sent = dict(outgoing((("USER-AGENT", "You/2"), ("cookie", "mine=1")), "jar=1; mine=1"))
    assert sent["USER-AGENT"] == "You/2"
    assert "User-Agent" not in sent
    assert "cookie" not in sent
    assert sent["Cookie"] == "jar=1; mine=1"
    assert ("cookie", "mine=1") in outgoing((("cookie", "mine=1"),))


@pytest.mark.parametrize(
    ("header", "error", "words"),
    [
        (("", "x"), ValueError, "no name"),
        (("A B", "x"), ValueError, "'A B' is no name"),
        (("X", "a\r\nSet-Cookie: b"), ValueError, "line break"),
        (("X", "a\0b"), ValueError, "NUL"),
        (("X", "\u20ac"), ValueError, "Latin-1"),
        (("Content-Length", "3"), ValueError, "belongs to the connection"),
        (("transfer-encoding", "chunked"), ValueError, "belongs to the connection"),
        (("X", 1), TypeError, "pairs of str"),
    ],
)
def test_a_field_that_cannot_go_out_is_refused_by_name(
    header: tuple[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fields.check_fields([header])


def test_space_around_a_value_is_dropped() -> None:
    assert fields.check_fields([("X", " a b\t")]) == (("X", "a b"),)


def test_methods_are_normalized_and_forbidden_as_fetch_says() -> None:
    assert fields.check_method("post") == "POST"
    assert fields.check_method("patch") == "patch"
    for method in ("connect", "TRACE", "Track", "", "GET /"):
        with pytest.raises(ValueError, match=r"method"):
            fields.check_method(method)
    with pytest.raises(TypeError):
        fields.check_method(None)  # type: ignore[arg-type]


def test_fields_are_found_whatever_the_case_of_their_names() -> None:
    headers = (("Set-Cookie", "a=1"), ("set-cookie", "b=2"))
    assert fields.first(headers, "set-cookie") == "a=1"
    assert fields.every(headers, "set-cookie") == ("a=1", "b=2")
    assert fields.first(headers, "etag") is None


@pytest.mark.parametrize(
    ("said", "length"),
    [
        ("0", 0),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 5000, None),
        ("+1", None),
        ("1, 1", None),
        ("\u0661", None),
        ("", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_length_is_a_number_that_a_body_can_have(said: str, length: int | None) -> None:
    assert fields.length_of((("Content-Length", said),)) == length


def test_without_a_length_none_is_known() -> None:
    assert fields.length_of(()) is None
