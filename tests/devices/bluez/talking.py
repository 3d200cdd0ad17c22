"""How the tests talk with the driver: a user who is asked to pair, connections that are closed, and a wallet to talk to."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import trio
import trio.testing
from devices.bluez.bench import Bench
from devices.bluez.peripheral import Characteristic, Description

from partita.actors.devices.drivers.bluetooth import BluetoothConnection, BluetoothDriver
from partita.actors.kernel.device_ports import PairingAnswer, PairingQuestion
from partita.events.device_transfers import (
    OpenBluetooth,
    ReadAttribute,
)
from partita.events.errors import DeviceError

LIMIT_S = 30
KEY = "C0:00:00:00:00:01"


def uuid(number: int) -> str:
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


SERVICE, OTHER_SERVICE = uuid(0xFFE0), uuid(0x180A)
COUNTER, MAILBOX, LOCKED, REFUSING, MUTE = 2, 3, 6, 7, 8
DESCRIPTION, SETTING = 4, 5
WALLET = Description(
    KEY,
    "Wallet",
    services={
        SERVICE: [
            Characteristic(uuid(0xFFE1), ("read",), b"\x07"),
            Characteristic(
                uuid(0xFFE2),
                ("read", "write", "write-without-response", "notify"),
                descriptors={uuid(0x2901): b"mailbox", uuid(0x2905): b"\x01"},
            ),
            Characteristic(uuid(0xFFE3), ("read", "write", "notify"), b"secret", secure=True),
            Characteristic(uuid(0xFFE4), ("read", "write"), refuses=0x80),
            Characteristic(uuid(0xFFE5), ("read", "write"), mute=True),
        ],
        OTHER_SERVICE: [Characteristic(uuid(0x2A29), ("read",), b"Acme")],
    },
)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        with trio.fail_after(LIMIT_S):
            await work()

    trio.run(limited)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("partita")]


@contextmanager
def fails(failure: str, match: str | None = None) -> Iterator[None]:
    with pytest.raises(DeviceError, match=match) as raised:
        yield
    assert raised.value.failure == failure


class User:
    """Who is asked to pair, and what he answers: None for never."""

    def __init__(self, answer: PairingAnswer | None = None) -> None:
        self.asked: list[PairingQuestion] = []
        self.is_asked = trio.Event()
        self._answer = answer

    async def __call__(self, question: PairingQuestion) -> PairingAnswer:
        self.asked.append(question)
        self.is_asked.set()
        if self._answer is None:
            await trio.sleep_forever()
        assert self._answer is not None
        return self._answer


@asynccontextmanager
async def driver() -> AsyncIterator[BluetoothDriver]:
    driver = BluetoothDriver()
    try:
        yield driver
    finally:
        await driver.close()


@asynccontextmanager
async def connected(
    bench: Bench, description: Description = WALLET, user: User | None = None
) -> AsyncIterator[BluetoothConnection]:
    await bench.appear(description)
    async with driver() as bluetooth:
        connection = await bluetooth.open(description.key, OpenBluetooth(), user or User())
        try:
            yield connection
        finally:
            await connection.close()


async def read(connection: BluetoothConnection, handle: int) -> bytes:
    return (await connection.perform(ReadAttribute(handle), b"", 10)).data


async def seen(bench: Bench, what: str) -> None:
    while what not in (await bench.have("state"))["seen"]:
        pass
