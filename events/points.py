"""Points in production code that a simulation knows of. Outside of one they do nothing, and cost a call.

- ``if buggify("commit.slow"): ...``: here a simulation may make the rare common.
- ``reached("download.resumed")``: so that a report can say what no run ever came by.
"""

from __future__ import annotations

from itertools import count
from typing import Protocol


class Probe(Protocol):
    """A simulation, as production code sees it."""

    def buggify(self, name: str) -> bool:
        """Whether to do the unusual here and now."""
        ...

    def reached(self, name: str) -> None:
        """The run came by this mark."""
        ...


_probe: Probe | None = None
_run = 0
_runs = count(1)


def buggify(name: str) -> bool:
    """Whether to do the unusual here: always False outside of a simulation."""
    return _probe is not None and _probe.buggify(name)


def reached(name: str) -> None:
    """Mark that this was come by."""
    if _probe is not None:
        _probe.reached(name)


def run() -> int:
    """The number of the simulation that is on in this process; 0 outside of one."""
    return _run


def is_over(number: int) -> bool:
    """Whether that simulation has ended: what it left behind concerns nobody."""
    return number not in (0, _run)


def watch(probe: Probe | None) -> Probe | None:
    """Hand the points over to a simulation, or back with None; the one before. A process runs one simulation at a time."""
    global _probe, _run  # production code must not have to be handed a simulation
    before, _probe, _run = _probe, probe, 0 if probe is None else next(_runs)
    return before
