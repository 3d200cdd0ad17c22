"""A test's side of ``application.py``: runs an application where devices are emulated, and reads the log that it left."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devices.emulated.application import PARTITION, SIZE, Application
from devices.emulated.bench import Bench
from devices.emulated.subject import PATIENCE_S, WRAPPER
from msgspec import msgpack

from partita.log import AnyTurn, Log
from partita.simulations.devices.device import SimulatedDevice
from partita.store.names import folder_name
from partita.store.partition import PartitionStore

TESTS = Path(__file__).resolve().parents[2]


def environment(bed: Bench) -> dict[str, str]:
    """Of a program that sees what is plugged in there."""
    paths = os.pathsep.join(filter(None, [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH")]))
    told = {"PYTHONPATH": paths, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error"}
    return {**os.environ, "UMOCKDEV_DIR": os.fspath(bed.root), **told}


def run(
    bed: Bench,
    application: Application,
    folder: Path,
    devices: Mapping[str, SimulatedDevice],
    *,
    plugged: tuple[str, ...] = (),
    record: str = "state",
) -> Any:
    """What the application came to. ``devices``: by the names that it knows them by; ``plugged``: those that are there."""
    assert WRAPPER is not None, "umockdev is not installed, and PARTITA_EXPECTS_DEVICES says that it is"
    for name in plugged:
        bed.plug(devices[name])
    program = Path(__file__).with_name("application.py")
    line = [WRAPPER, sys.executable, program, inspect.getfile(application), application.__name__, folder, record]
    process = subprocess.Popen(
        [os.fspath(one) for one in line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(bed)
    )
    try:
        came = _serve(process, bed, devices)
        assert process.wait(PATIENCE_S) == 0, "the application has failed: see what it said"
    finally:
        process.kill()
        process.communicate()
    return came


def _serve(process: subprocess.Popen[bytes], bed: Bench, devices: Mapping[str, SimulatedDevice]) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    while len(head := process.stdout.read(SIZE.size)) == SIZE.size:
        match msgpack.decode(process.stdout.read(SIZE.unpack(head)[0])):
            case ["came", came]:
                return came
            case ["plug", name]:
                bed.plug(devices[name])
            case ["unplug", name]:
                bed.unplug(devices[name])
            case ["have", name, do, *arguments]:
                getattr(devices[name], do)(*arguments)
        process.stdin.write(b".")
        process.stdin.flush()
    return None


def log_path(folder: Path) -> Path:
    """Of the application's partition."""
    return folder / "Partitions" / folder_name(PARTITION.removeprefix("persist:"))


def turns(folder: Path, actor: str | None = None) -> list[AnyTurn]:
    """What the log has, of one actor or of all."""
    store = PartitionStore.read(log_path(folder))
    try:
        return list(Log(store).turns(1, actor))
    finally:
        store.close()


def events(folder: Path, kind: str) -> list[str]:
    """The names of the events of a kind's broker, but for what the kernel notes of its effects."""
    of_the_kernel = ("EffectSettled", "EffectLost")
    names = [type(event).__name__ for turn in turns(folder, f"broker/{kind}") for event in turn.events]
    return [name for name in names if name not in of_the_kernel]
