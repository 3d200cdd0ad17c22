"""A message bus and an ``org.bluez`` for each test that asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from devices.bluez.bench import Bench, bluez, message_bus


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with message_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
def bench(bus: str) -> Iterator[Bench]:
    with bluez(bus) as bench:
        yield bench
