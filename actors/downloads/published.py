"""What a download is at, for those that carry out its effects: they look before they go on."""

from __future__ import annotations

from partita.actors.downloads.ledger import actor_of
from partita.actors.kernel.world import Door
from partita.events.downloads import DownloadOrder, DownloadState


class UnwantedError(Exception):
    """The download has gone another way: what this effect does no longer counts."""


def newest(door: Door, order: DownloadOrder) -> DownloadState:
    """The newest state of the download that was asked for so."""
    state = door.published(actor_of(order.id))
    assert isinstance(state, DownloadState), "an effect belongs to a download"
    return state
