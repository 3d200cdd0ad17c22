"""The program under test: the live port of devices, doing what it reads from its standard input.

Its arguments: ``poll_s=0.05``, how often it looks where nobody tells it; ``missing=hid,hidraw``, modules that it cannot import;
``unprivileged``: root may not open what others may not.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

import trio
from devices.emulated import words
from msgspec import msgpack

from partita.actors.devices.drivers import hotplug
from partita.actors.devices.ports import LiveDevices
from partita.actors.kernel.device_ports import DeviceWatch, PairingAnswer, PairingQuestion
from partita.events.device_facts import DeviceChange
from partita.events.errors import DeviceError

SIZE = struct.Struct("=I")
BY_MODE_AND_OWNER = {1, 2}  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


async def pair(question: PairingQuestion) -> PairingAnswer:
    raise AssertionError(f"only Bluetooth devices are paired: {question}")


class Program:
    def __init__(self) -> None:
        self.devices = LiveDevices()
        self.watches: dict[str, DeviceWatch] = {}
        self.under_way: dict[int, trio.CancelScope] = {}

    async def run(self) -> None:
        async with trio.lowlevel.FdStream(os.dup(0)) as given, trio.open_nursery() as working:
            while (head := await read(given, SIZE.size)) is not None:
                body = await read(given, SIZE.unpack(head)[0])
                assert body is not None, "a whole request"
                working.start_soon(self.answer, msgpack.decode(body, type=words.Request))
            working.cancel_scope.cancel()
        await self.devices.shut_down()

    async def answer(self, request: words.Request) -> None:
        came: words.Failed | words.Cancelled | words.Done = words.Cancelled()
        with trio.CancelScope() as scope:
            self.under_way[request.number] = scope
            try:
                came = await self.do(request.wanted)
            except DeviceError as error:
                came = words.Failed(error.failure, str(error))
        del self.under_way[request.number]
        body = msgpack.encode(words.Answer(request.number, came))
        os.write(1, SIZE.pack(len(body)) + body)

    async def do(self, wanted: object) -> words.Done:
        devices = self.devices
        match wanted:
            case words.Watch(watch, kind):
                self.watches[watch] = await devices.watch(kind)
            case words.NextChange(watch):
                return words.Done(change=await self.watches[watch].next())
            case words.Unwatch(watch):
                await self.watches.pop(watch).close()
            case words.Open(connection, kind, key, options):
                await devices.open(connection, kind, key, options, pair)
            case words.Perform(connection, operation, data, timeout_s):
                result = await devices.connection(connection).perform(operation, data, timeout_s)
                return words.Done(result=result)
            case words.Receive(connection):
                return words.Done(incoming=await devices.connection(connection).receive())
            case words.Close(connection):
                await devices.close(connection)
            case words.Cancel(request):
                if request in self.under_way:
                    self.under_way[request].cancel()
            case words.List():
                from partita.actors.devices.drivers.usb import USBDriver

                driver = USBDriver()
                listed = await trio.to_thread.run_sync(driver.listed)
                await driver.close()
                return words.Done(change=DeviceChange(attached=tuple(listed.values())))
            case words.ShutDown():
                await devices.shut_down()
        return words.Done()


async def read(given: trio.lowlevel.FdStream, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = await given.receive_some(size - len(data))
        if not piece:
            return None
        data += piece
    return data


def give_up_privileges() -> None:
    """``capset``: what lets root open every file is no longer in effect."""
    header = struct.pack("=Ii", 0x20080522, 0)
    data = bytearray(24)
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * len(data)).from_buffer(data)
    assert libc.capget(header, buffer) == 0
    low = struct.unpack_from("=I", data)[0]
    for number in BY_MODE_AND_OWNER:
        low &= ~(1 << number)
    struct.pack_into("=I", data, 0, low)
    assert libc.capset(header, buffer) == 0, os.strerror(ctypes.get_errno())


def main() -> None:
    hotplug.POLL_S = 3600.0  # what comes is told by udev, or not at all
    for argument in sys.argv[1:]:
        name, _, value = argument.partition("=")
        if name == "poll_s":
            hotplug.POLL_S = float(value)
        elif name == "missing":
            sys.modules.update(dict.fromkeys(value.split(",")))  # type: ignore[arg-type]
        elif name == "unprivileged":
            give_up_privileges()
        else:
            raise SystemExit(f"what is {argument!r}?")
    trio.run(Program().run)


if __name__ == "__main__":
    main()
