"""Bluetooth LE through bleak and BlueZ's own words, spoken by a small ``org.bluez`` in another process."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from devices.bluez.bench import Bench, bluez
from devices.bluez.peripheral import Description
from devices.bluez.talking import (
    COUNTER,
    DESCRIPTION,
    KEY,
    MAILBOX,
    MUTE,
    OTHER_SERVICE,
    REFUSING,
    SERVICE,
    SETTING,
    WALLET,
    User,
    connected,
    driver,
    fails,
    read,
    run,
    seen,
    uuid,
)
from devices.packages import needs_bus

from partita.actors.devices.drivers.bluetooth import BluetoothConnection
from partita.actors.devices.drivers.bluetooth_watch import BluetoothWatch
from partita.events.device_facts import AttachedDevice, BluetoothFacts, DeviceChange
from partita.events.device_transfers import (
    DONE,
    ClearHalt,
    DiscoverServices,
    GATTCharacteristic,
    GATTDescriptor,
    GATTService,
    Incoming,
    OpenBluetooth,
    OpenHID,
    Operation,
    ReadAttribute,
    StartNotifications,
    StopNotifications,
    TransferResult,
    WriteAttribute,
)
from partita.events.errors import DeviceError

pytestmark = needs_bus


async def until(watch: BluetoothWatch, satisfied: Callable[[DeviceChange], bool]) -> DeviceChange:
    while not satisfied(change := await watch.next()):
        pass
    return change


# -- scanning --------------------------------------------------------------------------------------------------------------


def test_a_watch_says_what_is_near_and_what_it_says_of_itself(bench: Bench) -> None:
    described = Description(
        KEY,
        "Scale",
        -61,
        4,
        {0x004C: b"\x02\x15"},
        {uuid(0x181D): b"\x01\x02"},
        {SERVICE: [], OTHER_SERVICE: []},
    )
    facts = BluetoothFacts(
        "Scale", (OTHER_SERVICE, SERVICE), {0x004C: b"\x02\x15"}, {uuid(0x181D): b"\x01\x02"}, -61, 4
    )

    async def work() -> None:
        async with driver() as bluetooth:
            watch = await bluetooth.watch()
            assert await watch.next() == DeviceChange()
            await bench.appear(described)
            assert await watch.next() == DeviceChange((AttachedDevice(KEY, "hci0", facts),))
            late = await bluetooth.watch()
            assert await late.next() == DeviceChange((AttachedDevice(KEY, "hci0", facts),))
            await bench.have("advertise", key=KEY, name="Scales")
            (changed,) = (await until(watch, lambda change: change.attached)).attached
            assert changed.facts.name == "Scales"
            await bench.have("forget", key=KEY)
            assert await until(watch, lambda change: change.detached) == DeviceChange((), (KEY,))
            await watch.close()
            assert (await bench.have("state"))["scanning"] == 1
            await late.close()
            assert (await bench.have("state"))["scanning"] == 0
            with fails("gone"):
                await watch.next()

    run(work)


def test_closing_a_watch_ends_who_waits_for_it(bench: Bench) -> None:
    async def work() -> None:
        async with driver() as bluetooth:
            watch = await bluetooth.watch()
            await watch.next()

            async def wait() -> None:
                with fails("gone"):
                    await watch.next()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked()
                await watch.close()
                await watch.close()

    run(work)


def test_how_strong_a_signal_is_is_told_once_a_second_and_all_else_at_once() -> None:
    from partita.actors.devices.drivers.bluetooth_watch import ToldOfNeighbors

    def near(rssi: int | None, name: str = "Scale") -> dict[str, AttachedDevice]:
        return {KEY: AttachedDevice(KEY, "hci0", BluetoothFacts(name, rssi=rssi))}

    told = ToldOfNeighbors()
    assert told.next({}, 0.0)[0] == DeviceChange()
    assert told.next(near(-50), 10.0)[0] == DeviceChange((near(-50)[KEY],))
    assert told.next(near(-51), 10.2) == (None, 11.0)
    assert told.next(near(None), 10.9) == (None, 11.0)
    assert told.next(near(-52), 11.0)[0] == DeviceChange((near(-52)[KEY],))
    assert told.next(near(-53, "Scales"), 11.1)[0] == DeviceChange((near(-53, "Scales")[KEY],))
    assert told.next(near(-54, "Scales"), 12.0) == (None, 12.1)
    assert told.next({}, 12.0)[0] == DeviceChange((), (KEY,))
    assert told.next(near(-55), 12.0)[0] == DeviceChange((near(-55)[KEY],))


def test_signals_that_change_all_the_time_are_told_in_the_end(bench: Bench) -> None:
    async def work() -> None:
        async with driver() as bluetooth:
            watch = await bluetooth.watch()
            await bench.appear(WALLET)
            await until(watch, lambda change: change.attached)
            for rssi in range(-60, -90, -1):
                await bench.have("advertise", key=KEY, rssi=rssi)
            told = []
            while not told or told[-1] != -89:
                told += [one.facts.rssi for one in (await watch.next()).attached]
            assert len(told) <= 3
            await watch.close()

    run(work)


# -- connecting ------------------------------------------------------------------------------------------------------------


def test_services_are_found_with_all_that_is_in_them(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            services = (await connection.perform(DiscoverServices(), b"", 10)).services
            assert [service.uuid for service in services] == [SERVICE, OTHER_SERVICE]
            assert services[0].characteristics[:2] == (
                GATTCharacteristic(COUNTER, uuid(0xFFE1), ("read",)),
                GATTCharacteristic(
                    MAILBOX,
                    uuid(0xFFE2),
                    ("read", "write", "write-without-response", "notify"),
                    (GATTDescriptor(DESCRIPTION, uuid(0x2901)), GATTDescriptor(SETTING, uuid(0x2905))),
                ),
            )
            assert services[1] == GATTService(9, OTHER_SERVICE, (GATTCharacteristic(10, uuid(0x2A29), ("read",)),))
        state = await bench.have("state")
        assert (state["connected"], state["agents"], state["scanning"]) == ([], 0, 0)

    run(work)


def test_attributes_are_read_and_written_with_and_without_response(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            assert await read(connection, COUNTER) == b"\x07"
            assert await connection.perform(WriteAttribute(MAILBOX), b"one", 10) == TransferResult(bytes_written=3)
            assert await read(connection, MAILBOX) == b"one"
            await connection.perform(WriteAttribute(MAILBOX, with_response=False), b"two", 10)
            assert await read(connection, MAILBOX) == b"two"
            assert await read(connection, DESCRIPTION) == b"mailbox"
            assert (await connection.perform(WriteAttribute(SETTING), b"\x02\x03", 10)).bytes_written == 2
            assert await read(connection, SETTING) == b"\x02\x03"
            assert (await bench.have("state"))["seen"][:2] == [f"request {MAILBOX}", f"command {MAILBOX}"]

    run(work)


def test_values_come_in_order_while_they_are_asked_for(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            await bench.have("notify", key=KEY, handle=MAILBOX, value="00")
            assert await connection.perform(StartNotifications(MAILBOX), b"", 10) == DONE
            assert await connection.perform(StartNotifications(MAILBOX), b"", 10) == DONE
            for number in range(1, 51):
                await bench.have("notify", key=KEY, handle=MAILBOX, value=f"{number:02x}")
            values = [await connection.receive() for _ in range(50)]
            assert values == [Incoming(MAILBOX, bytes([number])) for number in range(1, 51)]
            assert await connection.perform(StopNotifications(MAILBOX), b"", 10) == DONE
            assert await connection.perform(StopNotifications(MAILBOX), b"", 10) == DONE
            await bench.have("notify", key=KEY, handle=MAILBOX, value="ff")
            await connection.perform(StartNotifications(MAILBOX), b"", 10)
            await bench.have("notify", key=KEY, handle=MAILBOX, value="aa")
            assert await connection.receive() == Incoming(MAILBOX, b"\xaa")

    run(work)


@pytest.mark.parametrize("operation", [ReadAttribute(REFUSING), WriteAttribute(REFUSING)])
def test_what_the_device_refuses_is_rejected_with_the_code(bench: Bench, operation: Operation) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            with fails("rejected", "ATT error 0x80"):
                await connection.perform(operation, b"", 10)
            assert await read(connection, COUNTER) == b"\x07"

    run(work)


@pytest.mark.parametrize(
    ("operation", "failure"),
    [
        (ReadAttribute(99), "not_found"),
        (StartNotifications(DESCRIPTION), "unsupported"),
        (ClearHalt("in", 1), "unsupported"),
    ],
)
def test_what_cannot_be_asked_is_refused(bench: Bench, operation: Operation, failure: str) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            with fails(failure):
                await connection.perform(operation, b"", 10)

    run(work)


def test_what_is_not_answered_in_time_is_over_and_the_link_lives_on(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            with fails("timeout"):
                await connection.perform(ReadAttribute(MUTE), b"", 0.2)
            assert await read(connection, COUNTER) == b"\x07"

    run(work)


def test_an_operation_that_is_cancelled_leaves_the_link_as_it_is(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection, trio.open_nursery() as nursery:
            nursery.start_soon(connection.perform, ReadAttribute(MUTE), b"", None)
            await seen(bench, f"mute {MUTE}")
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                assert await read(connection, COUNTER) == b"\x07"

    run(work)


# -- its end ---------------------------------------------------------------------------------------------------------------


async def told_the_end(connection: BluetoothConnection, *ending: Callable[[], Awaitable[object]]) -> list[str]:
    """What a reader and a receiver are told when that happens while they wait."""
    told = []

    async def wait_for(work: Callable[[], Awaitable[Any]]) -> None:
        try:
            await work()
        except DeviceError as error:
            told.append(error.failure)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for, lambda: connection.perform(ReadAttribute(MUTE), b"", None))
        nursery.start_soon(wait_for, connection.receive)
        for each in ending:
            await each()
    return told


def test_the_loss_of_the_link_is_told_to_all_who_wait(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            told = await told_the_end(
                connection, lambda: seen(bench, f"mute {MUTE}"), lambda: bench.have("lose", key=KEY)
            )
            assert told == ["gone", "gone"]
            with fails("gone", "lost"):
                await read(connection, COUNTER)
            with fails("gone", "lost"):
                await connection.receive()

    run(work)


def test_a_device_that_goes_away_in_the_middle_of_a_read_is_gone(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:

            async def go_away() -> None:
                await seen(bench, f"mute {MUTE}")
                await bench.have("move_away", key=KEY)
                await bench.have("lose", key=KEY)
                await bench.have("forget", key=KEY)

            assert await told_the_end(connection, go_away) == ["gone", "gone"]

    run(work)


def test_closing_ends_all_who_wait_and_may_be_done_twice(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            told = await told_the_end(connection, lambda: seen(bench, f"mute {MUTE}"), connection.close)
            assert told == ["gone", "gone"]
            await connection.close()
            assert (await bench.have("state"))["connected"] == []

    run(work)


def test_what_came_before_the_end_is_received_first(bench: Bench) -> None:
    async def work() -> None:
        async with connected(bench) as connection:
            await connection.perform(StartNotifications(MAILBOX), b"", 10)
            await bench.have("notify", key=KEY, handle=MAILBOX, value="01")
            await bench.have("lose", key=KEY)
            with fails("gone"):
                await connection.perform(ReadAttribute(MUTE), b"", 10)
            assert await connection.receive() == Incoming(MAILBOX, b"\x01")
            with fails("gone"):
                await connection.receive()

    run(work)


def test_it_can_be_connected_to_again(bench: Bench) -> None:
    async def work() -> None:
        await bench.appear(WALLET)
        async with driver() as bluetooth:
            for _ in range(3):
                connection = await bluetooth.open(KEY, OpenBluetooth(), User())
                await bench.have("lose", key=KEY)
                with fails("gone"):
                    await connection.receive()
                await connection.close()
            connection = await bluetooth.open(KEY, OpenBluetooth(), User())
            assert await read(connection, COUNTER) == b"\x07"
            await connection.close()

    run(work)


def test_a_device_out_of_range_cannot_be_connected_to(bench: Bench) -> None:
    async def work() -> None:
        await bench.appear(WALLET)
        await bench.have("move_away", key=KEY)
        async with driver() as bluetooth:
            with fails("gone", "out of range"):
                await bluetooth.open(KEY, OpenBluetooth(), User())

    run(work)


def test_a_device_that_nobody_hears_is_not_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.actors.devices.drivers.bluetooth.FINDING_S", 0.2)

    async def work() -> None:
        async with driver() as bluetooth:
            with fails("not_found", KEY):
                await bluetooth.open(KEY, OpenBluetooth(), User())
            with fails("unsupported", "OpenHID"):
                await bluetooth.open(KEY, OpenHID(), User())
        assert (await bench.have("state"))["scanning"] == 0

    run(work)


def test_opening_that_is_cancelled_leaves_nothing_connected_and_nothing_open(bench: Bench) -> None:
    async def work(checkpoints: int) -> None:
        await bench.appear(WALLET)
        async with driver() as bluetooth, trio.open_nursery() as nursery:
            nursery.start_soon(bluetooth.open, KEY, OpenBluetooth(), User())
            for _ in range(checkpoints):
                await bench.have("state")
            nursery.cancel_scope.cancel()
        state = await bench.have("state")
        assert (state["scanning"], state["connected"], state["agents"]) == (0, [], 0)
        await bench.have("forget", key=KEY)

    before = len(os.listdir("/dev/fd"))
    for checkpoints in range(0, 40, 4):
        run(partial(work, checkpoints))
    assert len(os.listdir("/dev/fd")) == before


# -- where there is no Bluetooth -------------------------------------------------------------------------------------------


def cannot_be_had(failure: str, match: str) -> None:
    async def work() -> None:
        async with driver() as bluetooth:
            with fails(failure, match):
                await bluetooth.watch()
            with fails(failure, match):
                await bluetooth.open(KEY, OpenBluetooth(), User())

    run(work)


def test_without_a_bus_it_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nothing")
    cannot_be_had("unsupported", "message bus cannot be reached")


def test_without_bluez_it_says_what_to_install(bus: str) -> None:
    cannot_be_had("unsupported", "start its service")


@pytest.mark.parametrize(("option", "match"), [("off", "turn it on"), ("no-adapter", "there is no Bluetooth adapter")])
def test_without_an_adapter_it_says_so(bus: str, option: str, match: str) -> None:
    with bluez(bus, option):
        cannot_be_had("unsupported", match)


def test_without_bleak_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    cannot_be_had("unsupported", r"pip install 'partita\[devices\]'")


def test_many_connections_leave_no_descriptor(bench: Bench) -> None:
    async def once() -> None:
        async with connected(bench) as connection:
            assert await read(connection, COUNTER) == b"\x07"
        await bench.have("forget", key=KEY)

    run(once)
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        run(once)
    assert len(os.listdir("/dev/fd")) == before
