"""Whoever says more than can be done is held back or told, and nothing that was accepted is lost (DESIGN, 12)."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import trio
from durability.waiting import all_at_once, in_time, until
from toys.counting import BEHAVIORS, Entropy, dispatcher, partition, world

from partita.actors.kernel import dispatcher as dispatching
from partita.actors.kernel import mailbox as mailboxes
from partita.actors.kernel import partition as partitions
from partita.actors.kernel.carrying import EffectDoor
from partita.actors.kernel.dispatcher import Dispatcher
from partita.actors.kernel.future import Future
from partita.actors.kernel.mailbox import BOUND, HARD_LIMIT, Envelope, Mailbox
from partita.actors.kernel.partition import Partition
from partita.errors import Overloaded
from partita.events.preferences import DownloadPathSet, SetDownloadPath
from partita.events.turn import External
from partita.store.memory_environment import MemoryEnvironment, MemoryTransaction
from partita.store.partition import PartitionStore


@contextmanager
def held(kernel: Dispatcher) -> Iterator[None]:
    """The thread that takes the turns does something else for the length of the block."""
    busy, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        busy.set()
        go_on.wait(60)

    kernel.call_soon(hold)
    assert busy.wait(60)
    try:
        yield
    finally:
        go_on.set()


@pytest.fixture
def toy() -> Iterator[Partition]:
    with dispatcher() as kernel:
        opened = partition(kernel)
        opened.flush().get(30)
        try:
            yield opened
        finally:
            opened.close()


def paths(of: Partition) -> list[str]:
    """What was said, as the log has it."""
    return [event.path for turn in of.store.turns() for event in turn.events if isinstance(event, DownloadPathSet)]


def kernel_of(of: Partition) -> Dispatcher:
    assert isinstance(of.kernel, Dispatcher)
    return of.kernel


def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailboxes, "BOUND", 200)
    monkeypatch.setattr(mailboxes, "HARD_LIMIT", 500)


def test_a_plain_thread_is_held_at_the_bound_and_let_in_when_there_is_room(toy: Partition) -> None:
    sent = 0
    count = BOUND + 5_000
    futures: list[Future[str]] = []

    def flood() -> None:
        nonlocal sent
        for number in range(count):
            futures.append(toy.ask(SetDownloadPath(f"/{number}")))
            sent = number + 1

    thread = threading.Thread(target=flood, daemon=True)
    mailbox = toy.actor("session").actor_inbox
    with held(kernel_of(toy)):
        thread.start()
        until(lambda: mailbox.waiting, "the thread is held")
        assert sent == len(mailbox.queue) == BOUND
    thread.join(60)
    assert not thread.is_alive()
    assert [future.get(60) for future in futures] == paths(toy) == [f"/{number}" for number in range(count)]


def test_many_threads_are_held_at_the_bound_together(toy: Partition, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    mailbox = toy.actor("session").actor_inbox

    def flood(thread: int) -> Callable[[], None]:
        def run() -> None:
            for number in range(400):
                toy.tell(SetDownloadPath(f"/{thread}/{number}"))

        return run

    floods = threading.Thread(target=lambda: all_at_once(*map(flood, range(8))), daemon=True)
    with held(kernel_of(toy)):
        floods.start()
        until(lambda: mailbox.waiting, "they are held")
        assert len(mailbox.queue) <= 200 + 8
    floods.join(60)
    assert not floods.is_alive()
    toy.flush().get(60)
    said = paths(toy)
    for thread in range(8):
        mine = [path for path in said if path.startswith(f"/{thread}/")]
        assert mine == [f"/{thread}/{number}" for number in range(400)]


def accepted_before_overload(toy: Partition) -> tuple[list[Future[str]], str]:
    """Ask until it is refused, on a thread that may not be blocked."""
    accepted: list[Future[str]] = []
    while True:
        try:
            accepted.append(toy.ask(SetDownloadPath(f"/{len(accepted)}")))
        except Overloaded as error:
            return accepted, str(error)


async def in_asyncio(toy: Partition) -> tuple[list[Future[str]], str]:
    return accepted_before_overload(toy)


@pytest.mark.parametrize("run", [asyncio.run, lambda program: trio.run(lambda: program)], ids=["asyncio", "trio"])
def test_a_loops_thread_is_refused_at_the_hard_limit_and_what_was_accepted_is_done(
    toy: Partition, run: Callable[..., tuple[list[Future[str]], str]]
) -> None:
    with held(kernel_of(toy)):
        accepted, refusal = in_time(lambda: run(in_asyncio(toy)))
        assert len(accepted) == HARD_LIMIT
        assert str(HARD_LIMIT) in refusal
        assert "session" in refusal
    assert [future.get(60) for future in accepted] == paths(toy)
    assert len(accepted) == len(paths(toy))
    assert toy.ask(SetDownloadPath("/again")).get(60) == "/again"


def test_outcomes_and_messages_between_actors_are_never_refused(
    toy: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    door = EffectDoor(toy.carrying, "session", 1)
    with held(kernel_of(toy)):

        async def fill() -> None:
            accepted_before_overload(toy)

        in_time(lambda: asyncio.run(fill()))
        for number in range(1_000):
            door.tell(SetDownloadPath(f"/outcome/{number}"))
    toy.flush().get(60)
    assert paths(toy)[500:] == [f"/outcome/{number}" for number in range(1_000)]


class SlowDisk(MemoryEnvironment):
    """An environment whose commits wait until somebody lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.go_on.set()

    def begin(self, *, write: bool = False) -> MemoryTransaction:
        if write:
            assert self.go_on.wait(60)
        return super().begin(write=write)


def test_a_slow_disk_holds_back_the_turns_and_these_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    monkeypatch.setattr(partitions, "BACKLOG_LIMIT", 1_000)
    monkeypatch.setattr(dispatching, "CAUGHT_UP", 100)
    disk = SlowDisk()
    count = 5_000
    with dispatcher() as kernel:
        store = PartitionStore.in_memory(name="toy", random_bytes=Entropy().random_bytes, environment=disk)
        toy = Partition(store, behaviors=BEHAVIORS, carriers={}, kernel=kernel, world=world())
        toy.flush().get(30)
        mailbox = toy.actor("session").actor_inbox
        disk.go_on.clear()
        thread = threading.Thread(
            target=lambda: [toy.tell(SetDownloadPath(f"/{number}")) for number in range(count)], daemon=True
        )
        thread.start()
        until(lambda: mailbox.waiting and toy.committer.backlog > 1_000, "the disk holds them back")
        assert toy.committer.backlog <= 1_000 + dispatching.QUANTUM
        assert len(mailbox.queue) <= 200
        disk.go_on.set()
        thread.join(60)
        assert not thread.is_alive()
        toy.flush().get(60)
        assert paths(toy) == [f"/{number}" for number in range(count)]
        toy.close()


def test_messages_that_come_while_others_are_dropped_keep_their_order_and_none_is_lost() -> None:
    """What a failed commit takes back is dropped on the kernel's thread while any other puts (DESIGN, 8)."""

    class Kernel:
        def schedule(self, actor: object) -> None:
            pass

    class Owner:
        kernel = Kernel()
        name = "session"

    mailbox = Mailbox(Owner())  # type: ignore[arg-type]
    count = 30_000
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:

        def put() -> None:
            for number in range(count):
                caused = number % 100 == 99
                cause = 8 if caused else External("api", number)
                mailbox.put_internal((SetDownloadPath(f"/{number}"), cause, None, False))

        thread = threading.Thread(target=put, daemon=True)
        thread.start()
        dropped: list[Envelope] = []
        while thread.is_alive():
            dropped += mailbox.drop_caused_after(7)
        thread.join(60)
    finally:
        sys.setswitchinterval(switch_s)
    dropped += mailbox.drop_caused_after(7)
    assert [envelope[1] for envelope in dropped] == [8] * (count // 100)
    assert [envelope[1] for envelope in mailbox.queue] == [
        External("api", number) for number in range(count) if number % 100 != 99
    ]
