"""Reports and transfers, from a page through its broker to a port without a device: what partita itself costs.

The null port (a simulated bus without faults, whose devices answer at once) has no library and no emulator. Times are of a
program in the system's own loop, so many operations in flight.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

import msgspec
import trio

from benchmarks import emulated_devices
from benchmarks.measuring import ABSENT, Bench, Row, interleaved, median
from partita import SimulatedDevice, System
from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.live_world.clocks import SystemClock
from partita.actors.live_world.live import live_world
from partita.events.device_facts import DeviceFacts, HIDFacts, USBFacts
from partita.events.device_transfers import Incoming, Operation, TransferIn, TransferResult
from partita.simulations.devices.bus import Bus
from partita.simulations.faults import Faults
from partita.system import Record

IN_FLIGHT: Final = 50
REPORT: Final = bytes(64)
BLOCK: Final = bytes(1 << 16)
BLOCKS_IN_FLIGHT: Final = 8

_REPORTS: Final = bytes.fromhex("0600ff0901a101 0920150026ff0075089540 8102 0921150026ff0075089540 9102 c0")
_DESCRIPTORS: Final = bytes.fromhex(
    "1201000200000040091202530001000000 01"  # device
    "0902200001010080 32 0904000002ff000000 0705810240000007050102400000"  # a configuration, an interface, two endpoints
)


class _Scale(SimulatedDevice):
    """A HID device that takes everything."""

    def facts(self) -> DeviceFacts:
        return HIDFacts(0x1209, 0x5301, "null", "1", _REPORTS)

    def perform(self, operation: Operation, data: bytes) -> TransferResult:  # noqa: ARG002  # the shape of each
        return TransferResult(bytes_written=len(data))


class _Disk(SimulatedDevice):
    """A USB device that takes everything, and has as much as is asked for."""

    def facts(self) -> DeviceFacts:
        return USBFacts(_DESCRIPTORS, {}, 1)

    def perform(self, operation: Operation, data: bytes) -> TransferResult:
        return (
            TransferResult(data=BLOCK) if isinstance(operation, TransferIn) else TransferResult(bytes_written=len(data))
        )


def rows(bench: Bench) -> list[Row]:
    """See the module; and beside them, those with a library and an emulator."""
    return [*_reports(bench), *_blocks(bench), *emulated_devices.rows(bench)]


def _reports(bench: Bench) -> Iterator[Row]:
    count = bench.sizes.reports
    contenders = {
        f"{name}-{record}": partial(_run, bench, record, partial(work, count))
        for record in ("state", "devices")
        for name, work in (("out", _reports_out), ("alone", _reports_alone), ("in", _reports_in))
    }
    figures = interleaved(bench.sizes.rounds, contenders)
    titles = {
        "out": f"a HID report to a null port, {IN_FLIGHT} in flight",
        "alone": "a HID report to a null port, each waited for",
        "in": "a HID report from a null port to a listener",
    }
    for record, suffix, goal in (("state", "", 30), ("devices", ", recorded", 60)):
        for name, title in titles.items():
            taken = figures[f"{name}-{record}"]
            yield Row(
                name=f"report-{name}-{record}",
                what=title + suffix,
                ours=f"{median(taken):.0f} µs",
                peer=ABSENT,
                score=median(taken),
                unit="µs",
                better="lower",
                goal=goal if name != "alone" else None,
                rounds=taken,
            )


def _blocks(bench: Bench) -> Iterator[Row]:
    count = bench.sizes.transfers
    figures = interleaved(
        bench.sizes.rounds,
        {name: partial(_run, bench, "state", partial(_transfers, count, name)) for name in ("in", "out")},
    )
    for name, taken in figures.items():
        yield Row(
            name=f"usb-{name}",
            what=f"USB transfers of 64 KiB {name}, null port, {BLOCKS_IN_FLIGHT} in flight",
            ours=f"{median(taken):,.0f} MB/s",
            peer=ABSENT,
            score=median(taken),
            unit="MB/s",
            goal=500,
            rounds=taken,
        )


Page = Any
Work = Callable[[Page, _Scale], Awaitable[float]]


def _run(bench: Bench, record: Record, work: Work) -> float:
    """A system of its own; what ``work`` measures."""

    async def main() -> float:
        bus = Bus(Faults(0, {}), SystemClock())
        world = msgspec.structs.replace(live_world(HandlerTable()), devices=bus.port())
        scale = _Scale("hid")
        bus.plug(scale)
        bus.plug(_Disk("usb"))
        async with System(data_dir=bench.scratch, world=world, record=record) as system:
            session = system.from_partition("devices")
            for name in ("select-hid-device", "select-usb-device"):
                session.on(name, lambda event: event.callback(event.device_list[0].device_id))
            return await work(session.new_page("https://bench.example/"), scale)

    return trio.run(main)


async def _scale(page: Page) -> Any:
    (device,) = await page.navigator.hid.request_device()
    await device.open()
    return device


async def _reports_out(count: int, page: Page, scale: _Scale) -> float:  # noqa: ARG001  # the shape of each
    device = await _scale(page)
    began = time.perf_counter()
    for _ in range(count // IN_FLIGHT):
        for sent in [device.send_report(0, REPORT) for _ in range(IN_FLIGHT)]:
            await sent
    return (time.perf_counter() - began) / count * 1e6


async def _reports_alone(count: int, page: Page, scale: _Scale) -> float:  # noqa: ARG001  # the shape of each
    device = await _scale(page)
    began = time.perf_counter()
    for _ in range(count):
        await device.send_report(0, REPORT)
    return (time.perf_counter() - began) / count * 1e6


async def _reports_in(count: int, page: Page, scale: _Scale) -> float:
    device = await _scale(page)
    told = 0
    all_told = trio.Event()

    def on_report(_: object) -> None:
        nonlocal told
        told += 1
        if told == count:
            all_told.set()

    device.on("inputreport", on_report)
    began = time.perf_counter()
    for _ in range(count):
        scale.send(Incoming(0, REPORT))
    await all_told.wait()
    return (time.perf_counter() - began) / count * 1e6


async def _transfers(count: int, direction: str, page: Page, scale: _Scale) -> float:  # noqa: ARG001  # the shape of each
    device = await page.navigator.usb.request_device()
    await device.open()
    await device.claim_interface(0)
    began = time.perf_counter()
    for _ in range(count // BLOCKS_IN_FLIGHT):
        if direction == "in":
            begun = [device.transfer_in(1, len(BLOCK)) for _ in range(BLOCKS_IN_FLIGHT)]
        else:
            begun = [device.transfer_out(1, BLOCK) for _ in range(BLOCKS_IN_FLIGHT)]
        for transfer in begun:
            await transfer
    return count * len(BLOCK) / (time.perf_counter() - began) / 1e6
