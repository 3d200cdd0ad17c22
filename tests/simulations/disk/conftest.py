"""A disk, processes that run on it one after another, and a way to have one fault strike where a test wants it."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from partita.simulations.disk.disk import Disk
from partita.simulations.disk.environment import SimulatedEnvironment
from partita.simulations.disk.folder import SimulatedFolder
from partita.simulations.faults import Fault, Faults
from partita.simulations.life import Crash, CrashKind, Life
from partita.store.environment import reading, written

T = TypeVar("T")
DIRECTORY = Path("/simulated/work")


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it waits")


class Machine:
    """A disk, and the process that is running."""

    def __init__(self, odds: Mapping[str, float], *, seed: int = 1, only: tuple[Fault, ...] | None = None, **settings):
        self.slept: list[float] = []
        self.faults = Faults(seed, odds, only=None if only is None else frozenset(only))
        self.disk = Disk(
            self.faults, self._sleep, settings={name.replace("__", "."): v for name, v in settings.items()}
        )
        self.life = Life(1)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @property
    def folder(self) -> SimulatedFolder:
        return self.disk.folders(self.life).at(DIRECTORY)

    @property
    def files(self):
        return self.disk.files(self.life)

    def environment(self) -> SimulatedEnvironment:
        self.folder.prepare()
        return self.folder.environment(map_bytes=1 << 20)

    def crash(self, kind: CrashKind) -> None:
        self.life.alive = False
        self.disk.crash(kind)
        self.life = Life(self.life.number + 1)

    def crash_of(self, error: pytest.ExceptionInfo[Crash]) -> None:
        assert not self.life.alive
        self.crash(error.value.kind)


def put(environment: SimulatedEnvironment, key: bytes, value: bytes = b"value") -> None:
    written(environment, lambda transaction: transaction.put("turns", key, value))


def everything(environment: SimulatedEnvironment) -> dict[bytes, bytes]:
    with reading(environment) as transaction:
        return dict(transaction.range("turns"))


@pytest.fixture
def machine():
    """``machine("disk.full", 2)``: that fault strikes the second time, and none else; a mapping of odds for many."""

    def made(name: str | Mapping[str, float] | None = None, number: int = 1, *, also: str | None = None, **settings):
        if name is None:
            return Machine({}, **settings)
        if not isinstance(name, str):
            return Machine(name, **settings)
        odds = {name: 1.0} if also is None else {name: 1.0, also: 1.0}
        only = [Fault(name, number)]
        if also is not None:
            only += [Fault(also, at) for at in range(1, 100)]
        return Machine(odds, only=tuple(only), **settings)

    return made


@pytest.fixture
def tools():
    """The functions above, as a test in another file reaches them."""

    class Tools:
        Machine = Machine
        DIRECTORY = DIRECTORY
        done = staticmethod(done)
        put = staticmethod(put)
        everything = staticmethod(everything)

    return Tools
