"""USB devices through pyusb and libusb, on emulated usbfs nodes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from devices.emulated import words
from devices.emulated.bench import Bench
from devices.emulated.models import LoopingUSB
from devices.emulated.subject import Connection, Subject

from partita.events.device_facts import DeviceChange, USBFacts
from partita.events.device_transfers import (
    DONE,
    ClaimInterface,
    ClearHalt,
    ControlTransfer,
    IsochronousTransferIn,
    IsochronousTransferOut,
    OpenUSB,
    Operation,
    Packet,
    ReleaseInterface,
    ResetDevice,
    SelectAlternateInterface,
    SelectConfiguration,
    SendReport,
    TransferIn,
    TransferOut,
    TransferResult,
)
from partita.events.errors import DeviceError

NEVER = 6
"""The endpoint that does not answer."""


@pytest.fixture
def looper(bed: Bench) -> LoopingUSB:
    device = LoopingUSB()
    bed.plug(device)
    return device


@pytest.fixture
def connection(subject: Subject, looper: LoopingUSB) -> Connection:
    """The device, open and claimed."""
    connection = opened(subject, looper)
    connection.perform(ClaimInterface(0))
    return connection


def opened(subject: Subject, device: LoopingUSB) -> Connection:
    return subject.open("usb", device.key, OpenUSB())


def vendor_in(value: int, length: int) -> ControlTransfer:
    return ControlTransfer("in", "vendor", "device", 1, value, 0, length)


def vendor_out(value: int) -> ControlTransfer:
    return ControlTransfer("out", "vendor", "device", 1, value, 0)


# -- what is attached --------------------------------------------------------------------------------------------------------


def test_a_device_is_told_of_as_it_says_of_itself(subject: Subject, looper: LoopingUSB) -> None:
    assert subject.watch("usb").next() == DeviceChange(attached=(looper.attached(),))


def test_what_libusb_lists_is_to_the_byte_what_the_system_says(subject: Subject, looper: LoopingUSB) -> None:
    """Systems that have no files to be read are told of by libusb alone."""
    assert subject.ask(words.List()).get().change == DeviceChange(attached=(looper.attached(),))


def test_who_watches_is_told_what_comes_and_goes(subject: Subject, bed: Bench) -> None:
    watch = subject.watch("usb")
    assert watch.next() == DeviceChange()
    device = LoopingUSB(2, "1-2.3")
    bed.plug(device)
    assert watch.next() == DeviceChange(attached=(device.attached(),))
    bed.unplug(device)
    assert watch.next() == DeviceChange(detached=("001/002",))


def test_two_devices_with_the_same_serial_number_are_two(subject: Subject, bed: Bench) -> None:
    devices = LoopingUSB(2, "1-1"), LoopingUSB(3, "1-2")
    for device in devices:
        bed.plug(device)
    assert subject.watch("usb").next().attached == (devices[0].attached(), devices[1].attached())
    opened(subject, devices[1]).perform(vendor_out(7), b"second")
    assert (devices[0].registers, devices[1].registers) == ({}, {7: b"second"})


def test_hubs_are_not_told_of(subject: Subject, bed: Bench, looper: LoopingUSB) -> None:
    hub = LoopingUSB(3, "1-2")
    hub.descriptors = hub.descriptors[:4] + b"\x09" + hub.descriptors[5:]
    bed.plug(hub)
    assert subject.watch("usb").next().attached == (looper.attached(),)


def test_half_a_surrogate_in_a_string_does_not_break_what_is_told(subject: Subject, bed: Bench) -> None:
    bed.plug(LoopingUSB(strings={1: "Acme", 2: "half \ud83d here", 3: "\udc00"}))
    for change in (subject.watch("usb").next(), subject.ask(words.List()).get().change):
        assert change is not None
        [attached] = change.attached
        assert isinstance(attached.facts, USBFacts)
        assert attached.facts.strings[1] == "Acme"
        assert re.fullmatch("half \ufffd+ here", attached.facts.strings[2])
        assert re.fullmatch("\ufffd+", attached.facts.strings[3])


# -- transfers ---------------------------------------------------------------------------------------------------------------


def test_control_transfers_go_both_ways(connection: Connection, looper: LoopingUSB) -> None:
    assert connection.perform(vendor_out(7), b"hello") == TransferResult(bytes_written=5)
    assert looper.registers == {7: b"hello"}
    assert connection.perform(vendor_in(7, 64)) == TransferResult(data=b"hello")
    assert connection.perform(vendor_in(7, 2)) == TransferResult(data=b"he")


@pytest.mark.parametrize("endpoint", [1, 2], ids=["bulk", "interrupt"])
@pytest.mark.parametrize("size", [0, 1, 512, 100_000])
def test_transfers_go_both_ways(connection: Connection, endpoint: int, size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    assert connection.perform(TransferOut(endpoint), data) == TransferResult(bytes_written=size)
    assert connection.perform(TransferIn(endpoint, max(size, 1))) == TransferResult(data=data)


def test_a_transfer_out_goes_while_one_in_waits(connection: Connection) -> None:
    waiting = [connection.begin(TransferIn(1, 64)) for _ in range(3)]
    for number in range(3):
        assert connection.perform(TransferOut(1), bytes([number])) == TransferResult(bytes_written=1)
    assert [one.result().data for one in waiting] == [b"\0", b"\1", b"\2"]


def test_isochronous_packets_say_how_long_each_was(connection: Connection) -> None:
    connection.perform(SelectAlternateInterface(0, 1))
    lengths = (8, 8, 8)
    sent = connection.perform(IsochronousTransferOut(3, lengths), bytes(range(24)))
    assert sent == TransferResult(bytes_written=24, packets=(Packet(8), Packet(8), Packet(8)))
    came = connection.perform(IsochronousTransferIn(3, lengths))
    assert came == TransferResult(data=bytes(range(14)), packets=(Packet(7), Packet(7), Packet(0, "stall")))


def test_an_isochronous_transfer_is_refused_whose_packets_do_not_fit(connection: Connection) -> None:
    connection.perform(SelectAlternateInterface(0, 1))
    assert connection.begin(IsochronousTransferOut(3, (8, 8)), bytes(15)).failure() == "failed"
    assert connection.begin(IsochronousTransferIn(3, ())).failure() == "failed"


def test_a_halted_endpoint_stalls_until_it_is_cleared(connection: Connection) -> None:
    assert connection.perform(TransferOut(4), b"ab").status == "stall"
    assert connection.perform(TransferIn(4, 8)).status == "stall"
    assert connection.perform(ClearHalt("in", 4)) == DONE
    assert connection.perform(TransferOut(4), b"ab") == TransferResult(bytes_written=2)
    assert connection.perform(TransferIn(4, 8)) == TransferResult(data=b"ab")


def test_a_control_transfer_that_the_device_does_not_know_stalls(connection: Connection) -> None:
    assert connection.perform(vendor_in(99, 8)).status == "stall"
    assert connection.perform(ControlTransfer("out", "class", "interface", 9, 0, 0), b"ab").status == "stall"


def test_more_than_was_asked_for_is_babble(connection: Connection) -> None:
    assert connection.perform(TransferIn(5, 8)).status == "babble"


def test_no_answer_in_time_is_a_timeout(connection: Connection) -> None:
    assert connection.begin(TransferIn(NEVER, 8), timeout_s=0.05).failure() == "timeout"
    assert connection.begin(TransferOut(NEVER), b"ab", timeout_s=0.05).failure() == "timeout"
    connection.perform(TransferOut(1), b"still there")
    assert connection.perform(TransferIn(1, 64)).data == b"still there"


def test_an_answer_that_comes_late_goes_to_who_asks_next(connection: Connection, looper: LoopingUSB) -> None:
    assert connection.begin(TransferIn(1, 8), timeout_s=0.05).failure() == "timeout"
    looper.queues[1].append(b"late")
    looper.changed()
    assert connection.perform(TransferIn(1, 8)).data == b"late"


def test_a_transfer_without_a_limit_waits_for_the_answer(connection: Connection, looper: LoopingUSB) -> None:
    waiting = connection.begin(TransferIn(1, 8), timeout_s=None)
    connection.perform(vendor_out(1), b"in between")
    assert not waiting.has_come
    looper.queues[1].append(b"there")
    looper.changed()
    assert waiting.result().data == b"there"


def test_a_cancelled_transfer_takes_nothing_from_the_next(connection: Connection) -> None:
    waiting = connection.begin(TransferIn(1, 8))
    waiting.cancel()
    with pytest.raises(InterruptedError):
        waiting.get()
    connection.perform(TransferOut(1), b"ab")
    assert connection.perform(TransferIn(1, 8)).data == b"ab"


@pytest.mark.parametrize(
    "operation", [TransferIn(9, 8), TransferOut(3), TransferIn(7, 8), IsochronousTransferIn(1, (8,))], ids=repr
)
def test_an_endpoint_that_is_not_selected_is_refused(connection: Connection, operation: Operation) -> None:
    with pytest.raises(DeviceError, match=r"has no .* endpoint") as raised:
        connection.perform(operation)
    assert raised.value.failure == "failed"


# -- the device as a whole ---------------------------------------------------------------------------------------------------


def test_what_is_done_to_the_device_reaches_it(subject: Subject, looper: LoopingUSB) -> None:
    connection = opened(subject, looper)
    asked: list[Operation] = [
        SelectConfiguration(2),
        SelectConfiguration(1),
        ResetDevice(),
        ClaimInterface(0),
        SelectAlternateInterface(0, 1),
        ClearHalt("out", 1),
        ReleaseInterface(0),
    ]
    for operation in asked:
        assert connection.perform(operation) == DONE
    assert [operation for operation in looper.asked if operation in asked] == asked


def test_another_configuration_has_other_endpoints(subject: Subject, looper: LoopingUSB) -> None:
    connection = opened(subject, looper)
    connection.perform(SelectConfiguration(2))
    connection.perform(ClaimInterface(0))
    looper.queues[7].append(b"seven")
    assert connection.perform(TransferIn(7, 8)).data == b"seven"
    assert connection.begin(TransferIn(1, 8)).failure() == "failed"


def test_a_driver_of_the_system_leaves_and_comes_back(subject: Subject, bed: Bench) -> None:
    device, drivers = LoopingUSB(), {0: "usbtest"}
    bed.plug(device, drivers)
    connection = opened(subject, device)
    connection.perform(ClaimInterface(0))
    assert drivers == {}
    connection.perform(ReleaseInterface(0))
    assert drivers == {0: "usbtest"}
    connection.perform(ClaimInterface(0))
    connection.close()
    assert drivers == {0: "usbtest"}


def test_what_another_program_has_claimed_is_busy(
    begin: Callable[..., Subject], connection: Connection, looper: LoopingUSB
) -> None:
    other = opened(begin(), looper)
    assert other.begin(ClaimInterface(0)).failure() == "busy"
    assert other.perform(ClaimInterface(1)) == DONE
    connection.perform(ReleaseInterface(0))
    assert other.perform(ClaimInterface(0)) == DONE


def test_a_usb_device_does_no_more_than_a_usb_device_can(connection: Connection) -> None:
    assert connection.begin(SendReport(0), b"ab").failure() == "unsupported"


# -- ends --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [TransferIn(NEVER, 8), TransferOut(NEVER)], ids=["in", "out"])
def test_who_waits_is_told_that_the_device_was_unplugged(
    connection: Connection, bed: Bench, looper: LoopingUSB, operation: Operation
) -> None:
    waiting = connection.begin(operation)
    receiving = connection.receive_soon()
    connection.perform(vendor_out(1), b"in between")
    bed.unplug(looper)
    assert waiting.failure() == "gone"
    assert connection.begin(TransferOut(1), b"ab").failure() == "gone"
    assert connection.begin(ReleaseInterface(0)).failure() == "gone"
    assert receiving.failure() == "gone"
    connection.close()
    assert connection.begin(TransferOut(1), b"ab").failure() == "gone"


def test_a_device_that_is_not_there_is_not_found(subject: Subject, bed: Bench, looper: LoopingUSB) -> None:
    bed.unplug(looper)
    with pytest.raises(DeviceError) as raised:
        opened(subject, looper)
    assert raised.value.failure == "not_found"


def test_a_device_is_for_one_user_at_a_time(subject: Subject, connection: Connection, looper: LoopingUSB) -> None:
    with pytest.raises(DeviceError) as raised:
        opened(subject, looper)
    assert raised.value.failure == "busy"
    connection.close()
    opened(subject, looper)


def test_closing_ends_what_is_under_way(connection: Connection) -> None:
    waiting = [connection.begin(TransferIn(NEVER, 8)), connection.begin(TransferOut(NEVER), b"ab")]
    connection.perform(vendor_out(1), b"in between")
    cancelled = connection.begin(TransferIn(NEVER, 8))
    cancelled.cancel()
    connection.close()
    assert [one.failure() for one in waiting] == ["gone", "gone"]
    connection.close()


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_cancelled_answered_and_closed_every_transfer_ends_once(
    subject: Subject, bed: Bench, looper: LoopingUSB, seed: int
) -> None:
    """What libusb writes into, and calls back about, has to be there until it does."""
    draw = random.Random(seed)
    for _ in range(10):
        connection = opened(subject, looper)
        connection.perform(ClaimInterface(0))
        under_way = []
        for _ in range(40):
            endpoint = draw.choice([1, 2, NEVER])
            if draw.random() < 0.5:
                size = draw.choice([1, 64, 5000])
                under_way.append(connection.begin(TransferOut(endpoint), bytes(size), draw.choice([None, 0.001])))
            else:
                under_way.append(connection.begin(TransferIn(endpoint, 5000), b"", draw.choice([None, 0.001])))
            if draw.random() < 0.3:
                draw.choice(under_way).cancel()
        connection.close()
        for pending in under_way:
            try:
                assert pending.result().status == "ok"
            except DeviceError as error:
                assert error.failure in ("gone", "timeout")
            except InterruptedError:
                pass  # cancelled
        looper.queues.clear()


def test_shutting_down_closes_what_is_open_and_ends_the_threads(subject: Subject, looper: LoopingUSB) -> None:
    before = subject.holds(sockets=False)
    watch = subject.watch("usb")
    watch.next()
    waiting = watch.next_soon()
    receiving = opened(subject, looper).receive_soon()
    assert subject.holds()[0] > before[0]
    subject.shut_down()
    assert (waiting.failure(), receiving.failure()) == ("gone", "gone")
    assert subject.comes_down_to(before, sockets=False)


def test_plugging_in_and_out_many_times_leaves_nothing_behind(subject: Subject, bed: Bench) -> None:
    watch = subject.watch("usb")
    watch.next()
    before = (0, 0)
    for turn in range(220):
        device = LoopingUSB(2 + turn % 100)
        bed.plug(device)
        assert [attached.key for attached in watch.next().attached] == [device.key]
        connection = opened(subject, device)
        connection.perform(ClaimInterface(0))
        waiting = connection.begin(TransferIn(NEVER, 8))
        connection.perform(TransferOut(1), b"ab")
        assert connection.perform(TransferIn(1, 8)).data == b"ab"
        bed.unplug(device)
        assert watch.next().detached == (device.key,)
        assert waiting.failure() == "gone"
        connection.close()
        if turn == 9:  # what is made once has been made
            before = subject.holds()
    assert subject.comes_down_to(before)


# -- what is not permitted, or not there -------------------------------------------------------------------------------------


def test_a_node_that_may_not_be_opened_is_denied_with_the_rule_to_write(
    begin: Callable[..., Subject], bed: Bench
) -> None:
    device = LoopingUSB()
    bed.plug(device, mode=0o000)
    subject = begin("unprivileged")
    assert subject.watch("usb").next().attached == (device.attached(),)
    with pytest.raises(DeviceError) as raised:
        opened(subject, device)
    assert raised.value.failure == "denied"
    rule = 'SUBSYSTEM=="usb", ATTR{idVendor}=="1209", ATTR{idProduct}=="5302", TAG+="uaccess"'
    assert rule in str(raised.value)
    assert device.key in str(raised.value)


def test_without_pyusb_only_usb_is_missing(begin: Callable[..., Subject], bed: Bench) -> None:
    subject = begin("missing=usb,usb.core,usb.backend.libusb1")
    with pytest.raises(DeviceError, match=re.escape("python -m pip install pyusb")) as raised:
        subject.watch("usb")
    assert raised.value.failure == "unsupported"
    assert subject.watch("hid").next() == DeviceChange()
