"""The session's table and the page's, in conversation; and what holds after any of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.turning import decide_turn
from partita.actors.pages.behavior import behavior as page_behavior
from partita.actors.permissions.behavior import behavior
from partita.events.errors import UsageError
from partita.events.pages import AddFrame, ClosePage, CommitNavigation, PageState, StartPage
from partita.events.permissions import (
    AnswerPermission,
    Asker,
    AskHandler,
    AskPermission,
    ClearPermissionHandler,
    ConfigurePermissions,
    DisplayMedia,
    HandlerAnswered,
    PermissionAnswer,
    PermissionsState,
    PutQuestion,
    Question,
    QuestionSettled,
    RevokePermissions,
    SetPermissionHandler,
    StopAsking,
    WithdrawQuestions,
)
from partita.events.system import EffectLost, EffectSettled, Recover, ShutDown, Tell
from partita.events.types import Message


class Conversation:
    """One actor, taking turns as the kernel would."""

    def __init__(self, of: Any, state: Any) -> None:
        self.of = of
        self.state = state
        self.effects: dict[str, Any] = {}
        self.turns = 0

    def say(self, message: Message) -> Decision:
        self.turns += 1
        ctx = Context(seed=b"s", position=self.turns, now_us=self.turns * 1000, actor=self.of.kind)
        decision = decide_turn(self.of.decide, self.state, self.effects, message, ctx)
        if decision is None:
            return Decision()
        for event in decision.events:
            if isinstance(event, EffectSettled):
                self.effects.pop(event.effect_id, None)
            elif type(event) in self.of.evolve:
                self.state = self.of.evolve[type(event)](self.state, event)
        self.effects |= {effect.id: effect for effect in decision.effects if isinstance(effect, AskHandler)}
        return decision


def session() -> Conversation:
    return Conversation(behavior, PermissionsState())


def question(ticket: str = "1/1", page: str = "p", **given: Any) -> Question:
    origin = given.pop("origin", "https://shop.example/")
    return Question(Asker(page, 0, f"{origin}x", origin, origin), ticket, given.pop("permission", "midi"), **given)


def answered(decision: Decision) -> list[PermissionAnswer]:
    return [event.answer for event in decision.events if isinstance(event, QuestionSettled)]


@pytest.mark.parametrize(
    ("setup", "asked", "granted", "reason"),
    [
        ([], question(), True, "default"),
        ([ConfigurePermissions("deny")], question(), False, "default"),
        ([SetPermissionHandler("check", 1)], question(), True, "default"),
        ([], question(display=DisplayMedia()), False, "default"),
        ([SetPermissionHandler("request", 1)], question(display=DisplayMedia()), False, "default"),
        ([SetPermissionHandler("request", 1), ClearPermissionHandler("request")], question(), True, "default"),
    ],
)
def test_who_has_nobody_to_ask_is_answered_at_once(
    setup: list[Message], asked: Question, granted: bool, reason: str
) -> None:
    talk = session()
    for message in setup:
        talk.say(message)
    decision = talk.say(PutQuestion(asked))
    (answer,) = answered(decision)
    assert (answer.granted, answer.reason, answer.handler) == (granted, reason, None)
    assert decision.effects == (Tell("page/p", AnswerPermission("1/1", answer)),)


@pytest.mark.parametrize(
    ("message", "granted", "reason", "told", "stopped"),
    [
        (HandlerAnswered("?", True), True, "handler", True, False),
        (HandlerAnswered("?", False), False, "handler", True, False),
        (HandlerAnswered("?", True, "it raised"), False, "failed", True, False),
        (EffectLost("?", "a defect"), False, "failed", True, False),
        (ClearPermissionHandler("request"), False, "cleared", True, True),
        (WithdrawQuestions("p", ("1/1", "9/9")), False, "document_gone", False, True),
        (Recover(2), False, "ended", False, False),
        (ShutDown(), False, "ended", True, False),
    ],
)
def test_what_is_pending_is_settled(message: Message, granted: bool, reason: str, told: bool, stopped: bool) -> None:
    talk = session()
    talk.say(SetPermissionHandler("request", 3))
    (effect,) = talk.say(PutQuestion(question())).effects
    assert isinstance(effect, AskHandler)
    assert effect.handler == 3
    if isinstance(message, HandlerAnswered):
        message = HandlerAnswered(effect.id, message.granted, message.failure)
    elif isinstance(message, EffectLost):
        message = EffectLost(effect.id, message.error)
    decision = talk.say(message)
    (answer,) = answered(decision)
    assert (answer.granted, answer.reason, answer.handler, answer.waited_us) == (granted, reason, 3, 1000)
    assert (Tell("page/p", AnswerPermission("1/1", answer)) in decision.effects) is told
    assert (StopAsking((effect.id,)) in decision.effects) is stopped
    assert talk.state.pending == ()
    assert talk.effects == {}
    assert not talk.say(HandlerAnswered(effect.id, granted=True)).events  # too late


@pytest.mark.parametrize(
    "message",
    [
        ClearPermissionHandler("display_media"),
        WithdrawQuestions("q", ("1/1",)),
        WithdrawQuestions("p", ("1/2",)),
        RevokePermissions("https://shop.example"),
        ConfigurePermissions(),
    ],
)
def test_what_concerns_others_leaves_no_turn(message: Message) -> None:
    talk = session()
    talk.say(SetPermissionHandler("request", 1))
    talk.say(PutQuestion(question()))
    assert talk.say(message).events == ()
    assert len(talk.state.pending) == 1


def page() -> Conversation:
    talk = Conversation(page_behavior, PageState())
    talk.say(StartPage("p", "https://shop.example/", 1))
    talk.say(AddFrame(0, "https://ads.example/"))
    talk.say(AddFrame(1, "about:blank"))
    return talk


def test_asking_again_with_the_same_ticket_is_the_same_question() -> None:
    talk = page()
    first = talk.say(AskPermission("1/1", 0, "midi"))
    assert first.waits == "1/1"
    assert len(first.effects) == 1
    again = talk.say(AskPermission("1/1", 0, "midi"))
    assert (again.events, again.effects, again.waits) == ((), (), "1/1")


def test_who_has_another_opening_of_the_page_does_not_speak_for_it() -> None:
    decision = page().say(AskPermission("2/1", 0, "midi"))
    assert isinstance(decision.refusal, UsageError)
    assert decision.events == ()


def test_what_one_origin_was_permitted_is_not_for_the_next_document() -> None:
    talk = page()
    talk.say(CommitNavigation(0, "https://other.example/"))
    decision = talk.say(
        AskPermission("1/1", 0, "display-capture", display=DisplayMedia(), permitted="https://shop.example/")
    )
    assert decision.events == decision.effects == ()
    assert decision.reply == PermissionAnswer(granted=False, reason="document_gone")


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        (ClosePage(), ("1/0", "1/1", "1/2")),
        (CommitNavigation(0, "https://shop.example/next"), ("1/0", "1/1", "1/2")),
        (CommitNavigation(1, "https://ads.example/next"), ("1/1", "1/2")),
        (CommitNavigation(2, "https://ads.example/next"), ("1/2",)),
    ],
)
def test_a_documents_questions_end_with_it(message: Message, gone: tuple[str, ...]) -> None:
    talk = page()
    for frame in range(3):
        talk.say(AskPermission(f"1/{frame}", frame, "midi"))
    decision = talk.say(message)
    refusal = PermissionAnswer(granted=False, reason="document_gone")
    assert decision.answers == tuple((ticket, refusal) for ticket in gone)
    assert Tell("session", WithdrawQuestions("p", gone)) in decision.effects
    assert set(talk.state.asking) == {"1/0", "1/1", "1/2"} - set(gone)
    assert not talk.say(AnswerPermission(gone[0], PermissionAnswer(granted=True, reason="handler"))).events


TICKETS = st.sampled_from(["1/1", "1/2", "2/1"])
ORIGINS = st.sampled_from(["https://shop.example/", "https://other.example/", "null"])
WORDS = st.one_of(
    st.builds(SetPermissionHandler, st.sampled_from(["request", "check", "display_media"]), st.integers(1, 9)),
    st.builds(ClearPermissionHandler, st.sampled_from(["request", "check", "display_media"])),
    st.builds(ConfigurePermissions, st.sampled_from(["electron", "deny"]), st.booleans()),
    st.builds(lambda ticket, origin: PutQuestion(question(ticket, origin=origin)), TICKETS, ORIGINS),
    st.builds(lambda granted, failure: ("answer", granted, failure), st.booleans(), st.sampled_from(["", "raised"])),
    st.builds(lambda ticket: WithdrawQuestions("p", (ticket,)), TICKETS),
    st.builds(RevokePermissions, st.sampled_from(["https://shop.example", "https://other.example"])),
    st.just(Recover(2)),
)


@given(st.lists(WORDS, max_size=30))
def test_whatever_is_said_each_question_has_one_answer_and_each_effect_a_question(words: list[Any]) -> None:
    talk = session()
    put, settled, granted_to = 0, 0, set[str]()
    for word in words:
        message: Message
        if isinstance(word, tuple):
            if not talk.effects:
                continue
            effect_id, effect = next(iter(talk.effects.items()))
            message = HandlerAnswered(effect_id, word[1], word[2])
            if word[1] and not word[2]:
                granted_to.add(effect.question.asker.requesting_origin)
        elif isinstance(word, PutQuestion):
            if any(pending.question.ticket == word.question.ticket for pending in talk.state.pending):
                continue  # a page asks each only once
            message, put = word, put + 1
        else:
            message = word
        decision = talk.say(message)
        settled += len(answered(decision))
        assert settled + len(talk.state.pending) == put
        assert {pending.effect_id for pending in talk.state.pending} == set(talk.effects)
        assert {f"{grant.origin}/" for grant in talk.state.grants} <= granted_to - {"null"}
        assert all(
            answer.granted <= (answer.reason in ("default", "grant", "handler")) for answer in answered(decision)
        )
