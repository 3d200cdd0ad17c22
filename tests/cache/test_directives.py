"""``Cache-Control``, HTTP dates, and the numbers in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.cache import dates, directives


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["max-age=60"], {"max-age": ("60",)}),
        (["MAX-AGE=60, Public"], {"max-age": ("60",), "public": (None,)}),
        (["no-store", "max-age=1"], {"no-store": (None,), "max-age": ("1",)}),
        (
            ['extension="max-age=3600, no-store", max-age=1'],
            {"extension": ("max-age=3600, no-store",), "max-age": ("1",)},
        ),
        (['no-cache="a, b"'], {"no-cache": ("a, b",)}),
        (['a="x\\"y,z", b'], {"a": ('x"y,z',), "b": (None,)}),
        (["max-age=1, max-age=2"], {"max-age": ("1", "2")}),
        ([", ,a,,"], {"a": (None,)}),
        (['max-age="60'], {"max-age": ('"60',)}),
        ([""], {}),
    ],
)
def test_directives_are_read(lines: list[str], expected: dict[str, tuple[str | None, ...]]) -> None:
    assert dict(directives.of(lines)) == expected


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("max-age=60", 60),
        ("max-age=0060", 60),
        ('max-age="60"', 60),
        ("max-age=99999999999999999999", directives.LONGEST_S),
        ("max-age=" + "9" * 5000, directives.LONGEST_S),
        ("max-age=1800, max-age=1", 1800),
        ("public", None),
        ("max-age", 0),
        ("max-age=", 0),
        ("max-age=-1", 0),
        ("max-age=+1", 0),
        ("max-age=1.5", 0),
        ("max-age='60'", 0),
        ("max-age = 60", 0),
        ("max-age= 60", 0),
        ("max-age=٣", 0),
    ],
)
def test_a_number_that_cannot_be_read_makes_stale(line: str, seconds: int | None) -> None:
    assert directives.seconds(directives.of([line]), "max-age") == seconds


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('no-cache="Set-Cookie, X-A"', frozenset({"set-cookie", "x-a"})),
        ('no-cache="a", no-cache="b"', frozenset({"a", "b"})),
        ('no-cache="a", no-cache', None),
        ('no-cache=""', None),
        ("max-age=1", None),
    ],
)
def test_no_cache_may_be_limited_to_fields(line: str, fields: frozenset[str] | None) -> None:
    assert directives.named_fields(directives.of([line]), "no-cache") == fields


@given(st.lists(st.text(max_size=40), max_size=3))
def test_no_text_is_too_strange_to_be_read(lines: list[str]) -> None:
    for name in directives.of(lines):
        directives.seconds(directives.of(lines), name)
        directives.named_fields(directives.of(lines), name)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Mon, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_a_date_has_three_forms_and_any_case(text: str) -> None:
    assert dates.parsed(text) == 784_111_777_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 AEST",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates.parsed(text) is None


@given(st.integers(min_value=0, max_value=250_000_000_000))
def test_a_date_that_was_written_is_read_back(second: int) -> None:
    assert dates.parsed(dates.formatted(second * 1_000_000)) == second * 1_000_000
