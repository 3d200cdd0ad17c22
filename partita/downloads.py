"""``DownloadItem``: one download, as its actor's state shows it (FEATURES L1 to L24)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Unpack

import msgspec

from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future
from partita.download_arguments import HowToGoOn, options_with
from partita.download_choices import DownloadChoices
from partita.download_speed import SpeedMeter
from partita.emitter import Emitter
from partita.events.download_origins import DownloadOrigin
from partita.events.download_segments import SegmentProgressed
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
from partita.events.errors import ItemDestroyed, UsageError
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

UPDATE_EVERY_US: Final = 500_000
"""How often ``updated`` tells of progress at most (FEATURES L1)."""

_PROGRESS: Final = (DownloadProgressed, SegmentProgressed)
_UPDATES: Final = (*_PROGRESS, DownloadPaused, DownloadUnpaused, DownloadResumed)
_ENDINGS: Final = (DownloadCompleted, DownloadCancelled, DownloadInterrupted)


class DownloadUpdated(msgspec.Struct, frozen=True):
    """It has come further, or its state has changed and may do so again (FEATURES L1). ``state`` as in ``get_state()``."""

    state: str


class DownloadDone(msgspec.Struct, frozen=True):
    """It has ended for good (FEATURES L2)."""

    state: str


class DownloadItem(Emitter):
    """A download of this partition, of this run or an earlier one. Events: ``updated``, ``done``.

    ``updated`` comes at every change of state, and for progress at most every 500 ms; ``done`` once. Made by
    ``session.download_url()``, ``session.create_interrupted_download()`` and ``session.downloads()``: a session has
    one object for a download. After ``prevent_default()`` or :meth:`remove` its members raise :class:`ItemDestroyed`.
    """

    def __init__(  # noqa: PLR0917  # the session makes it, and nobody else
        self,
        partition: Partition,
        follower: Follower,
        callbacks: Callbacks,
        order: DownloadOrder,
        choices: DownloadChoices,
        forget: Callable[[str], object],
    ) -> None:
        """``choices``: what listeners say of it, which the session reads; ``forget``: takes it off the list."""
        super().__init__(("updated", "done"), callbacks)
        self._partition = partition
        self._follower = follower
        self._order = order
        self._actor = f"download/{order.id}"
        self._choices = choices
        self._forget = forget
        self._told_us = 0
        self._is_done = False
        self._speed = SpeedMeter(partition.world.clock.monotonic(), self._published.received_bytes)

    @property
    def id(self) -> str:
        """Its identifier, the same in every run."""
        return self._order.id

    @property
    def origin(self) -> DownloadOrigin:
        """Who asked for it: a page, or nobody's page; or what was there of it when it was taken over."""
        return self._order.origin

    @property
    def directory(self) -> str:
        """Where the file goes when nobody says ``save_path``."""
        return self._order.directory

    def is_destroyed(self) -> bool:
        """Whether it was refused by ``will-download`` or removed: all else raises then (FEATURES E1)."""
        return self._choices.destroyed or self._published.phase == "refused"

    @property
    def _published(self) -> DownloadState:
        state = self._partition.actor(self._actor).state
        assert isinstance(state, DownloadState)
        return state

    @property
    def _state(self) -> DownloadState:
        self._check_alive()
        return self._published

    @property
    def _head(self) -> DownloadHeadFields:
        return self._state.head or DownloadHeadFields(url_chain=(self._order.url,), status=0)

    # -- what it is -------------------------------------------------------------------------------------------------

    def get_url(self) -> str:
        """The URL that the bytes come from: the last of the chain (FEATURES L11)."""
        return self._head.url_chain[-1]

    def get_url_chain(self) -> list[str]:
        """All URLs, redirects included; those that were given of an interrupted one first (FEATURES L12, F28b)."""
        earlier = self._order.origin.earlier
        before = () if earlier is None else earlier.url_chain[:-1]
        return [*before, *self._head.url_chain]

    def get_mime_type(self) -> str:
        """As the server says (FEATURES L13)."""
        return self._head.mime_type

    def has_user_gesture(self) -> bool:
        """Whether somebody clicked: what ``download_url`` was told, else false (FEATURES L14)."""
        self._check_alive()
        return self._order.origin.has_user_gesture

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
        """The whole length in bytes; 0 when unknown, which it is no longer once it is completed (FEATURES L16)."""
        state = self._state
        return self._head.total_bytes or (state.received_bytes if state.phase == "completed" else 0)

    # -- how it stands ----------------------------------------------------------------------------------------------

    def get_state(self) -> str:
        """``progressing``, ``interrupted``, ``completed`` or ``cancelled`` (FEATURES L19)."""
        return _STATES[self._state.phase]

    def get_received_bytes(self) -> int:
        """Bytes that are safe on the disk, those of earlier runs included (FEATURES L17)."""
        return self._state.received_bytes

    def get_percent_complete(self) -> int:
        """0 to 100; -1 when the length is unknown (FEATURES L22)."""
        if self.get_state() == "completed":
            return 100
        total = self.get_total_bytes()
        return -1 if total <= 0 else self.get_received_bytes() * 100 // total

    def get_current_bytes_per_second(self) -> int:
        """How fast it comes: over the last ten seconds, or since it was looked at before; 0 when nothing does (FEATURES L22)."""
        state, now_s = self._state, self._partition.world.clock.monotonic()
        if state.paused or _STATES[state.phase] != "progressing":
            self._speed.restart(now_s, state.received_bytes)
            return 0
        return int(self._speed.look(now_s, state.received_bytes))

    def get_time_remaining(self) -> float | None:
        """Seconds until it is complete, at the speed that it has; None when that cannot be said."""
        total, speed = self.get_total_bytes(), self.get_current_bytes_per_second()
        return (total - self.get_received_bytes()) / speed if total and speed else None

    def get_start_time(self) -> float:
        """Seconds since 1970 (FEATURES L21)."""
        self._check_alive()
        return self._order.started_us / 1e6

    def get_end_time(self) -> float:
        """Seconds since 1970; 0 before it has ended (FEATURES L22)."""
        return self._state.ended_us / 1e6

    def get_retry_time(self) -> float | None:
        """When it goes on by itself after an interruption (``retry=``), in seconds since 1970; None when it does not."""
        return self._state.retry_at_us / 1e6 if self._state.retry_at_us else None

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
        return self._state.target_path or self._choices.save_path or self._order.save_path or ""

    @save_path.setter
    def save_path(self, path: str) -> None:
        self.set_save_path(path)

    def get_save_path(self) -> str:
        """See :attr:`save_path` (FEATURES L4)."""
        return self.save_path

    def set_save_path(self, path: str) -> None:
        """Where the file is to go: an absolute path, whose missing folders are made (FEATURES L3).

        To be called by a listener of ``will-download``, before it has ended; at any other time it is a :class:`UsageError`, as
        for an interrupted download that was taken over: that has its file. No dialog is asked then.
        """
        self._choices.set_save_path(path)

    def set_save_dialog_options(self, **options: object) -> None:
        """What a handler of ``session.set_choose_path_handler()`` is to be told, of Electron's SaveDialogOptions (FEATURES L6).

        ``title``, ``default_path``, ``button_label``, ``filters``, ``message``, ``name_field_label``, ``shows_tag_field``,
        ``properties``, ``security_scoped_bookmarks``, ``window``. In a listener of ``will-download`` only. Raises
        :class:`TypeError` for what is none of them.
        """
        self._choices.set_dialog_options(options)

    def get_save_dialog_options(self) -> dict[str, object]:
        """What was set, as it was set (FEATURES L7)."""
        self._check_alive()
        return dict(self._choices.dialog_options)

    # -- what can be done about it ----------------------------------------------------------------------------------

    def pause(self) -> None:
        """Stop reading; the connection is held (FEATURES L8)."""
        self._check_alive()
        self._partition.call(PauseDownload(), to=self._actor)

    def is_paused(self) -> bool:
        """Whether it is paused (FEATURES L8)."""
        return self._state.paused

    def resume(self, **how: Unpack[HowToGoOn]) -> None:
        """Go on after a pause or an interruption: by Range where the server allows it (FEATURES L9).

        After an interruption it can be said how it comes from then on; what is not said stays as it was. Raises
        :class:`UsageError` while it is not interrupted, :class:`TypeError` and :class:`ValueError` for what makes no sense.
        """
        self._check_alive()
        options = None
        if how:
            if self._state.phase != "interrupted":
                raise UsageError(
                    f"{self._order.url} is {self.get_state()}: how it comes is said while it is interrupted"
                )
            options = options_with((self._state.order or self._order).options, how)
        self._partition.call(checked(ResumeDownload(options)), to=self._actor)

    def can_resume(self) -> bool:
        """Whether :meth:`resume` is worth a try (FEATURES L9)."""
        state = self._state
        return state.paused or (state.phase == "interrupted" and state.reason in RESUMABLE)

    def cancel(self) -> None:
        """End it; what was received is deleted (FEATURES L10)."""
        self._check_alive()
        self._partition.call(CancelDownload(), to=self._actor)

    def has_ended(self) -> bool:
        """Whether nothing more will come of it (FEATURES L2)."""
        return _STATES[self._state.phase] != "progressing" and not self.can_resume()

    def remove(self) -> None:
        """Take it off the session's list; a file that is complete stays. Raises :class:`UsageError` while it may go on."""
        if not self.has_ended():
            raise UsageError(f"{self._order.url} is {self.get_state()} and may go on: cancel it first")
        self._forget(self.id)

    def _check_alive(self) -> None:
        if self.is_destroyed():
            raise ItemDestroyed("DownloadItem used after being destroyed")

    def finished(self) -> Future[str]:
        """The final state, once it is durable; also when asked late.

        Fails with :class:`SystemClosed` when the partition is closed before that.
        """
        return self._partition.ask(AwaitDownload("done"), to=self._actor).map(_STATES.__getitem__)

    def stopped(self) -> Future[str]:
        """The state as soon as it receives no more: it has ended, or was interrupted and might be resumed.

        Fails with :class:`SystemClosed` when the partition is closed before that.
        """
        return self._partition.ask(AwaitDownload("stopped"), to=self._actor).map(_STATES.__getitem__)

    # -- events -----------------------------------------------------------------------------------------------------

    def _first_listener(self) -> None:
        self._follower.follow((*_UPDATES, *_ENDINGS), self._tell)

    def _since(self) -> int:
        return self._partition.position

    def _tell(self, turn: Any, event: Event) -> None:
        if turn.actor != self._actor or self._is_done:
            return
        name, state = _told_of(event)
        if isinstance(event, _PROGRESS) and turn.time - self._told_us < UPDATE_EVERY_US:
            return
        self._told_us = turn.time
        self._is_done = name == "done"
        self._emit(name, DownloadDone(state) if name == "done" else DownloadUpdated(state), turn.position)

    def __repr__(self) -> str:
        state = "destroyed" if self.is_destroyed() else self.get_state()
        return f"<DownloadItem {self.id[:8]} {state} {self._order.url}>"


def _told_of(event: Event) -> tuple[str, str]:
    """Which event a listener is told, and with what state (FEATURES L1, L2)."""
    match event:
        case DownloadCompleted():
            return "done", "completed"
        case DownloadCancelled():
            return "done", "cancelled"
        case DownloadInterrupted():
            return "updated" if event.reason in RESUMABLE else "done", "interrupted"
        case _:
            return "updated", "progressing"
