"""Exchanges with servers, as ``record="exchanges"`` keeps them: what playback answers from.

One exchange is one fetch or one run of a download: hop after hop a request, the head of its response, its body in pieces.
Each word is told to the session before what carries out the effect acts on it, so the log has, in its one order, when each of
them entered. Bodies are blobs, named by their SHA-256 in hexadecimal; header fields that may carry a credential are secrets.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from partita.events.secret import Secret
from partita.events.types import Event, Message, State

Purpose = Literal["fetch", "download"]


class RecordedField(Struct, frozen=True, array_like=True, gc=False):
    """A header field: its value is ``text`` where it can carry no credential, ``secret`` elsewhere."""

    name: str
    text: str = ""
    secret: Secret | None = None

    @property
    def value(self) -> str:
        """What was sent. Raises :class:`SecretErased`, :class:`KeyMissing`."""
        return self.text if self.secret is None else self.secret.reveal_text()


RecordedFields = tuple[RecordedField, ...]


class RecordedInterim(Struct, frozen=True, array_like=True):
    """A 1xx response that came before the final one."""

    status: int
    headers: RecordedFields = ()


class BeginExchange(Message, frozen=True, tag="exchanges.begin/1"):
    """Told by what carries out a fetch or a download, before it looks at anything. The reply is the exchange's id.

    ``effect_id`` is a download's; ``body`` the SHA-256 of what is sent along, empty when that is nothing.
    """

    lazy: ClassVar[bool] = True
    purpose: Purpose
    method: str
    url: str
    body: str = ""
    effect_id: str = ""


class NoteRequest(Message, frozen=True, tag="exchanges.note_request/1"):
    """A request goes out: the first of the exchange, or where a redirect leads."""

    lazy: ClassVar[bool] = True
    exchange: str
    method: str
    url: str
    headers: RecordedFields = ()
    body: str = ""
    timeout_s: float | None = None


class NoteResponse(Message, frozen=True, tag="exchanges.note_response/1"):
    """The head of its answer has come. ``remote_address``: the server's IP address, empty when it is not known."""

    lazy: ClassVar[bool] = True
    exchange: str
    status: int
    reason: str = ""
    http_version: str = ""
    headers: RecordedFields = ()
    interim: tuple[RecordedInterim, ...] = ()
    remote_address: str = ""


class NoteBody(Message, frozen=True, tag="exchanges.note_body/1"):
    """More of the answer's body: ``sizes`` are those of the chunks as they came, ``content`` names their bytes.

    ``ahead``: noted before its last chunk was handed on, and not after. ``is_last``: the body ends here.
    """

    lazy: ClassVar[bool] = True
    exchange: str
    content: str = ""
    sizes: tuple[int, ...] = ()
    ahead: bool = False
    is_last: bool = False


class NoteFailure(Message, frozen=True, tag="exchanges.note_failure/1"):
    """The network failed, in place of a response or within a body: the ``NetError``'s name, detail and ``stale_connection``."""

    lazy: ClassVar[bool] = True
    exchange: str
    error: str
    detail: str = ""
    stale_connection: bool = False


class NoteContinuation(Message, frozen=True, tag="exchanges.note_continuation/1"):
    """What carries it out had to wait for something (a pause), and goes on.

    ``answered_at``: the turn that answered it; 0 when that was none, or nobody knows.
    """

    lazy: ClassVar[bool] = True
    exchange: str
    answered_at: int = 0


Word = NoteRequest | NoteResponse | NoteBody | NoteFailure | NoteContinuation
"""What is noted of an exchange once it has begun."""


class ExchangeBegun(Event, frozen=True, tag="exchanges.begun/1"):
    exchange: str


class RequestNoted(Event, frozen=True, tag="exchanges.request_noted/1"):
    exchange: str


class ResponseNoted(Event, frozen=True, tag="exchanges.response_noted/1"):
    exchange: str


class BodyNoted(Event, frozen=True, tag="exchanges.body_noted/1"):
    exchange: str
    size_bytes: int


class FailureNoted(Event, frozen=True, tag="exchanges.failure_noted/1"):
    exchange: str


class ContinuationNoted(Event, frozen=True, tag="exchanges.continuation_noted/1"):
    exchange: str


class ExchangesState(State, frozen=True, tag="exchanges.state/1"):
    """How many exchanges the log holds, and the bytes of their bodies. What they were is in the turns."""

    count: int = 0
    body_bytes: int = 0
