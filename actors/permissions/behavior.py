"""Permissions, the session's part: what it decides, and how it evolves.

| message                | leads to                                                                                           |
|------------------------|----------------------------------------------------------------------------------------------------|
| ConfigurePermissions   | configured, when that is another                                                                   |
| SetPermissionHandler   | handler set                                                                                        |
| ClearPermissionHandler | handler cleared; what handlers of its kind were asked is refused, and nobody asks any more         |
| PutQuestion            | settled by a kept grant or by default; else put to the handler                                     |
| HandlerAnswered        | settled; kept, when it is a grant and grants are kept                                              |
| EffectLost             | settled by a refusal: the asking had a defect                                                      |
| WithdrawQuestions      | settled by a refusal: who asked is gone                                                            |
| NoteCheck              | checked; the state stays                                                                           |
| RevokePermissions      | grants revoked, when there are any                                                                 |
| Recover, ShutDown      | all that is pending is refused; an opening begins without handlers                                 |

What is settled goes back to the page that asked; it knows by itself what it has withdrawn.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.permissions.grants import grant_of, is_granted
from partita.events.permissions import (
    AnswerPermission,
    AnswerReason,
    AskHandler,
    ClearPermissionHandler,
    ConfigurePermissions,
    GrantKept,
    GrantsRevoked,
    HandlerAnswered,
    NoteCheck,
    PendingQuestion,
    PermissionAnswer,
    PermissionChecked,
    PermissionHandlerCleared,
    PermissionHandlerKind,
    PermissionHandlerSet,
    PermissionHandlersForgotten,
    PermissionsConfigured,
    PermissionsState,
    PutQuestion,
    Question,
    QuestionPut,
    QuestionSettled,
    RevokePermissions,
    SetPermissionHandler,
    StopAsking,
    WithdrawQuestions,
)
from partita.events.system import EffectLost, EffectSettled, Recover, ShutDown, Tell
from partita.events.types import Effect, Event

Pending = tuple[PendingQuestion, ...]


def kind_of(question: Question) -> PermissionHandlerKind:
    """Which handler a question is for."""
    return "request" if question.display is None else "display_media"


# -- what it decides --------------------------------------------------------------------------------------------------


def configure(state: PermissionsState, message: ConfigurePermissions, ctx: Context) -> Decision:
    """WANTS 35."""
    if (message.default, message.keeps_grants) == (state.default, state.keeps_grants):
        return NOTHING
    return Decision(events=(PermissionsConfigured(message.default, message.keeps_grants),))


def set_handler(state: PermissionsState, message: SetPermissionHandler, ctx: Context) -> Decision:
    """FEATURES F15 to F17. What the one before was asked stays pending, as in Electron."""
    return Decision(events=(PermissionHandlerSet(message.kind, message.number),))


def clear_handler(state: PermissionsState, message: ClearPermissionHandler, ctx: Context) -> Decision:
    """FEATURES F15: what is pending is refused. Fine when there is none."""
    number = state.handlers.get(message.kind)
    if number is None:
        return NOTHING
    asked = tuple(pending for pending in state.pending if kind_of(pending.question) == message.kind)
    return _refused(asked, "cleared", ctx, before=(PermissionHandlerCleared(message.kind, number),))


def put(state: PermissionsState, message: PutQuestion, ctx: Context) -> Decision:
    """FEATURES F15, F17: without a handler a request is granted, and a display has nobody to choose a stream."""
    question = message.question
    kind = kind_of(question)
    if kind == "request" and is_granted(state, question.asker, question.permission, question.details):
        return _settled(question, PermissionAnswer(granted=True, reason="grant"))
    number = state.handlers.get(kind)
    if number is None:
        granted = kind == "request" and state.default == "electron"
        return _settled(question, PermissionAnswer(granted=granted, reason="default"))
    pending = PendingQuestion(question, ctx.id(), number, ctx.now_us)
    return Decision(
        events=(QuestionPut(pending),),
        effects=(AskHandler(id=pending.effect_id, kind=kind, handler=number, question=question),),
    )


def handler_answered(state: PermissionsState, message: HandlerAnswered, ctx: Context) -> Decision:
    """It counts, if it is one."""
    pending = _of_effect(state, message.effect_id)
    if pending is None:
        return NOTHING
    failed = bool(message.failure)
    answer = PermissionAnswer(
        granted=message.granted and not failed,
        reason="failed" if failed else "handler",
        handler=pending.handler,
        waited_us=ctx.now_us - pending.put_us,
        failure=message.failure,
        streams=None if failed else message.streams,
    )
    question = pending.question
    grant = grant_of(question.asker, question.permission, question.details)
    if not state.keeps_grants or not answer.granted or question.display is not None or grant is None:
        return _settled(question, answer)
    kept = () if grant in state.grants else (GrantKept(grant),)
    return _settled(question, answer, after=kept)


def lost(state: PermissionsState, message: EffectLost, ctx: Context) -> Decision:
    """A defect of the asking: nobody will answer."""
    pending = _of_effect(state, message.effect_id)
    if pending is None:
        return NOTHING
    waited = ctx.now_us - pending.put_us
    return _settled(
        pending.question,
        PermissionAnswer(
            granted=False, reason="failed", handler=pending.handler, waited_us=waited, failure=message.error
        ),
    )


def withdraw(state: PermissionsState, message: WithdrawQuestions, ctx: Context) -> Decision:
    """The page has refused them itself."""
    gone = tuple(
        pending
        for pending in state.pending
        if pending.question.asker.page == message.page and pending.question.ticket in message.tickets
    )
    return _refused(gone, "document_gone", ctx, told=False) if gone else NOTHING


def note_check(state: PermissionsState, message: NoteCheck, ctx: Context) -> Decision:
    """FEATURES F16: who asked and what was said is in the log; nothing else comes of it."""
    return Decision(
        events=(
            PermissionChecked(message.permission, message.asker.requesting_origin, message.granted, message.handler),
        )
    )


def revoke(state: PermissionsState, message: RevokePermissions, ctx: Context) -> Decision:
    """Those of an origin, wherever it was embedded."""
    revoked = tuple(
        grant
        for grant in state.grants
        if grant.origin == message.origin and message.permission in (None, grant.permission)
    )
    return Decision(events=(GrantsRevoked(revoked),), reply=len(revoked)) if revoked else Decision(reply=0)


def recover(state: PermissionsState, message: Recover, ctx: Context) -> Decision:
    """Prompts are refused (DESIGN, 4), and no handler outlives its process (DESIGN, 5). The kernel settles the effects."""
    events: tuple[Event, ...] = tuple(_settlement(pending, "ended", ctx) for pending in state.pending)
    return Decision(events=(*events, PermissionHandlersForgotten()) if state.handlers else events)


def shut_down(state: PermissionsState, message: ShutDown, ctx: Context) -> Decision:
    """The same, where there is time to say so. The kernel has stopped the effects."""
    settled = tuple(_settlement(pending, "ended", ctx) for pending in state.pending)
    return Decision(events=settled, effects=tuple(map(_told, settled)))


def _of_effect(state: PermissionsState, effect_id: str) -> PendingQuestion | None:
    return next((pending for pending in state.pending if pending.effect_id == effect_id), None)


def _settled(question: Question, answer: PermissionAnswer, *, after: tuple[Event, ...] = ()) -> Decision:
    settled = QuestionSettled(question.asker.page, question.ticket, answer)
    return Decision(events=(settled, *after), effects=(_told(settled),))


def _refused(
    refused: Pending, reason: AnswerReason, ctx: Context, *, before: tuple[Event, ...] = (), told: bool = True
) -> Decision:
    """Refused before their handlers have answered: these need not do so any more."""
    settled = tuple(_settlement(pending, reason, ctx) for pending in refused)
    ids = tuple(pending.effect_id for pending in refused)
    effects: Iterable[Effect] = map(_told, settled) if told else ()
    return Decision(
        events=(*before, *settled, *map(EffectSettled, ids)),
        effects=(*effects, *((StopAsking(ids),) if ids else ())),
    )


def _settlement(pending: PendingQuestion, reason: AnswerReason, ctx: Context) -> QuestionSettled:
    question = pending.question
    answer = PermissionAnswer(
        granted=False, reason=reason, handler=pending.handler, waited_us=ctx.now_us - pending.put_us
    )
    return QuestionSettled(question.asker.page, question.ticket, answer)


def _told(settled: QuestionSettled) -> Tell[AnswerPermission]:
    return Tell(to=settled.asker, message=AnswerPermission(settled.ticket, settled.answer))


# -- how it evolves ---------------------------------------------------------------------------------------------------


def configured(state: PermissionsState, event: PermissionsConfigured) -> PermissionsState:
    return replace(state, default=event.default, keeps_grants=event.keeps_grants)


def handler_set(state: PermissionsState, event: PermissionHandlerSet) -> PermissionsState:
    return replace(state, handlers={**state.handlers, event.kind: event.number})


def handler_cleared(state: PermissionsState, event: PermissionHandlerCleared) -> PermissionsState:
    return replace(state, handlers={kind: number for kind, number in state.handlers.items() if kind != event.kind})


def handlers_forgotten(state: PermissionsState, event: PermissionHandlersForgotten) -> PermissionsState:
    return replace(state, handlers={})


def question_put(state: PermissionsState, event: QuestionPut) -> PermissionsState:
    return replace(state, pending=(*state.pending, event.pending))


def question_settled(state: PermissionsState, event: QuestionSettled) -> PermissionsState:
    left = tuple(
        pending
        for pending in state.pending
        if (pending.question.asker.page, pending.question.ticket) != (event.page, event.ticket)
    )
    return replace(state, pending=left)


def permission_checked(state: PermissionsState, event: PermissionChecked) -> PermissionsState:
    return state


def grant_kept(state: PermissionsState, event: GrantKept) -> PermissionsState:
    return replace(state, grants=(*state.grants, event.grant))


def grants_revoked(state: PermissionsState, event: GrantsRevoked) -> PermissionsState:
    return replace(state, grants=tuple(grant for grant in state.grants if grant not in event.grants))


behavior: Final[Behavior[PermissionsState]] = Behavior(
    kind="permissions",
    initial=PermissionsState,
    decide={
        ConfigurePermissions: configure,
        SetPermissionHandler: set_handler,
        ClearPermissionHandler: clear_handler,
        PutQuestion: put,
        HandlerAnswered: handler_answered,
        EffectLost: lost,
        WithdrawQuestions: withdraw,
        NoteCheck: note_check,
        RevokePermissions: revoke,
        Recover: recover,
        ShutDown: shut_down,
    },
    evolve={
        PermissionsConfigured: configured,
        PermissionHandlerSet: handler_set,
        PermissionHandlerCleared: handler_cleared,
        PermissionHandlersForgotten: handlers_forgotten,
        QuestionPut: question_put,
        QuestionSettled: question_settled,
        PermissionChecked: permission_checked,
        GrantKept: grant_kept,
        GrantsRevoked: grants_revoked,
    },
)
