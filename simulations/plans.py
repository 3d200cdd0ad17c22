"""A plan as a text that can be pasted into a command line: no blanks, nothing that a shell takes for its own.

    faults=network.reset:1-3+7,disk.full:2/steps=1-5+9/schedule=12/end=complaint

Numbers stand as ranges. A part that is missing leaves nothing out; ``faults=none`` and ``steps=none`` leave out all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct, structs

from partita.events.errors import InvalidPlan
from partita.simulations.faults import Fault
from partita.simulations.outcome import Level, Plan

NONE: Final = "none"
COMPLAINT: Final = "complaint"
_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
_RANGE: Final = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
_MOST: Final = 1_000_000
"""A range of more numbers than this is a slip of the keyboard."""

Part = Literal["faults", "steps", "schedule", "end"]


class Run(Struct, frozen=True):
    """All that it takes to do a run again."""

    scenario: str
    seed: int
    level: Level = "kernel"
    plan: Plan = Plan()

    def command(self) -> str:
        """The one command that replays it."""
        words = ["partita", "simulate", self.scenario, "--seed", str(self.seed)]
        if self.level != "kernel":
            words += ["--level", self.level]
        if self.plan != Plan():
            words += ["--plan", plan_text(self.plan)]
        return " ".join(words)


def plan_text(plan: Plan) -> str:
    """A plan as text; ``""`` is the one that leaves nothing out."""
    parts = []
    if plan.faults is not None:
        numbers: dict[str, list[int]] = {}
        for name, number in plan.faults:
            assert _NAME.fullmatch(name), f"a fault's name is made of letters, digits, '.', '-', '_': {name!r}"
            numbers.setdefault(name, []).append(number)
        parts.append("faults=" + (",".join(f"{name}:{_ranges(of)}" for name, of in sorted(numbers.items())) or NONE))
    if plan.steps is not None:
        parts.append("steps=" + (_ranges(plan.steps) or NONE))
    if plan.schedule is not None:
        parts.append(f"schedule={plan.schedule}")
    if plan.until_complaint:
        parts.append(f"end={COMPLAINT}")
    return "/".join(parts)


def plan_of(text: str) -> Plan:
    """The plan that a text says. Raises :class:`InvalidPlan`."""
    plan = Plan()
    seen = set()
    for part in filter(None, text.split("/")):
        what, equals, value = part.partition("=")
        if not equals or what in seen:
            raise _wrong(text, f"{part!r} is not faults=..., steps=..., schedule=... or end={COMPLAINT}, each once")
        seen.add(what)
        if what == "faults":
            plan = structs.replace(plan, faults=tuple(_faults(text, value)))
        elif what == "steps":
            plan = structs.replace(plan, steps=() if value == NONE else tuple(_numbers(text, value)))
        elif what == "schedule" and value.isascii() and value.isdigit():
            plan = structs.replace(plan, schedule=int(value))
        elif part == f"end={COMPLAINT}":
            plan = structs.replace(plan, until_complaint=True)
        else:
            raise _wrong(text, f"{part!r} is not faults=..., steps=..., schedule=NUMBER or end={COMPLAINT}")
    return plan


def _faults(text: str, value: str) -> Iterator[Fault]:
    if value == NONE:
        return
    for one in value.split(","):
        name, _, numbers = one.partition(":")
        if not _NAME.fullmatch(name):
            raise _wrong(text, f"{one!r} is not NAME:NUMBERS")
        for number in _numbers(text, numbers):
            yield Fault(name, number)


def _numbers(text: str, value: str) -> Iterator[int]:
    for one in value.split("+"):
        match = _RANGE.fullmatch(one)
        if match is None:
            raise _wrong(text, f"{one!r} is no number and no range FIRST-LAST")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + _MOST:
            raise _wrong(text, f"{one!r} is no range FIRST-LAST")
        yield from range(first, last + 1)


def _ranges(numbers: Iterable[int]) -> str:
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return "+".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def _wrong(text: str, why: str) -> InvalidPlan:
    return InvalidPlan(f"{text!r} is no plan: {why}; for example faults=network.reset:1+3/steps=1-5/schedule=12")
