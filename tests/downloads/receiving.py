"""A session's downloads in a temporary folder, against a real server."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio
from servers.doors import NAME, ScriptedHandlers, SmallPartition, small_partition
from servers.loopback import PATIENCE_S, ServedFile

from partita.actors.kernel.file_ports import Files
from partita.actors.kernel.world import World
from partita.actors.live_world.clocks import SystemClock, SystemEntropy
from partita.actors.live_world.files import DiskFiles
from partita.actors.network.ports import LiveNetwork
from partita.events.download_ledger import BeginDownload
from partita.events.downloads import DownloadState, InterruptDownload, ResumeDownload
from partita.events.system import Recover

MIB = 1 << 20


class StillClock(SystemClock):
    """Monotonic time stands still: checkpoints come by bytes alone."""

    def monotonic(self) -> float:
        return 0.0


class Downloads:
    """What a test does with a partition's downloads."""

    def __init__(self, partition: SmallPartition, folder: Path, handlers: ScriptedHandlers) -> None:
        self.partition = partition
        self.folder = folder
        self.handlers = handlers

    async def begin(self, url: str, **options: object) -> str:
        """Begin one; returns its id."""
        return str(await self.partition.ask("session", BeginDownload(url, str(self.folder), **options)))  # type: ignore[arg-type]

    def state(self, download: str) -> DownloadState:
        state = self.partition.states[f"download/{download}"]
        assert isinstance(state, DownloadState)
        return state

    async def say(self, download: str, message: object) -> object:
        return await self.partition.ask(f"download/{download}", message)  # type: ignore[arg-type]

    def said(self, download: str) -> list[object]:
        """All messages that the actor has taken so far."""
        return [message for actor, message, _ in self.partition.turns if actor == f"download/{download}"]

    async def until(self, download: str, *phases: str) -> DownloadState:
        """Wait until it is there, and what carries out its effects has ended when it is at rest."""
        await self.partition.until(lambda: self.state(download).phase in phases)
        if not {"asking", "deciding", "receiving"} & set(phases):
            await self.partition.until(lambda: not self.partition.begun)
        return self.state(download)

    async def crash(self, download: str) -> None:
        """End what carries out the fetch, as the end of the process would; then open again."""
        state = self.state(download)
        assert state.effect_id is not None
        assert state.order is not None
        self.partition.under_way[state.effect_id].cancel()
        await self.partition.until(lambda: not self.partition.under_way)
        self.partition.pending.clear()
        await self.say(download, Recover(2))
        await self.say(download, InterruptDownload(state.order))

    async def go_on(self, download: str) -> None:
        await self.say(download, ResumeDownload())

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


async def held(file: ServedFile) -> None:
    """Wait until the server stands at ``hold_at``."""
    assert await trio.to_thread.run_sync(file.held.wait, PATIENCE_S)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def with_downloads(folder: Path, work: Callable[[Downloads], Awaitable[None]], *, files: Files | None = None) -> None:
    """Run ``work`` with downloads that go to ``folder``."""
    handlers = ScriptedHandlers()
    world = World(
        clock=StillClock(),
        entropy=SystemEntropy(),
        network=LiveNetwork(),
        files=DiskFiles() if files is None else files,
        handlers=handlers,
    )

    async def main() -> None:
        with trio.fail_after(60):
            async with small_partition(world) as partition:
                await work(Downloads(partition, folder, handlers))

    trio.run(main)


__all__ = ["MIB", "NAME", "Downloads", "held", "sha256", "with_downloads"]
