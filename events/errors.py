"""Everything that partita raises on purpose, in one tree.

    PartitaError
    ├── UsageError ─ the caller's words are off
    │   ├── InvalidPartitionName (ValueError)
    │   ├── InvalidURL (ValueError)
    │   ├── InvalidPosition (ValueError)
    │   ├── InvalidPlan (ValueError)
    │   ├── InvalidQuery (ValueError)
    │   ├── ProtocolError (ValueError)   "Failed to register protocol: S" and the like
    │   ├── QueryFailed           a query raised on a turn (.position)
    │   ├── ItemDestroyed (RuntimeError)  "DownloadItem used after being destroyed"
    │   └── WouldDeadlock (RuntimeError)
    ├── CookieError ─ Electron's "Failed to set cookie - …"
    │   ├── CookieValueError (ValueError)
    │   └── CookieFileError (ValueError)   a file of cookies that cannot be taken over: which line, and why
    ├── DownloadRefused · DownloadFailed
    ├── NetLogRefused (TypeError)     "There is already a net log running", "No net log in progress"
    ├── HandlerTimeout (TimeoutError)  a handler or listener did not answer in time
    ├── DOMException ─ what a script of a page is told (.name)
    │   ├── NotAllowedError       permission was denied
    │   ├── NotSupportedError     "Not supported": nobody could choose a display's streams
    │   ├── NotReadableError      "Could not start video source", "Could not start audio source"
    │   ├── SecurityError         a page asks for what no page may have: a service on Bluetooth's block list
    │   ├── AbortError            a display media handler chose none; what was asked was given up
    │   ├── NotFoundError         no such device, or nobody chose one: "No device selected."
    │   ├── NetworkError          a device is unplugged, in use elsewhere, silent, or failed
    │   ├── InvalidStateError     a device is not open, or is open already
    │   ├── InvalidAccessError    an endpoint is for another kind of transfers
    │   └── IndexSizeError        an endpoint's number is out of range
    ├── DeviceError               the port of devices: why (.failure), and what to do
    ├── BlobUnavailable (LookupError)  "Could not get blob data handle"
    ├── ActorFailed ─ a turn could not be taken
    │   ├── Overloaded
    │   ├── ActorStopped
    │   └── SystemClosed
    ├── StoreError ─ the log could not be opened, read or written
    │   ├── StoreFailed           a batch was not made durable; nothing acknowledged is lost
    │   │   └── TurnUnwritable    a turn holds what no log can (.position)
    │   ├── StoreUnavailable      the folder cannot be used (missing, read-only, not a partition)
    │   ├── PartitionInUse        another process writes it (.pid)
    │   ├── LogDamaged            a batch, snapshot or blob is not what was written (.position)
    │   ├── NewerFormat           written by a later partita
    │   ├── UnknownTag            a type that this version does not know (.tag)
    │   ├── KeyMissing            the key file is lost or does not fit
    │   ├── SecretLeft            a shareable export would have held a secret; it was not made (.position)
    │   └── HistoryTrimmed        that position was given up by retention
    ├── SecretErased ─ the value was cleared, and its key with it
    ├── SimulationError ─ a simulation could not be carried out
    │   ├── Refused               it reached for the real world (.touched, .instead)
    │   ├── NotReproduced         a failing run did not fail again
    │   └── SweepFailed           no worker lives long enough to run anything
    ├── PlaybackError ─ a recording could not be played back
    │   ├── PlaybackDiverged      the application said something else than it did then (.position)
    │   ├── RecordingEnded        the application goes on where the recording has ended (.position)
    │   └── RecordingIncomplete   what is asked for is not in it: a partition, a blob, trimmed history (.position)
    └── NetError (in partita.actors.network.http; also an httpx.TransportError)

An error says what was wrong, where, and what to do; it is raised at the boundary that saw the bad input, and nothing has
changed when it is raised.
"""

from __future__ import annotations


class PartitaError(Exception):
    """The root of all errors that partita raises on purpose."""


class UsageError(PartitaError):
    """The caller's words are off; nothing was done."""


class InvalidPartitionName(UsageError, ValueError):
    """A partition's name that cannot be used."""


class InvalidURL(UsageError, ValueError):
    """A text that is no absolute URL of a scheme that can be fetched."""


class InvalidPosition(UsageError, ValueError):
    """A position that the log does not have."""


class InvalidQuery(UsageError, ValueError):
    """A query or path that does not parse, or that names what there is not."""


class ProtocolError(UsageError, ValueError):
    """A protocol handler that was not set, or not taken away. ``str()`` is Electron's text (FEATURES R1, H1, H2)."""


class QueryFailed(UsageError):
    """A query that raised on the turn at ``position``; whoever asked stands where they stood."""

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class InvalidPlan(UsageError, ValueError):
    """A text that says no plan of a simulation."""


class WouldDeadlock(UsageError, RuntimeError):
    """A blocking call on the thread that would have to do the work."""


class ItemDestroyed(UsageError, RuntimeError):
    """A download that ``will-download`` refused, or that was removed (FEATURES E1). ``str()`` is Electron's text."""


class CookieError(PartitaError):
    """A cookie that was not set. ``str()`` is Electron's text (FEATURES C17)."""


class CookieValueError(CookieError, ValueError):
    """A detail of ``cookies.set`` that is not among the values that it may have (FEATURES C14)."""


class CookieFileError(CookieError, ValueError):
    """A file of cookies that cannot be read, or not be taken over as it is: which line or entry, and why."""


class DownloadRefused(PartitaError):
    """A listener of ``will-download`` called ``prevent_default()`` (FEATURES E2)."""


class DownloadFailed(PartitaError):
    """A download that could not begin."""


class NetLogRefused(PartitaError, TypeError):
    """A net log cannot be started while one runs, nor stopped while none does (FEATURES N1, N4). ``str()`` is Electron's."""


class HandlerTimeout(PartitaError, TimeoutError):
    """A handler, or a listener that is asked, did not answer within ``handler_timeout``: it counts as a refusal."""


class DOMException(PartitaError):  # the web's own name (Web IDL 2.8.1)
    """What a script of a page is told. ``name`` is the web's name for it, which is that of the class."""

    @property
    def name(self) -> str:
        """``"NotAllowedError"``, for example."""
        return type(self).__name__


class NotAllowedError(DOMException):
    """The permission was denied."""


class NotSupportedError(DOMException):
    """There is nothing that could do it: no display media handler is set (FEATURES F17). ``str()`` is Electron's text."""


class NotReadableError(DOMException):
    """A stream's source is not there (any more) (FEATURES F17b). ``str()`` is Chromium's text."""


class SecurityError(DOMException):
    """What is asked for is kept from all pages, whatever anybody grants: it is on a block list, or of a protected class."""


class AbortError(DOMException):
    """It was given up: a display media handler gave no streams (FEATURES F17e), or the document that asked is gone."""


class NotFoundError(DOMException):
    """There is no such device (any more), or nobody chose one (FEATURES E16, E20)."""


class NetworkError(DOMException):
    """A device did not do what it was asked: it was unplugged, is in use elsewhere, did not answer, or failed."""


class InvalidStateError(DOMException):
    """The device is not in the state for that: it is not open, or is open already, or its interface was not claimed."""


class DeviceError(PartitaError):
    """A device does not do what it is asked, and what to do about it. ``failure``: why, one of ``DeviceFailure``.

    The port of devices raises it; pages are told a :class:`DOMException`.
    """

    def __init__(self, failure: str, message: str) -> None:
        super().__init__(message)
        self.failure = failure


class InvalidAccessError(DOMException):
    """The endpoint is not of the type that this kind of transfer is for (WebUSB 6.2)."""


class IndexSizeError(DOMException):
    """A number is out of range: endpoints are numbered 1 to 15 (WebUSB 6.2)."""


class BlobUnavailable(PartitaError, LookupError):
    """No blob of that name, or nobody keeps what it was named by any more (FEATURES F26). ``str()`` is Electron's text."""


class ActorFailed(PartitaError):
    """A message was not taken by its actor."""


class Overloaded(ActorFailed):
    """A mailbox is at its hard limit, and the caller's thread may not be blocked."""


class ActorStopped(ActorFailed):
    """The actor has stopped; the message was not taken."""


class SystemClosed(ActorFailed):
    """The system, or this partition of it, has been closed."""


class StoreError(PartitaError):
    """The log could not be opened, read or written."""


class StoreFailed(StoreError):
    """A batch could not be made durable. State is back at the last durable turn; the call may be tried again."""


class TurnUnwritable(StoreFailed):
    """A turn holds what no log can: trying again is of no use. The other turns of its batch are taken again."""

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class StoreUnavailable(StoreError):
    """A partition's folder that cannot be used, and why."""


class PartitionInUse(StoreError):
    """Another process has the partition open for writing."""

    def __init__(self, message: str, *, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


class LogDamaged(StoreError):
    """A batch, snapshot or blob that is not what was written. ``position`` is the first turn that cannot be trusted."""

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class NewerFormat(StoreError):
    """A log whose format is newer than this version of partita."""


class UnknownTag(StoreError):
    """A message, event, effect or state of a type that this version does not know."""

    def __init__(self, message: str, *, tag: str) -> None:
        super().__init__(message)
        self.tag = tag


class KeyMissing(StoreError):
    """The key that encrypts a partition's secrets is lost, or is not the one that they were encrypted with."""


class HistoryTrimmed(StoreError):
    """The position lies before the point where retention lets history begin."""


class SecretLeft(StoreError):
    """An export that was to hold no secrets held one, and was deleted. ``position`` is the turn that has it in clear."""

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class SecretErased(PartitaError):
    """The secret was cleared: its key is gone, and with it the value."""


class SimulationError(PartitaError):
    """A simulation could not be carried out. What a checker complains of is no error, but a violation."""


class Refused(SimulationError):
    """Something inside a simulation reached for the real world. ``touched`` names what, ``instead`` what to use."""

    def __init__(self, message: str, *, touched: str, instead: str) -> None:
        super().__init__(message)
        self.touched = touched
        self.instead = instead


class NotReproduced(SimulationError):
    """A run that had failed did not fail in the same way when it was run again: something in it is not simulated."""


class SweepFailed(SimulationError):
    """The workers of a sweep die before they have run anything."""


class PlaybackError(PartitaError):
    """A recording could not be played back. ``position`` is the one that was to come next; 0 where it is about none."""

    def __init__(self, message: str, *, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class PlaybackDiverged(PlaybackError):
    """The application said, or asked, something else than it did when it was recorded."""


class RecordingEnded(PlaybackError):
    """The application goes on where the recording has ended."""


class RecordingIncomplete(PlaybackError):
    """What playback needs is not in the recording: a partition, a blob, history that was given up, an erased secret."""
