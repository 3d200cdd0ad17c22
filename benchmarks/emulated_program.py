"""The program that ``emulated_devices.py`` begins under umockdev: ``hid state 100`` on its input, a figure on its output.

A figure is of reports a second, or of megabytes a second, for the bare library (``alone``) or for a session with that ``record``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any, Final

import trio

from partita import System
from partita.system import RECORDS

SCALES: Final = 0x1209, 0x5301
DISK: Final = 0x1209, 0x5302
SIZES: Final = (1 << 16, 1 << 20)
REPORT: Final = bytes(64)


def reports_alone(count: int) -> float:
    """hidapi's."""
    library: Any = importlib.import_module("hidraw" if importlib.util.find_spec("hidraw") else "hid")
    device = library.device()
    device.open(*SCALES)
    report = b"\0" + REPORT
    began = time.perf_counter()
    for _ in range(count):
        device.write(report)
    seconds = time.perf_counter() - began
    device.close()
    return count / seconds


def transfers_alone(count: int, size: int) -> float:
    """pyusb's."""
    core: Any = importlib.import_module("usb.core")
    util: Any = importlib.import_module("usb.util")
    device = core.find(idVendor=DISK[0], idProduct=DISK[1])
    util.claim_interface(device, 0)
    block = bytes(size)
    began = time.perf_counter()
    for _ in range(count):
        assert device.write(1, block) == size
        assert len(device.read(0x81, size)) == size
    seconds = time.perf_counter() - began
    util.dispose_resources(device)
    return 2 * count * size / seconds / 1e6


async def reports(page: Any, count: int) -> float:
    """Ours."""
    (device,) = await page.navigator.hid.request_device()
    await device.open()
    began = time.perf_counter()
    for _ in range(count):
        await device.send_report(0, REPORT)
    seconds = time.perf_counter() - began
    await device.close()
    return count / seconds


async def transfers(page: Any, count: int, size: int) -> float:
    """Ours."""
    device = await page.navigator.usb.request_device()
    await device.open()
    await device.claim_interface(0)
    block = bytes(size)
    began = time.perf_counter()
    for _ in range(count):
        assert (await device.transfer_out(1, block)).bytes_written == size
        assert len((await device.transfer_in(1, size)).data) == size
    seconds = time.perf_counter() - began
    await device.close()
    return 2 * count * size / seconds / 1e6


async def main(folder: Path) -> None:
    """Until there are no more lines."""
    pages: dict[str, Any] = {}
    async with trio.open_nursery() as nursery:
        for record in RECORDS:
            pages[record] = await nursery.start(_page, folder, record)
        while line := await trio.to_thread.run_sync(sys.stdin.readline):
            what, who, count = line.split()
            size = int(what.partition("-")[2] or 0)
            if who == "alone":
                figure = transfers_alone(int(count), size) if size else reports_alone(int(count))
            elif size:
                figure = await transfers(pages[who], int(count), size)
            else:
                figure = await reports(pages[who], int(count))
            print(figure, flush=True)
        nursery.cancel_scope.cancel()


async def _page(folder: Path, record: Any, task_status: Any) -> None:
    async with System(data_dir=folder / record, record=record) as system:
        session = system.from_partition("persist:devices")
        for name in ("select-hid-device", "select-usb-device"):
            session.on(name, lambda event: event.callback(event.device_list[0].device_id))
        task_status.started(session.new_page("https://bench.example/"))
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
