"""The work that everybody does: a path is set, in a turn of about 150 bytes; and what runs it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.dispatcher import Dispatcher
from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.world import Carriers, Clock, World
from partita.events.preferences import DownloadPathSet, PreferencesState, SetDownloadPath
from partita.events.turn import External, Turn
from partita.store.codec import RecordedTurn
from partita.store.partition import PartitionStore

PATH = "/home/somebody/films"
"""Such that a turn takes about 150 bytes in the log: its message and its event both have it."""

MESSAGE = SetDownloadPath(PATH)


def decide(state: PreferencesState, message: SetDownloadPath, ctx: Context) -> Decision:  # noqa: ARG001
    return Decision((DownloadPathSet(message.path),), reply=message.path)


def evolve(state: PreferencesState, event: DownloadPathSet) -> PreferencesState:
    return PreferencesState(state.user_agent, state.accept_languages, event.path)


def behavior(kind: str) -> Behavior[Any]:
    return Behavior(kind, PreferencesState, {SetDownloadPath: decide}, {DownloadPathSet: evolve})


BEHAVIORS: Mapping[str, Behavior[Any]] = {kind: behavior(kind) for kind in ("session", "page")}


def recorded_turns(first: int, count: int) -> list[RecordedTurn]:
    """Turns as the kernel makes them, each of objects of its own."""
    now = time.time_ns() // 1000
    return [
        Turn(
            position,
            now + position,
            "session",
            External("api", position),
            SetDownloadPath(PATH),
            (DownloadPathSet(PATH),),
        )
        for position in range(first, first + count)
    ]


TURN_BYTES = len(msgspec.msgpack.encode(recorded_turns(100_000, 1)[0]))


class SystemClock:
    """The clock port."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


class _Absent:
    """The ports that this work needs none of."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the port was asked for {name}")


def world(clock: Clock) -> World:
    return World(clock, _Absent(), _Absent(), _Absent(), _Absent())


@contextmanager
def dispatcher() -> Iterator[Dispatcher]:
    """The live kernel, on a thread of its own."""
    kernel = Dispatcher()
    started = threading.Event()
    ends: list[Any] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(kernel.run)
            token = trio.lowlevel.current_trio_token()
            ends.append(lambda: token.run_sync_soon(nursery.cancel_scope.cancel))
            started.set()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    started.wait()
    try:
        yield kernel
    finally:
        ends[0]()
        thread.join()


def opened(directory: Path) -> PartitionStore:
    return PartitionStore.open(directory, name="benchmark", random_bytes=os.urandom)


@contextmanager
def partition(
    kernel: Kernel,
    store: PartitionStore,
    behaviors: Mapping[str, Behavior[Any]] = BEHAVIORS,
    clock: Clock | None = None,
    carriers: Carriers | None = None,
) -> Iterator[Partition]:
    """A partition over a store; both are closed at the end."""
    running = Partition(
        store, behaviors=behaviors, carriers=carriers or {}, kernel=kernel, world=world(clock or SystemClock())
    )
    try:
        yield running
    finally:
        running.close()
