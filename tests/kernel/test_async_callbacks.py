from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import trio

from partita.actors.kernel.async_callbacks import AsyncCallbacks
from partita.actors.kernel.delivery import CallbackThread, KernelCallbacks
from partita.actors.kernel.future import Future
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher


@pytest.fixture
def thread() -> Iterator[CallbackThread]:
    callbacks = CallbackThread()
    yield callbacks
    callbacks.close()


def test_they_begin_in_order_on_a_thread_that_the_first_one_starts(thread: CallbackThread) -> None:
    callbacks = AsyncCallbacks(thread)
    before = threading.active_count()
    begun: list[int] = []

    async def one(number: int) -> int:
        begun.append(number)
        await trio.lowlevel.checkpoint()
        return number

    futures = [callbacks.run(one, number) for number in range(100)]
    assert [future.get(10) for future in futures] == list(range(100))
    assert begun == list(range(100))
    assert threading.active_count() == before + 1


def test_what_one_raises_is_its_own(thread: CallbackThread) -> None:
    callbacks = AsyncCallbacks(thread)

    async def broken() -> None:
        raise ZeroDivisionError

    async def leaving() -> None:
        raise SystemExit

    async def fine() -> str:
        return "fine"

    with pytest.raises(ZeroDivisionError):
        callbacks.run(broken).get(10)
    with pytest.raises(RuntimeError, match="has ended"):
        callbacks.run(leaving).get(10)
    assert callbacks.run(fine).get(10) == "fine"


def test_closing_cuts_off_what_never_ends_and_begins_nothing_more() -> None:
    thread = CallbackThread()
    callbacks = AsyncCallbacks(thread)
    begun = threading.Event()

    async def endless() -> None:
        begun.set()
        await trio.sleep_forever()

    cut_off = callbacks.run(endless)
    assert begun.wait(10)
    assert callbacks.alive()
    thread.close()
    assert isinstance(cut_off.failure(), RuntimeError)
    assert not callbacks.alive()
    assert callbacks.run(endless).get(10) is None


def test_many_threads_may_hand_over_while_it_is_closed() -> None:
    thread = CallbackThread()
    callbacks = AsyncCallbacks(thread)
    futures: list[Future[object]] = []

    async def one() -> None:
        await trio.lowlevel.checkpoint()

    def hand_over() -> None:
        for _ in range(200):
            futures.append(callbacks.run(one))

    threads = [threading.Thread(target=hand_over) for _ in range(4)]
    for each in threads:
        each.start()
    thread.close()
    for each in threads:
        each.join()
    for future in futures:
        future.when_done(future.failure)
    assert len(futures) == 800
    assert all(future.done for future in futures)


def test_on_the_simulation_kernel_they_begin_in_order_whatever_the_seed_draws() -> None:
    for seed in range(20):
        kernel = SimulatedDispatcher(seed)
        try:
            callbacks = AsyncCallbacks(KernelCallbacks(kernel))
            begun: list[int] = []

            async def one(number: int, begun: list[int] = begun, kernel: SimulatedDispatcher = kernel) -> int:
                begun.append(number)
                await kernel.clock.sleep(10.0 - number)
                return number

            futures = [callbacks.run(one, number) for number in range(10)]
            assert [future.get() for future in futures] == list(range(10))
            assert begun == list(range(10))
        finally:
            kernel.close()
