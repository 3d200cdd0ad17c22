"""The program that sees emulated adapters (``bench.py``): watches them through the driver, and has them plugged in and out.

What it saw is its output, a line of JSON a change.
"""

from __future__ import annotations

import json
import sys

import msgspec
import trio

from partita.actors.devices.drivers.hotplug import HotplugWatch
from partita.actors.devices.drivers.serial import SerialDriver
from partita.events.device_facts import DeviceChange

TWIN = {"vendor_id": 0x1209, "product_id": 0x5303, "product": "Wallet", "serial_number": "S1"}
QUAD = {"vendor_id": 0x0403, "product_id": 0x6011, "product": "Quad", "serial_number": ""}


async def have(do: str, **arguments: object) -> None:
    """The bench has done it when this comes back."""
    sys.stdout.write(json.dumps({"do": do, **arguments}) + "\n")
    sys.stdout.flush()
    assert await trio.to_thread.run_sync(sys.stdin.readline) == "done\n"


async def told(watch: HotplugWatch, attached: set[str], detached: set[str] = frozenset()) -> None:
    """Put out what was told until exactly these came and went (udev tells of one port after another)."""
    changes = []
    while {one.key for change in changes for one in change.attached} != attached or {
        key for change in changes for key in change.detached
    } != detached:
        changes.append(await watch.next())
    whole = DeviceChange(
        tuple(one for change in changes for one in change.attached),
        tuple(key for change in changes for key in change.detached),
    )
    sys.stdout.write(f"saw {msgspec.json.encode(whole).decode()}\n")


async def main() -> None:
    with trio.fail_after(25):
        await have("plug", port="1-3", names=["ttyACM0"], **TWIN)
        watch = await SerialDriver().watch()
        await told(watch, {"/dev/ttyACM0"})
        await have("plug", port="1-4.2", names=["ttyUSB0", "ttyUSB1"], **QUAD)
        await told(watch, {"/dev/ttyUSB0", "/dev/ttyUSB1"})
        await have("unplug", port="1-4.2")
        await told(watch, set(), {"/dev/ttyUSB0", "/dev/ttyUSB1"})
        await have("unplug", port="1-3")
        await have("plug", port="1-3", names=["ttyACM0"], **TWIN)
        await told(watch, {"/dev/ttyACM0"}, {"/dev/ttyACM0"})
        await watch.close()


trio.run(main)
