"""What a session prefers (FEATURES F8, F22, F24)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from partita.actors.kernel.context import Context
from partita.actors.preferences.behavior import MAX_FIELD_BYTES, behavior, default_user_agent
from partita.actors.preferences.languages import DEFAULT_LANGUAGES, accept_language_header
from partita.events.preferences import PreferencesState, SetDownloadPath, SetUserAgent, UserAgentForgotten
from partita.events.system import Recover

if TYPE_CHECKING:
    from partita.actors.kernel.behavior import Decision
    from partita.events.types import Message

FRESH = behavior.initial()


def decided(state: PreferencesState, message: Message) -> Decision:
    context = Context(seed=b"preferences", position=1, now_us=1, actor="session")
    return behavior.decide[type(message)](state, message, context)


def told(state: PreferencesState, *messages: Message) -> PreferencesState:
    for message in messages:
        decision = decided(state, message)
        assert decision.refusal is None
        for event in decision.events:
            state = behavior.evolve[type(event)](state, event)
    return state


@pytest.mark.parametrize(
    ("languages", "header"),
    [
        ("en-US,fr,de", "en-US,fr;q=0.9,de;q=0.8"),
        ("en-US", "en-US"),
        (" en-US , fr ", "en-US,fr;q=0.9"),
        ("en,,fr", "en,fr;q=0.9"),
        ("en;q=0.5,fr", "en;q=0.5,fr;q=0.9"),
        (
            "a,b,c,d,e,f,g,h,i,j,k,l",
            "a,b;q=0.9,c;q=0.8,d;q=0.7,e;q=0.6,f;q=0.5,g;q=0.4,h;q=0.3,i;q=0.2,j;q=0.1,k;q=0.1,l;q=0.1",
        ),
        ("", DEFAULT_LANGUAGES),
        (None, DEFAULT_LANGUAGES),
    ],
)
def test_the_weight_of_a_language_falls_by_a_tenth_down_to_a_tenth(languages: str | None, header: str) -> None:
    assert accept_language_header(languages) == header


def test_a_user_agent_without_languages_leaves_those_as_they_are() -> None:
    state = told(FRESH, SetUserAgent("one/1", "de,fr"), SetUserAgent("two/2"))
    assert (state.user_agent, state.accept_languages) == ("two/2", "de,fr")


def test_an_empty_user_agent_is_the_default_again() -> None:
    assert told(FRESH, SetUserAgent("one/1"), SetUserAgent("")).user_agent is None
    assert default_user_agent().startswith("Mozilla/5.0")


def test_a_user_agent_lives_as_long_as_the_process() -> None:
    state = told(FRESH, SetUserAgent("one/1", "de"), SetDownloadPath("/downloads"), Recover(2))
    assert state == PreferencesState(download_path="/downloads")


def test_an_opening_has_nothing_to_forget_when_nothing_was_set() -> None:
    assert decided(FRESH, Recover(1)).events == ()
    assert decided(told(FRESH, SetUserAgent("one/1")), Recover(2)).events == (UserAgentForgotten(),)


@pytest.mark.parametrize("path", ["/home/me/Downloads", "C:\\Users\\me\\Downloads", "\\\\server\\share\\folder"])
def test_an_absolute_path_of_any_system_is_a_download_path(path: str) -> None:
    assert told(FRESH, SetDownloadPath(path)).download_path == path


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (SetUserAgent("a\r\nX-Evil: 1"), "'\\r' cannot stand in a header field"),
        (SetUserAgent("a\nb"), "'\\n' cannot stand in a header field"),
        (SetUserAgent("a\0b"), "'\\x00' cannot stand in a header field"),
        (SetUserAgent("Ünïcode €"), "'€' cannot stand in a header field"),
        (SetUserAgent("a" * (MAX_FIELD_BYTES + 1)), "4097 characters"),
        (SetUserAgent("a", "en\r\n"), "accept_languages: '\\r'"),
        (SetUserAgent("a", "en<script>"), "a list of language tags"),
        (SetDownloadPath(""), "an absolute path"),
        (SetDownloadPath("/a\0b"), "NUL"),
        (SetDownloadPath("relative/folder"), "'relative/folder' is not absolute"),
    ],
)
def test_bad_input_is_refused_with_what_is_wrong_and_leaves_no_event(message: Message, words: str) -> None:
    decision = decided(FRESH, message)
    assert isinstance(decision.refusal, ValueError)
    assert words in str(decision.refusal)
    assert decision.events == ()
