"""The live kernel in virtual time, and the switch in trio that it needs."""

from __future__ import annotations

import threading

import pytest
import trio
from servers.virtual import Bench, run

import partita
from partita.actors.kernel.simulated_dispatcher import EPOCH_US, Stalled
from partita.simulations.faults import Faults
from partita.simulations.internet import Internet
from partita.simulations.life import Crash, Life
from partita.simulations.trio_kernel import Schedule, TrioKernel, VirtualClock, outside, run_in_virtual_time


def order(seed: int) -> list[int]:
    """In which order five tasks that wake up at one moment go on."""
    went: list[int] = []

    async def main(kernel: TrioKernel) -> None:
        async def one(number: int) -> None:
            await trio.sleep(1)
            went.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(one, number)

    run_in_virtual_time(main, seed)
    return went


def test_trio_still_has_the_switch_for_a_deterministic_scheduler() -> None:
    scheduler = trio._core._run
    assert isinstance(scheduler._ALLOW_DETERMINISTIC_SCHEDULING, bool), (
        "trio has moved it: see simulations/trio_kernel.py"
    )
    assert callable(scheduler._r.shuffle), "trio has moved it: see simulations/trio_kernel.py"


def test_the_seed_settles_who_goes_next() -> None:
    assert all(order(seed) == order(seed) for seed in range(10)), "trio no longer draws from its _r alone"
    assert len({tuple(order(seed)) for seed in range(10)}) > 3, "trio no longer shuffles with its _r"


def test_the_switch_is_given_back() -> None:
    scheduler = trio._core._run
    before = scheduler._r, scheduler._ALLOW_DETERMINISTIC_SCHEDULING
    with pytest.raises(ZeroDivisionError):
        run_in_virtual_time(lambda kernel: 1 / 0, 1)  # type: ignore[arg-type,return-value]
    assert (scheduler._r, scheduler._ALLOW_DETERMINISTIC_SCHEDULING) == before


def test_a_schedule_whose_draws_are_used_up_takes_tasks_as_they_were_made() -> None:
    items = list(range(5))
    schedule = Schedule(1, draws_at_most=0)
    schedule.shuffle(items)
    assert [items.pop() for _ in range(5)] == [0, 1, 2, 3, 4]
    assert (schedule.draws, schedule.random()) == (1, 0.0)


def test_time_jumps_and_goes_on_in_the_next_run() -> None:
    clock = VirtualClock()

    async def main(kernel: TrioKernel) -> None:
        await clock.sleep(3600)

    run_in_virtual_time(main, 1, clock=clock)
    run_in_virtual_time(main, 1, clock=clock)
    assert clock.monotonic() == pytest.approx(7200)
    assert clock.now_us() == EPOCH_US + 7_200_000_000


def test_a_run_that_waits_for_what_can_never_come_is_ended() -> None:
    async def main(kernel: TrioKernel) -> None:
        await trio.sleep_forever()

    with pytest.raises(Stalled, match=r"within 100 s"):
        run_in_virtual_time(main, 1, longest_s=100)


def session_of(kernel: TrioKernel, clock: VirtualClock) -> tuple[partita.System, partita.Session]:
    internet = Internet(Faults(1, {}), clock, settings={})
    system = Bench(1, kernel, clock, internet, internet.live_network(Life(1))).system()
    return system, system.from_partition("main")


def test_a_crash_in_a_commit_ends_the_run_and_comes_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    ended: list[str] = []

    async def main(kernel: TrioKernel) -> None:
        _, session = session_of(kernel, clock)
        log = session._partition.store
        await session.flush()

        def crash(*_: object, **__: object) -> None:
            raise Crash("kill", "commit")

        monkeypatch.setattr(type(session._partition.committer), "commit_once", crash)
        assert log is not None
        try:
            await session.cookies.set(url="http://a.test/", name="a", value="1")
        finally:
            ended.append("main")

    with pytest.raises(Crash) as caught:
        run_in_virtual_time(main, 1, clock=clock)
    assert (caught.value.kind, caught.value.at, ended) == ("kill", "commit", ["main"])


def test_a_crash_in_the_program_comes_out_as_well() -> None:
    async def main(kernel: TrioKernel) -> None:
        outside().start_soon(trio.sleep_forever)
        raise Crash("power", "here")

    with pytest.raises(Crash, match="power at here"):
        run_in_virtual_time(main, 1)


def test_a_session_needs_no_thread() -> None:
    threads = threading.active_count()

    async def program(bench: Bench) -> None:
        system = bench.system()
        session = system.from_partition("main")
        response = await session.fetch("http://shop.test/login")
        assert response.text == "sid=1"
        await session.flush()
        assert threading.active_count() == threads
        system.close()
        assert threading.active_count() == threads

    run("trio", program)


def test_an_effect_that_is_under_way_is_named_and_ends_with_the_system() -> None:
    async def program(bench: Bench) -> None:
        kernel = bench.kernel
        assert isinstance(kernel, TrioKernel)
        system = bench.system()
        fetching = system.from_partition("main").fetch("http://shop.test/file")
        await bench.clock.sleep(0.08)
        assert kernel.tasks == ("SendRequest of session",)
        assert bench.internet.open_responses == ("http://shop.test/file",)
        system.close()
        assert fetching.done
        assert fetching.failure() is not None
        await bench.clock.sleep(5)
        assert kernel.tasks == ()
        assert bench.internet.open_responses == ()

    run("trio", program)
