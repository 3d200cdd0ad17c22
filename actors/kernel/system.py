"""An actor system: a kernel, a world, and the partitions that are open in it.

    with System(...) as system:            the kernel runs on a background thread
    async with System(...) as system:      under trio: in the caller's own loop; under asyncio: on a background thread
    system = System(...)                   the same as ``with``, ended by close() or at the interpreter's exit

Nothing needs a running loop to be constructed. Given a ``kernel`` (the simulation kernel), there is no thread at all.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from pathlib import Path
from traceback import clear_frames
from types import TracebackType
from typing import TYPE_CHECKING, Self

import trio

from partita.actors.kernel.delivery import Callbacks, CallbackThread
from partita.actors.kernel.dispatcher import Dispatcher
from partita.actors.kernel.future import Future
from partita.actors.kernel.partition import SNAPSHOT_EVERY_TURNS, Partition
from partita.events.errors import SystemClosed
from partita.store.names import folder_name
from partita.store.opening import StoreOptions
from partita.store.partition import PartitionStore

if TYPE_CHECKING:
    from partita.actors.kernel.fold import Behaviors
    from partita.actors.kernel.kernel import Kernel
    from partita.actors.kernel.world import Carriers, World


class ActorSystem:
    """Partitions over one kernel and one world. ``partita.System`` is this, filled with what a session is made of."""

    def __init__(
        self,
        *,
        data_dir: Path,
        world: World,
        behaviors: Behaviors,
        carriers: Carriers,
        kernel: Kernel | None = None,
        store_options: StoreOptions | None = None,
        snapshot_every_turns: int = SNAPSHOT_EVERY_TURNS,
        partition_type: type[Partition] = Partition,
    ) -> None:
        self.data_dir = data_dir
        self.world = world
        self.callbacks: Callbacks = CallbackThread() if kernel is None else kernel.callbacks()
        self._behaviors = behaviors
        self._carriers = carriers
        self._store_options = store_options or StoreOptions()
        self._snapshot_every_turns = snapshot_every_turns
        self._partition_type = partition_type
        self._partitions: dict[str, Partition] = {}
        self._lock = threading.RLock()
        self._closed = False
        self._dispatcher: Dispatcher | None = None
        self._kernel = kernel
        self._thread: threading.Thread | None = None

    # -- life -------------------------------------------------------------------------------------------------------

    @property
    def kernel(self) -> Kernel:
        """What runs the actors; a background thread is started for it when nothing else was arranged."""
        with self._lock:
            if self._closed:
                raise SystemClosed("the system has been closed: make a new one")
            if self._kernel is None:
                self._start_thread()
            assert self._kernel is not None
            return self._kernel

    def _start_thread(self) -> None:
        dispatcher = Dispatcher()
        started = threading.Event()

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                await nursery.start(dispatcher.run)
                started.set()

        self._thread = threading.Thread(target=trio.run, args=(main,), name="partita", daemon=True)
        self._thread.start()
        started.wait()
        self._kernel = self._dispatcher = dispatcher
        _open_systems.add(self)

    async def _start_in_this_loop(self) -> None:
        """As a system task: it outlives the cancellation of whoever uses the system, so that closing can be orderly."""
        dispatcher = Dispatcher()
        started: trio.Event = trio.Event()

        class Started:
            def started(self, value: None = None) -> None:  # noqa: ARG002  # trio's protocol
                started.set()

        trio.lowlevel.spawn_system_task(dispatcher.run, Started(), name="partita")
        with trio.CancelScope(shield=True):
            await started.wait()
        self._kernel = self._dispatcher = dispatcher

    def close(self) -> None:
        """Close all partitions: what was said is durable, effects are cancelled. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            partitions = list(self._partitions.values())
            self._partitions.clear()
        for partition in partitions:
            partition.close()
        self._close_world()
        if self._dispatcher is not None:
            self._dispatcher.end()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self.callbacks.close()
        _open_systems.discard(self)

    def _close_world(self) -> None:
        """Close the connections and the devices, on the loop that opened them."""
        kernel = self._kernel
        if kernel is None or kernel.ended:
            return
        closed: Future[None] = Future()

        async def close() -> None:
            try:
                await self.world.network.close()
            finally:
                try:
                    await self.world.devices.shut_down()
                finally:
                    closed.set(None)

        kernel.call_soon(lambda: kernel.carry_out(close, "closing connections and devices"))
        kernel.wait_if_possible(closed)

    def __enter__(self) -> Self:
        self.kernel  # noqa: B018  # started here, so that the first call does not pay for it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            clear_frames(error.__traceback__)  # what was broken off in the middle ends: a closing would wait for it
        self.close()

    async def __aenter__(self) -> Self:
        if self._kernel is None and trio.lowlevel.in_trio_run():
            await self._start_in_this_loop()
        else:
            self.kernel  # noqa: B018  # see __enter__
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if trio.lowlevel.in_trio_run():
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self.close)
        else:
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self.close))

    def disown(self) -> None:
        """Give everything up without touching it: what is open here belongs to another process."""
        self._closed = True
        for partition in self._partitions.values():
            partition.closed = True
        self._partitions.clear()

    # -- partitions -------------------------------------------------------------------------------------------------

    def open_partition(self, name: str, *, persistent: bool, directory: Path | None = None) -> Partition:
        """Open (or find) a partition; a persistent one lives in ``directory``, by default its own below ``data_dir``.

        Raises ``PartitionInUse``, ``LogDamaged``, ``StoreUnavailable`` and the other errors of the store.
        """
        key = f"{'persist' if persistent else 'memory'}:{name}" if directory is None else f"path:{directory}"
        with self._lock:
            partition = self._partitions.get(key)
            if partition is not None and partition.closed:
                partition.close()  # another thread may be at it: the folder is free when it is done
            if partition is None or partition.closed:
                partition = self._partitions[key] = self._open(name, persistent=persistent, directory=directory)
            return partition

    def _open(self, name: str, *, persistent: bool, directory: Path | None) -> Partition:
        kernel = self.kernel
        entropy = self.world.entropy.random_bytes
        if persistent:
            where = directory or self.partition_directory(name)
            folder = self.world.folders.at(where)
            store = PartitionStore.open_in(folder, name=name, random_bytes=entropy, options=self._store_options)
        else:
            store = PartitionStore.in_memory(name=name, random_bytes=entropy)
        return self.adopt(store, kernel)

    def adopt(self, store: PartitionStore, kernel: Kernel | None = None) -> Partition:
        """Run a partition over a store that is open already."""
        try:
            return self._partition_type(
                store,
                behaviors=self._behaviors,
                carriers=self._carriers,
                kernel=kernel or self.kernel,
                world=self.world,
                snapshot_every_turns=self._snapshot_every_turns,
            )
        except BaseException:
            store.close()
            raise

    def partition_directory(self, name: str) -> Path:
        """The folder of a persistent partition; the empty name is the default session's."""
        return self.data_dir / "Partitions" / (folder_name(name) if name else "%default")

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Those that are open."""
        with self._lock:
            return tuple(partition for partition in self._partitions.values() if not partition.closed)


_open_systems: weakref.WeakSet[ActorSystem] = weakref.WeakSet()


def _close_all() -> None:
    for system in list(_open_systems):
        system.close()


atexit.register(_close_all)


def _forget_in_child() -> None:
    """After ``os.fork()``: the threads of these systems, and the locks of their logs, are the parent's."""
    for system in list(_open_systems):
        system.disown()
    _open_systems.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
