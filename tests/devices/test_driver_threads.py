"""Threads for blocking libraries: what is done, what is left undone, and that none stays."""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from partita.actors.devices.drivers.threads import Producer, Worker, in_a_thread
from partita.events.errors import DeviceError


def run(test: Callable[[], Awaitable[None]]) -> None:
    before = set(threading.enumerate())

    async def main() -> None:
        with trio.fail_after(20):
            await test()

    trio.run(main)
    assert set(threading.enumerate()) == before, "no thread stays"


def test_work_is_done_in_its_thread_in_order_and_raises_what_it_raises() -> None:
    async def test() -> None:
        worker = Worker("working")
        names = [await worker.run(lambda: threading.current_thread().name) for _ in range(2)]
        assert names == ["working", "working"]
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        await worker.close()
        await worker.close()
        with pytest.raises(DeviceError) as raised:
            await worker.run(lambda: None)
        assert raised.value.failure == "gone"

    run(test)


def test_who_is_cancelled_leaves_at_once_and_what_waited_is_not_done() -> None:
    done: list[str] = []
    began, go_on = threading.Event(), threading.Event()

    def work(name: str) -> None:
        began.set()
        assert go_on.wait(20)
        done.append(name)

    async def test() -> None:
        worker = Worker("working")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.run, lambda: work("under way"))
            await wait_all_tasks_blocked()
            assert began.wait(20)
            nursery.start_soon(worker.run, lambda: work("waiting"))
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert done == []
        with pytest.raises(DeviceError, match=r"within 0\.01 s") as raised:
            await worker.run(lambda: work("too late"), 0.01)
        assert raised.value.failure == "timeout"
        go_on.set()
        await worker.run(lambda: work("next"))
        assert done == ["under way", "next"]
        await worker.close()

    run(test)


def test_a_single_job_has_a_thread_for_itself() -> None:
    async def test() -> None:
        assert await in_a_thread("once", lambda: threading.current_thread().name) == "once"
        with pytest.raises(ZeroDivisionError):
            await in_a_thread("once", lambda: 1 // 0)

    run(test)


def test_items_come_in_order_and_no_more_than_fit_are_made() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    async def test() -> None:
        producer = Producer("making", make, most=3)
        for expected in range(10):
            assert await producer.next() == expected
            assert len(made) <= expected + 4
        await producer.close()

    run(test)


def test_what_ends_a_producer_is_told_after_what_it_has_made() -> None:
    items = iter([1, None, 2])
    finished: list[bool] = []

    def make() -> int | None:
        for item in items:
            return item
        raise DeviceError("gone", "pulled out")

    async def test() -> None:
        producer = Producer("making", make, most=8, finish=lambda: finished.append(True))
        assert [await producer.next(), await producer.next()] == [1, 2]
        for _ in range(2):
            with pytest.raises(DeviceError, match="pulled out"):
                await producer.next()
        assert producer.error is not None
        await producer.close()
        assert finished == [True]

    run(test)


def test_what_a_library_raises_ends_the_producer_as_failed() -> None:
    def make() -> int:
        return 1 // 0

    async def test() -> None:
        producer = Producer("making", make, most=8)
        with pytest.raises(DeviceError, match="ZeroDivisionError") as raised:
            await producer.next()
        assert raised.value.failure == "failed"
        await producer.close()

    run(test)


def test_closing_a_producer_wakes_it_and_who_waits() -> None:
    given: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    failures: list[str] = []

    async def test() -> None:
        producer = Producer("waiting", given.get, most=8, wake=lambda: given.put(None))

        async def wait() -> None:
            with pytest.raises(DeviceError) as raised:
                await producer.next()
            failures.append(raised.value.failure)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            await producer.close()
        await producer.close()
        assert failures == ["gone"]

    run(test)


def test_a_cancelled_wait_takes_no_item() -> None:
    given: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    async def test() -> None:
        producer = Producer("waiting", given.get, most=8, wake=lambda: given.put(None))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(producer.next)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        given.put(1)
        assert await producer.next() == 1
        await producer.close()

    run(test)
