"""What the store's tests share: turns to write, a store to write them to, and writing them without threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from partita.events.download_ledger import DownloadAdded
from partita.events.downloads import DownloadOrder
from partita.events.preferences import PreferencesState, SetDownloadPath, SetUserAgent, UserAgentSet
from partita.events.secret import Secret
from partita.events.turn import External, Turn
from partita.store.partition import PartitionStore, StoreOptions
from partita.store.snapshots import ActorImage, Snapshot

ROOT = Path(__file__).parents[2]


def drawn(seed: bytes = b"") -> Callable[[int], bytes]:
    """Random bytes that are the same every time."""
    numbers = count()
    return lambda size: hashlib.shake_256(seed + b"%d" % next(numbers)).digest(size)


class Samples:
    """Makes turns, and writes them."""

    def turn(self, position: int, actor: str = "session", agent: str | None = None):
        agent = f"agent {position}" if agent is None else agent
        message = SetUserAgent(agent, "en") if position % 3 else SetDownloadPath(f"/downloads/{position}")
        return Turn(
            position,
            1_700_000_000_000_000 + position,
            actor,
            External("api", position),
            message,
            (UserAgentSet(agent, "en"),),
        )

    def secret_turn(self, position: int, secret: Secret):
        order = DownloadOrder("id", "https://a.example/", "/d", (("authorization", secret),))
        return Turn(position, position, "session", 0, SetDownloadPath("/d"), (DownloadAdded(order),))

    def secret_of(self, turn) -> Secret:
        return turn.events[0].order.headers[0][1]

    def turns(self, first: int, last: int, actor: str = "session"):
        return [self.turn(position, actor) for position in range(first, last + 1)]

    def write(self, store: PartitionStore, *batches: int, actor: str = "session") -> None:
        """Append batches of so many turns each."""
        for size in batches:
            first = store.position + 1
            store._log.append(self.turns(first, first + size - 1, actor))

    def snapshot(self, position: int, fingerprint: str = "rules", secret: str | None = None) -> Snapshot:
        state = PreferencesState(user_agent=f"agent {position}")
        return Snapshot(position, fingerprint, [ActorImage("session", "session", state)])

    def positions(self, turns) -> list[int]:
        return [turn.position for turn in turns]


@pytest.fixture
def samples() -> Samples:
    return Samples()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "partition"


@pytest.fixture
def opened(folder: Path) -> Iterator[Callable[..., PartitionStore]]:
    """Opens the partition in ``folder`` for writing; all are closed in the end."""
    stores: list[PartitionStore] = []
    random_bytes = drawn()

    def open_store(**options) -> PartitionStore:
        store = PartitionStore.open(folder, name="work", random_bytes=random_bytes, options=StoreOptions(**options))
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def memory() -> Iterator[PartitionStore]:
    with PartitionStore.in_memory(name="memory", random_bytes=drawn(b"memory")) as store:
        yield store


@pytest.fixture
def random_bytes() -> Callable[[int], bytes]:
    return drawn(b"test")


@pytest.fixture
def child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a Python process that runs a text; whatever is left of it in the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def secret_text() -> str:
    return "correct horse battery staple"


@pytest.fixture
def secret(secret_text: str) -> Secret:
    return Secret(secret_text)
