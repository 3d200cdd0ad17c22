from __future__ import annotations

import inspect

import pytest

from partita.actors.kernel.behavior import Decision
from partita.actors.web_request.behavior import behavior
from partita.events.system import Recover
from partita.events.types import Message
from partita.events.web_request import ClearHook, HooksForgotten, RequestFilter, SetHook, Stage, WebRequestState


class Set:
    """The hooks of a session, told one message after another."""

    def __init__(self) -> None:
        self.state: WebRequestState = behavior.initial()

    def tell(self, message: Message) -> Decision:
        ctx = None
        decision = behavior.decide[type(message)](self.state, message, ctx)
        for event in decision.events:
            self.state = behavior.evolve[type(event)](self.state, event)
        return decision

    def ids(self, stage: Stage = "completed") -> list[str]:
        return [hook.id for hook in self.state.hooks.get(stage, ())]


def test_the_sole_hook_is_asked_first_and_the_others_as_they_were_added() -> None:
    hooks = Set()
    for number, sole in enumerate([False, True, False]):
        hooks.tell(SetHook(str(number), "completed", sole=sole))
    assert hooks.ids() == ["1", "0", "2"]


def test_a_sole_hook_takes_the_place_of_the_one_before_and_says_whose() -> None:
    hooks = Set()
    assert hooks.tell(SetHook("1", "completed", sole=True)).reply is None
    hooks.tell(SetHook("2", "completed"))
    assert hooks.tell(SetHook("3", "completed", sole=True)).reply == "1"
    assert hooks.ids() == ["3", "2"]


def test_the_hooks_of_the_stages_are_apart() -> None:
    hooks = Set()
    hooks.tell(SetHook("1", "completed", sole=True))
    hooks.tell(SetHook("2", "before_request", sole=True))
    assert hooks.ids() == ["1"]
    assert hooks.ids("before_request") == ["2"]
    assert [hook.blocking for stage in hooks.state.hooks.values() for hook in stage] == [False, True]


def test_a_hook_is_cleared_by_its_id_or_as_the_sole_one() -> None:
    hooks = Set()
    hooks.tell(SetHook("1", "completed", sole=True))
    hooks.tell(SetHook("2", "completed"))
    assert hooks.tell(ClearHook("completed")).reply == "1"
    assert hooks.ids() == ["2"]
    assert hooks.tell(ClearHook("completed", "2")).reply == "2"
    assert hooks.state == WebRequestState()


def test_clearing_what_is_not_there_leaves_no_turn() -> None:
    hooks = Set()
    hooks.tell(SetHook("1", "completed"))
    assert hooks.tell(ClearHook("completed")) == Decision()
    assert hooks.tell(ClearHook("completed", "9")) == Decision()
    assert hooks.tell(ClearHook("before_request", "1")) == Decision()


def test_an_opening_forgets_all_hooks_and_leaves_no_turn_when_there_are_none() -> None:
    hooks = Set()
    assert hooks.tell(Recover(1)).events == ()
    hooks.tell(SetHook("1", "completed"))
    assert hooks.tell(Recover(2)).events == (HooksForgotten(),)
    assert hooks.state == WebRequestState()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (RequestFilter(("https://a",)), "Invalid url pattern https://a: Empty path."),
        (RequestFilter(exclude_urls=("nothing",)), "Invalid url pattern nothing: Missing scheme separator."),
        (RequestFilter(types=("other",)), "Invalid type other"),
    ],
)
def test_a_filter_that_there_is_not_is_refused(given: RequestFilter, text: str) -> None:
    hooks = Set()
    decision = hooks.tell(SetHook("1", "completed", given))
    assert isinstance(decision.refusal, TypeError)
    assert str(decision.refusal) == text
    assert decision.events == ()


def test_an_id_is_given_once() -> None:
    hooks = Set()
    hooks.tell(SetHook("1", "completed"))
    assert isinstance(hooks.tell(SetHook("1", "completed")).refusal, ValueError)


def test_the_tables_are_those_of_the_docstring() -> None:
    text = inspect.getdoc(inspect.getmodule(behavior.decide[SetHook])) or ""
    assert all(f"| {message.__name__}" in text for message in behavior.decide)
