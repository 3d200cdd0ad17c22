"""An actor that remembers the last path it was told, and workers that pass tokens around."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.dispatcher import Dispatcher
from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.system import ActorSystem
from partita.actors.kernel.world import Carriers, World
from partita.events.preferences import DownloadPathSet, PreferencesState, SetDownloadPath, SetUserAgent
from partita.events.system import Tell
from partita.store.partition import PartitionStore

CRASH = "/crash"
REFUSE = "/refuse"
LOOK = "/look"
WAIT = "/wait"
RELEASE = "/release"


def set_path(state: PreferencesState, message: SetDownloadPath, ctx: Context) -> Decision:
    """Every branch that a turn can take, chosen by the path."""
    if message.path == CRASH:
        raise ZeroDivisionError("the rule has a defect")
    if message.path == REFUSE:
        return Decision(refusal=ValueError("no such path"))
    if message.path == LOOK:
        return Decision(reply=state.download_path)
    if message.path == WAIT:
        return Decision(waits="release")
    if message.path == RELEASE:
        return Decision((DownloadPathSet(message.path),), answers=(("release", "released"),))
    return Decision((DownloadPathSet(message.path),), reply=message.path)


def path_set(state: PreferencesState, event: DownloadPathSet) -> PreferencesState:
    return PreferencesState(download_path=event.path)


def pass_on(state: PreferencesState, message: SetUserAgent, ctx: Context) -> Decision:
    """A token ``left`` hops from its end: to a worker drawn by the turn's own random numbers."""
    left = int(message.user_agent)
    seen = DownloadPathSet(f"{state.download_path or ''}{left % 10}"[-8:])
    if left == 0:
        return Decision((seen,))
    to = f"worker/{ctx.random.below(1_000):03}"
    return Decision((seen,), (Tell(to, SetUserAgent(str(left - 1))),))


SESSION = Behavior("session", PreferencesState, {SetDownloadPath: set_path}, {DownloadPathSet: path_set})
WORKER = Behavior("worker", PreferencesState, {SetUserAgent: pass_on}, {DownloadPathSet: path_set})
BEHAVIORS: dict[str, Behavior[Any]] = {"session": SESSION, "worker": WORKER}


class Clock:
    """The real wall clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


class Entropy:
    """Bytes of a seed, the same in every process."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._count = 0

    def random_bytes(self, count: int) -> bytes:
        import hashlib

        self._count += 1
        return hashlib.shake_256(f"{self._seed}/{self._count}".encode()).digest(count)


class Nothing:
    """A port that nobody should touch."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the port was asked for {name}")


def world(clock: Any = None, seed: int = 0) -> World:
    return World(clock or Clock(), Entropy(seed), Nothing(), Nothing(), HandlerTable())


@contextmanager
def dispatcher() -> Iterator[Dispatcher]:
    """A live kernel on a thread of its own."""
    kernel = Dispatcher()
    started = threading.Event()
    end: list[Any] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(kernel.run)
            token = trio.lowlevel.current_trio_token()
            end.append(lambda: token.run_sync_soon(nursery.cancel_scope.cancel))
            started.set()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    started.wait()
    try:
        yield kernel
    finally:
        end[0]()
        thread.join()


def partition(
    kernel: Kernel,
    directory: Path | None = None,
    *,
    clock: Any = None,
    carriers: Carriers | None = None,
    behaviors: dict[str, Behavior[Any]] = BEHAVIORS,
    seed: int = 0,
    snapshot_every_turns: int = 10_000,
) -> Partition:
    """A partition of the toys: in memory, or in a folder."""
    entropy = Entropy(seed)
    if directory is None:
        store = PartitionStore.in_memory(name="toy", random_bytes=entropy.random_bytes)
    else:
        store = PartitionStore.open(directory, name="toy", random_bytes=entropy.random_bytes)
    return Partition(
        store,
        behaviors=behaviors,
        carriers=carriers or {},
        kernel=kernel,
        world=world(clock, seed),
        snapshot_every_turns=snapshot_every_turns,
    )


def system(data_dir: Path, kernel: Kernel | None = None) -> ActorSystem:
    """A whole system of the toys."""
    return ActorSystem(data_dir=data_dir, world=world(), behaviors=BEHAVIORS, carriers={}, kernel=kernel)
