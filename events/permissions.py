"""Permissions' vocabulary (FEATURES F15 to F17, T24): who asks for what, which handler it was put to, what was answered.

A request begins at its page, which says who asks: :class:`AskPermission`. The session answers it, or puts it to a handler:
:class:`PutQuestion`. The answer goes back to the page. So a request is three turns or more, and each of them names it by its
page and its ``ticket``: ``3/2`` is the second question of the third page that the process made. The page's id alone would not
do: one whose opening could not be written leaves its id to another. A handler never enters state (DESIGN, 5): what is recorded
is its kind and a number, counted in the order in which the process set them.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct, field

from partita.events.pages import MAIN_FRAME
from partita.events.types import AwaitedEffect, Effect, Event, Message, Outcome, Recovery, State

PermissionHandlerKind = Literal["request", "check", "display_media", "device", "pairing", "usb_protected_classes"]
"""Which handlers there are; of each kind one at most is set."""

DefaultAnswer = Literal["electron", "deny"]
"""What is answered where no handler says it: as Electron does it, which is nearly always yes, or always no (WANTS 35)."""

MediaType = Literal["video", "audio"]
CheckedMediaType = Literal["video", "audio", "unknown"]
FileAccessType = Literal["writable", "readable"]

AnswerReason = Literal["default", "grant", "handler", "failed", "cleared", "document_gone", "ended"]
"""Why an answer is what it is:

- ``default``: there is no handler of that kind
- ``grant``: a handler has granted the same before, and grants are kept
- ``handler``: the handler said so
- ``failed``: the handler raised, was late, or answered what is no answer: a refusal
- ``cleared``: the handler was cleared while it was asked: a refusal
- ``document_gone``: the document that asked is gone, or its page: a refusal
- ``ended``: the partition was closed, or its process ended, while it was asked: a refusal
"""


class PermissionDetails(Struct, frozen=True, array_like=True, gc=False):
    """What belongs to some permissions only (FEATURES F15b to F15d, F16c, F16d, T24)."""

    external_url: str | None = None
    security_origin: str | None = None
    media_types: tuple[MediaType, ...] = ()
    media_type: CheckedMediaType | None = None
    file_path: str | None = None
    is_directory: bool | None = None
    file_access_type: FileAccessType | None = None


class DisplayMedia(Struct, frozen=True, array_like=True, gc=False):
    """What ``getDisplayMedia`` is asked for (FEATURES F17a)."""

    video: bool = True
    audio: bool = False
    user_gesture: bool = True


class Asker(Struct, frozen=True, array_like=True, gc=False):
    """Who asks: a frame, and the documents that it and its page show.

    Origins are written as Electron does: ``https://shop.example/``, ``file:///``, or ``null`` for an opaque one.
    """

    page: str
    frame: int
    requesting_url: str
    requesting_origin: str
    embedding_origin: str

    @property
    def is_main_frame(self) -> bool:
        """Whether it is the main frame."""
        return self.frame == MAIN_FRAME

    @property
    def is_cross_origin(self) -> bool:
        """Whether the page is of another origin than the frame."""
        return self.requesting_origin != self.embedding_origin or self.requesting_origin == "null"


class Question(Struct, frozen=True, array_like=True, gc=False):
    """A request as it is put to the session. ``display``: it is for streams of a display, and not only for the permission."""

    asker: Asker
    ticket: str
    permission: str
    details: PermissionDetails = PermissionDetails()
    display: DisplayMedia | None = None


class StreamSource(Struct, frozen=True, array_like=True, gc=False):
    """Where a stream comes from: a source by its id and name, or a frame of a page."""

    id: str = ""
    name: str = ""
    page: str | None = None
    frame: int = 0


class ChosenStreams(Struct, frozen=True, array_like=True, gc=False):
    """What a display media handler chose (FEATURES F17b to F17d). ``loopback``: an audio device in place of a source."""

    video: StreamSource | None = None
    audio: StreamSource | None = None
    loopback: str = ""
    enable_local_echo: bool = False


class PermissionAnswer(Struct, frozen=True, array_like=True, gc=False):
    """What was answered, why, by the handler of which number, and how long it took.

    ``waited_us``: from the turn in which it was put to the handler to that of the answer. ``failure``: why there was no answer.
    """

    granted: bool
    reason: AnswerReason
    handler: int | None = None
    waited_us: int = 0
    failure: str = ""
    streams: ChosenStreams | None = None


class PermissionGrant(Struct, frozen=True, array_like=True, gc=False):
    """A permission that stays granted to what an origin shows within pages of another, or its own.

    Origins are serialized: ``https://shop.example``. It is for these details only: another external URL is another grant.
    """

    permission: str
    origin: str
    embedding_origin: str
    details: PermissionDetails = PermissionDetails()


class PendingQuestion(Struct, frozen=True, array_like=True, gc=False):
    """A question that a handler has not answered."""

    question: Question
    effect_id: str
    handler: int
    put_us: int


# What a page is told and tells.


class AskPermission(Message, frozen=True, tag="permissions.ask/1"):
    """A document asks. The reply is the :class:`PermissionAnswer`, when it is there. Asked twice, it is the same request.

    ``permitted``: the origin that was granted what this builds on; a document of another one is refused.
    """

    ticket: str
    frame: int
    permission: str
    details: PermissionDetails = PermissionDetails()
    display: DisplayMedia | None = None
    permitted: str = ""


class AnswerPermission(Message, frozen=True, tag="permissions.answer/1"):
    """The session's word to the page."""

    ticket: str
    answer: PermissionAnswer


class PermissionAsked(Event, frozen=True, tag="permissions.asked/1"):
    """A frame of the page waits for an answer."""

    ticket: str
    frame: int


class PermissionAnswered(Event, frozen=True, tag="permissions.answered/1"):
    """It has one."""

    ticket: str
    answer: PermissionAnswer


# What the session is told.


class ConfigurePermissions(Message, frozen=True, tag="permissions.configure/1"):
    """What is answered without a handler, and whether grants are kept."""

    default: DefaultAnswer = "electron"
    keeps_grants: bool = False


class SetPermissionHandler(Message, frozen=True, tag="permissions.set_handler/1"):
    """Set a handler, in place of the one before. What that one was asked, it may still answer."""

    kind: PermissionHandlerKind
    number: int


class ClearPermissionHandler(Message, frozen=True, tag="permissions.clear_handler/1"):
    """Take a handler away. What it was asked is refused (FEATURES F15)."""

    kind: PermissionHandlerKind


class PutQuestion(Message, frozen=True, tag="permissions.put_question/1"):
    """A page's word to the session: one of its documents asks."""

    question: Question


class WithdrawQuestions(Message, frozen=True, tag="permissions.withdraw/1"):
    """A page's word to the session: who asked is gone, and has been refused."""

    page: str
    tickets: tuple[str, ...]


class HandlerAnswered(Outcome, frozen=True, tag="permissions.handler_answered/1"):
    """What came of asking a handler. ``failure``: why that is no answer."""

    granted: bool
    failure: str = ""
    streams: ChosenStreams | None = None


class NoteCheck(Message, frozen=True, tag="permissions.note_check/1"):
    """A check handler was asked, outside of any turn, and said this. What has no handler to ask leaves no turn."""

    asker: Asker
    permission: str
    details: PermissionDetails
    handler: int
    granted: bool
    failure: str = ""


class RevokePermissions(Message, frozen=True, tag="permissions.revoke/1"):
    """Take kept grants back: those of an origin, of one permission or all. The reply is how many there were."""

    origin: str
    permission: str | None = None


class PermissionsConfigured(Event, frozen=True, tag="permissions.configured/1"):
    default: DefaultAnswer
    keeps_grants: bool


class PermissionHandlerSet(Event, frozen=True, tag="permissions.handler_set/1"):
    kind: PermissionHandlerKind
    number: int


class PermissionHandlerCleared(Event, frozen=True, tag="permissions.handler_cleared/1"):
    kind: PermissionHandlerKind
    number: int


class PermissionHandlersForgotten(Event, frozen=True, tag="permissions.handlers_forgotten/1"):
    """The process that the handlers lived in has ended: an opening begins without any (DESIGN, 5)."""


class QuestionPut(Event, frozen=True, tag="permissions.question_put/1"):
    """A question waits for a handler."""

    pending: PendingQuestion


class QuestionSettled(Event, frozen=True, tag="permissions.question_settled/1"):
    """A question has its answer. One that nobody had to be asked was never pending."""

    page: str
    ticket: str
    answer: PermissionAnswer

    @property
    def asker(self) -> str:
        """The actor that has to hear of it."""
        return f"page/{self.page}"


class PermissionChecked(Event, frozen=True, tag="permissions.checked/1"):
    """A check handler has answered. The state is what it was."""

    permission: str
    requesting_origin: str
    granted: bool
    handler: int


class GrantKept(Event, frozen=True, tag="permissions.grant_kept/1"):
    grant: PermissionGrant


class GrantsRevoked(Event, frozen=True, tag="permissions.grants_revoked/1"):
    grants: tuple[PermissionGrant, ...]


class AskHandler(AwaitedEffect, frozen=True, tag="permissions.ask_handler/1"):
    """Put a question to the handler of this number. One that its process does not outlive has failed."""

    recovery: ClassVar[Recovery | None] = "fail"
    kind: PermissionHandlerKind
    handler: int
    question: Question


class StopAsking(Effect, frozen=True, tag="permissions.stop_asking/1"):
    """Nobody waits for these answers any more."""

    effect_ids: tuple[str, ...]


class PermissionsState(State, frozen=True, tag="permissions.state/1"):
    """The session's part. ``handlers``: the number of each that is set; ``pending``: the questions, oldest first."""

    handlers: dict[PermissionHandlerKind, int] = field(default_factory=dict)
    default: DefaultAnswer = "electron"
    keeps_grants: bool = False
    pending: tuple[PendingQuestion, ...] = ()
    grants: tuple[PermissionGrant, ...] = ()
