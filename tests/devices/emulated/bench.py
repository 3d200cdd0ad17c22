"""Made-up devices beneath real libraries: a folder that umockdev's library shows programs as their ``/sys`` and ``/dev``.

What a program sees of a device is what Linux would show: files below ``/sys``, a node that is played (``hidraw.py``,
``usbfs.py``, ``terminal.py``) and udev's messages when it comes and goes. Everything but the hardware and the kernel is real.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from devices.emulated.hidraw import HIDRawNode
from devices.emulated.terminal import TTYNode
from devices.emulated.usbfs import USBNode
from devices.emulated.wire import Player

from partita.events.device_facts import HIDFacts, SerialFacts, USBFacts
from partita.simulations.devices.device import SimulatedDevice

BUS = "/devices/platform/host/usb1"
MAGIC = 0xFEEDCAFE


@dataclass
class Plugged:
    """A device that is plugged in: its player, its nodes, and all that was made for it."""

    node: HIDRawNode | USBNode | TTYNode
    player: Player
    events: list[dict[str, str]]
    made: list[Path] = field(default_factory=list)


class Bench:
    """Where devices are plugged in. ``root``: the folder for ``UMOCKDEV_DIR``. To be closed when the programs have ended."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="devices-"))
        self._plugged: dict[SimulatedDevice, Plugged] = {}
        self._left: list[Plugged] = []
        self._shared: dict[str, list[Path]] = {}
        """The USB device's folder of HID interfaces, by its place, if it is not plugged in itself: it goes with the last."""
        self._interfaces: dict[str, int] = {}
        self._sequence = 0
        self._news: list[tuple[str, dict[str, str]]] | None = None
        for folder in (
            "dev/.node",
            "ioctl/dev",
            "sys/bus/usb/devices",
            "sys/bus/hid/devices",
            "sys/class/hidraw",
            "sys/class/tty",
        ):
            (self.root / folder).mkdir(parents=True)
        (self.root / "sys/dev/char").mkdir(parents=True)

    def close(self) -> None:
        for device in reversed(list(self._plugged)):
            self.unplug(device)
        for plugged in self._left:
            plugged.player.close()
            plugged.node.close()
        shutil.rmtree(self.root)

    def plug(self, device: SimulatedDevice, drivers: dict[int, str] | None = None, *, mode: int = 0o666) -> None:
        """Plug it in. ``drivers``: the kernel's, of a USB device's interfaces. ``mode``: who may open its node."""
        facts = device.facts()
        if isinstance(facts, USBFacts):
            plugged = self._plug_usb(device, facts, drivers or {})
        elif isinstance(facts, SerialFacts):
            plugged = self._plug_serial(device, facts)
        else:
            assert isinstance(facts, HIDFacts)
            plugged = self._plug_hid(device, facts)
        self._path(device).chmod(mode)
        self._plugged[device] = plugged
        for event in plugged.events:
            self._tell("add", event)

    def unplug(self, device: SimulatedDevice) -> None:
        """Pull it out, in the kernel's order: its files, its node, and then the news."""
        plugged = self._plugged.pop(device)
        shared = self._shared.get(device.place)
        if shared is not None and not any(other.place == device.place for other in self._plugged):
            plugged.made[:0] = self._shared.pop(device.place)
        for path in reversed(plugged.made):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        plugged.player.stop_listening()
        plugged.node.unplug()
        for event in reversed(plugged.events):
            self._tell("remove", event)
        self._left.append(plugged)

    def node(self, device: SimulatedDevice) -> HIDRawNode | USBNode | TTYNode:
        return self._plugged[device].node

    # -- files ----------------------------------------------------------------------------------------------------------

    def _path(self, device: SimulatedDevice) -> Path:
        key = device.key if device.key.startswith("/dev/") else f"/dev/bus/usb/{device.key}"
        return self.root / key.removeprefix("/")

    def _plug_usb(self, device: SimulatedDevice, facts: USBFacts, drivers: dict[int, str]) -> Plugged:
        bus, address = device.key.split("/")
        number = (int(bus) - 1) * 128 + int(address) - 1
        folder = f"{BUS}/{device.place}"
        told = {"DEVNAME": f"bus/usb/{device.key}", "DEVTYPE": "usb_device", "BUSNUM": bus, "DEVNUM": address}
        told |= {"MAJOR": "189", "MINOR": str(number), "SUBSYSTEM": "usb"}
        made = self._usb_folder(device.place, facts.descriptors, told)
        sys_folder = self._sys(folder)
        self._write(sys_folder, busnum=int(bus), devnum=int(address), dev=f"189:{number}", speed=480)
        self._write(sys_folder, bConfigurationValue=facts.configuration_value)
        names = {
            facts.descriptors[14]: "manufacturer",
            facts.descriptors[15]: "product",
            facts.descriptors[16]: "serial",
        }
        for index, text in facts.strings.items():
            if index in names:
                self._write(sys_folder, **{names[index]: text})
        made.append(self._link(f"dev/char/189:{number}", folder))
        path = self._path(device)
        path.parent.mkdir(parents=True, exist_ok=True)

        def configured(value: int) -> None:
            self._write(sys_folder, bConfigurationValue=value)

        node = USBNode(path, device, drivers, configured)
        made += [path, self._number(f"bus_usb_{bus}_{address}", 189, number)]
        event = {"DEVPATH": folder, **told, "DEVNAME": f"/dev/bus/usb/{device.key}"}
        return Plugged(node, self._player(path, node), [event], made)

    def _plug_hid(self, device: SimulatedDevice, facts: HIDFacts) -> Plugged:
        name = device.key.removeprefix("/dev/")
        number = int(name.removeprefix("hidraw"))
        ids = f"{facts.vendor_id:04X}:{facts.product_id:04X}"
        if not self._sys(f"{BUS}/{device.place}").exists():
            head = struct.pack("<BBHBBBBHH6xB", 18, 1, 0x200, 0, 0, 0, 64, facts.vendor_id, facts.product_id, 1)
            told = {"DEVTYPE": "usb_device", "SUBSYSTEM": "usb"}
            self._shared[device.place] = self._usb_folder(device.place, head, told)
            strings = {"product": facts.product_name, "serial": facts.serial_number}
            self._write(self._sys(f"{BUS}/{device.place}"), **{key: text for key, text in strings.items() if text})
        interface = self._interfaces[device.place] = self._interfaces.get(device.place, -1) + 1
        folder = f"{BUS}/{device.place}/{device.place}:1.{interface}"
        made = [self._folder(folder, "bus/usb", {"DEVTYPE": "usb_interface", "SUBSYSTEM": "usb"})]
        made.append(self._link(f"bus/usb/devices/{Path(folder).name}", folder))
        self._write(self._sys(folder), bInterfaceNumber=f"{interface:02}")
        folder = f"{folder}/0003:{ids}.{number + 1:04X}"
        told = {"SUBSYSTEM": "hid", "HID_ID": f"0003:{facts.vendor_id:08X}:{facts.product_id:08X}"}
        told |= {"HID_NAME": facts.product_name, "HID_PHYS": f"usb-{device.place}/input{interface}"}
        self._folder(folder, "bus/hid", {**told, "HID_UNIQ": facts.serial_number})
        (self._sys(folder) / "report_descriptor").write_bytes(facts.report_descriptor)
        made.append(self._link(f"bus/hid/devices/{Path(folder).name}", folder))
        told = {"DEVNAME": name, "MAJOR": "245", "MINOR": str(number), "SUBSYSTEM": "hidraw"}
        raw = f"{folder}/hidraw/{name}"
        self._folder(raw, "class/hidraw", told)
        self._write(self._sys(raw), dev=f"245:{number}")
        (self._sys(raw) / "device").symlink_to(f"../../../{Path(folder).name}")
        made += [self._link(f"class/hidraw/{name}", raw), self._link(f"dev/char/245:{number}", raw)]
        path = self._path(device)
        node = HIDRawNode(path, device, report_ids=_has_report_ids(facts.report_descriptor))
        made += [path, self._number(name, 245, number)]
        event = {"DEVPATH": raw, **told, "DEVNAME": device.key}
        return Plugged(node, self._player(path, node), [event], made)

    def _plug_serial(self, device: SimulatedDevice, facts: SerialFacts) -> Plugged:
        number = int(facts.name.removeprefix("ttyACM"))
        folder = f"{BUS}/{device.place}"
        head = struct.pack("<BBHBBBBHH6xB", 18, 1, 0x200, 2, 0, 0, 64, facts.vendor_id or 0, facts.product_id or 0, 1)
        made = self._usb_folder(device.place, head, {"DEVTYPE": "usb_device", "SUBSYSTEM": "usb"})
        strings = {"product": facts.display_name, "serial": facts.serial_number}
        self._write(self._sys(folder), bNumInterfaces=1, **{key: text for key, text in strings.items() if text})
        interface = f"{folder}/{device.place}:1.0"
        self._folder(interface, "bus/usb", {"DEVTYPE": "usb_interface", "SUBSYSTEM": "usb"})
        self._write(self._sys(interface), bInterfaceNumber="00")
        told = {"DEVNAME": facts.name, "MAJOR": "166", "MINOR": str(number), "SUBSYSTEM": "tty"}
        terminal = f"{interface}/tty/{facts.name}"
        self._folder(terminal, "class/tty", told)
        self._write(self._sys(terminal), dev=f"166:{number}")
        (self._sys(terminal) / "device").symlink_to(f"../../../{device.place}:1.0")
        made += [self._link(f"class/tty/{facts.name}", terminal), self._link(f"dev/char/166:{number}", terminal)]
        path = self._path(device)
        node = TTYNode(path, device)
        made += [path, self._number(facts.name, 166, number)]
        event = {"DEVPATH": terminal, **told, "DEVNAME": device.key}
        return Plugged(node, self._player(path, node), [event], made)

    def _usb_folder(self, place: str, descriptors: bytes, told: dict[str, str]) -> list[Path]:
        vendor_id, product_id = struct.unpack_from("<HH", descriptors, 8)
        folder = f"{BUS}/{place}"
        made = [self._folder(folder, "bus/usb", {**told, "PRODUCT": f"{vendor_id:x}/{product_id:x}/100"})]
        self._write(self._sys(folder), idVendor=f"{vendor_id:04x}", idProduct=f"{product_id:04x}", bcdDevice="0100")
        (self._sys(folder) / "descriptors").write_bytes(descriptors)
        return [*made, self._link(f"bus/usb/devices/{place}", folder)]

    def _sys(self, folder: str) -> Path:
        return self.root / f"sys{folder}"

    def _folder(self, folder: str, subsystem: str, told: dict[str, str]) -> Path:
        path = self._sys(folder)
        path.mkdir(parents=True)
        lines = "".join(f"{key}={value}\n" for key, value in told.items())
        (path / "uevent").write_bytes(lines.encode("utf-8", "surrogatepass"))
        (path / "subsystem").symlink_to(os.path.relpath(self.root / "sys" / subsystem, path))
        return path

    def _write(self, folder: Path, **files: object) -> None:
        for name, value in files.items():
            (folder / name).write_bytes(f"{value}\n".encode("utf-8", "surrogatepass"))

    def _link(self, link: str, folder: str) -> Path:
        path = self.root / "sys" / link
        path.symlink_to(os.path.relpath(self._sys(folder), path.parent))
        return path

    def _number(self, name: str, major: int, minor: int) -> Path:
        path = self.root / "dev/.node" / name
        path.symlink_to(f"{major}:{minor}")
        return path

    def _player(self, path: Path, node: HIDRawNode | USBNode | TTYNode) -> Player:
        return Player(self.root / "ioctl" / path.relative_to(self.root), node)

    @contextlib.contextmanager
    def held_back(self) -> Iterator[None]:
        """Nobody is told what happens here before its end."""
        self._news = []
        try:
            yield
        finally:
            news, self._news = self._news, None
            for action, event in news:
                self._tell(action, event)

    # -- news -----------------------------------------------------------------------------------------------------------

    def _tell(self, action: str, event: dict[str, str]) -> None:
        """udev's message (``struct monitor_netlink_header`` of systemd's ``device-monitor.c``), to everybody who listens."""
        if self._news is not None:
            self._news.append((action, event))
            return
        self._sequence += 1
        told = {"ACTION": action, **event, "SEQNUM": str(self._sequence), "USEC_INITIALIZED": "1"}
        body = b"".join(f"{key}={value}".encode() + b"\0" for key, value in told.items())
        hashes = (murmur(told["SUBSYSTEM"].encode()), murmur(told.get("DEVTYPE", "").encode()))
        head = (
            b"libudev\0"
            + struct.pack(">I", MAGIC)
            + struct.pack("=3I", 40, 40, len(body))
            + struct.pack(">4I", *hashes, 0, 0)
        )
        for path in sorted(self.root.glob("event[0-9]*")):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_RAW) as line:
                line.connect(os.fspath(path))  # who has stopped listening is not there
                line.send(head + body)


def murmur(text: bytes) -> int:
    """MurmurHash2 with seed 0: by it the kernel picks out messages for who wants only some; 0 for no text."""
    if not text:
        return 0
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    value = len(text)
    whole = len(text) // 4 * 4
    for (word,) in struct.iter_unpack("<I", text[:whole]):
        mixed = word * factor & mask
        mixed = (mixed ^ mixed >> 24) * factor & mask
        value = (value * factor & mask) ^ mixed
    if text[whole:]:
        value = (value ^ int.from_bytes(text[whole:], "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15


def _has_report_ids(descriptor: bytes) -> bool:
    """Whether an item Report ID (HID 1.11 6.2.2.7) is among the short ones."""
    at = 0
    while at < len(descriptor):
        if descriptor[at] & 0xFC == 0x84:
            return True
        at += 1 + (0, 1, 2, 4)[descriptor[at] & 3]
    return False
