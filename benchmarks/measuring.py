"""Paired measurements: whoever is compared takes turns, round by round, and what is judged is the median of their ratios.

A machine that is slow for a second is slow for all of a round; a ratio within a round hardly sees it.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

TIMES: Final = "\u00d7"
ABSENT: Final = "\u2013"

Better = Literal["higher", "lower"]
Contender = Callable[[], float]
"""Does its work once; returns its figure (a rate, a time, ...)."""


class Sizes(Struct, frozen=True, kw_only=True):
    """How much work a row does."""

    rounds: int
    batches: int
    """Batches of 1,000 turns that are appended in a round."""
    turns: int
    """Turns taken in a round, durably."""
    lone_asks: int
    """Asks in a round that are each waited for before the next."""
    events: int
    """Events written, and replayed, in a round."""
    log_turns: int
    """Length of the long log that is opened."""
    openings: int
    actors: int
    simulated_turns: int
    hops: int
    """Messages passed on in virtual time in a round."""
    seeds: int
    """Of each scenario, in a round."""
    fetches: int
    """Requests in a round."""
    large_mib: int
    """The length of a large body."""
    download_mib: int
    """The length of a large file that is downloaded."""
    download_files: int
    """Small files that are downloaded in a round."""
    cache_entries: int
    """In the cache of a session whose memory is measured."""
    reports: int
    """HID reports in a round."""
    transfers: int
    """USB transfers in a round."""


FULL = Sizes(
    rounds=7,
    batches=100,
    turns=50_000,
    lone_asks=100,
    events=20_000,
    log_turns=1_000_000,
    openings=15,
    actors=10_000,
    simulated_turns=50_000,
    hops=20_000,
    seeds=5,
    fetches=2_000,
    large_mib=256,
    download_mib=1024,
    download_files=2_000,
    cache_entries=10_000,
    reports=10_000,
    transfers=4_000,
)
SMOKE = Sizes(
    rounds=2,
    batches=3,
    turns=2_000,
    lone_asks=20,
    events=2_000,
    log_turns=20_000,
    openings=3,
    actors=500,
    simulated_turns=3_000,
    hops=1_000,
    seeds=1,
    fetches=200,
    large_mib=8,
    download_mib=16,
    download_files=40,
    cache_entries=300,
    reports=500,
    transfers=80,
)


class Bench(Struct, frozen=True):
    """What a group of rows is given: how much to do, and a folder on the disk that is removed afterwards."""

    sizes: Sizes
    scratch: Path

    def folder(self, name: str) -> Path:
        """A new folder."""
        path = self.scratch / name
        path.mkdir(parents=True)
        return path


class Row(Struct, frozen=True, kw_only=True):
    """One line of the table.

    ``score`` is what is judged: a ratio, or where nobody is compared with, our own figure. ``floor`` and ``goal`` are in its
    unit. ``rounds`` are the scores of the single rounds.
    """

    name: str
    what: str
    ours: str
    peer: str
    score: float
    unit: str
    better: Better = "higher"
    floor: float | None = None
    goal: float | None = None
    rounds: list[float] = []

    @property
    def verdict(self) -> str:
        """In words; nothing fails by it."""
        if self.floor is not None and not self._reaches(self.floor):
            return "below the floor"
        if self.goal is not None and not self._reaches(self.goal):
            return "goal missed"
        return ABSENT if self.goal is None and self.floor is None else "reached"

    def _reaches(self, mark: float) -> bool:
        return self.score >= mark if self.better == "higher" else self.score <= mark


def interleaved(rounds: int, contenders: Mapping[str, Contender]) -> dict[str, list[float]]:
    """The figures of each contender, round by round. Who begins changes from round to round; a round in front warms up."""
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(-1, rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            gc.collect()
            figure = contenders[name]()
            if number >= 0:
                figures[name].append(figure)
    return figures


def ratios(ours: Sequence[float], peers: Sequence[float]) -> list[float]:
    """Round by round."""
    return [our / peer for our, peer in zip(ours, peers, strict=True)]


def compared(
    name: str,
    what: str,
    figures: Mapping[str, Sequence[float]],
    *,
    ours: str,
    peer: str,
    floor: float | None = None,
    goal: float | None = None,
) -> Row:
    """A row of our rate beside a peer's."""
    scores = ratios(figures[ours], figures[peer])
    return Row(
        name=name,
        what=what,
        ours=per_second(median(figures[ours])),
        peer=per_second(median(figures[peer])),
        score=median(scores),
        unit=TIMES,
        floor=floor,
        goal=goal,
        rounds=scores,
    )


def not_installed(name: str, what: str) -> Row:
    """A row whose peer is not there."""
    return Row(name=name, what=what, ours=ABSENT, peer="not installed", score=float("nan"), unit=TIMES)


def median(figures: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(figures)


def rate(count: int, work: Callable[[], object]) -> float:
    """How many a second, when ``work`` does ``count`` of them."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def p50s_us(rounds: int, count: int, works: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """The median time of one call of each, in microseconds, round by round; in a round they take turns, call by call."""
    figures: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(count):
            for name, work in works.items():
                began = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - began)
        for name, found in times.items():
            figures[name].append(statistics.median(found) * 1e6)
    return figures


def per_second(figure: float) -> str:
    """A rate, for people."""
    if figure >= 1e6:
        return f"{figure / 1e6:.2f} M/s"
    return f"{figure / 1e3:.{0 if figure >= 1e4 else 1}f} k/s"
