"""A private message bus and the small ``org.bluez`` on it, each a process, for as long as a test takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import trio
from devices.bluez.peripheral import Description

TESTS = Path(__file__).resolve().parents[2]


class Bench:
    """What stands in for the adapter and all that is near it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    async def appear(self, description: Description) -> None:
        """It comes into range."""
        await self.have("appear", description=msgspec.to_builtins(description, str_keys=True))

    async def have(self, do: str, **arguments: object) -> Any:
        """Something happens (``daemon.py`` has the list): it has when this comes back, with what was answered."""
        return await trio.to_thread.run_sync(partial(self.have_now, do, **arguments), abandon_on_cancel=True)

    def appear_now(self, description: Description) -> None:
        """:meth:`appear`, where no loop runs."""
        self.have_now("appear", description=msgspec.to_builtins(description, str_keys=True))

    def have_now(self, do: str, **arguments: object) -> Any:
        """:meth:`have`, where no loop runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode({"do": do, **arguments}) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "org.bluez has ended"
        return msgspec.json.decode(line)


@contextmanager
def message_bus(folder: Path) -> Iterator[str]:
    """A message bus of its own; its address."""
    binary = shutil.which("dbus-daemon")
    assert binary is not None, "dbus-daemon is not installed, and PARTITA_EXPECTS_DEVICES says that it is"
    daemon = subprocess.Popen(
        [binary, "--session", "--nofork", "--print-address=1", f"--address=unix:path={folder}/bus"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip()
    finally:
        _end(daemon)


@contextmanager
def bluez(address: str, *options: str) -> Iterator[Bench]:
    """``org.bluez`` on that bus. ``options``: ``off`` (its adapter has no power), ``no-adapter``."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "daemon.py"), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "DBUS_SYSTEM_BUS_ADDRESS": address,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH")))),
        },
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"{}\n", "org.bluez has not begun"
        yield Bench(process)
    finally:
        _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.wait(timeout=30)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
