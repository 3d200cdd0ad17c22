"""HID devices through hidapi, on emulated hidraw nodes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from devices.emulated.bench import Bench
from devices.emulated.models import PANEL, WALLET, EchoingHID, HesitatingHID, HIDInterfaceUSB
from devices.emulated.subject import Connection, Subject
from msgspec.structs import replace

from partita.events.device_facts import DeviceChange, HIDFacts
from partita.events.device_transfers import (
    Incoming,
    OpenHID,
    OpenUSB,
    ReceiveFeatureReport,
    ResetDevice,
    SendFeatureReport,
    SendReport,
    TransferResult,
)
from partita.events.errors import DeviceError


@pytest.fixture
def wallet(bed: Bench) -> EchoingHID:
    device = EchoingHID()
    bed.plug(device)
    return device


def opened(subject: Subject, device: EchoingHID, *, report_ids: bool = False) -> Connection:
    return subject.open("hid", device.key, OpenHID(report_ids=report_ids))


# -- what is attached --------------------------------------------------------------------------------------------------------


def test_a_device_is_told_of_as_it_says_of_itself(subject: Subject, wallet: EchoingHID) -> None:
    assert subject.watch("hid").next() == DeviceChange(attached=(wallet.attached(),))


def test_who_watches_is_told_what_comes_and_goes(subject: Subject, bed: Bench) -> None:
    watch = subject.watch("hid")
    assert watch.next() == DeviceChange()
    device = EchoingHID()
    bed.plug(device)
    assert watch.next() == DeviceChange(attached=(device.attached(),))
    bed.unplug(device)
    assert watch.next() == DeviceChange(detached=(device.key,))


def test_a_key_that_has_been_taken_over_goes_before_it_comes(subject: Subject, bed: Bench, wallet: EchoingHID) -> None:
    watch = subject.watch("hid")
    watch.next()
    with bed.held_back():  # so that both messages are there when the program looks
        bed.unplug(wallet)
        bed.plug(EchoingHID())
    told = watch.next()
    assert told == DeviceChange(attached=(wallet.attached(),), detached=(wallet.key,))


def test_interfaces_of_one_device_have_one_place(subject: Subject, bed: Bench) -> None:
    devices = [EchoingHID(0, "1-2.3"), EchoingHID(1, "1-2.3", descriptor=PANEL), EchoingHID(2, "1-4")]
    for device in devices:
        bed.plug(device)
    assert subject.watch("hid").next().attached == tuple(device.attached() for device in devices)


def test_two_devices_with_the_same_serial_number_are_two(subject: Subject, bed: Bench) -> None:
    devices = EchoingHID(0, "1-1"), EchoingHID(1, "1-2")
    for device in devices:
        bed.plug(device)
    assert subject.watch("hid").next().attached == (devices[0].attached(), devices[1].attached())
    first, second = (opened(subject, device) for device in devices)
    first.perform(SendReport(0), b"ab")
    second.perform(SendReport(0), b"cd")
    assert (first.receive().data, second.receive().data) == (b"ba", b"dc")


@pytest.mark.parametrize(
    "descriptor", [b"", b"\xc0", b"\x06\x00", bytes(4096)], ids=["empty", "unopened", "cut", "long"]
)
def test_a_malformed_report_descriptor_is_told_as_it_is(subject: Subject, bed: Bench, descriptor: bytes) -> None:
    device = EchoingHID(descriptor=descriptor)
    bed.plug(device)
    assert subject.watch("hid").next().attached == (device.attached(),)
    connection = opened(subject, device)
    connection.perform(SendReport(0), b"ab")
    assert connection.receive() == Incoming(0, b"ba")


def test_half_a_surrogate_in_a_string_does_not_break_what_is_told(subject: Subject, bed: Bench) -> None:
    device = EchoingHID(name="half \ud83d here", serial_number="\udc00")
    bed.plug(device)
    [attached] = subject.watch("hid").next().attached
    assert isinstance(attached.facts, HIDFacts)
    assert re.fullmatch("half \ufffd+ here", attached.facts.product_name)
    assert re.fullmatch("\ufffd+", attached.facts.serial_number)
    assert replace(attached.facts, product_name="", serial_number="") == HIDFacts(0x1209, 0x5301, "", "", WALLET)


def test_hidapi_over_libusb_is_taken_where_there_is_none_over_hidraw(begin: Callable[..., Subject], bed: Bench) -> None:
    """The kernel's files tell of the interface; it is not opened to be asked."""
    usb = HIDInterfaceUSB()
    bed.plug(usb)
    device = EchoingHID()
    bed.plug(device)
    subject = begin("missing=hidraw")
    [attached] = subject.watch("hid").next().attached
    assert (attached.key, attached.place) == ("1-1:1.0", "1-1")
    assert isinstance(attached.facts, HIDFacts)
    assert attached.facts.report_descriptor == WALLET
    assert usb.asked == []


def test_without_udev_it_is_looked_again_and_again(begin: Callable[..., Subject], bed: Bench) -> None:
    subject = begin("missing=pyudev", "poll_s=0.02")
    watch = subject.watch("hid")
    assert watch.next() == DeviceChange()
    device = EchoingHID()
    bed.plug(device)
    assert watch.next() == DeviceChange(attached=(device.attached(),))
    bed.unplug(device)
    assert watch.next() == DeviceChange(detached=(device.key,))


# -- reports -----------------------------------------------------------------------------------------------------------------


def test_reports_without_ids_go_both_ways(subject: Subject, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    data = bytes(range(64))
    assert connection.perform(SendReport(0), data) == TransferResult(bytes_written=64)
    assert wallet.written == [(0, data)]
    assert connection.receive() == Incoming(0, data[::-1])


def test_reports_with_ids_go_both_ways(subject: Subject, bed: Bench) -> None:
    device = EchoingHID(descriptor=PANEL)
    bed.plug(device)
    connection = opened(subject, device, report_ids=True)
    assert connection.perform(SendReport(2), b"12345678") == TransferResult(bytes_written=8)
    assert device.written == [(2, b"12345678")]
    assert connection.receive() == Incoming(2, b"87654321")


def test_feature_reports_go_both_ways(subject: Subject, bed: Bench) -> None:
    device = EchoingHID(descriptor=PANEL)
    bed.plug(device)
    connection = opened(subject, device, report_ids=True)
    assert connection.perform(SendFeatureReport(5), b"abcd") == TransferResult(bytes_written=4)
    assert device.features == {5: b"abcd"}
    assert connection.perform(ReceiveFeatureReport(5, 4)) == TransferResult(data=b"abcd")
    assert connection.perform(ReceiveFeatureReport(5, 2)) == TransferResult(data=b"ab")


def test_a_report_that_the_device_refuses_fails_and_the_connection_lives(subject: Subject, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    assert connection.begin(ReceiveFeatureReport(9, 4)).failure() == "failed"
    connection.perform(SendReport(0), b"ab")
    assert connection.receive() == Incoming(0, b"ba")


def test_reports_are_kept_in_order_for_who_receives_later(subject: Subject, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    for number in range(50):
        connection.perform(SendReport(0), bytes([number]))
    assert [connection.receive().data[0] for _ in range(50)] == list(range(50))


def test_a_hid_device_does_no_more_than_a_hid_device_can(subject: Subject, wallet: EchoingHID) -> None:
    assert opened(subject, wallet).begin(ResetDevice()).failure() == "unsupported"


def test_no_answer_in_time_is_a_timeout_and_a_late_one_does_no_harm(subject: Subject, bed: Bench) -> None:
    device = HesitatingHID()
    bed.plug(device)
    connection = opened(subject, device)
    assert connection.begin(SendReport(0), b"ab", timeout_s=0.05).failure() == "timeout"
    given_up = connection.begin(SendReport(0), b"cd", timeout_s=0.05)
    assert given_up.failure() == "timeout"
    waiting = connection.begin(SendReport(0), b"ef")
    device.go_on.set()
    assert waiting.result() == TransferResult(bytes_written=2)
    assert device.written == [(0, b"ab"), (0, b"ef")]


def test_closing_waits_for_the_call_that_is_under_way(subject: Subject, bed: Bench) -> None:
    device = HesitatingHID()
    bed.plug(device)
    connection = opened(subject, device)
    writing = connection.begin(SendReport(0), b"ab")
    assert device.is_asked.wait(20)
    closing = connection.close_soon()
    assert connection.receive_soon().failure() == "gone"
    device.go_on.set()
    closing.get()
    assert writing.result() == TransferResult(bytes_written=2)
    opened(subject, device)


def test_a_cancelled_report_that_is_not_under_way_is_not_sent(subject: Subject, bed: Bench) -> None:
    device = HesitatingHID()
    bed.plug(device)
    connection = opened(subject, device)
    first, second, third = (connection.begin(SendReport(0), bytes([number])) for number in range(3))
    assert device.is_asked.wait(20)
    second.cancel()
    device.go_on.set()
    with pytest.raises(InterruptedError):
        second.get()
    first.result()
    third.result()
    assert device.written == [(0, b"\0"), (0, b"\2")]


# -- ends --------------------------------------------------------------------------------------------------------------------


def test_who_reads_is_told_that_the_device_was_unplugged(subject: Subject, bed: Bench, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    receiving = connection.receive_soon()
    bed.unplug(wallet)
    assert receiving.failure() == "gone"
    assert connection.begin(SendReport(0), b"ab").failure() == "gone"
    assert connection.begin(ReceiveFeatureReport(0, 1)).failure() == "gone"
    connection.close()
    assert connection.receive_soon().failure() == "gone"


def test_who_writes_is_told_that_the_device_was_unplugged(subject: Subject, bed: Bench, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    bed.unplug(wallet)
    assert connection.begin(SendReport(0), b"ab").failure() == "gone"


def test_a_report_that_is_under_way_fails_when_the_device_is_unplugged(subject: Subject, bed: Bench) -> None:
    device = HesitatingHID()
    bed.plug(device)
    connection = opened(subject, device)
    writing = connection.begin(SendReport(0), b"ab")
    waiting = connection.begin(SendReport(0), b"cd")
    assert device.is_asked.wait(20)
    bed.unplug(device)
    device.go_on.set()
    assert (writing.failure(), waiting.failure()) == ("gone", "gone")


def test_a_hid_device_is_opened_as_one(subject: Subject, wallet: EchoingHID) -> None:
    with pytest.raises(DeviceError, match="not opened with OpenUSB") as raised:
        subject.open("hid", wallet.key, OpenUSB())
    assert raised.value.failure == "unsupported"


def test_a_device_that_is_not_there_is_not_found(subject: Subject, bed: Bench, wallet: EchoingHID) -> None:
    bed.unplug(wallet)
    with pytest.raises(DeviceError) as raised:
        opened(subject, wallet)
    assert raised.value.failure == "not_found"


def test_a_device_is_for_one_user_at_a_time(subject: Subject, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    with pytest.raises(DeviceError) as raised:
        opened(subject, wallet)
    assert raised.value.failure == "busy"
    connection.close()
    opened(subject, wallet)


def test_closing_ends_who_receives(subject: Subject, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    receiving = connection.receive_soon()
    connection.close()
    assert receiving.failure() == "gone"
    connection.close()


def test_a_cancelled_receive_loses_no_report(subject: Subject, wallet: EchoingHID) -> None:
    connection = opened(subject, wallet)
    receiving = connection.receive_soon()
    receiving.cancel()
    with pytest.raises(InterruptedError):
        receiving.get()
    connection.perform(SendReport(0), b"ab")
    assert connection.receive() == Incoming(0, b"ba")


def test_shutting_down_closes_what_is_open_and_ends_the_threads(
    subject: Subject, bed: Bench, wallet: EchoingHID
) -> None:
    before = subject.holds(sockets=False)
    change = subject.watch("hid")
    change.next()
    waiting = change.next_soon()
    receiving = opened(subject, wallet).receive_soon()
    assert subject.holds()[0] > before[0]
    subject.shut_down()
    assert (waiting.failure(), receiving.failure()) == ("gone", "gone")
    assert subject.comes_down_to(before, sockets=False)


def test_plugging_in_and_out_many_times_leaves_nothing_behind(subject: Subject, bed: Bench) -> None:
    watch = subject.watch("hid")
    watch.next()
    before = (0, 0)
    for turn in range(220):
        device = EchoingHID(turn % 3)
        bed.plug(device)
        assert [attached.key for attached in watch.next().attached] == [device.key]
        connection = opened(subject, device)
        connection.perform(SendReport(0), b"ab")
        assert connection.receive() == Incoming(0, b"ba")
        bed.unplug(device)
        assert watch.next().detached == (device.key,)
        assert connection.receive_soon().failure() == "gone"
        connection.close()
        if turn == 9:  # what is made once has been made
            before = subject.holds()
    assert subject.comes_down_to(before)


# -- what is not permitted, or not there -------------------------------------------------------------------------------------


def test_a_node_that_may_not_be_opened_is_denied_with_the_rule_to_write(
    begin: Callable[..., Subject], bed: Bench
) -> None:
    device = EchoingHID()
    bed.plug(device, mode=0o000)
    subject = begin("unprivileged")
    assert subject.watch("hid").next().attached == (device.attached(),)
    with pytest.raises(DeviceError) as raised:
        opened(subject, device)
    assert raised.value.failure == "denied"
    assert 'KERNEL=="hidraw*", KERNELS=="*:1209:5301.*", TAG+="uaccess"' in str(raised.value)
    assert device.key in str(raised.value)


def test_without_hidapi_only_hid_is_missing(begin: Callable[..., Subject], bed: Bench) -> None:
    subject = begin("missing=hid,hidraw")
    with pytest.raises(DeviceError, match=re.escape("python -m pip install hidapi")) as raised:
        subject.watch("hid")
    assert raised.value.failure == "unsupported"
    assert subject.watch("usb").next() == DeviceChange()


def test_nothing_is_asked_of_the_device_that_was_not_asked_for(subject: Subject, wallet: EchoingHID) -> None:
    subject.watch("hid").next()
    opened(subject, wallet).close()
    assert (wallet.written, wallet.features) == ([], {})
