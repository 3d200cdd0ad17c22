"""The session's ledger of downloads: its state, what it is told, and what has happened to it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from partita.events.download_options import NO_LIMITS, NO_OPTIONS, DownloadLimits, DownloadOptions
from partita.events.download_origins import NO_ORIGIN, DownloadOrigin, EarlierDownload
from partita.events.downloads import DownloadOrder, HeaderFields
from partita.events.types import Event, Message, State


class DownloadEntry(Struct, frozen=True, array_like=True, gc=False):
    """A line of the ledger. ``number`` counts them: the higher, the younger."""

    order: DownloadOrder
    ended: bool = False
    number: int = 0


Ticket = tuple[int, int, str]
"""Of one that waits: who goes first comes first. The priority, negated; the number; the id."""

Line = tuple[tuple[Ticket, ...], ...]
"""Tickets in order, in runs."""


class DownloadsState(State, frozen=True, tag="downloads.state/2"):
    """The ledger. ``shelves``: the entries by id, by its first digits (:func:`shelf_of`); nobody writes into them.

    ``count`` is how many there ever were. ``running``: who has a place, with its host; ``busy`` counts those by host;
    ``lines``: who waits for one, by host.
    """

    shelves: dict[str, dict[str, DownloadEntry]] = field(default_factory=dict)
    count: int = 0
    limits: DownloadLimits = NO_LIMITS
    running: dict[str, str] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)

    def entry(self, download_id: str) -> DownloadEntry | None:
        """A line of the ledger by its id."""
        return self.shelves.get(shelf_of(download_id), {}).get(download_id)

    @property
    def items(self) -> dict[str, DownloadEntry]:
        """All of it, oldest first. A new dictionary each time: who looks for one id asks :meth:`entry`."""
        entries = [entry for shelf in self.shelves.values() for entry in shelf.values()]
        return {entry.order.id: entry for entry in sorted(entries, key=lambda entry: entry.number)}


def shelf_of(download_id: str) -> str:
    """Where an id is kept: ids are digests, so that all shelves are about as long."""
    return download_id[:2]


def _shelves_of(fields: list[object]) -> list[object]:
    """The ledger of version 1 was one dictionary, oldest first."""
    items = fields[0] if fields else {}
    assert isinstance(items, dict)
    shelves: dict[str, dict[str, object]] = {}
    for number, (download_id, (order, *rest)) in enumerate(items.items()):
        shelves.setdefault(shelf_of(download_id), {})[download_id] = [order, *(rest or [False]), number]
    return [shelves, len(items)]


UPCASTERS: Final = {"downloads.state/1": ("downloads.state/2", _shelves_of)}


# What it is told, and what has happened to it.


class BeginDownload(Message, frozen=True, tag="downloads.begin/1"):
    """Begin one; the reply is its id, and ``download/<id>`` is its actor."""

    url: str
    directory: str
    headers: HeaderFields = ()
    save_path: str | None = None
    options: DownloadOptions = NO_OPTIONS
    origin: DownloadOrigin = NO_ORIGIN


class AddInterruptedDownload(Message, frozen=True, tag="downloads.add_interrupted/1"):
    """Take one over that began elsewhere (FEATURES F28). The reply is its id; it is interrupted, and nothing is sent.

    ``started_us``: when it began, in microseconds since 1970; None is now.
    """

    earlier: EarlierDownload
    headers: HeaderFields = ()
    started_us: int | None = None


class EndDownload(Message, frozen=True, tag="downloads.end/1"):
    """Told by a download: it has ended and need not be looked after at the next opening."""

    id: str


class ForgetDownload(Message, frozen=True, tag="downloads.forget/1"):
    """Take it off the list: it was refused (told by the download), or nobody wants to see it any more."""

    id: str


class DownloadAdded(Event, frozen=True, tag="downloads.added/1"):
    """``queued``: it has to wait for a place."""

    order: DownloadOrder
    queued: bool = False


class DownloadEnded(Event, frozen=True, tag="downloads.ended/1"):
    id: str


class DownloadForgotten(Event, frozen=True, tag="downloads.forgotten/1"):
    id: str
