"""A download, which is the actor ``download/<id>`` (FEATURES L1 to L24).

The session knows which there are and which have ended (``download_ledger``). All else is known to the download's own actor: it
asks for the bytes with ``FetchDownload``, is told the head of the response, where the file goes and how far it has come, and at
last the outcome. What of the file is safe on the disk is in its state, so that a crash costs what came after that.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, get_args

from msgspec import Struct

from partita.events.download_options import NO_OPTIONS, DownloadOptions
from partita.events.download_origins import NO_ORIGIN, DownloadOrigin
from partita.events.secret import Secret
from partita.events.types import AwaitedEffect, Effect, Event, Message, Outcome, Recovery, State

HeaderFields = tuple[tuple[str, Secret], ...]
"""Header fields that the caller gave. They may carry credentials, so their values are secrets in the log."""

Phase = Literal[
    "absent", "queued", "asking", "deciding", "receiving", "interrupted", "completed", "cancelled", "refused"
]
"""Where a download stands:

- ``absent``: nothing was said to it yet
- ``queued``: it waits for a place (too many download at a time)
- ``asking``: the request is out, the head of its response has not come
- ``deciding``: the head is known, ``will-download`` is being asked
- ``receiving``: the file is being written
- ``interrupted``: it has stopped; it may go on when the reason is one of ``RESUMABLE``
- ``completed``, ``cancelled``, ``refused`` (by ``will-download``): it has ended
"""

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)

Reason = Literal[
    "NONE",
    "FILE_FAILED",
    "FILE_ACCESS_DENIED",
    "FILE_NO_SPACE",
    "FILE_NAME_TOO_LONG",
    "FILE_TOO_LARGE",
    "FILE_TRANSIENT_ERROR",
    "FILE_HASH_MISMATCH",
    "NETWORK_FAILED",
    "NETWORK_TIMEOUT",
    "NETWORK_DISCONNECTED",
    "NETWORK_SERVER_DOWN",
    "NETWORK_INVALID_REQUEST",
    "SERVER_FAILED",
    "SERVER_NO_RANGE",
    "SERVER_BAD_CONTENT",
    "SERVER_UNAUTHORIZED",
    "SERVER_CERT_PROBLEM",
    "SERVER_FORBIDDEN",
    "SERVER_UNREACHABLE",
    "SERVER_CONTENT_LENGTH_MISMATCH",
    "USER_CANCELED",
    "USER_SHUTDOWN",
    "CRASH",
]
"""Why a download was interrupted, by Chromium's names (``download_interrupt_reason_values.h``)."""

RESUMABLE: Final[frozenset[Reason]] = frozenset(
    {
        "FILE_FAILED",
        "FILE_ACCESS_DENIED",
        "FILE_NO_SPACE",
        "FILE_TRANSIENT_ERROR",
        "FILE_HASH_MISMATCH",
        "NETWORK_FAILED",
        "NETWORK_TIMEOUT",
        "NETWORK_DISCONNECTED",
        "NETWORK_SERVER_DOWN",
        "SERVER_FAILED",
        "SERVER_NO_RANGE",
        "SERVER_UNREACHABLE",
        "SERVER_CONTENT_LENGTH_MISMATCH",
        "USER_SHUTDOWN",
        "CRASH",
    }
)
"""Reasons after which ``resume()`` is worth a try (FEATURES L9); the others end the download."""

Milestone = Literal["announced", "stopped", "done", "running"]
"""What one can wait for:

- ``announced``: ``will-download`` has been answered
- ``stopped``: it receives no more: completed, cancelled, refused or interrupted, for good or not
- ``done``: it has ended for good (FEATURES L2)
- ``running``: it is not paused (what carries out the fetch waits for this)
"""


class DownloadOrder(Struct, frozen=True, array_like=True, gc=False):
    """What was asked for. ``directory`` is where the file goes when nobody says ``save_path``; both are absolute."""

    id: str
    url: str
    directory: str
    headers: HeaderFields = ()
    save_path: str | None = None
    started_us: int = 0
    options: DownloadOptions = NO_OPTIONS
    origin: DownloadOrigin = NO_ORIGIN


class DownloadHeadFields(Struct, frozen=True, array_like=True, gc=False):
    """The head of a download's response, as far as a download needs it; texts are as the server sent them.

    ``offset`` is where the body that follows begins (0 when the server sends all of it again), ``total_bytes`` the
    length of the whole file, 0 when unknown (FEATURES L16). ``content_encoding`` is what is undone on the way to the file: such
    a body has no ranges.
    """

    url_chain: tuple[str, ...]
    status: int
    offset: int = 0
    total_bytes: int = 0
    mime_type: str = ""
    content_disposition: str = ""
    e_tag: str = ""
    last_modified: str = ""
    accept_ranges: str = ""
    content_encoding: str = ""


class Segment(Struct, frozen=True, array_like=True, gc=False):
    """A stretch of the file that one connection brings: bytes from ``start`` up to, not including, ``end``."""

    effect_id: str
    start: int
    end: int


# One download: what its actor is told and asked.


class StartDownload(Message, frozen=True, tag="downloads.start/1"):
    """Told by the session: begin; ``queued``: not before there is a place."""

    order: DownloadOrder
    queued: bool = False


class ResumeDownload(Message, frozen=True, tag="downloads.resume/1"):
    """Go on: after a pause, or after an interruption by asking for the rest (FEATURES L9).

    ``options``: how it comes from then on, after an interruption; None: as before.
    """

    options: DownloadOptions | None = None


class PauseDownload(Message, frozen=True, tag="downloads.pause/1"):
    """Stop reading; the connection is held (FEATURES L8)."""


class CancelDownload(Message, frozen=True, tag="downloads.cancel/1"):
    """End it; what was received is deleted (FEATURES L10)."""


class TurnDownDownload(Message, frozen=True, tag="downloads.turn_down/1"):
    """``will-download`` was answered with ``prevent_default()`` for one that began elsewhere (FEATURES E2, F28)."""


class InterruptDownload(Message, frozen=True, tag="downloads.interrupt/1"):
    """Stop for now. Told by the session at an opening of every download that has not ended, with the reason ``CRASH``.

    It carries the order: the turn that would have brought it may be lost with the process that crashed.
    """

    order: DownloadOrder
    reason: Reason = "CRASH"


class AwaitDownload(Message, frozen=True, tag="downloads.await/1"):
    """Reply when the milestone is reached, at once when it was long ago; the reply is the phase.

    ``announced`` fails with ``DownloadRefused`` or ``DownloadFailed`` when it will not be reached.
    """

    milestone: Milestone


class DownloadHead(Message, frozen=True, tag="downloads.head/1"):
    """Told by what carries out the fetch: the head has come. The reply is the file name to suggest."""

    effect_id: str
    head: DownloadHeadFields


class ChooseTarget(Message, frozen=True, tag="downloads.choose_target/1"):
    """Told by what carries out the fetch: ``will-download`` was answered, this is where the file goes.

    ``claimed``: an empty file of that name was made, to keep the name free.
    """

    effect_id: str
    target_path: str
    part_path: str
    claimed: bool = False


class ReportProgress(Message, frozen=True, tag="downloads.report_progress/1"):
    """Told by what carries out the fetch: this much of the file is on the disk, synced.

    ``is_whole``: and that is all of it. Told where the server has not said how long it is.
    """

    effect_id: str
    received_bytes: int
    is_whole: bool = False


class DownloadFinished(Outcome, frozen=True, tag="downloads.finished/1"):
    """The file is complete, synced, and has its name."""

    received_bytes: int


class DownloadBroke(Outcome, frozen=True, tag="downloads.broke/1"):
    """It went no further. ``received_bytes`` are synced; ``detail`` says what happened, for people.

    ``retry_after_s``: the server wants to be left alone for so long (RFC 9110 10.2.3). ``spoiled``: nothing of what has come,
    also by others, is of any use. ``gone``: what lies under the part file's name, if anything, is not the download's.
    """

    reason: Reason
    received_bytes: int = 0
    detail: str = ""
    retry_after_s: float = 0.0
    spoiled: bool = False
    gone: bool = False


class FilesDiscarded(Outcome, frozen=True, tag="downloads.files_discarded/1"):
    """What was left of a download is no longer on the disk."""


class DownloadNotWanted(Outcome, frozen=True, tag="downloads.not_wanted/1"):
    """A listener of ``will-download`` called ``prevent_default()`` (FEATURES E2)."""


# One download: what has happened to it.


class DownloadStarted(Event, frozen=True, tag="downloads.started/1"):
    """``effect_id`` is the fetch; None when the turn that asked for it was lost in a crash."""

    order: DownloadOrder
    effect_id: str | None = None
    queued: bool = False


class DownloadRestored(Event, frozen=True, tag="downloads.restored/1"):
    """It began elsewhere, and is interrupted (FEATURES F28)."""

    order: DownloadOrder


class DownloadHeadReceived(Event, frozen=True, tag="downloads.head_received/1"):
    """The head has come; ``filename`` is what the file would be called (FEATURES L15)."""

    head: DownloadHeadFields
    filename: str


class TargetChosen(Event, frozen=True, tag="downloads.target_chosen/1"):
    """``choice``: the position of its turn; of two who have chosen the same, the younger has it. 0: an older version's."""

    target_path: str
    part_path: str
    claimed: bool = False
    choice: int = 0


class DownloadProgressed(Event, frozen=True, tag="downloads.progressed/1"):
    """``is_whole``: that is all of it."""

    received_bytes: int
    is_whole: bool = False


class DownloadPaused(Event, frozen=True, tag="downloads.paused/1"):
    pass


class DownloadUnpaused(Event, frozen=True, tag="downloads.unpaused/1"):
    """Reading goes on, on the same connection."""


class DownloadOptionsChanged(Event, frozen=True, tag="downloads.options_changed/1"):
    """It comes like this from now on."""

    options: DownloadOptions


class DownloadResumed(Event, frozen=True, tag="downloads.resumed/1"):
    """The rest has been asked for, with a new request."""

    effect_id: str


class DownloadInterrupted(Event, frozen=True, tag="downloads.interrupted/1"):
    """``gone``: it has no part file any more; where it goes on, that gets a name of its own."""

    reason: Reason
    received_bytes: int
    detail: str = ""
    ended_us: int = 0
    gone: bool = False


class DownloadCompleted(Event, frozen=True, tag="downloads.completed/1"):
    received_bytes: int
    ended_us: int = 0


class DownloadCancelled(Event, frozen=True, tag="downloads.cancelled/1"):
    ended_us: int = 0


class DownloadTurnedDown(Event, frozen=True, tag="downloads.turned_down/1"):
    """``will-download`` was answered with ``prevent_default()``."""

    ended_us: int = 0


class FetchDownload(AwaitedEffect, frozen=True, tag="downloads.fetch/1"):
    """Bring the bytes to the file. Outcomes: finished, broke, not wanted.

    ``target_path`` and ``part_path`` are empty until ``will-download`` has been answered, and the latter when it is gone.
    From ``offset`` on the bytes are missing; ``e_tag``, ``last_modified`` and ``total_bytes`` are those of the response that
    brought the others. Segments may have brought more behind it: the part file is kept up to ``kept_bytes``.
    """

    recovery: ClassVar[Recovery | None] = "fail"
    order: DownloadOrder
    target_path: str = ""
    part_path: str = ""
    offset: int = 0
    total_bytes: int = 0
    e_tag: str = ""
    last_modified: str = ""
    kept_bytes: int = 0


class StopFetch(Effect, frozen=True, tag="downloads.stop_fetch/1"):
    """Stop what carries out that fetch (None: there is none) and its helpers. A process that ends stops them as well.

    ``discard`` and ``placeholder``: what older versions deleted in the same breath, and not after a crash. Nobody writes
    them any more (:class:`DiscardFiles`); the logs that have them still say what was asked for.
    """

    effect_id: str | None
    discard: tuple[str, ...] = ()
    placeholder: str = ""
    helpers: tuple[str, ...] = ()


class DiscardFiles(AwaitedEffect, frozen=True, tag="downloads.discard_files/1"):
    """Delete what a download leaves that has ended, when everything has left it. Outcome: discarded.

    ``placeholder`` is deleted only while it is empty: it held a name, and something else may have got that name since.

    ``target_path``: where the whole file, ``total_bytes`` of it, may lie already, and no turn tells of that; then there is none
    of ``files``. It was last written between ``since_us`` and ``until_us``; what else is there is somebody else's.
    """

    recovery: ClassVar[Recovery | None] = "reissue"
    files: tuple[str, ...] = ()
    placeholder: str = ""
    target_path: str = ""
    total_bytes: int = 0
    since_us: int = 0
    until_us: int = 0


class DownloadState(State, frozen=True, tag="downloads.download_state/1"):
    """One download. Times are integer microseconds since 1970; 0 is not yet.

    ``retry_at_us``: it is interrupted and goes on by itself then; ``retry_id`` is what waits, ``attempts`` counts those in a
    row that brought nothing, ``furthest_bytes`` is how far it ever came.

    ``segments``: what its connections are at, when there are several. ``pieces``: what is on the disk, from, up to and not
    including, in order; empty where that is the first ``received_bytes`` bytes.

    ``is_whole``: those are all of it, and only the naming is left. ``choice``: when the paths were chosen, as a position.
    """

    phase: Phase = "absent"
    order: DownloadOrder | None = None
    paused: bool = False
    effect_id: str | None = None
    head: DownloadHeadFields | None = None
    filename: str = ""
    target_path: str = ""
    part_path: str = ""
    claimed: bool = False
    received_bytes: int = 0
    reason: Reason = "NONE"
    detail: str = ""
    ended_us: int = 0
    retry_id: str | None = None
    retry_at_us: int = 0
    attempts: int = 0
    furthest_bytes: int = 0
    segments: tuple[Segment, ...] = ()
    pieces: tuple[tuple[int, int], ...] = ()
    is_whole: bool = False
    choice: int = 0
