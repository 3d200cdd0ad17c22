"""``session.net_log`` (FEATURES N1 to N5, P8)."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future
from partita.actors.net_log.behavior import (
    BAD_CAPTURE_MODE,
    BAD_MAX_FILE_SIZE,
    BAD_PATH,
    CAPTURE_MODES,
    error_of,
)
from partita.events.errors import ActorFailed, NetLogRefused
from partita.events.net_log import AwaitNetLog, NetLogFailed, NetLogState, StartNetLog, StopNetLog
from partita.events.session import SessionState
from partita.events.types import Event

if TYPE_CHECKING:
    from partita.actors.kernel.delivery import Callbacks
    from partita.actors.kernel.partition import Partition
    from partita.follower import Follower


class NetLogBroken(RuntimeWarning):
    """A net log could not be written any more. The file holds what was noted before; the session goes on."""


class NetLog:
    """Logs what the session's requests and connections do, in Chromium's format: its net log viewer reads it."""

    def __init__(self, partition: Partition, follower: Follower, callbacks: Callbacks) -> None:
        self._partition = partition
        self._follower = follower
        self._callbacks = callbacks

    def start_logging(
        self, path: str | os.PathLike[str], *, capture_mode: str = "default", max_file_size: float | None = None
    ) -> Future[None]:
        """Log into the file ``path`` from now on; done when it is open, and what was there before is gone (FEATURES N1).

        Folders that are not there are made. ``capture_mode``: ``"default"`` leaves out cookies and credentials,
        ``"includeSensitive"`` has them, ``"everything"`` all bytes of all connections as well (N2). ``max_file_size``:
        bytes that the events may fill; beyond it, the oldest go (N3). Raises :class:`TypeError` with Electron's text, also
        when a log is running; the future fails with the file's :class:`OSError`.
        """
        message = checked(StartNetLog(_absolute(path), _capture_mode(capture_mode), _size(max_file_size)))
        self._follower.follow((NetLogFailed,), self._report)
        return self._begun(message, "open")

    def stop_logging(self) -> Future[None]:
        """Log no more; done when all has been written (FEATURES N4).

        The future fails with :class:`NetLogRefused` and Electron's text when no log is running, and with the file's
        :class:`OSError` when that has ended it.
        """
        try:
            return self._begun(StopNetLog(), "end")
        except (NetLogRefused, OSError) as error:
            return _failed(error)

    @property
    def currently_logging(self) -> bool:
        """Whether a log is running (FEATURES N5): from the call that starts it to the one that stops it."""
        return self._state.current is not None

    @property
    def failure(self) -> OSError | None:
        """Why the newest log ended before it was stopped; None when it did not."""
        failed = self._state.failed
        return None if failed is None else error_of(failed.failure)

    @property
    def _state(self) -> NetLogState:
        return cast("SessionState", self._partition.actor("session").state).net_log

    def _begun(self, message: StartNetLog | StopNetLog, milestone: Any) -> Future[None]:
        """Refused, or ordered, here and now; the rest is waited for."""
        try:
            log_id = self._partition.call(message)
        except ActorFailed as error:
            return _failed(error)
        return self._partition.ask(AwaitNetLog(log_id, milestone))

    def _report(self, turn: Any, event: Event) -> None:
        assert isinstance(event, NetLogFailed)
        if event.begun:  # else its start has failed, and the caller of that is told
            text = f"{self._partition.name}: the net log has ended at turn {turn.position}: {error_of(event.failure)}"
            told = self._callbacks.run(warnings.warn, text, NetLogBroken)
            told.when_done(told.failure)  # a warning that is made an error has nobody here to be raised at


def _absolute(path: object) -> str:
    try:
        text = os.fspath(cast("str", path))
    except TypeError:
        text = ""
    if not isinstance(text, str) or not text or "\0" in text:
        raise TypeError(BAD_PATH)
    return str(Path(text).absolute())


def _capture_mode(capture_mode: object) -> str:
    if not isinstance(capture_mode, str) or capture_mode not in CAPTURE_MODES:
        raise TypeError(BAD_CAPTURE_MODE)
    return capture_mode


def _size(max_file_size: object) -> int | None:
    if max_file_size is None:
        return None
    if isinstance(max_file_size, bool) or not isinstance(max_file_size, (int, float)):
        raise TypeError(BAD_MAX_FILE_SIZE)
    if not math.isfinite(max_file_size) or not 1 <= max_file_size < 1 << 63:
        raise TypeError(BAD_MAX_FILE_SIZE)
    return int(max_file_size)


def _failed(error: BaseException) -> Future[None]:
    future: Future[None] = Future()
    future.set_exception(error)
    return future
