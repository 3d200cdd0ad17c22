"""Serial adapters that come and go, by the system's own word for it: sysfs and udev, emulated by umockdev."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
from devices.packages import needs_umockdev

from partita.events.device_facts import AttachedDevice, DeviceChange, SerialFacts

BENCH = Path(__file__).parent / "emulated_serial"

WALLET = AttachedDevice("/dev/ttyACM0", "1-3", SerialFacts("ttyACM0", "Wallet", 0x1209, 0x5303, "S1"))


@needs_umockdev
def test_adapters_are_seen_with_their_facts_as_they_are_plugged_in_and_out() -> None:
    done = subprocess.run(
        ["umockdev-wrapper", "/usr/bin/python3", str(BENCH / "bench.py"), sys.executable, str(BENCH / "watching.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = [
        msgspec.json.decode(line.removeprefix("saw "), type=DeviceChange)
        for line in done.stdout.splitlines()
        if line.startswith("saw ")
    ]
    assert [sorted(change.detached) for change in seen] == [[], [], ["/dev/ttyUSB0", "/dev/ttyUSB1"], ["/dev/ttyACM0"]]
    first, quad, _, again = (change.attached for change in seen)
    assert first == again == (WALLET,)
    assert sorted(quad, key=lambda one: one.key) == [
        AttachedDevice("/dev/ttyUSB0", "1-4.2", SerialFacts("ttyUSB0", "Quad", 0x0403, 0x6011, "", "0")),
        AttachedDevice("/dev/ttyUSB1", "1-4.2", SerialFacts("ttyUSB1", "Quad", 0x0403, 0x6011, "", "1")),
    ]
