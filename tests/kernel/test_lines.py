"""Effects of one line are carried out one after another, in the order of their turns."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

import trio
import trio.testing

from partita.actors.kernel.carrying import Carrying
from partita.events.types import AwaitedEffect


class Step(AwaitedEffect, frozen=True, tag="tests.step/1"):
    """``lane``: the line that it stands in."""

    lane: str = "one"

    @property
    def line(self) -> str:
        return self.lane


class Carried:
    def __init__(self) -> None:
        self.scope = trio.CancelScope()

    def stop(self) -> None:
        self.scope.cancel()


class Kernel:
    begins_promptly = False

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def carry_out(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> Carried:
        carried = Carried()

        async def run() -> None:
            with carried.scope:
                await work()

        self._nursery.start_soon(run, name=name)
        return carried


class Host:
    """What carrying needs of a partition."""

    name = "tests"

    def __init__(self, nursery: trio.Nursery) -> None:
        self.kernel = Kernel(nursery)


class Bench:
    """Carries out steps that end when they are let go."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.carrying = Carrying(cast("Any", Host(nursery)), {Step: self._carry})
        self.begun: list[str] = []
        self.ended: list[str] = []
        self._gates: dict[str, trio.Event] = {}
        cast("Any", self.carrying).partition.actor = lambda _: self
        self.actor_inbox = self

    def put_internal(self, envelope: object) -> None:
        """What is told of effects that have ended without an outcome."""

    async def _carry(self, effect: Step, door: object) -> None:
        self.begun.append(effect.id)
        gate = self._gates.setdefault(effect.id, trio.Event())
        try:
            await gate.wait()
        finally:
            self.ended.append(effect.id)

    def begin(self, *names: str, lane: str = "one") -> None:
        for name in names:
            self.carrying.begin("broker/hid", Step(name, lane), 1)

    async def let_go(self, name: str) -> None:
        self._gates.setdefault(name, trio.Event()).set()
        await trio.testing.wait_all_tasks_blocked()


def test_one_after_another() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            names = [f"step {number}" for number in range(30)]
            bench.begin(*names)
            await trio.testing.wait_all_tasks_blocked()
            for number, name in enumerate(names):
                assert bench.begun == names[: number + 1]
                assert bench.ended == names[:number]
                await bench.let_go(name)
            assert bench.ended == names
            bench.begin("again")
            await bench.let_go("again")
            assert bench.carrying.under_way == 0

    trio.run(main)


def test_lines_do_not_wait_for_each_other() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            bench.begin("a", "b", lane="one")
            bench.begin("c", lane="two")
            bench.begin("d", "e", lane="")
            await trio.testing.wait_all_tasks_blocked()
            assert sorted(bench.begun) == ["a", "c", "d", "e"]
            for name in "abcde":
                await bench.let_go(name)
            assert sorted(bench.ended) == ["a", "b", "c", "d", "e"]

    trio.run(main)


def test_who_is_stopped_is_passed_by() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            bench.begin("a", "b", "c", "d")
            await trio.testing.wait_all_tasks_blocked()
            bench.carrying.stop("b")  # it waits
            bench.carrying.stop("d")  # the last
            assert bench.carrying.under_way == 2
            bench.carrying.stop("a")  # it is being carried out
            await trio.testing.wait_all_tasks_blocked()
            assert bench.begun == ["a", "c"]
            bench.begin("e")
            await bench.let_go("c")
            assert bench.begun == ["a", "c", "e"]
            await bench.let_go("e")
            assert bench.carrying.under_way == 0

    trio.run(main)


def test_closing_stops_those_that_wait() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            bench.begin("a", "b")
            await trio.testing.wait_all_tasks_blocked()
            stopped = bench.carrying.stop_all()
            await stopped
            assert bench.begun == ["a"]

    trio.run(main)
