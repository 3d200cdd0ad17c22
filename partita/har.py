"""``session.har()``: recorded exchanges as an HTTP archive (HAR 1.2), which browsers' tools and many others read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita import __version__
from partita.actors.exchanges.har import har_of
from partita.events.errors import KeyMissing, SecretErased, UsageError

if TYPE_CHECKING:
    from partita.store.partition import PartitionStore


def har_of_log(
    store: PartitionStore,
    *,
    start: int | None = None,
    stop: int | None = None,
    bodies: bool = True,
    secrets: bool = False,
) -> dict[str, Any]:
    """The archive of what a log recorded (``record="exchanges"``) between two positions, both included.

    ``bodies`` and ``secrets`` say whether bodies, cookies and credentials are in it. Without recorded exchanges, it is empty.
    """
    turns = store.turns(max(start or 0, store.first_position), stop)

    def content(digest: str) -> bytes | None:
        try:
            return store.blob(bytes.fromhex(digest))
        except (KeyMissing, SecretErased):
            return None

    return har_of(turns, content, bodies=bodies, secrets=secrets, version=__version__)


def write_har(har: dict[str, Any], path: str | Path) -> None:
    """Write an archive into a new file. Raises :class:`UsageError` when there is one of that name, :class:`OSError`."""
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            json.dump(har, file, ensure_ascii=False, indent=2)
    except FileExistsError:
        raise UsageError(f"{path} exists already: nothing is written over") from None
