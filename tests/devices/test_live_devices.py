"""The live port of devices: who has what, and what becomes of it. The drivers here do as the tests say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from trio.abc import Clock
from trio.testing import MockClock, wait_all_tasks_blocked

import partita
from partita.actors.devices.ports import LiveDevices
from partita.actors.kernel.device_ports import DeviceConnection, DeviceWatch, Pair, PairingAnswer, PairingQuestion
from partita.events.device_facts import DeviceChange
from partita.events.device_transfers import (
    DONE,
    Incoming,
    OpenHID,
    OpenOptions,
    OpenUSB,
    Operation,
    ResetDevice,
    TransferResult,
)
from partita.events.errors import DeviceError

HID = OpenHID()


class Wire:
    """A connection and a watch that note their end."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.closed = trio.Event()
        driver.open_now.append(self)

    async def perform(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:
        return DONE

    async def receive(self) -> Incoming:
        await self.closed.wait()
        raise DeviceError("gone", "closed")

    async def next(self) -> DeviceChange:
        await self.closed.wait()
        raise DeviceError("gone", "closed")

    async def close(self) -> None:
        await self.driver.closing.wait()
        if not self.closed.is_set():
            self.closed.set()
            self.driver.open_now.remove(self)


class Driver:
    """Opens what it is asked for as soon as ``gate`` is open."""

    def __init__(self) -> None:
        self.open_now: list[Wire] = []
        self.gate = trio.Event()
        self.gate.set()
        self.closing = trio.Event()
        self.closing.set()
        self.failure: DeviceError | None = None
        self.is_closed = False

    async def watch(self) -> DeviceWatch:
        return Wire(self)

    async def open(self, key: str, options: OpenOptions, pair: Pair) -> DeviceConnection:
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return Wire(self)

    async def close(self) -> None:
        assert not self.open_now, "all that was opened has been closed"
        self.is_closed = True


async def pair(question: PairingQuestion) -> PairingAnswer:
    raise AssertionError(question)


def run(test: Callable[[LiveDevices, Driver], Awaitable[None]], clock: Clock | None = None) -> None:
    """Run it with one driver, which is there for HID and USB."""

    async def main() -> None:
        driver = Driver()
        devices = LiveDevices({"hid": lambda: driver, "usb": lambda: driver})
        with trio.fail_after(20):
            await test(devices, driver)
            await devices.shut_down()
        assert driver.open_now == []

    trio.run(main, clock=clock)


def failure(error: pytest.ExceptionInfo[DeviceError]) -> str:
    return error.value.failure


def test_a_key_is_open_once_and_again_when_it_has_been_closed() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        await devices.open("one", "hid", "/dev/hidraw0", HID, pair)
        with pytest.raises(DeviceError, match="open already") as busy:
            await devices.open("two", "hid", "/dev/hidraw0", HID, pair)
        assert failure(busy) == "busy"
        await devices.open("three", "hid", "/dev/hidraw1", HID, pair)
        await devices.open("four", "usb", "/dev/hidraw0", OpenUSB(), pair)
        await devices.close("one")
        await devices.open("two", "hid", "/dev/hidraw0", HID, pair)
        assert await devices.connection("two").perform(ResetDevice(), b"", None) == DONE

    run(test)


def test_who_lets_go_of_a_device_is_waited_for() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        driver.closing = trio.Event()
        await devices.open("one", "hid", "a", HID, pair)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(devices.close, "one")
            await wait_all_tasks_blocked()
            nursery.start_soon(devices.open, "two", "hid", "a", HID, pair)
            await wait_all_tasks_blocked()
            with pytest.raises(DeviceError, match="not open"):
                devices.connection("two")
            driver.closing.set()
        devices.connection("two")

    run(test)


def test_who_waits_for_a_device_when_all_is_shut_down_is_told_so() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        driver.closing = trio.Event()
        await devices.open("one", "hid", "a", HID, pair)
        failures = []

        async def open_it() -> None:
            with pytest.raises(DeviceError, match="shut down") as gone:
                await devices.open("two", "hid", "a", HID, pair)
            failures.append(failure(gone))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(devices.close, "one")
            await wait_all_tasks_blocked()
            nursery.start_soon(open_it)
            await wait_all_tasks_blocked()
            nursery.start_soon(devices.shut_down)
            await wait_all_tasks_blocked()
            driver.closing.set()
        assert failures == ["gone"]

    run(test)


def test_who_never_lets_go_of_a_device_has_it() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        driver.closing = trio.Event()
        await devices.open("one", "hid", "a", HID, pair)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(devices.close, "one")
            await wait_all_tasks_blocked()
            with pytest.raises(DeviceError, match="open already") as busy:
                await devices.open("two", "hid", "a", HID, pair)
            driver.closing.set()
        assert failure(busy) == "busy"

    run(test, clock=MockClock(autojump_threshold=0))


def test_a_name_without_a_connection_is_gone() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        await devices.open("one", "hid", "a", HID, pair)
        await devices.close("one")
        await devices.close("one")
        for name in ("one", "never"):
            with pytest.raises(DeviceError, match="not open any more") as gone:
                devices.connection(name)
            assert failure(gone) == "gone"

    run(test)


def test_a_device_that_cannot_be_opened_is_free() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        driver.failure = DeviceError("denied", "not you")
        with pytest.raises(DeviceError, match="not you"):
            await devices.open("one", "hid", "a", HID, pair)
        driver.failure = None
        await devices.open("one", "hid", "a", HID, pair)

    run(test)


def test_a_device_that_is_being_opened_is_busy_and_not_there_yet() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        driver.gate = trio.Event()
        async with trio.open_nursery() as opening:
            opening.start_soon(devices.open, "one", "hid", "a", HID, pair)
            await wait_all_tasks_blocked()
            with pytest.raises(DeviceError) as busy:
                await devices.open("two", "hid", "a", HID, pair)
            with pytest.raises(DeviceError) as gone:
                devices.connection("one")
            driver.gate.set()
        assert (failure(busy), failure(gone)) == ("busy", "gone")
        devices.connection("one")

    run(test)


def test_what_is_cancelled_while_it_is_being_opened_is_free() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        driver.gate = trio.Event()
        async with trio.open_nursery() as opening:
            opening.start_soon(devices.open, "one", "hid", "a", HID, pair)
            await wait_all_tasks_blocked()
            opening.cancel_scope.cancel()
        driver.gate.set()
        await devices.open("two", "hid", "a", HID, pair)

    run(test)


def test_what_is_closed_while_it_is_being_opened_is_closed_as_soon_as_it_is_open() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        driver.gate = trio.Event()
        failures = []

        async def open_it() -> None:
            with pytest.raises(DeviceError) as gone:
                await devices.open("one", "hid", "a", HID, pair)
            failures.append(failure(gone))

        async with trio.open_nursery() as opening:
            opening.start_soon(open_it)
            await wait_all_tasks_blocked()
            opening.start_soon(devices.close, "one")
            await wait_all_tasks_blocked()
            driver.gate.set()
        assert failures == ["gone"]
        assert driver.open_now == []
        await devices.open("two", "hid", "a", HID, pair)

    run(test)


def test_shutting_down_closes_all_and_lets_go_of_the_drivers() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        await devices.open("one", "hid", "a", HID, pair)
        watch = await devices.watch("hid")
        failures = []

        async def look() -> None:
            with pytest.raises(DeviceError) as gone:
                await watch.next()
            failures.append(failure(gone))

        async with trio.open_nursery() as looking:
            looking.start_soon(look)
            await wait_all_tasks_blocked()
            await devices.shut_down()
        await devices.shut_down()
        assert failures == ["gone"]
        assert driver.is_closed
        with pytest.raises(DeviceError) as gone:
            await devices.watch("hid")
        assert failure(gone) == "gone"
        with pytest.raises(DeviceError) as gone:
            await devices.open("two", "hid", "a", HID, pair)
        assert failure(gone) == "gone"

    run(test)


def test_a_watch_that_is_closed_is_not_closed_again() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        watch = await devices.watch("usb")
        await watch.close()
        await watch.close()
        assert driver.open_now == []

    run(test)


def test_a_kind_without_a_driver_is_unsupported() -> None:
    async def test(devices: LiveDevices, driver: Driver) -> None:
        with pytest.raises(DeviceError, match="no driver for bluetooth devices") as raised:
            await devices.watch("bluetooth")
        assert failure(raised) == "unsupported"

    run(test)


def test_a_driver_is_made_when_it_is_first_needed() -> None:
    made: list[Driver] = []

    def make() -> Driver:
        made.append(Driver())
        return made[-1]

    async def main() -> None:
        devices = LiveDevices({"hid": make})
        assert made == []
        for _ in range(2):
            await (await devices.watch("hid")).close()
        assert len(made) == 1
        await devices.shut_down()
        assert made[0].is_closed

    trio.run(main)


def test_a_system_that_is_closed_has_shut_its_devices_down(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        system.from_partition("persist:devices")
        devices = system.world.devices
        assert isinstance(devices, LiveDevices)
    with pytest.raises(DeviceError, match="shut down") as raised:
        trio.run(devices.watch, "hid")
    assert failure(raised) == "gone"
