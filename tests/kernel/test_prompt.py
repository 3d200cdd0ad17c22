"""Effects that begin without a task, and get one where they wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
import trio.testing

from partita.actors.kernel.dispatcher import Dispatcher
from partita.actors.kernel.prompt import task_wanted


@asynccontextmanager
async def running() -> AsyncIterator[Dispatcher]:
    async with trio.open_nursery() as nursery:
        dispatcher = Dispatcher()
        await nursery.start(dispatcher.run)
        yield dispatcher
        dispatcher.end()


async def begun(dispatcher: Dispatcher, begin: Callable[[], object]) -> None:
    """Have ``begin`` called by the dispatcher, and come back when it has nothing more to do."""
    dispatcher.call_soon(begin)
    await trio.testing.wait_all_tasks_blocked()


def test_an_effect_that_waits_for_nothing_runs_in_the_dispatchers_own_task() -> None:
    tasks: list[str] = []

    async def work() -> None:
        tasks.append(trio.lowlevel.current_task().name)

    async def main() -> None:
        async with running() as dispatcher:
            await begun(dispatcher, lambda: dispatcher.carry_out_promptly(work, "answering"))

    trio.run(main)
    assert len(tasks) == 1
    assert "answering" not in tasks[0]


def test_what_goes_on_after_it_wanted_a_task_has_a_task_and_a_scope_of_its_own() -> None:
    tasks: list[str] = []

    async def work() -> None:
        await task_wanted()
        tasks.append(trio.lowlevel.current_task().name)
        with trio.move_on_after(0):
            await trio.sleep_forever()
        tasks.append("moved on")

    async def main() -> None:
        async with running() as dispatcher:
            await begun(dispatcher, lambda: dispatcher.carry_out_promptly(work, "answering"))

    trio.run(main)
    assert tasks == ["answering", "moved on"]


def test_one_that_waits_is_stopped_where_it_waits() -> None:
    seen: list[str] = []

    async def work() -> None:
        await task_wanted()
        seen.append("waits")
        try:
            await trio.sleep_forever()
        finally:
            seen.append("stopped")

    async def main() -> None:
        async with running() as dispatcher:
            carried = []
            await begun(dispatcher, lambda: carried.append(dispatcher.carry_out_promptly(work, "answering")))
            assert seen == ["waits"]
            carried[0].stop()
            await trio.testing.wait_all_tasks_blocked()
            assert seen == ["waits", "stopped"]

    trio.run(main)


def test_one_that_is_stopped_before_it_begins_is_cancelled_where_it_first_waits() -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append("begun")
        try:
            await task_wanted()
            await trio.lowlevel.checkpoint()
            seen.append("went on")
        finally:
            seen.append("stopped")

    async def main() -> None:
        async with running() as dispatcher:
            await begun(dispatcher, lambda: dispatcher.carry_out_promptly(work, "answering").stop())

    trio.run(main)
    assert seen == ["begun", "stopped"]


def test_one_that_wants_a_task_of_a_kernel_that_has_ended_is_closed() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await task_wanted()
            seen.append("went on")
        finally:
            seen.append("closed")

    async def main() -> None:
        async with running() as dispatcher:

            def begin_and_end() -> None:
                dispatcher.carry_out_promptly(work, "answering")
                dispatcher._nursery = None

            await begun(dispatcher, begin_and_end)

    trio.run(main)
    assert seen == ["closed"]
