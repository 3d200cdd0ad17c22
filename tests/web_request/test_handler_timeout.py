"""Who outlives ``handler_timeout`` counts as a refusal, and is reported (API.md, rule 5); on both kernels."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from servers.virtual import Bench, run

import partita
from partita.actors.kernel.future import Future
from partita.actors.kernel.handler_table import HandlerLate, HandlerTable
from partita.actors.kernel.world import World
from partita.actors.live_world.live import live_world
from partita.errors import HandlerTimeout
from partita.simulations.entropy import SimulatedEntropy
from partita.web_request import Details, WebRequestResponse

from .asking import answers

CANCEL = WebRequestResponse(cancel=True)


class StoppedClock:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.live = live_world(HandlerTable()).clock
        self.sleeping: list[tuple[float, trio.Event]] = []
        self.given_up = 0

    def now_us(self) -> int:
        return self.live.now_us()

    def monotonic(self) -> float:
        return self.live.monotonic()

    async def sleep(self, seconds: float) -> None:
        event = trio.Event()
        self.sleeping.append((seconds, event))
        try:
            await event.wait()
        except trio.Cancelled:
            self.given_up += 1
            raise

    def pass_by(self) -> None:
        for _, event in self.sleeping:
            event.set()


@contextmanager
def late(name: str = "before_request/1") -> Iterator[None]:
    with pytest.warns(HandlerLate, match=rf"'web_request/{name}'.* did not answer within 5 s"):
        yield


async def when_asleep(clock: StoppedClock) -> None:
    while not clock.sleeping:
        await trio.testing.wait_all_tasks_blocked()


def test_on_the_live_kernel_a_late_answer_is_a_refusal(tmp_path: Path) -> None:
    async def main() -> None:
        clock = StoppedClock()
        async with partita.System(data_dir=tmp_path, clock=clock, handler_timeout=5) as system:
            session = system.from_partition("scratch")
            kept: list[Any] = []
            session.web_request.on_before_request(lambda details, callback: kept.append(callback))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(in_vain, session)
                await when_asleep(clock)
                assert [seconds for seconds, _ in clock.sleeping] == [5]
                clock.pass_by()
            kept[0](CANCEL)  # nobody listens any more
            gc.collect()

    async def in_vain(session: partita.Session) -> None:
        with pytest.raises(HandlerTimeout, match="that counts as a refusal"):
            await answers(session, "before_request")

    with late():
        trio.run(main)


def test_on_the_live_kernel_an_answer_in_time_counts_and_nothing_waits_on(tmp_path: Path) -> None:
    async def main() -> None:
        clock = StoppedClock()
        async with partita.System(data_dir=tmp_path, clock=clock, handler_timeout=5) as system:
            session = system.from_partition("scratch")

            async def listener(details: Details) -> WebRequestResponse:
                await when_asleep(clock)
                return CANCEL

            session.web_request.on_before_request(listener)
            assert await answers(session, "before_request") == [CANCEL]
            await trio.testing.wait_all_tasks_blocked()
            assert clock.given_up == 1

    trio.run(main)


def test_on_the_live_kernel_a_request_that_is_given_up_leaves_no_timer(tmp_path: Path) -> None:
    async def main() -> None:
        clock = StoppedClock()
        async with partita.System(data_dir=tmp_path, clock=clock, handler_timeout=5) as system:
            session = system.from_partition("scratch")
            session.web_request.on_before_request(lambda details, callback: None)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answers, session, "before_request")
                await when_asleep(clock)
                nursery.cancel_scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert clock.given_up == 1

    trio.run(main)
    gc.collect()


def test_what_is_raised_too_late_is_nobodys_business(tmp_path: Path) -> None:
    async def main() -> None:
        clock = StoppedClock()
        async with partita.System(data_dir=tmp_path, clock=clock, handler_timeout=5) as system:
            session = system.from_partition("scratch")
            answer: Future[Any] = Future()
            system.handlers.set(session._partition.key, "slow", lambda request, answer=answer: answer)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(in_vain, system, session)
                await when_asleep(clock)
                clock.pass_by()
            answer.set_exception(ZeroDivisionError())
            del answer
            gc.collect()

    async def in_vain(system: partita.System, session: partita.Session) -> None:
        with pytest.raises(HandlerTimeout):
            await system.handlers.ask(session._partition.key, "slow", None)

    with pytest.warns(HandlerLate):
        trio.run(main)


@pytest.mark.parametrize("wrong", [0, -1])
def test_a_timeout_is_a_number_of_seconds_above_0(wrong: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="handler_timeout is a number of seconds above 0"):
        partita.System(data_dir=tmp_path, handler_timeout=wrong)


# -- the simulation kernel --------------------------------------------------------------------------------------------


def limited(bench: Bench) -> partita.System:
    world = World(bench.clock, SimulatedEntropy(1), bench.network, bench.files, HandlerTable())
    return partita.System(data_dir=Path("/nowhere"), world=world, kernel=bench.kernel, handler_timeout=5)


@pytest.mark.parametrize("level", ["kernel", "trio"])
def test_in_virtual_time_a_late_answer_is_a_refusal(level: Any) -> None:
    async def program(bench: Bench) -> float:
        system = limited(bench)
        session = system.from_partition("scratch")

        async def never(details: Details) -> None:
            await bench.clock.sleep(1e6)

        session.web_request.on_before_request(never)
        began = bench.clock.monotonic()
        with pytest.raises(HandlerTimeout):
            await answers(session, "before_request")
        waited = bench.clock.monotonic() - began
        session.web_request.on_before_request(None)
        system.close()
        return waited

    with late():
        assert run(level, program) == pytest.approx(5)


@pytest.mark.parametrize("level", ["kernel", "trio"])
def test_in_virtual_time_an_answer_in_time_counts_though_another_never_comes(level: Any) -> None:
    async def program(bench: Bench) -> tuple[list[Any], float]:
        system = limited(bench)
        session = system.from_partition("scratch")
        web_request = session.web_request

        async def never(details: Details) -> None:
            await bench.clock.sleep(1e6)

        async def soon(details: Details) -> WebRequestResponse:
            await bench.clock.sleep(4.9)
            return CANCEL

        web_request.on_completed(never)
        web_request.on_before_request(soon)
        await answers(session, "completed")
        began = bench.clock.monotonic()
        said = await answers(session, "before_request")
        waited = bench.clock.monotonic() - began
        system.close()
        return said, waited

    said, waited = run(level, program)
    assert said == [CANCEL]
    assert waited == pytest.approx(4.9)
