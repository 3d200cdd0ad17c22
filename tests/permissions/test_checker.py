"""The simulation's checker complains when what it watches is broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import partita
from partita import World
from partita.events.permissions import (
    PermissionAnswer,
    PermissionsState,
    QuestionPut,
    QuestionSettled,
    WithdrawQuestions,
)
from partita.events.system import Recover
from partita.simulations.checker import Broken
from partita.simulations.checkers.permissions import PermissionsAreAsked, _Book

from .asking import wait_until_pending

SHOP = "https://shop.test/"
NAME = f"midi for {SHOP} in {SHOP}"


class Bench:
    """A quiet world with a page in it, and what the checker says of it."""

    def __init__(self) -> None:
        self.world = World(1, quiet=True)
        self.system: Any = self.world.system()
        self.session: partita.Session = self.system.from_partition("persist:shop")
        self.page = self.session.new_page(SHOP)

    def ended(self, **memory: object) -> None:
        self.session.flush().get()
        inner = self.world._world
        inner.memory.update(memory)
        PermissionsAreAsked(inner).ended(self.session._partition)

    def complaint(self, **memory: object) -> str:
        with pytest.raises(Broken) as caught:
            self.ended(**memory)
        return caught.value.what


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.world.close()


def test_nobody_complains_of_what_was_asked_and_answered(bench: Bench) -> None:
    assert bench.page.request_permission("midi").get() is True
    bench.session.set_permission_request_handler(lambda request: True)
    assert bench.page.request_permission("midi").get() is True
    bench.ended(said=[NAME], told=[(NAME, True)])


def test_a_grant_that_no_handler_has_given_is_missed(bench: Bench) -> None:
    bench.session.set_permission_request_handler(lambda request: True)
    bench.page.request_permission("midi").get()
    assert "is granted by a handler that has not said so" in bench.complaint()


def test_an_answer_that_the_log_does_not_have_is_missed(bench: Bench) -> None:
    bench.page.request_permission("midi").get()
    assert "the log has no such answer" in bench.complaint(told=[(NAME, False)])


def test_a_prompt_that_is_left_is_missed(bench: Bench) -> None:
    async def never(request: object) -> bool:
        await bench.world._world.clock.sleep(1e9)
        return True

    bench.session.set_permission_request_handler(never)
    bench.page.request_permission("midi")
    wait_until_pending(bench.session, 1)
    assert "questions are pending that nobody will answer" in bench.complaint()


def pending_in(bench: Bench) -> tuple[Any, QuestionPut]:
    """The turns of one question that waits, and its event."""

    async def never(request: object) -> bool:
        await bench.world._world.clock.sleep(1e9)
        return True

    bench.session.set_permission_request_handler(never)
    bench.page.request_permission("midi")
    wait_until_pending(bench.session, 1)
    turns = [turn for turn in bench.session.log.turns() if turn.actor == "session"]
    (put,) = [event for turn in turns for event in turn.events if isinstance(event, QuestionPut)]
    return turns, put


@pytest.mark.parametrize(
    ("message", "answer", "words"),
    [
        (Recover(2), PermissionAnswer(True, "ended", 1), "is granted for the reason ended"),
        (Recover(2), PermissionAnswer(False, "handler", 1), "is answered for the reason handler by Recover"),
        (Recover(2), PermissionAnswer(False, "ended", 2), "was put to the handler 1, and 2 answers"),
        (Recover(2), PermissionAnswer(False, "default"), "is answered for the reason default by Recover"),
    ],
)
def test_an_answer_without_its_reason_is_missed(
    bench: Bench, message: Any, answer: PermissionAnswer, words: str
) -> None:
    turns, put = pending_in(bench)
    book = _Book(set())
    for turn in turns:
        book.read(turn.position, turn.message, turn.events)
    question = put.pending.question
    with pytest.raises(Broken, match=words):
        book.read(99, message, (QuestionSettled(question.asker.page, question.ticket, answer),))


def test_a_question_that_waits_on_is_missed(bench: Bench) -> None:
    turns, put = pending_in(bench)
    book = _Book(set())
    for turn in turns:
        book.read(turn.position, turn.message, turn.events)
    question = put.pending.question
    with pytest.raises(Broken, match="waits on, and who was asked, or has asked, is gone"):
        book.read(99, WithdrawQuestions(question.asker.page, (question.ticket,)), ())


def test_a_process_that_begins_with_handlers_is_missed() -> None:
    from partita.simulations.checkers.forgotten import _without_handlers

    _without_handlers(PermissionsState(), 1)
    with pytest.raises(Broken, match="a process begins with handlers"):
        _without_handlers(PermissionsState(handlers={"request": 1}), 1)
