from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from toys.counting import WAIT, partition

from partita.actors.kernel.future import Future
from partita.actors.kernel.simulated_dispatcher import SLOW_COMMIT_S, SimulatedDispatcher, Stalled
from partita.events import points
from partita.events.errors import SystemClosed, WouldDeadlock
from partita.events.preferences import SetDownloadPath, SetUserAgent

PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.events.preferences import SetUserAgent
from toys.counting import partition
kernel = SimulatedDispatcher({seed})
toy = partition(kernel, clock=kernel.clock, seed={seed})
for number in range(1000):
    toy.tell(SetUserAgent("4"), to=f"worker/{{number:03}}")
kernel.run_until_idle()
toy.flush().get()
print(toy.store.digest(), toy.store.position, [turn.actor for turn in toy.store.turns(2, 12)])
"""


def run(seed: int, hash_seed: int) -> str:
    tests = str(Path(__file__).parents[1])
    program = PROGRAM.format(tests=tests, seed=seed)
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


def test_a_seed_gives_the_same_log_of_a_thousand_actors_in_two_processes_and_another_seed_another_order() -> None:
    one, same, other = run(7, 1), run(7, 2), run(8, 1)
    assert one == same
    assert one.split("[")[1] != other.split("[")[1]
    assert int(one.split()[1]) == 5_001


def test_virtual_time_passes_in_no_time() -> None:
    kernel = SimulatedDispatcher(1)
    seen: list[float] = []

    async def sleeper() -> None:
        await kernel.clock.sleep(3600)
        seen.append(kernel.clock.monotonic())
        await kernel.clock.sleep(0.5)
        seen.append(kernel.clock.monotonic())

    kernel.carry_out(sleeper, "sleeper")
    kernel.run_for(3600)
    assert seen == [3600.0]
    kernel.run_for(10)
    assert seen == [3600.0, 3600.5]
    assert kernel.clock.monotonic() == 3610.0
    kernel.close()


def test_a_task_awaits_a_future_and_a_stopped_one_runs_its_finally() -> None:
    kernel = SimulatedDispatcher(1)
    future: Future[int] = Future()
    seen: list[object] = []

    async def waiter() -> None:
        seen.append(await future)

    async def stopped() -> None:
        try:
            await Future()
        finally:
            await kernel.clock.sleep(1)
            seen.append("cleaned up")

    kernel.carry_out(waiter, "waiter")
    work = kernel.carry_out(stopped, "stopped")
    kernel.run_until_idle()
    work.stop()
    future.set(5)
    kernel.run_for(2)
    assert sorted(map(str, seen)) == ["5", "cleaned up"]
    kernel.close()


def test_waiting_for_what_can_never_come_is_found() -> None:
    kernel = SimulatedDispatcher(1)
    toy = partition(kernel, clock=kernel.clock)
    waiting = toy.ask(SetDownloadPath(WAIT))
    with pytest.raises(Stalled, match="never come"):
        waiting.get()
    with pytest.raises(TimeoutError, match="virtual"):
        waiting.get(timeout=5)
    toy.close()
    assert isinstance(waiting.failure(), SystemClosed)
    kernel.close()


def test_a_get_inside_an_effect_is_refused() -> None:
    kernel = SimulatedDispatcher(1)
    seen: list[BaseException] = []

    async def impatient() -> None:
        try:
            Future[int]().get()
        except WouldDeadlock as error:
            seen.append(error)

    kernel.carry_out(impatient, "impatient")
    kernel.run_until_idle()
    assert len(seen) == 1
    kernel.close()


def test_replies_come_only_after_the_commit() -> None:
    kernel = SimulatedDispatcher(3)
    toy = partition(kernel, clock=kernel.clock)
    asked = [toy.ask(SetUserAgent("0"), to="worker/001") for _ in range(100)]
    while not all(future.done for future in asked):
        kernel.step()
        done = sum(future.done for future in asked)
        assert done <= toy.store.position
    toy.close()
    kernel.close()


class SlowDisk:
    """A simulation in which a commit is slow for so many times more."""

    def __init__(self, times: int) -> None:
        self.times = times

    def buggify(self, name: str) -> bool:
        if name != "commit.slow" or not self.times:
            return False
        self.times -= 1
        return True

    def reached(self, name: str) -> None:
        pass


@pytest.mark.parametrize(("times", "takes_s"), [(0, 0.0), (1, SLOW_COMMIT_S), (3, 16 * SLOW_COMMIT_S), (99, 61.44)])
def test_time_passes_for_others_while_a_commit_is_slow(times: int, takes_s: float) -> None:
    kernel = SimulatedDispatcher(1)
    toy = partition(kernel, clock=kernel.clock)
    toy.flush().get()
    kernel.run_for(1)
    began = kernel.clock.monotonic()
    before = points.watch(SlowDisk(times))
    try:
        asked = toy.ask(SetUserAgent("0"), to="worker/001")
        kernel.run_until_idle()
        assert asked.done == (not times)
        assert kernel.clock.monotonic() == began, "others, who have something to do now, do it first"
        slowly = toy.ask(SetUserAgent("1"), to="worker/001", durable=False)
        slowly.get()
        asked.get()
    finally:
        points.watch(before)
    assert kernel.clock.monotonic() - began == pytest.approx(takes_s)
    toy.close()
    kernel.close()


def test_what_a_slow_disk_has_in_hand_is_committed_at_a_closing() -> None:
    kernel = SimulatedDispatcher(1)
    toy = partition(kernel, clock=kernel.clock)
    toy.flush().get()
    before = points.watch(SlowDisk(1))
    try:
        asked = toy.ask(SetUserAgent("0"), to="worker/001")
        kernel.run_until_idle()
        assert not asked.done
        toy.close()
        assert asked.done
        kernel.run_for(1)  # its time comes, and nobody is there any more
    finally:
        points.watch(before)
    kernel.close()
