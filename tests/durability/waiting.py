"""Waits with a bound: what hangs fails its test, and does not hold up the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0


def in_time(work: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """What ``work`` returns or raises, on a thread of its own; fails when it does not come back."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # handed on to who waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(patience_s)
    assert not thread.is_alive(), f"it hangs: not back after {patience_s} s"
    if errors:
        raise errors[0]
    return results[0]


def all_at_once(*works: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Run each on a thread of its own, begun together; raises the first of their errors."""
    start = threading.Barrier(len(works))
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait(patience_s)
            work()
        except BaseException as error:  # handed on to who waits
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    hanging = sum(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]
    assert not hanging, f"{hanging} of {len(threads)} hang: not back after {patience_s} s"


def until(reached: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + patience_s
    while not reached():
        assert time.monotonic() < deadline, f"not within {patience_s} s: {what}"
        time.sleep(0.001)
