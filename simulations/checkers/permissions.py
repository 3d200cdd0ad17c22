"""Each answer about a permission has its turn and its reason, and no grant goes to another origin (FEATURES F15 to F17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.events.pages import PageState
from partita.events.permissions import (
    ClearPermissionHandler,
    GrantKept,
    GrantsRevoked,
    HandlerAnswered,
    NoteCheck,
    PermissionAnswer,
    PermissionAnswered,
    PermissionHandlerCleared,
    PermissionHandlerSet,
    PermissionHandlersForgotten,
    PutQuestion,
    Question,
    QuestionPut,
    QuestionSettled,
    WithdrawQuestions,
)
from partita.events.session import SessionState
from partita.events.system import EffectLost, Recover, ShutDown, Tell, TurnFailed
from partita.events.types import Event, Message
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.store.codec import RecordedTurn

Key = tuple[str, str]

SETTLED_BY: Final[dict[str, tuple[type[Message], ...]]] = {
    "default": (PutQuestion,),
    "grant": (PutQuestion,),
    "handler": (HandlerAnswered,),
    "failed": (HandlerAnswered, EffectLost),
    "cleared": (ClearPermissionHandler,),
    "document_gone": (WithdrawQuestions,),
    "ended": (Recover, ShutDown),
}
"""What the turn of an answer is about, by the answer's reason."""

MAY_GRANT: Final = ("default", "grant", "handler")


class PermissionsAreAsked(Checker):
    """Reads the log at the end, with a book of its own.

    ``memory["said"]``: the names of what handlers have granted; ``memory["told"]``: what users were told, by the same name (that
    of :func:`name_of`) and whether it was granted.
    """

    name = "permissions"

    def ended(self, partition: Partition) -> None:
        if partition.store.first_position > 1:
            return
        book = _Book(set(self.world.memory.get("said", ())))
        for turn in partition.store.turns(1):
            if turn.actor == "session":
                book.read(turn.position, turn.message, turn.events)
            else:
                book.read_page(turn)
        if not self.world.disk.lied:
            for name, granted in self.world.memory.get("told", ()):
                if (granted, name) not in book.given:
                    raise Broken(f"a user was told {granted} about {name}, and the log has no such answer")
        for what in self.world.memory.get("wrong", ()):
            raise Broken(what)
        if not any(fault.name.startswith("defect.") for fault in self.world.faults.struck):
            _nothing_waits(partition)


def _nothing_waits(partition: Partition) -> None:
    state = partition.actor("session").state
    assert isinstance(state, SessionState)
    if state.permissions.pending:
        raise Broken(f"questions are pending that nobody will answer: {state.permissions.pending}")
    for name, actor in partition.actors.items():
        if isinstance(actor.state, PageState) and actor.state.asking:
            raise Broken(f"{name} waits for answers that do not come: {actor.state.asking}")


def name_of(question: Question) -> str:
    """What scenarios know a question by."""
    asker = question.asker
    about = question.details.external_url or f"{question.permission} for {asker.requesting_origin}"
    return f"{about} in {asker.embedding_origin}{'' if question.display is None else ', streams'}"


class _Book:
    def __init__(self, said: set[str]) -> None:
        self.given: set[tuple[bool, str]] = set()
        self._asked: dict[Key, Question] = {}
        self._settled: dict[Key, PermissionAnswer] = {}
        self._said = said
        self._questions: dict[Key, Question] = {}
        self._pending: dict[Key, tuple[int, str]] = {}
        self._handlers: dict[str, int] = {}
        self._grants: set[Any] = set()

    def read(self, position: int, message: Message, events: tuple[Event, ...]) -> None:
        if isinstance(message, PutQuestion):
            self._questions[message.question.asker.page, message.question.ticket] = message.question
        if isinstance(message, NoteCheck) and message.granted and message.failure:
            raise Broken(f"a check is passed whose handler failed: {message.failure}", position)
        for event in events:
            if isinstance(event, QuestionSettled):
                self._settle(position, message, event)
            else:
                self._note(event)
        if not any(isinstance(event, TurnFailed) for event in events):  # what a defect has dropped, nobody has heard
            self._nothing_stays(position, message, events)

    def _nothing_stays(self, position: int, message: Message, events: tuple[Event, ...]) -> None:
        """What a handler that is cleared was asked, or a document that is gone has asked, waits no longer."""
        cleared = {event.kind for event in events if isinstance(event, PermissionHandlerCleared)}
        gone = (
            {(message.page, ticket) for ticket in message.tickets} if isinstance(message, WithdrawQuestions) else set()
        )
        for key in self._pending:
            question = self._questions[key]
            if key in gone or ("request" if question.display is None else "display_media") in cleared:
                raise Broken(f"{name_of(question)} waits on, and who was asked, or has asked, is gone", position)

    def read_page(self, turn: RecordedTurn) -> None:
        """What a page gives to whoever asked: what the session has said, or a refusal of its own."""
        for effect in turn.effects:
            if isinstance(effect, Tell) and isinstance(effect.message, PutQuestion):
                question = effect.message.question
                self._asked[question.asker.page, question.ticket] = question
        for event in turn.events:
            if isinstance(event, PermissionAnswered):
                key = turn.actor.removeprefix("page/"), event.ticket
                if event.answer.reason != "document_gone" and event.answer != self._settled.get(key):
                    raise Broken(f"{key} is given {event.answer}, and the session did not say so", turn.position)
                if event.answer.reason == "document_gone" and event.answer.granted:
                    raise Broken(f"{key} is granted, and who asked is gone", turn.position)
                self.given.add((event.answer.granted, name_of(self._asked.pop(key))))

    def _note(self, event: Event) -> None:
        match event:
            case PermissionHandlerSet():
                self._handlers[event.kind] = event.number
            case PermissionHandlerCleared():
                self._handlers.pop(event.kind, None)
            case PermissionHandlersForgotten():
                self._handlers.clear()
            case GrantKept():
                self._grants.add(event.grant)
            case GrantsRevoked():
                self._grants.difference_update(event.grants)
            case QuestionPut():
                question = event.pending.question
                key = question.asker.page, question.ticket
                self._pending[key] = event.pending.handler, event.pending.effect_id
            case _:
                pass

    def _settle(self, position: int, message: Message, event: QuestionSettled) -> None:
        key, answer = (event.page, event.ticket), event.answer
        question = self._questions.pop(key, None)
        pending = self._pending.pop(key, None)
        if question is None:
            raise Broken(f"{key} is answered, and was not asked, or was answered before", position)
        name = name_of(question)
        if not isinstance(message, SETTLED_BY[answer.reason]):
            raise Broken(f"{name} is answered for the reason {answer.reason} by {type(message).__name__}", position)
        if answer.granted and answer.reason not in MAY_GRANT:
            raise Broken(f"{name} is granted for the reason {answer.reason}", position)
        if (pending is None) != (answer.reason in ("default", "grant")):
            raise Broken(f"{name} is answered for the reason {answer.reason}, and a handler was asked or not", position)
        if pending is not None and answer.handler != pending[0]:
            raise Broken(f"{name} was put to the handler {pending[0]}, and {answer.handler} answers", position)
        kind = "request" if question.display is None else "display_media"
        if answer.reason == "default" and kind in self._handlers:
            raise Broken(f"{name} is answered by default, and there is a handler", position)
        if answer.reason == "grant" and not self._is_kept(question):
            raise Broken(f"{name} is granted by a grant for something else", position)
        if answer.reason == "handler" and answer.granted and name not in self._said:
            raise Broken(f"{name} is granted by a handler that has not said so", position)
        self._settled[key] = answer

    def _is_kept(self, question: Question) -> bool:
        asker = question.asker
        return any(
            (grant.permission, f"{grant.origin}/", f"{grant.embedding_origin}/", grant.details)
            == (question.permission, asker.requesting_origin, asker.embedding_origin, question.details)
            for grant in self._grants
        )
