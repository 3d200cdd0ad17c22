"""Emulated USB serial adapters. Runs under the system's own Python, which has umockdev's bindings; no part of partita.

To be begun by ``umockdev-wrapper``. It begins the program given as arguments, which sees the adapters in ``/dev``, ``/sys`` and
by udev as well. It reads commands, a JSON object a line, from the program's standard output, and answers each with a line on its
standard input: ``{"do": "plug", "port": ...}``, ``{"do": "unplug", "port": ...}``. Any other line is passed on to our own output.
"""

import json
import subprocess
import sys
from pathlib import Path

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402

ADAPTER = """P: {place}
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: bNumInterfaces= {interfaces}\\n
A: idVendor={vendor_id:04x}\\n
A: idProduct={product_id:04x}\\n
A: product={product}\\n
A: serial={serial_number}\\n
"""

PORT = """
P: {place}/{port}:1.{interface}
E: DEVTYPE=usb_interface
E: SUBSYSTEM=usb
A: bInterfaceNumber=0{interface}\\n

P: {place}/{port}:1.{interface}/tty/{name}
E: DEVNAME=/dev/{name}
E: SUBSYSTEM=tty
E: MAJOR=166
E: MINOR={minor}
L: device=../../../{port}:1.{interface}
A: dev=166:{minor}\\n
"""


class Bench:
    """What is plugged in."""

    def __init__(self) -> None:
        self._testbed = UMockdev.Testbed.new()
        self._nodes = Path(self._testbed.get_root_dir()) / "dev"
        self._nodes.mkdir(exist_ok=True)
        self._plugged = {}

    def plug(self, port, names, **facts):
        """An adapter at that place, with a serial port for each of ``names``."""
        place = f"/devices/platform/vhost/usb1/{port}"
        text = ADAPTER.format(place=place, interfaces=len(names), **facts)
        for interface, name in enumerate(names):
            text += PORT.format(place=place, port=port, name=name, interface=interface, minor=int(name[-1]))
        self._plugged[port] = (
            names,
            [
                *(f"/sys{place}/{port}:1.{interface}/tty/{name}" for interface, name in enumerate(names)),
                *(f"/sys{place}/{port}:1.{interface}" for interface in range(len(names))),
                f"/sys{place}",
            ],
        )
        if not self._testbed.add_from_string(text):
            raise ValueError(text)
        # As on a machine, sysfs is complete when the node appears. It is only listed, and not opened.
        for name, path in zip(names, self._plugged[port][1], strict=False):
            (self._nodes / name).touch()
            self._testbed.uevent(path, "change")

    def unplug(self, port):
        """It is gone, with all its ports."""
        names, paths = self._plugged.pop(port)
        for name in names:
            (self._nodes / name).unlink()
        for path in paths:
            self._testbed.uevent(path, "remove")
            self._testbed.remove_device(path)


def main() -> int:
    bench = Bench()
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        for line in program.stdout:
            if not line.startswith("{"):
                sys.stdout.write(line)
                continue
            command = json.loads(line)
            getattr(bench, command.pop("do"))(**command)
            program.stdin.write("done\n")
            program.stdin.flush()
        return program.wait(timeout=30)
    finally:
        program.kill()


if __name__ == "__main__":
    sys.exit(main())
