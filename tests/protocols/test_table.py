"""The table of who answers for which scheme: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.kernel.context import Context
from partita.actors.protocols.behavior import DECIDE, EVOLVE
from partita.actors.protocols.schemes import handler_for, handler_name
from partita.events.protocols import (
    CustomScheme,
    Privileges,
    ProtocolsState,
    RemoveSchemeHandler,
    SchemeHandler,
    SetPrivilegedSchemes,
    SetSchemeHandler,
)
from partita.events.system import Recover
from partita.events.types import Message

APP = SchemeHandler("app", "handle", "response", 1)
WEB = SchemeHandler("https", "handle", "response", 2)
OVER = SchemeHandler("app", "intercept", "string", 3)


def take(state: ProtocolsState, message: Message) -> tuple[ProtocolsState, object, int]:
    decision = DECIDE[type(message)](state, message, Context(seed=b"s" * 16, position=1, now_us=0, actor="session"))
    for event in decision.events:
        state = EVOLVE[type(event)](state, event)
    return state, decision.reply, len(decision.events)


def state_of(*handlers: SchemeHandler) -> ProtocolsState:
    state = ProtocolsState()
    for handler in handlers:
        state, was_set, _ = take(state, SetSchemeHandler(handler))
        assert was_set is True
    return state


def test_who_is_asked() -> None:
    state = state_of(APP, WEB, OVER)
    assert handler_for(state, "app:x") == OVER
    assert handler_for(state, "https://h/") == WEB
    assert handler_for(state, "http://h/") is None
    assert handler_for(state, "app:x", bypass=True) is None
    assert handler_for(ProtocolsState(), "app:x") is None
    assert state.schemes == ("app", "https", "app")
    assert handler_name(APP) == "protocol/app/1"


@pytest.mark.parametrize("handler", [APP, WEB, OVER, SchemeHandler("http", "register", "string", 9)])
def test_a_handler_that_cannot_be_set_changes_nothing(handler: SchemeHandler) -> None:
    state = state_of(APP, WEB, OVER)
    assert take(state, SetSchemeHandler(handler)) == (state, False, 0)


def test_a_handler_is_taken_away_once() -> None:
    state, removed, _ = take(state_of(APP, OVER), RemoveSchemeHandler("app", intercepts=True))
    assert removed == OVER
    assert handler_for(state, "app:x") == APP
    assert take(state, RemoveSchemeHandler("app", intercepts=True)) == (state, None, 0)


def test_an_opening_clears_all_handlers_and_keeps_privileges() -> None:
    schemes = (CustomScheme("app", Privileges(standard=True)),)
    state, _, events = take(state_of(APP, WEB, OVER), SetPrivilegedSchemes(schemes))
    assert events == 1
    assert take(state, SetPrivilegedSchemes(schemes)) == (state, None, 0)
    state, _, events = take(state, Recover(2))
    assert (state, events) == (ProtocolsState(privileged=schemes), 1)
    assert take(state, Recover(3)) == (state, None, 0)


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["app", "http"]), st.sampled_from(["handle", "register", "intercept"]))
    )
)
def test_what_was_set_and_not_taken_away_is_there(steps: list[tuple[bool, str, str]]) -> None:
    """Against a dictionary of pairs."""
    state, model = ProtocolsState(), dict[tuple[str, bool], SchemeHandler]()
    for number, (sets, scheme, kind) in enumerate(steps):
        handler = SchemeHandler(scheme, kind, "any", number)  # type: ignore[arg-type]
        key = (scheme, handler.intercepts)
        if sets:
            state, was_set, _ = take(state, SetSchemeHandler(handler))
            assert was_set is (key not in model and not (scheme == "http" and kind == "register"))
            if was_set:
                model[key] = handler
        else:
            state, removed, _ = take(state, RemoveSchemeHandler(scheme, handler.intercepts))
            assert removed == model.pop(key, None)
        there = (*state.registered.values(), *state.intercepted.values())
        assert {(each.scheme, each.intercepts): each for each in there} == model
