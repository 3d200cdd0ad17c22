"""Plain data and one-line summaries of what the log holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partita.events.cookies import CookieKey, CookiesState, SetCookie, StoredCookie, TouchCookies
from partita.events.errors import SecretErased
from partita.events.preferences import SetUserAgent
from partita.events.secret import Secret
from partita.events.system import EffectSettled, Recovered, Tell
from partita.events.turn import External, Turn
from partita.inspection import cause_text, led_to, name_of, summary, time_text, to_plain

AnyTurn = Turn[Any, Any, Any]
COOKIE = StoredCookie("id", Secret("hush"), "a.example", True, "/", False, False, "lax", 1, 2, None, "nonsecure")


def test_a_tagged_struct_carries_its_tag_and_nested_ones_theirs() -> None:
    message = SetUserAgent("a/1")
    assert to_plain(message) == {"type": "preferences.set_user_agent/1", "user_agent": "a/1", "accept_languages": None}
    told = to_plain(Tell("session", message))
    assert told == {"type": "system.tell/1", "to": "session", "message": to_plain(message)}


def test_a_turn_becomes_its_fields_and_json_can_say_them() -> None:
    turn: AnyTurn = Turn(7, 1_000_001, "session", External("api", 3), SetUserAgent("a/1"), (Recovered(2),), ())
    plain = to_plain(turn)
    assert json.loads(json.dumps(plain)) == plain
    assert isinstance(plain, dict)
    assert plain["cause"] == {"type": "external", "kind": "api", "call_id": 3}
    assert plain["events"] == [{"type": "system.recovered/1", "epoch": 2}]
    assert (plain["position"], plain["time"], plain["effects"]) == (7, 1_000_001, [])


def test_secrets_are_dots_unless_revealed_wherever_they_stand() -> None:
    jar = CookiesState({"a.example": {"k": COOKIE}}, 1, 1)
    for value in (
        Secret("hush"),
        COOKIE,
        jar,
        [Secret(b"hush")],
        {"x": (Secret("hush"),)},
        SetCookie("u", "n", Secret("hush")),
    ):
        assert "hush" not in repr(to_plain(value))
        assert "•••" in repr(to_plain(value))
        assert "hush" not in summary(value)
        assert "hush" in repr(to_plain(value, reveal=True))
        assert "hush" in summary(value, reveal=True)


def test_an_erased_secret_says_so_and_is_not_touched_unless_revealed() -> None:
    asked: list[bytes] = []

    def unsealer(sealed: bytes) -> None:
        asked.append(sealed)

    erased = Secret.from_sealed(b"sealed", unsealer)
    assert to_plain(erased) == "•••"
    assert asked == []
    assert to_plain(erased, reveal=True) == "(erased)"
    with pytest.raises(SecretErased):
        erased.reveal()


def test_bytes_become_digits_and_keys_become_text() -> None:
    assert to_plain(b"\x00\xff") == "00ff"
    assert to_plain({1: "a", CookieKey("n", "d", True, "/"): 2}) == {
        "1": "a",
        "CookieKey(name='n', domain='d', host_only=True, path='/')": 2,
    }


def test_a_summary_leaves_out_what_has_its_default() -> None:
    assert summary(SetUserAgent("a/1")) == "preferences.set_user_agent(user_agent='a/1')"
    assert summary(SetUserAgent("a/1", "de")) == "preferences.set_user_agent(user_agent='a/1', accept_languages='de')"
    assert summary(CookiesState()) == "cookies.state()"
    assert summary(TouchCookies((CookieKey("n", "d", True, "/"),))) == (
        "cookies.touch(keys=[(name='n', domain='d', host_only=True, path='/')])"
    )


def test_a_summary_is_as_short_as_asked_for() -> None:
    long = SetUserAgent("x" * 500)
    assert len(summary(long)) < 120
    assert "…" in summary(long)
    assert "x" * 500 in summary(long, width=None)
    digits = "0123456789abcdef" * 2
    assert summary(EffectSettled(digits)) == "system.effect_settled(effect_id=01234567…)"
    assert digits in summary(EffectSettled(digits), width=None)


def test_causes_and_times_are_said_in_words() -> None:
    assert cause_text(12) == "turn 12"
    assert cause_text(External("api", 4)) == "api call 4"
    assert cause_text(External("network")) == "network"
    assert time_text(1_448_841_600_123_456) == "2015-11-30 00:00:00.123"
    assert time_text(1_448_841_600_123_456, precise=True) == "2015-11-30T00:00:00.123456Z"


def test_what_a_turn_led_to_leaves_out_the_bookkeeping() -> None:
    message = SetUserAgent("a/1")
    turn: AnyTurn = Turn(
        1, 1, "session", 0, message, (Recovered(1), EffectSettled("x")), (Tell("download/1", message),)
    )
    assert list(led_to(turn)) == [("event", Recovered(1)), ("effect", message)]
    assert [name_of(what) for _, what in led_to(turn)] == ["system.recovered", "preferences.set_user_agent"]
