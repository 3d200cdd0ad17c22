"""Reports and transfers of emulated devices: through page, broker and log beside the bare library, in one program.

The emulator (``tests/devices/emulated/``) plays the kernel from this process, and the program runs under umockdev: what a call
costs there is in both figures, and is more than a kernel's. Ratios are what is to be looked at.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.emulated_program import SCALES, SIZES
from benchmarks.measuring import TIMES, Bench, Row, compared, interleaved, median, not_installed, ratios
from partita import SimulatedDevice
from partita.events.device_facts import DeviceFacts, HIDFacts, USBFacts
from partita.events.device_transfers import Operation, TransferIn, TransferResult

ROOT: Final = Path(__file__).resolve().parent.parent
TESTS: Final = ROOT / "tests"

_REPORTS: Final = bytes.fromhex("0600ff0901a101 0920150026ff0075089540 8102 0921150026ff0075089540 9102 c0")
_DESCRIPTORS: Final = bytes.fromhex(
    "1201000200000040091202530001000000 01"  # device
    "0902200001010080 32 0904000002ff000000 0705810200020007050102000200"  # a configuration, an interface, two endpoints
)
_NAMES: Final = {1 << 16: "64 KiB", 1 << 20: "1 MiB"}


class _Scales(SimulatedDevice):
    """A HID device that takes everything."""

    def facts(self) -> DeviceFacts:
        return HIDFacts(*SCALES, "scales", "1", _REPORTS)

    def perform(self, operation: Operation, data: bytes) -> TransferResult:  # noqa: ARG002  # the shape of each
        return TransferResult(bytes_written=len(data))


class _Disk(SimulatedDevice):
    """A USB device that takes everything, and has as much as is asked for."""

    def __init__(self, key: str, place: str) -> None:
        super().__init__(key, place)
        self._content = bytes(max(SIZES))

    def facts(self) -> DeviceFacts:
        return USBFacts(_DESCRIPTORS, {}, 1)

    def perform(self, operation: Operation, data: bytes) -> TransferResult:
        if isinstance(operation, TransferIn):
            return TransferResult(data=self._content[: operation.length])
        return TransferResult(bytes_written=len(data))


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    report = "HID reports to an emulated device, each waited for, and by hidapi alone"
    blocks = {
        size: f"USB transfers of {_NAMES[size]} out and in, emulated device, and by pyusb alone" for size in SIZES
    }
    if not _is_installed():
        return [
            not_installed("report-emulated", report),
            *(not_installed(f"usb-emulated-{size}", what) for size, what in blocks.items()),
        ]
    reports, transfers = max(50, bench.sizes.reports // 10), max(4, bench.sizes.transfers // 40)
    with _program(bench) as ask:
        found = interleaved(
            bench.sizes.rounds, {name: partial(ask, "hid", name, reports) for name in ("alone", "state", "devices")}
        )
        made = [
            compared(f"report-emulated-{record}", report + _RECORDED[record], found, ours=record, peer="alone")
            for record in _RECORDED
        ]
        for size, what in blocks.items():
            found = interleaved(
                bench.sizes.rounds,
                {name: partial(ask, f"usb-{size}", name, transfers) for name in ("alone", "state", "devices")},
            )
            made += [_blocks(f"usb-emulated-{size}-{record}", what, record, found) for record in _RECORDED]
    return made


_RECORDED: Final = {"state": "", "devices": ", recorded"}


def _blocks(name: str, what: str, record: str, found: dict[str, list[float]]) -> Row:
    scores = ratios(found[record], found["alone"])
    return Row(
        name=name,
        what=what + _RECORDED[record],
        ours=f"{median(found[record]):,.0f} MB/s",
        peer=f"{median(found['alone']):,.0f} MB/s",
        score=median(scores),
        unit=TIMES,
        rounds=scores,
    )


def _is_installed() -> bool:
    return (
        shutil.which("umockdev-wrapper") is not None
        and ctypes.util.find_library("usb-1.0") is not None
        and all(importlib.util.find_spec(name) is not None for name in ("hid", "usb"))
        and TESTS.is_dir()
    )


@contextmanager
def _program(bench: Bench) -> Iterator[Any]:
    """What measures: asked for a figure, it says one."""
    sys.path.append(os.fspath(TESTS))
    from devices.emulated.bench import Bench as Testbed  # where there is no umockdev, nobody needs it

    testbed = Testbed()
    testbed.plug(_Scales("/dev/hidraw0", "1-1"))
    testbed.plug(_Disk("001/002", "1-2"))
    paths = os.pathsep.join(filter(None, [os.fspath(ROOT), os.environ.get("PYTHONPATH")]))
    program = subprocess.Popen(
        ["umockdev-wrapper", sys.executable, "-m", "benchmarks.emulated_program", bench.folder("emulated")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "UMOCKDEV_DIR": os.fspath(testbed.root), "PYTHONPATH": paths},
    )
    assert program.stdin is not None
    assert program.stdout is not None
    given, said = program.stdin, program.stdout

    def ask(*words: object) -> float:
        given.write(" ".join(map(str, words)) + "\n")
        given.flush()
        return float(said.readline())

    try:
        yield ask
        given.close()
        assert program.wait(60) == 0, "the program has failed: see what it said"
    finally:
        program.kill()
        program.wait()
        said.close()
        testbed.close()
        sys.path.remove(os.fspath(TESTS))
