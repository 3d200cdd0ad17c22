"""Calls that came in another order than they were numbered in, and those that only look like it."""

from __future__ import annotations

from typing import cast

from partita.actors.recorded_world.callers import Callers
from partita.actors.recorded_world.opening import AnyTurn, Opening
from partita.events.preferences import SetDownloadPath, SetUserAgent
from partita.events.turn import External, Turn
from partita.events.types import Message


def call(number: int) -> External:
    return External("api", number)


class OfCalls:
    """What was recorded of each call."""

    def __init__(self, *messages: tuple[int, Message]) -> None:
        self.turns = [
            Turn(position, 0, "session", call(number), message)
            for position, (number, message) in enumerate(messages, start=1)
        ]

    def of_call(self, number: int) -> list[AnyTurn]:
        return [turn for turn in self.turns if turn.cause == call(number)]


def callers(*messages: tuple[int, Message]) -> Callers:
    return Callers(cast("Opening", OfCalls(*messages)))


FIRST, SECOND = SetDownloadPath("/a"), SetDownloadPath("/b")


def look(who: Callers, message: Message, number: int, *, would_be_recorded: bool = True) -> bool:
    who.look("session", message, call(number), lambda: would_be_recorded)
    return who.differ


def test_as_long_as_nothing_differs_a_number_is_itself() -> None:
    who = callers((1, FIRST), (2, SECOND))
    assert not look(who, FIRST, 1)
    assert who.recorded(call(2)) == call(2)
    assert who.recorded(7) == 7, "what a turn has caused is nobody's call"
    assert not who.renumbered


def test_another_message_under_a_number_says_that_they_came_otherwise() -> None:
    assert not look(callers((1, FIRST)), SECOND, 1, would_be_recorded=False)
    assert look(callers((1, FIRST)), SECOND, 1)


def test_what_a_call_says_later_says_nothing_of_their_order() -> None:
    """It may leave a turn here that it left none of then: another had said the same before it."""
    who = callers((1, FIRST), (2, FIRST))
    who.note_taken(call(1), call(1))
    assert not look(who, SetUserAgent("what it said for nothing"), 1)


def test_one_that_is_known_stands_in_for_nobody_however_alike_they_are() -> None:
    who = callers((1, FIRST), (2, FIRST), (1, SECOND), (2, SECOND))
    assert who.may_be(call(2), call(1)), "neither is known yet"
    who.note_taken(call(1), call(1))
    who.note_taken(call(2), call(2))
    assert not who.may_be(call(2), call(1))


def test_who_stands_in_is_it_from_then_on_and_the_other_one_is_somebody_else() -> None:
    who = callers((1, FIRST), (2, FIRST))
    who.note_taken(call(2), call(1))
    assert who.recorded(call(2)) == call(1)
    assert who.recorded(call(1)) not in (call(1), call(2)), "nobody knows yet"
    assert who.may_be(call(1), call(2))
    assert not who.may_be(call(1), call(1))
    who.note_taken(call(1), call(2))
    assert who.renumbered == {1: 2, 2: 1}


def test_one_that_says_what_was_not_recorded_under_its_number_may_be_another() -> None:
    who = callers((1, FIRST), (2, SECOND))
    assert who.has_the_number_of_another("session", SECOND, call(1))
    assert not who.has_the_number_of_another("session", FIRST, call(1))
    assert not who.has_the_number_of_another("session", FIRST, call(3)), "it left no turn then"
    who.note_taken(call(1), call(2))
    assert not who.has_the_number_of_another("session", FIRST, call(1)), "it is known"
