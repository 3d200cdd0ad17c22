"""Serial ports through pyserial, on pseudo-terminals: the other side of the line is the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256

import pytest
import trio
import trio.lowlevel
import trio.testing
from devices.packages import needs_serial

from partita.actors.devices.drivers.serial import SerialDriver
from partita.actors.devices.drivers.serial_connection import SerialConnection
from partita.events.device_transfers import (
    DONE,
    ClearHalt,
    DiscardSerial,
    DrainSerial,
    GetSignals,
    OpenHID,
    OpenSerial,
    Operation,
    SetSignals,
    WriteSerial,
)
from partita.events.errors import DeviceError

pytestmark = needs_serial

LIMIT_S = 30
MEGABYTE = 1 << 20


class Line:
    """A pseudo-terminal. ``key``: the side that is opened. The other side is the test's."""

    def __init__(self) -> None:
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        self.key = os.ttyname(self._near)

    def hang_up(self) -> None:
        for descriptor in (self._far, self._near):
            if descriptor >= 0:
                os.close(descriptor)
        self._far = self._near = -1

    async def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            await trio.lowlevel.wait_writable(self._far)
            rest = rest[os.write(self._far, rest[:4096]) :]

    async def receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            await trio.lowlevel.wait_readable(self._far)
            data += os.read(self._far, count - len(data))
        return data

    def room(self) -> int:
        """How much the system takes off the test's hands now."""
        taken = 0
        try:
            while True:
                taken += os.write(self._far, bytes(4096))
        except BlockingIOError:
            return taken


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    try:
        yield line
    finally:
        line.hang_up()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        with trio.fail_after(LIMIT_S):
            await work()

    trio.run(limited)


async def nobody(_: object) -> None:
    raise AssertionError("a serial port asks for no pairing")


async def opened(line: Line, **options) -> SerialConnection:
    return await SerialDriver().open(line.key, OpenSerial(115200, **options), nobody)


@contextmanager
def fails(failure: str, match: str | None = None) -> Iterator[None]:
    with pytest.raises(DeviceError, match=match) as raised:
        yield
    assert raised.value.failure == failure


async def failure_of(connection: SerialConnection, operation: Operation, data: bytes = b"") -> str:
    try:
        await connection.perform(operation, data, LIMIT_S)
    except DeviceError as error:
        return error.failure
    return ""


async def received(connection: SerialConnection, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        incoming = await connection.receive()
        assert incoming.channel == 0
        data += incoming.data
    return bytes(data)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("partita serial")]


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_what_is_written_comes_out_and_what_comes_in_is_received(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        result = await port.perform(WriteSerial(), b"\x00\x11\x13\x7f\xff\r\n", 5)
        assert result.bytes_written == 7
        assert await line.receive(7) == b"\x00\x11\x13\x7f\xff\r\n"
        await line.send(b"\x03\x04\r\n\xff")
        assert await received(port, 5) == b"\x03\x04\r\n\xff"
        assert await port.perform(DrainSerial(), b"", 5) == DONE
        await port.close()

    run(work)


def test_a_megabyte_each_way_at_the_same_time_arrives_whole(line: Line) -> None:
    there, back = os.urandom(MEGABYTE), os.urandom(MEGABYTE)
    seen = {}

    async def work() -> None:
        port = await opened(line)

        async def far_side() -> None:
            seen["there"] = sha256(await line.receive(MEGABYTE)).digest()

        async def near_side() -> None:
            seen["back"] = sha256(await received(port, MEGABYTE)).digest()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(far_side)
            nursery.start_soon(near_side)
            nursery.start_soon(line.send, back)
            written = await port.perform(WriteSerial(), there, LIMIT_S)
            assert written.bytes_written == MEGABYTE
        await port.close()

    run(work)
    assert seen == {"there": sha256(there).digest(), "back": sha256(back).digest()}


def test_who_does_not_receive_holds_back_the_other_side_and_loses_nothing(line: Line) -> None:
    data = os.urandom(300_000)

    async def work() -> None:
        port = await opened(line, buffer_size=1000)
        sent = trio.Event()

        async def send() -> None:
            await line.send(data)
            sent.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            first = await port.receive()
            assert 0 < len(first.data) <= 1000
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert not sent.is_set()  # a terminal holds some tens of kilobytes, and takes no more until they are read
            chunks = [first.data]
            while sum(map(len, chunks)) < len(data):
                chunks.append((await port.receive()).data)
        assert b"".join(chunks) == data
        assert max(map(len, chunks)) <= 1000
        await port.close()

    run(work)


def test_a_hang_up_while_receiving_is_told_to_all_who_wait(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        told = []

        async def receive() -> None:
            try:
                await port.receive()
            except DeviceError as error:
                told.append(error.failure)

        async def write() -> None:
            told.append(await failure_of(port, WriteSerial(), bytes(MEGABYTE)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            nursery.start_soon(write)
            await line.receive(1000)  # the write is under way, and stuck
            line.hang_up()
        assert told == ["gone", "gone"]
        assert await failure_of(port, GetSignals()) == "gone"
        with fails("gone", "unplugged"):
            await port.receive()
        await port.close()
        with fails("gone", "unplugged"):
            await port.receive()

    run(work)


def test_a_hang_up_while_a_reader_is_behind_is_noticed(line: Line) -> None:
    async def work() -> None:
        port = await opened(line, buffer_size=1)
        await line.send(b"much")
        await port.receive()
        line.hang_up()
        with fails("gone"):
            for _ in range(5):
                await port.receive()
        await port.close()

    run(work)


def test_a_port_is_open_once(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        with fails("busy", line.key):
            await opened(line)
        await port.close()
        again = await opened(line)
        await again.close()

    run(work)


@pytest.mark.parametrize(
    ("key", "failure"),
    [("/dev/no-such-port", "not_found"), ("/dev/null", "unsupported"), ("/dev", "unsupported")],
)
def test_what_is_no_serial_port_is_not_opened(key: str, failure: str) -> None:
    before = descriptors()

    async def work() -> None:
        with fails(failure, key):
            await SerialDriver().open(key, OpenSerial(9600), nobody)

    run(work)
    assert not threads()
    assert descriptors() == before


@pytest.mark.parametrize("options", [{"data_bits": 9}, {"stop_bits": 3}, {"parity": "sometimes"}])
def test_what_no_port_can_do_is_unsupported(line: Line, options: dict) -> None:
    async def work() -> None:
        with fails("unsupported", line.key):
            await opened(line, **options)
        with fails("unsupported", "OpenHID"):
            await SerialDriver().open(line.key, OpenHID(), nobody)

    run(work)


DENIED = """
import os, sys, trio
from partita.actors.devices.drivers.serial import SerialDriver
from partita.events.device_transfers import OpenSerial
from partita.events.errors import DeviceError
far, near = os.openpty()
key = os.ttyname(near)
os.chmod(key, 0)
async def main():
    try:
        await SerialDriver().open(key, OpenSerial(9600), None)
    except DeviceError as error:
        print(error.failure, error)
trio.run(main)
"""


def test_a_port_that_the_user_may_not_have_is_denied_with_what_to_do() -> None:
    as_mortal: list[str] = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("setpriv is not installed (Debian: util-linux), and root may open everything")
        as_mortal = [setpriv, "--bounding-set", "-dac_override,-dac_read_search"]
    done = subprocess.run(
        [*as_mortal, sys.executable, "-c", DENIED], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("denied /dev/")
    assert "dialout" in done.stdout
    assert "udev rule" in done.stdout


@pytest.mark.parametrize(
    "operation", [SetSignals(data_terminal_ready=True), SetSignals(request_to_send=False), GetSignals()]
)
def test_a_line_without_signals_says_so_and_lives_on(line: Line, operation: Operation) -> None:
    async def work() -> None:
        port = await opened(line)
        with fails("unsupported", "no such lines"):
            await port.perform(operation, b"", 5)
        assert (await port.perform(WriteSerial(), b"x", 5)).bytes_written == 1
        await port.close()

    run(work)


def test_an_operation_of_another_kind_of_device_is_unsupported(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        with fails("unsupported", "ClearHalt"):
            await port.perform(ClearHalt("in", 1), b"", 5)
        await port.close()

    run(work)


def test_throwing_away_what_goes_out_ends_the_write_that_is_stuck_and_those_behind_it(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        written = []

        async def write() -> None:
            written.append((await port.perform(WriteSerial(), bytes(MEGABYTE), LIMIT_S)).bytes_written)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            nursery.start_soon(write)
            await line.receive(1000)
            assert await port.perform(DiscardSerial("out"), b"", 5) == DONE
        assert min(written) == 0
        assert 0 < max(written) < MEGABYTE
        await port.close()

    run(work)


def test_what_came_in_and_is_thrown_away_is_not_received(line: Line) -> None:
    async def work() -> None:
        port = await opened(line, buffer_size=4)
        sent = line.room()
        assert sent > 1000
        assert await port.perform(DiscardSerial("in"), b"", 5) == DONE
        await line.send(b"new")
        data = b""
        while not data.endswith(b"new"):
            data += (await port.receive()).data
        assert len(data) < sent // 2
        await port.close()

    run(work)


def test_signals_are_asked_for_while_a_write_is_stuck(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failure_of, port, WriteSerial(), bytes(MEGABYTE))
            await line.receive(1000)
            with fails("unsupported"):
                await port.perform(GetSignals(), b"", 5)
            await port.close()

    run(work)


def test_a_write_that_is_not_taken_in_time_is_over_and_the_next_one_goes_out(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        with fails("timeout", "0.2 s"):
            await port.perform(WriteSerial(), bytes(MEGABYTE), 0.2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(port.perform, WriteSerial(), b"end", LIMIT_S))
            data = b""
            while not data.endswith(b"end"):
                data += await line.receive(1)
        assert len(data) < MEGABYTE
        await port.close()

    run(work)


def test_a_write_that_is_cancelled_is_given_up(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.perform, WriteSerial(), bytes(MEGABYTE), None)
            await line.receive(1000)
            nursery.cancel_scope.cancel()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.perform, WriteSerial(), b"end", LIMIT_S)
            data = b""
            while not data.endswith(b"end"):
                data += await line.receive(1)
        assert len(data) < MEGABYTE
        await port.close()

    run(work)


def test_who_is_cancelled_while_receiving_takes_nothing_with_him(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.receive)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await line.send(b"all of it")
        assert await received(port, 9) == b"all of it"
        await port.close()

    run(work)


def test_closing_ends_who_receives_and_who_writes(line: Line) -> None:
    async def work() -> None:
        port = await opened(line)
        told: list[str] = []

        async def receive() -> None:
            with fails("gone", "closed"):
                await port.receive()
            told.append("gone")

        async def write() -> None:
            told.append(await failure_of(port, WriteSerial(), bytes(MEGABYTE)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            nursery.start_soon(write)
            await line.receive(1000)
            await port.close()
            await port.close()
            assert not threads()
        assert told == ["gone", "gone"]
        assert await failure_of(port, WriteSerial(), b"x") == "gone"

    run(work)


def test_opening_that_is_cancelled_leaves_the_port_closed(line: Line) -> None:
    async def work() -> None:
        async def open_and_close() -> None:
            await (await opened(line)).close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_and_close)
            while not threads() and nursery.child_tasks:  # it is under way
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        while threads():
            await trio.lowlevel.checkpoint()
        port = await opened(line)
        await port.close()

    run(work)


def test_two_hundred_openings_leave_no_thread_and_no_descriptor(line: Line) -> None:
    async def work() -> None:
        await (await opened(line)).close()
        before = descriptors()
        for number in range(200):
            port = await opened(line)
            if number % 10 == 0:
                await line.send(b"ping")
                assert await received(port, 4) == b"ping"
            await port.close()
        assert descriptors() == before
        assert not threads()

    run(work)


def test_a_watch_says_at_once_what_is_there_and_ends_when_it_is_closed() -> None:
    async def work() -> None:
        watch = await SerialDriver().watch()
        change = await watch.next()
        assert not change.detached
        assert all(one.key.startswith("/dev/") for one in change.attached)

        async def wait() -> None:
            with fails("gone"):
                while True:
                    await watch.next()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await watch.close()
        await watch.close()
        assert not threads()

    run(work)


def test_without_pyserial_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    monkeypatch.delitem(sys.modules, "serial.tools.list_ports", raising=False)

    async def work() -> None:
        with fails("unsupported", r"pip install 'partita\[devices\]'"):
            await SerialDriver().watch()
        with fails("unsupported", r"pip install 'partita\[devices\]'"):
            await SerialDriver().open("/dev/ttyS0", OpenSerial(9600), nobody)

    run(work)
