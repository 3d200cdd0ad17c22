"""Binary search over turns and over any other row; the linear search that assumes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import partita
from partita.actors.replay.bisect import Change, first_change, first_flip, first_where
from partita.actors.replay.debugger import Debugger
from partita.errors import InvalidQuery, QueryFailed


@pytest.fixture
def log(session: partita.Session) -> Iterator[Debugger]:
    with partita.debug(str(session.storage_path)) as opened:
        yield opened


@pytest.mark.parametrize("linear", [False, True])
def test_the_first_turn_after_which_a_predicate_holds_is_found(log: Debugger, linear: bool) -> None:
    flip = first_flip(log.timeline, 'state.preferences.user_agent == "shop/1.0"', linear=linear)
    assert flip.turn is not None
    assert flip.turn.position == 5
    assert not flip.at_begin


def test_the_first_turn_after_which_it_no_longer_holds_is_found_as_well(log: Debugger) -> None:
    flip = first_flip(log.timeline, "position < 3")
    assert flip.turn is not None
    assert flip.turn.position == 3
    assert flip.at_begin


def test_a_predicate_that_comes_and_goes_is_found_by_the_linear_search_only(log: Debugger) -> None:
    assert first_flip(log.timeline, "session.cookies.count == 3").turn is None
    flip = first_flip(log.timeline, "session.cookies.count == 3", linear=True)
    assert flip.turn is not None
    assert flip.turn.position == 4
    assert first_flip(log.timeline, "session.cookies.count == 9", linear=True).asked == 8


def test_a_predicate_about_events_is_refused_with_what_to_do(log: Debugger) -> None:
    with pytest.raises(InvalidQuery, match=r"event.*debug"):
        first_flip(log.timeline, "event is CookieStored")
    with pytest.raises(InvalidQuery, match="cause"):
        first_flip(log.timeline, "cause == 1")


def test_one_that_raises_names_the_position(log: Debugger) -> None:
    with pytest.raises(QueryFailed, match="position 7"):
        first_flip(log.timeline, "1 // (7 - position) > 9")


@pytest.mark.parametrize("change", range(1, 20))
def test_every_change_is_found_in_few_questions(change: int) -> None:
    asked: list[int] = []

    def answer(item: int) -> bool:
        asked.append(item)
        return item >= change

    assert first_change(range(20), answer) == Change(change - 1, change)
    assert len(asked) <= 2 + 5
    assert first_where(0, 19, lambda item: item >= change) == change


def test_what_cannot_be_judged_is_passed_over_and_the_doubt_is_told() -> None:
    answers = {0: "a", 1: "a", 2: None, 3: None, 4: "b", 5: "b"}
    assert first_change(range(6), answers.__getitem__) == Change(1, 4)
    assert first_change(range(2), answers.__getitem__) is None
    with pytest.raises(ValueError, match="3 cannot be judged"):
        first_change(range(4), answers.__getitem__)
