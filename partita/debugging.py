"""``partita.debug``: a log to move about in."""

from __future__ import annotations

from pathlib import Path

from partita.actors.replay.debugger import Debugger
from partita.actors.session.behavior import BEHAVIORS
from partita.store.partition import PartitionStore

__all__ = ["Debugger", "debug"]


def debug(path: str | Path, *, through: int | None = None) -> Debugger:
    """A :class:`Debugger` over a partition's folder or an exported log; ``with`` closes it.

    ``through`` hides everything after a position. It reads only, also while another process writes; it stays with the turns
    that there were when it was opened. Raises :class:`StoreUnavailable`, :class:`NewerFormat`, :class:`LogDamaged`.
    """
    return Debugger(PartitionStore.read(Path(path), through=through), BEHAVIORS)
