"""``DownloadItem``: one download, as its actor's state shows it (FEATURES L1 to L24)."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import msgspec

from partita.actors.kernel.future import Future
from partita.emitter import Emitter
from partita.events.downloads import (
    RESUMABLE,
    AwaitDownload,
    CancelDownload,
    DownloadCancelled,
    DownloadCompleted,
    DownloadHeadFields,
    DownloadInterrupted,
    DownloadOrder,
    DownloadPaused,
    DownloadProgressed,
    DownloadResumed,
    DownloadState,
    DownloadUnpaused,
    PauseDownload,
    Phase,
    ResumeDownload,
)
from partita.events.types import Event

if TYPE_CHECKING:
    from partita.actors.kernel.delivery import Callbacks
    from partita.actors.kernel.partition import Partition
    from partita.follower import Follower

_STATES: Final[dict[Phase, str]] = {
    "absent": "progressing",
    "queued": "progressing",
    "asking": "progressing",
    "deciding": "progressing",
    "receiving": "progressing",
    "interrupted": "interrupted",
    "completed": "completed",
    "cancelled": "cancelled",
    "refused": "cancelled",
}

_UPDATES: Final = (DownloadProgressed, DownloadPaused, DownloadUnpaused, DownloadResumed)
_ENDINGS: Final = (DownloadCompleted, DownloadCancelled, DownloadInterrupted)


class DownloadUpdated(msgspec.Struct, frozen=True):
    """It has come further, or was interrupted and can be resumed (FEATURES L1)."""

    state: str


class DownloadDone(msgspec.Struct, frozen=True):
    """It has ended for good (FEATURES L2)."""

    state: str


class DownloadItem(Emitter):
    """A download of this partition, of this run or an earlier one. Events: ``updated``, ``done``.

    Made by ``session.download_url()`` and ``session.downloads()``; never by hand.
    """

    def __init__(self, partition: Partition, follower: Follower, callbacks: Callbacks, order: DownloadOrder) -> None:
        super().__init__(("updated", "done"), callbacks)
        self._partition = partition
        self._follower = follower
        self._order = order
        self._actor = f"download/{order.id}"
        self._chosen_path: str | None = None

    @property
    def id(self) -> str:
        """Its identifier, the same in every run."""
        return self._order.id

    @property
    def _state(self) -> DownloadState:
        state = self._partition.actor(self._actor).state
        assert isinstance(state, DownloadState)
        return state

    @property
    def _head(self) -> DownloadHeadFields:
        return self._state.head or DownloadHeadFields(url_chain=(self._order.url,), status=0)

    # -- what it is -------------------------------------------------------------------------------------------------

    def get_url(self) -> str:
        """The URL that the bytes come from: the last of the chain (FEATURES L11)."""
        return self._head.url_chain[-1]

    def get_url_chain(self) -> list[str]:
        """All URLs, redirects included (FEATURES L12)."""
        return list(self._head.url_chain)

    def get_mime_type(self) -> str:
        """As the server says (FEATURES L13)."""
        return self._head.mime_type

    def has_user_gesture(self) -> bool:
        """False: nobody clicked (FEATURES L14)."""
        return False

    def get_filename(self) -> str:
        """What the file would be called; it may differ from the path it is saved to (FEATURES L15)."""
        return self._state.filename

    def get_content_disposition(self) -> str:
        """The header field, or empty (FEATURES L18)."""
        return self._head.content_disposition

    def get_last_modified_time(self) -> str:
        """The header field, or empty (FEATURES L20)."""
        return self._head.last_modified

    def get_e_tag(self) -> str:
        """The header field, or empty (FEATURES L20)."""
        return self._head.e_tag

    def get_total_bytes(self) -> int:
        """The whole length in bytes; 0 when unknown (FEATURES L16)."""
        return self._head.total_bytes

    # -- how it stands ----------------------------------------------------------------------------------------------

    def get_state(self) -> str:
        """``progressing``, ``interrupted``, ``completed`` or ``cancelled`` (FEATURES L19)."""
        return _STATES[self._state.phase]

    def get_received_bytes(self) -> int:
        """Bytes that are safe on the disk, those of earlier runs included (FEATURES L17)."""
        return self._state.received_bytes

    def get_percent_complete(self) -> int:
        """0 to 100; -1 when the length is unknown (FEATURES L22)."""
        total = self.get_total_bytes()
        return -1 if total <= 0 else self.get_received_bytes() * 100 // total

    def get_start_time(self) -> float:
        """Seconds since 1970 (FEATURES L21)."""
        return self._order.started_us / 1e6

    def get_end_time(self) -> float:
        """Seconds since 1970; 0 before it has ended (FEATURES L22)."""
        return self._state.ended_us / 1e6

    @property
    def last_reason(self) -> str:
        """Why it was interrupted, by Chromium's name; ``NONE`` when it was not."""
        return self._state.reason

    @property
    def last_reason_detail(self) -> str:
        """The same for people: what happened."""
        return self._state.detail

    @property
    def save_path(self) -> str:
        """Where the file goes; empty before that is known. To be set by a listener of ``will-download`` (FEATURES L5)."""
        return self._chosen_path or self._state.target_path

    @save_path.setter
    def save_path(self, path: str) -> None:
        self.set_save_path(path)

    def get_save_path(self) -> str:
        """See :attr:`save_path` (FEATURES L4)."""
        return self.save_path

    def set_save_path(self, path: str) -> None:
        """Where the file is to go: an absolute path. Counts in a listener of ``will-download`` only (FEATURES L3)."""
        if not isinstance(path, str):
            raise TypeError(f"a save path is a str, not {type(path).__name__}")
        if not PurePath(path).is_absolute() or "\0" in path:
            raise ValueError(f"a save path is absolute, and {path!r} is not")
        path.encode()  # a lone surrogate is no name that a log can hold
        self._chosen_path = path

    # -- what can be done about it ----------------------------------------------------------------------------------

    def pause(self) -> None:
        """Stop reading; the connection is held (FEATURES L8)."""
        self._partition.call(PauseDownload(), to=self._actor)

    def is_paused(self) -> bool:
        """Whether it is paused (FEATURES L8)."""
        return self._state.paused

    def resume(self) -> None:
        """Go on after a pause or an interruption: by Range where the server allows it (FEATURES L9)."""
        self._partition.call(ResumeDownload(), to=self._actor)

    def can_resume(self) -> bool:
        """Whether :meth:`resume` is worth a try (FEATURES L9)."""
        state = self._state
        return state.paused or (state.phase == "interrupted" and state.reason in RESUMABLE)

    def cancel(self) -> None:
        """End it; what was received is deleted (FEATURES L10)."""
        self._partition.call(CancelDownload(), to=self._actor)

    def finished(self) -> Future[str]:
        """The final state, once it is durable; also when asked late."""
        return self._partition.ask(AwaitDownload("done"), to=self._actor).map(_STATES.__getitem__)

    def stopped(self) -> Future[str]:
        """The state as soon as it receives no more: it has ended, or was interrupted and might be resumed."""
        return self._partition.ask(AwaitDownload("stopped"), to=self._actor).map(_STATES.__getitem__)

    # -- events -----------------------------------------------------------------------------------------------------

    def _first_listener(self) -> None:
        self._follower.follow((*_UPDATES, *_ENDINGS), self._tell)

    def _since(self) -> int:
        return self._partition.position

    def _tell(self, turn: Any, event: Event) -> None:
        if turn.actor != self._actor:
            return
        if isinstance(event, (DownloadCompleted, DownloadCancelled)):
            self._emit(
                "done",
                DownloadDone("completed" if isinstance(event, DownloadCompleted) else "cancelled"),
                turn.position,
            )
        elif isinstance(event, DownloadInterrupted):
            name, made = ("updated", DownloadUpdated) if event.reason in RESUMABLE else ("done", DownloadDone)
            self._emit(name, made("interrupted"), turn.position)
        else:
            self._emit("updated", DownloadUpdated("progressing"), turn.position)

    def __repr__(self) -> str:
        return f"<DownloadItem {self.id[:8]} {self.get_state()} {self._order.url}>"
