"""Seed after seed under a mutation, until something complains."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from msgspec import Struct

from partita.simulation import run_seed
from partita.simulations.outcome import Level, Plan

from .edits import edited
from .mutation import Mutation

LONGEST_RUN_S: Final = 30.0
"""Without one of its safeguards a run may never come to its end: after so many real seconds it is given up, and caught."""


class Caught(Struct, frozen=True):
    """The first run that shows what a mutation does: ``checker`` complained of ``what``."""

    mutation: str
    scenario: str
    level: Level
    seed: int
    checker: str
    what: str


class EndlessError(BaseException):
    """A run has taken too long. No ``except Exception`` of what runs in it takes it away."""


def swept(mutation: Mutation, seeds: int) -> tuple[Caught | None, tuple[str, str] | None, float]:
    """What caught the mutation, what the same run complains of without it, and how long that took in real seconds."""
    began = time.perf_counter()
    caught = first_caught(mutation, range(seeds))
    without = None if caught is None else complaint_of(caught.scenario, caught.seed, caught.level)
    return caught, without, time.perf_counter() - began


def first_caught(mutation: Mutation, seeds: Iterable[int], scenarios: tuple[str, ...] = ()) -> Caught | None:
    """The first of these seeds, in each scenario, that shows the mutation; None when no one does."""
    with edited(mutation.edits):
        for seed in seeds:
            for scenario in scenarios or mutation.scenarios:
                complaint = complaint_of(scenario, seed, mutation.level)
                if complaint is not None:
                    return Caught(mutation.name, scenario, mutation.level, seed, *complaint)
    return None


def complaint_of(scenario: str, seed: int, level: Level) -> tuple[str, str] | None:
    """What the first checker complains of in a run, as the code is now; None when none does."""
    with warnings.catch_warnings(), _ended_after(LONGEST_RUN_S):
        warnings.simplefilter("ignore")  # of failures that nobody looked at: there are more of them than usual
        try:
            outcome = run_seed(scenario, seed, level, Plan(), None)
        except EndlessError:
            return "none", f"the run does not end within {LONGEST_RUN_S:g} s"
        except Exception as error:  # a run without its safeguard may fall over its own feet
            return "none", f"the run raises {type(error).__name__}: {error}"
    if not outcome.violations:
        return None
    first = outcome.violations[0]
    return first.checker, first.what


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: Any) -> None:
        raise EndlessError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
