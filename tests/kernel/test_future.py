from __future__ import annotations

import asyncio
import gc
import queue
import threading
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import pykka
import pytest
import trio
import trio.testing

from partita.actors.kernel.future import Future, FutureTimeout, UnobservedFailure, failed, resolved
from partita.events import points


def soon(action: object) -> threading.Thread:
    thread = threading.Thread(target=action)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_a_value_set_by_another_thread_is_got() -> None:
    future: Future[int] = Future()
    thread = soon(lambda: future.set(7))
    assert future.get() == 7
    assert future.get(timeout=0) == 7
    thread.join()


def test_a_failure_is_raised_at_every_get() -> None:
    future = failed(KeyError("k"))
    for _ in range(2):
        with pytest.raises(KeyError, match="k"):
            future.get()


def test_get_gives_up_after_its_timeout_and_says_so() -> None:
    future: Future[int] = Future()
    with pytest.raises(TimeoutError, match=r"0\.01 s") as caught:
        future.get(timeout=0.01)
    assert isinstance(caught.value, FutureTimeout)
    assert isinstance(caught.value, pykka.Timeout)


def test_a_future_is_completed_once() -> None:
    future = resolved(1)
    with pytest.raises(queue.Full):
        future.set(2)
    with pytest.raises(queue.Full):
        future.set_exception(ValueError())
    assert future.get() == 1


def test_it_is_awaited_under_trio_across_threads() -> None:
    async def main() -> int:
        future: Future[int] = Future()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, lambda: future.set(3))
            return await future
        raise AssertionError

    assert trio.run(main) == 3


def test_a_value_that_comes_while_a_task_of_trio_is_about_to_wait_is_had_at_once() -> None:
    """Between the look whether it is there and the wait for it: the task must not be woken from a wait that it never began."""

    class InTheMeantime(Future[int]):
        def when_done(self, callback: Callable[[], object]) -> None:
            self.settle(7)
            super().when_done(callback)

    async def main() -> None:
        with trio.fail_after(10):
            for _ in range(3):
                assert await InTheMeantime() == 7
            await trio.testing.wait_all_tasks_blocked()  # a wake-up that came too late would end this wait, or trio

    trio.run(main)


def test_it_is_awaited_under_trio_by_two_tasks_of_one_loop() -> None:
    async def main() -> list[int]:
        future: Future[int] = Future()
        seen: list[int] = []

        async def wait() -> None:
            seen.append(await future)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            future.set(4)
        return seen

    assert trio.run(main) == [4, 4]


def test_a_cancelled_wait_under_trio_leaves_the_future_as_it_was() -> None:
    async def main() -> int:
        future: Future[int] = Future()
        with trio.move_on_after(0.01) as scope:
            await future
        assert scope.cancelled_caught
        future.set(5)
        return await future

    assert trio.run(main) == 5


def test_it_is_awaited_under_asyncio_across_threads() -> None:
    async def main() -> int:
        future: Future[int] = Future()
        thread = soon(lambda: future.set(6))
        value = await future
        thread.join()
        return value

    assert asyncio.run(main()) == 6


def test_a_cancelled_wait_under_asyncio_leaves_the_future_as_it_was() -> None:
    async def main() -> int:
        future: Future[int] = Future()

        async def wait() -> int:
            return await future

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        future.set(8)
        await asyncio.sleep(0)
        return await future

    assert asyncio.run(main()) == 8


def test_combinators_block_nobody_and_pass_failures_through() -> None:
    source: Future[list[int]] = Future()
    mapped = source.map(len)
    filtered = source.filter(lambda item: item > 1)
    reduced = source.reduce(lambda left, right: left + right, 100)
    joined = source.join(mapped, filtered)
    assert not any(future.done for future in (mapped, filtered, reduced, joined))
    source.set([1, 2, 3])
    assert (mapped.get(), filtered.get(), reduced.get()) == (3, [2, 3], 106)
    assert joined.get() == [[1, 2, 3], 3, [2, 3]]
    broken: Future[int] = Future()
    chained = broken.map(str).map(len)
    broken.set_exception(LookupError("gone"))
    with pytest.raises(LookupError, match="gone"):
        chained.get()


def test_a_failure_that_nobody_looks_at_is_reported() -> None:
    with pytest.warns(UnobservedFailure, match="ValueError: lost"):
        failed(ValueError("lost"))
        gc.collect()


def test_nobody_hears_of_a_failure_that_a_simulation_has_left_behind() -> None:
    before = points.watch(SimpleNamespace())  # type: ignore[arg-type]
    left = failed(ValueError("crashed with its process"))
    during = failed(ValueError("forgotten while it runs"))
    with pytest.warns(UnobservedFailure, match="while it runs"):
        del during
        gc.collect()
    points.watch(before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del left
        gc.collect()


@pytest.mark.parametrize("look", [lambda f: f.failure(), lambda f: pytest.raises(ValueError, f.get)])
def test_a_failure_that_somebody_looked_at_is_not_reported(look: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        future = failed(ValueError("seen"))
        look(future)  # type: ignore[operator]
        del future
        gc.collect()


def test_a_callback_is_called_once_however_completion_and_adding_race() -> None:
    for _ in range(300):
        future: Future[int] = Future()
        calls: list[int] = []
        gate = threading.Barrier(2)

        def complete(future: Future[int] = future, gate: threading.Barrier = gate) -> None:
            gate.wait()
            future.set(1)

        thread = soon(complete)
        gate.wait()
        future.when_done(lambda calls=calls: calls.append(1))  # type: ignore[misc]
        thread.join()
        assert calls == [1]


def test_set_exception_takes_the_exception_being_handled() -> None:
    future: Future[int] = Future()
    try:
        raise OSError("disk")
    except OSError:
        future.set_exception()
    with pytest.raises(OSError, match="disk"):
        future.get()


def test_a_ctrl_c_in_a_callback_is_raised_where_the_main_thread_is() -> None:
    future: Future[int] = Future()
    called: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    future.when_done(interrupted)
    future.when_done(lambda: called.append("the other"))
    with pytest.raises(KeyboardInterrupt):
        future.set(1)
    assert (future.get(), called) == (1, ["the other"])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_callback_cannot_end_another_thread() -> None:
    future: Future[int] = Future()
    ended: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    def complete() -> None:
        future.set(1)
        ended.append("at its end")

    future.when_done(interrupted)
    thread = threading.Thread(target=complete)
    thread.start()
    thread.join()
    assert ended == ["at its end"]
