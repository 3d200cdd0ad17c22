"""Where a download comes from: the page that asked for it, or what is there of one that began elsewhere (FEATURES E3, F28)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from partita.events.network import Initiator


class EarlierDownload(Struct, frozen=True, array_like=True, gc=False):
    """A download that another program, or another time, has left behind (FEATURES F28).

    ``path``: the file, absolute; its first ``offset`` bytes are there, ``total_bytes`` it has in all. The last URL of
    ``url_chain`` is asked for the rest. ``e_tag`` and ``last_modified`` are those of the response that brought the beginning.
    """

    path: str
    url_chain: tuple[str, ...]
    offset: int
    total_bytes: int
    mime_type: str = ""
    e_tag: str = ""
    last_modified: str = ""


class DownloadOrigin(Struct, frozen=True, array_like=True, gc=False):
    """``initiator``: the page, None for the session itself. ``has_user_gesture``: somebody clicked (FEATURES L14)."""

    initiator: Initiator | None = None
    has_user_gesture: bool = False
    earlier: EarlierDownload | None = None


NO_ORIGIN: Final = DownloadOrigin()
"""The program asked for it, of its own accord."""
