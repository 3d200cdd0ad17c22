"""What is asked of a run, and what came of it. Plain data: it travels between processes, and is kept as JSON."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from partita.simulations.faults import Fault
from partita.simulations.knobs import Knobs

Level = Literal["kernel", "trio"]
"""``kernel``: everything on the simulation kernel. ``trio``: the live kernel and the live HTTP stack in virtual time."""


class Plan(Struct, frozen=True, omit_defaults=True):
    """What a run leaves out; how shrinking asks for less. The default leaves nothing out.

    ``faults``: only these strike; ``steps``: users take only the steps of these numbers; ``schedule``: from so many draws on,
    nothing is drawn and the first that could go on does; ``until_complaint``: the run ends where a checker first complains, so
    that this is where its log ends.
    """

    faults: tuple[Fault, ...] | None = None
    steps: tuple[int, ...] | None = None
    schedule: int | None = None
    until_complaint: bool = False


class Violation(Struct, frozen=True):
    """A checker's complaint: which one, what it saw, and at which position of the log, if at one."""

    checker: str
    what: str
    position: int | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one run.

    ``digest``: SHA-256 over the log's turns, in hexadecimal: equal for equal seeds, on every machine. ``faults``, ``steps``
    and ``draws`` are what a :class:`Plan` can take away. ``reached`` are the marks that the run came by; ``coverage`` counts
    no runs: each item is ``(kind of actor, its state, message)``.
    """

    scenario: str
    level: Level
    seed: int
    knobs: Knobs
    digest: str
    turns: int
    crashes: int
    virtual_s: float
    violations: tuple[Violation, ...]
    faults: tuple[Fault, ...]
    steps: tuple[int, ...]
    draws: int
    reached: tuple[str, ...]
    coverage: tuple[tuple[str, str, str], ...]
    last_turns: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no checker complained."""
        return not self.violations
