"""Stand-ins for secrets: of the same shape, equal for equals, and nothing of what they stand for."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.replay.stand_ins import StandIns
from partita.events.cookies import CookiesReceived
from partita.events.exchanges import NoteRequest, RecordedField
from partita.events.secret import Secret
from partita.events.system import TurnFailed

SALT = bytes(range(32))
VALUES = st.text(string.ascii_letters + string.digits + "-_.=%/+", min_size=8, max_size=40)


def char_class(char: str) -> str:
    return next(
        (name for name in ("digits", "ascii_lowercase", "ascii_uppercase") if char in getattr(string, name)), char
    )


@given(VALUES)
def test_a_stand_in_has_the_shape_of_the_value_and_is_another(value: str) -> None:
    stand_in = StandIns(SALT).disguised(Secret(value)).reveal()
    assert list(map(char_class, stand_in)) == list(map(char_class, value))
    assert stand_in != value or not any(char.isalnum() for char in value)


@given(st.lists(VALUES, unique=True, min_size=2, max_size=5))
def test_different_values_have_different_stand_ins_and_equal_ones_the_same(values: list[str]) -> None:
    stand_ins = StandIns(SALT)
    first = [stand_ins.disguised(Secret(value)).reveal() for value in values]
    again = [stand_ins.disguised(Secret(value)).reveal() for value in values]
    assert first == again
    letters = [value for value in values if sum(map(str.isalnum, value)) > 3]
    assert len({stand_ins.text(value) for value in letters}) == len(letters)


@pytest.mark.parametrize("value", ["abc123", b"abc123"])
def test_texts_stay_texts_and_bytes_stay_bytes(value: str | bytes) -> None:
    assert type(StandIns(SALT).disguised(Secret(value)).reveal()) is type(value)


def test_a_set_cookie_line_keeps_its_name_and_attributes_and_its_value_is_that_of_the_cookie() -> None:
    stand_ins = StandIns(SALT)
    line = Secret("sid=s3cret=x; Path=/; Max-Age=60; HttpOnly")
    (disguised,) = stand_ins.disguised(CookiesReceived("http://a.test/", (line,))).headers
    assert disguised.reveal() == f"sid={stand_ins.text('s3cret=x')}; Path=/; Max-Age=60; HttpOnly"


def test_a_cookie_field_keeps_the_names_of_its_pairs() -> None:
    stand_ins = StandIns(SALT)
    fields = (RecordedField("Cookie", secret=Secret("a=one1; b=two2")), RecordedField("Accept", text="*/*"))
    first, second = stand_ins.disguised(NoteRequest("x", "GET", "http://a.test/", fields)).headers
    assert first.value == f"a={stand_ins.text('one1')}; b={stand_ins.text('two2')}"
    assert second == fields[1]


def test_another_salt_gives_another_stand_in() -> None:
    assert StandIns(SALT).text("the same secret") != StandIns(bytes(32)).text("the same secret")


def test_where_the_code_lay_is_not_told() -> None:
    failed = TurnFailed("ValueError: /home/alice/x", 'File "/home/alice/code.py", line 1')
    assert StandIns(SALT).disguised(failed) == TurnFailed("ValueError: /home/user/x", "")
