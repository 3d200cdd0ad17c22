"""Points in production code that a simulation knows of. Outside of one they do nothing, and cost a call.

- ``if buggify("commit.slow"): ...``: here a simulation may make the rare common.
- ``reached("download.resumed")``: so that a report can say what no run ever came by.
"""

from __future__ import annotations

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


def buggify(name: str) -> bool:
    """Whether to do the unusual here: always False outside of a simulation."""
    return _probe is not None and _probe.buggify(name)


def reached(name: str) -> None:
    """Mark that this was come by."""
    if _probe is not None:
        _probe.reached(name)


def watch(probe: Probe | None) -> Probe | None:
    """Hand the points over to a simulation, or back with None; the one before. A process runs one simulation at a time."""
    global _probe  # production code must not have to be handed a simulation
    before, _probe = _probe, probe
    return before
