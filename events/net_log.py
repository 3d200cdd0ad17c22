"""The net log's vocabulary (FEATURES N1 to N5).

What is logged goes into a file and never into the partition's own log; here is only whether that is being done.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from partita.events.types import AwaitedEffect, Effect, Event, Message, Outcome, Recovery, State

CaptureMode = Literal["default", "includeSensitive", "everything"]
"""What of a connection is logged (FEATURES N2): no credentials; credentials as well; all bytes as well."""


class StartNetLog(Message, frozen=True, tag="net_log.start/1"):
    """``netLog.startLogging(path, options)`` (FEATURES N1). The reply is the log's id, which is that of the effect.

    ``path`` is absolute; ``capture_mode`` one of :data:`CaptureMode`; ``max_file_size`` is in bytes, None for no limit.
    """

    path: str
    capture_mode: str = "default"
    max_file_size: int | None = None


class StopNetLog(Message, frozen=True, tag="net_log.stop/1"):
    """``netLog.stopLogging()`` (FEATURES N4). The reply is the log's id."""


Milestone = Literal["open", "end"]
"""What can be waited for: that the log's file is open, or that all has been written and nothing more will be."""


class AwaitNetLog(Message, frozen=True, tag="net_log.await/1"):
    """The reply comes when the log of that id has come so far; the file's error, when that is how it ended."""

    id: str
    milestone: Milestone


class NetLogOpened(Message, frozen=True, tag="net_log.opened/1"):
    """What writes the log has its file."""

    effect_id: str


class FileFailure(Struct, frozen=True, array_like=True, gc=False):
    """An error of the file: the system's number, its text, and the path that it was about."""

    number: int
    text: str
    path: str = ""


class NetLogEnded(Outcome, frozen=True, tag="net_log.ended/1"):
    """The log has come to its end: it was stopped, or its file failed. ``dropped``: events that never reached it."""

    failure: FileFailure | None = None
    dropped: int = 0


class NetLogStarted(Event, frozen=True, tag="net_log.started/1"):
    """A net log is to be written from now on. ``id`` is that of the effect that does it."""

    id: str
    path: str
    capture_mode: CaptureMode
    max_file_size: int | None = None


class NetLogBegun(Event, frozen=True, tag="net_log.begun/1"):
    """Its file is open."""


class NetLogStopped(Event, frozen=True, tag="net_log.stopped/1"):
    """It was stopped: it takes no more, and what it has is being written."""


class NetLogClosed(Event, frozen=True, tag="net_log.closed/1"):
    """It is complete, or its process has ended. ``dropped``: events that never reached the file."""

    id: str
    dropped: int = 0


class NetLogFailed(Event, frozen=True, tag="net_log.failed/1"):
    """Its file could not be opened, or not be written any more: logging has ended. ``begun``: it had been open."""

    id: str
    failure: FileFailure
    begun: bool = False


class WriteNetLog(AwaitedEffect, frozen=True, tag="net_log.write/1"):
    """Write a net log, until it is ended."""

    path: str
    capture_mode: CaptureMode
    max_file_size: int | None = None


class EndNetLog(Effect, frozen=True, tag="net_log.end/1"):
    """End the log that the effect of that id writes."""

    recovery: ClassVar[Recovery | None] = None
    effect_id: str


class OpenNetLog(Struct, frozen=True, array_like=True, gc=False):
    """The log that is being written. ``begun``: its file is open."""

    id: str
    path: str
    capture_mode: CaptureMode
    max_file_size: int | None = None
    begun: bool = False


class FailedNetLog(Struct, frozen=True, array_like=True, gc=False):
    """The newest log that failed. ``begun``: its file had been open, and is there up to the failure."""

    id: str
    failure: FileFailure
    begun: bool = False


class NetLogState(State, frozen=True, tag="net_log.state/1"):
    """Whether a net log is being written. ``ending``: those that were stopped and are still writing what they have.

    ``failed`` is forgotten when another begins.
    """

    current: OpenNetLog | None = None
    ending: tuple[str, ...] = ()
    failed: FailedNetLog | None = None
