"""Who may download at a time, and who waits for it: what the session's ledger and the downloads tell each other."""

from __future__ import annotations

from partita.events.download_options import DownloadLimits
from partita.events.types import Event, Message


class QueueDownload(Message, frozen=True, tag="downloads.queue/1"):
    """Told by a download: it wants a place, or says so again. :class:`AdmitDownload` comes when it has one."""

    id: str


class ReleaseDownload(Message, frozen=True, tag="downloads.release/1"):
    """Told by a download: it has stopped for now, and wants neither its place nor to wait for one."""

    id: str


class AdmitDownload(Message, frozen=True, tag="downloads.admit/1"):
    """Told by the session: go ahead."""


class LimitDownloads(Message, frozen=True, tag="downloads.limit/1"):
    """From now on no more than this; what is under way is not stopped."""

    limits: DownloadLimits


class DownloadLinedUp(Event, frozen=True, tag="downloads.lined_up/1"):
    """It waits for a place."""

    id: str


class DownloadAdmitted(Event, frozen=True, tag="downloads.admitted/1"):
    """It has a place."""

    id: str


class DownloadReleased(Event, frozen=True, tag="downloads.released/1"):
    """It has none any more, and waits for none."""

    id: str


class DownloadsLimited(Event, frozen=True, tag="downloads.limited/1"):
    limits: DownloadLimits


class PlacesCleared(Event, frozen=True, tag="downloads.places_cleared/1"):
    """The process that had given them out has ended."""


class DownloadQueued(Event, frozen=True, tag="downloads.queued/1"):
    """Of one download: it goes on as soon as it has a place."""
