"""A download's rate and its session's: how long is waited for what has come."""

from __future__ import annotations

from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from partita.actors.downloads.rates import BURST_S, Pace
from partita.actors.kernel.shared import Shared
from partita.events.download_ledger import DownloadsState
from partita.events.download_options import DownloadLimits
from partita.events.session import SessionState


class Clock:
    """Sleeping is all that takes time; what is shared, those of one clock share."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.shared = Shared()

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def door(clock: Clock, together: int = 0, partition: str = "p") -> Any:
    session = SessionState(downloads=DownloadsState(limits=DownloadLimits(rate_bytes_s=together)))
    return SimpleNamespace(
        world=SimpleNamespace(clock=clock, shared=clock.shared), partition=partition, published=lambda _: session
    )


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_without_a_rate_nothing_is_waited_for() -> None:
    clock = Clock()
    run(Pace(door(clock), 0).keep(1 << 40))
    assert clock.now == 1000.0


def test_a_download_keeps_its_own_rate() -> None:
    clock = Clock()
    pace = Pace(door(clock), 1000)
    for _ in range(10):
        run(pace.keep(500))
    assert clock.now == pytest.approx(1005.0 - BURST_S)


def test_time_that_nobody_used_is_made_up_for_only_a_little() -> None:
    clock = Clock()
    pace = Pace(door(clock), 1000)
    run(pace.keep(1000))
    clock.now += 3600
    before = clock.now
    run(pace.keep(1000))
    assert clock.now - before == pytest.approx(1.0 - BURST_S)


def test_the_downloads_of_a_session_share_its_rate_and_other_sessions_have_theirs() -> None:
    clock = Clock()
    one, other = Pace(door(clock, 1000), 0), Pace(door(clock, 1000), 0)
    for pace in (one, other, one, other):
        run(pace.keep(500))
    assert clock.now == pytest.approx(1002.0 - BURST_S)
    run(Pace(door(clock, 1000, "another"), 0).keep(50))
    assert clock.now == pytest.approx(1002.0 - BURST_S)


def test_the_lower_of_two_rates_counts() -> None:
    clock = Clock()
    pace = Pace(door(clock, 10_000), 1000)
    run(pace.keep(1000))
    assert clock.now == pytest.approx(1001.0 - BURST_S)


@pytest.mark.parametrize(("limit", "waited_s"), [(0, 3.0), (1_000_000, 3.007)])
def test_a_limit_that_is_raised_or_lifted_counts_at_once(limit: int, waited_s: float) -> None:
    clock = Clock()
    limits = [1000]
    changing = door(clock)
    changing.published = lambda _: SessionState(downloads=DownloadsState(limits=DownloadLimits(rate_bytes_s=limits[0])))
    sleep = clock.sleep

    async def sleeps(seconds: float) -> None:
        await sleep(seconds)
        if clock.now >= 1003.0:
            limits[0] = limit

    changing.world.clock = clock
    clock.sleep = sleeps  # type: ignore[method-assign]
    run(Pace(changing, 0).keep(10_100))
    assert clock.now - 1000.0 == pytest.approx(waited_s)
    before = clock.now
    run(Pace(changing, 0).keep(1000))
    assert clock.now - before < 0.02, "what is owed is owed in bytes"
