"""How the live kernel carries out effects: in tasks that are used again, as if each effect had one of its own."""

from __future__ import annotations

import contextvars
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.lowlevel
from toys.counting import dispatcher as live
from toys.counting import partition
from trio.testing import wait_all_tasks_blocked

from partita.actors.kernel import dispatcher
from partita.actors.kernel.actor import Actor
from partita.actors.kernel.dispatcher import Dispatcher
from partita.actors.kernel.mailbox import Envelope
from partita.events.preferences import SetDownloadPath

MARK: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="nobody's")


def in_a_loop(body: Callable[[Dispatcher], Awaitable[None]]) -> None:
    """Run ``body`` beside a kernel, in the same loop."""

    async def main() -> None:
        kernel = Dispatcher()
        async with trio.open_nursery() as nursery:
            await nursery.start(kernel.run)
            await body(kernel)
            nursery.cancel_scope.cancel()

    trio.run(main)


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def briefly() -> None:
    await trio.lowlevel.checkpoint()


async def defective() -> None:
    raise RuntimeError("a defect")


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[threading.ExceptHookArgs]:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    return told


def test_one_task_carries_out_one_effect_after_another() -> None:
    async def body(kernel: Dispatcher) -> None:
        ran: list[object] = []

        async def effect() -> None:
            ran.append(trio.lowlevel.current_task())
            await trio.lowlevel.checkpoint()

        for _ in range(3):
            kernel.carry_out(effect, "effect")
            await wait_all_tasks_blocked()
        assert len(ran) == 3
        assert len(set(ran)) == 1

    in_a_loop(body)


def test_an_effect_has_the_name_and_the_context_of_its_own_beginning() -> None:
    async def body(kernel: Dispatcher) -> None:
        seen: list[tuple[str, str]] = []

        async def effect() -> None:
            seen.append((trio.lowlevel.current_task().name, MARK.get()))
            MARK.set("the effect's")

        kernel.carry_out(effect, "first")
        await wait_all_tasks_blocked()
        MARK.set("the second's")
        kernel.carry_out(effect, "second")
        await wait_all_tasks_blocked()
        assert seen == [("first", "nobody's"), ("second", "the second's")]

    in_a_loop(body)


def test_an_effect_that_is_stopped_is_cancelled_and_the_next_one_is_not() -> None:
    async def body(kernel: Dispatcher) -> None:
        ended: list[str] = []

        async def waits() -> None:
            try:
                await trio.sleep_forever()
            finally:
                ended.append("stopped")

        async def ends() -> None:
            await trio.lowlevel.checkpoint()
            ended.append("ended")

        carried = kernel.carry_out(waits, "waits")
        await wait_all_tasks_blocked()
        carried.stop()
        await wait_all_tasks_blocked()
        kernel.carry_out(ends, "ends")
        await wait_all_tasks_blocked()
        assert ended == ["stopped", "ended"]

    in_a_loop(body)


@pytest.mark.parametrize("again", [False, True])
def test_an_effect_that_is_stopped_before_it_began_gets_no_further_than_its_first_wait(again: bool) -> None:
    async def body(kernel: Dispatcher) -> None:
        reached: list[str] = []

        async def effect() -> None:
            reached.append("begun")
            await trio.lowlevel.checkpoint()
            reached.append("ended")

        if again:
            kernel.carry_out(briefly, "before")
            await wait_all_tasks_blocked()
        kernel.carry_out(effect, "effect").stop()
        await wait_all_tasks_blocked()
        assert reached == ["begun"]

    in_a_loop(body)


def test_stopping_an_effect_that_has_ended_leaves_what_its_task_is_at_by_now_alone() -> None:
    async def body(kernel: Dispatcher) -> None:
        first = kernel.carry_out(briefly, "first")
        await wait_all_tasks_blocked()
        opened = trio.Event()
        passed: list[bool] = []

        async def second() -> None:
            await opened.wait()
            passed.append(True)

        kernel.carry_out(second, "second")
        await wait_all_tasks_blocked()
        first.stop()
        opened.set()
        await wait_all_tasks_blocked()
        assert passed == [True]

    in_a_loop(body)


def test_no_more_tasks_are_kept_than_are_allowed() -> None:
    async def body(kernel: Dispatcher) -> None:
        before = tasks()
        opened = trio.Event()
        for _ in range(2 * dispatcher.MOST_IDLE):
            kernel.carry_out(opened.wait, "waits")
        await wait_all_tasks_blocked()
        assert tasks() == before + 2 * dispatcher.MOST_IDLE
        opened.set()
        await wait_all_tasks_blocked()
        assert tasks() == before + dispatcher.MOST_IDLE

    in_a_loop(body)


def test_what_an_effect_held_is_forgotten_when_it_has_ended() -> None:
    class Held:
        pass

    async def body(kernel: Dispatcher) -> None:
        held = Held()
        gone = weakref.ref(held)

        async def effect(held: Held = held) -> None:
            await trio.lowlevel.checkpoint()

        kernel.carry_out(effect, "effect")
        await wait_all_tasks_blocked()
        del held, effect
        gc.collect()
        assert gone() is None

    in_a_loop(body)


def test_a_defect_in_a_task_is_reported_and_the_kernel_goes_on(reported: list[threading.ExceptHookArgs]) -> None:
    async def body(kernel: Dispatcher) -> None:
        ended: list[str] = []

        async def effect() -> None:
            ended.append("the one after it")

        kernel.carry_out(defective, "defective")
        await wait_all_tasks_blocked()
        kernel.carry_out(effect, "effect")
        await wait_all_tasks_blocked()
        assert ended == ["the one after it"]
        assert not kernel.ended

    in_a_loop(body)
    assert [args.exc_type for args in reported] == [RuntimeError]


def test_a_defect_in_taking_turns_is_reported_and_what_came_behind_it_is_taken(
    reported: list[threading.ExceptHookArgs],
) -> None:
    """Whoever waits for an answer does not wait for ever: a closing does."""
    with live() as kernel:
        toy = partition(kernel)

        def take(actor: Actor, envelope: Envelope) -> None:
            if not reported and isinstance(envelope[0], SetDownloadPath):
                raise RuntimeError("a defect")
            toy.take_turn(actor, envelope)

        toy.take = take
        lost, kept = toy.ask(SetDownloadPath("/lost")), toy.ask(SetDownloadPath("/kept"))
        with pytest.raises(RuntimeError, match="a defect"):
            lost.get(60)
        assert kept.get(60) == "/kept"
        toy.close()
    assert [args.exc_type for args in reported] == [RuntimeError]


def test_a_defect_that_comes_again_and_again_leaves_the_loop_to_others(
    reported: list[threading.ExceptHookArgs],
) -> None:
    with live() as kernel:
        toy = partition(kernel)
        others: list[str] = []
        has_ticked = threading.Event()

        async def ticks() -> None:
            while len(others) < 3:
                await trio.lowlevel.checkpoint()
                others.append("tick")
            has_ticked.set()

        def take(actor: Actor, envelope: Envelope) -> None:
            if not has_ticked.is_set():
                actor.actor_inbox.put_internal(envelope)
            raise RuntimeError("a defect")

        toy.take = take
        toy.tell(SetDownloadPath("/again"))
        kernel.call_soon(lambda: kernel.carry_out(ticks, "ticks"))
        assert has_ticked.wait(60)
        toy.take = toy.take_turn
        toy.close()
    assert reported
