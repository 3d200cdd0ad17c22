"""What a test and the program under test say to each other."""

from __future__ import annotations

from msgspec import Struct

from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import Incoming, OpenOptions, Operation, TransferResult


class Watch(Struct, tag=True):
    watch: str
    kind: DeviceKind


class NextChange(Struct, tag=True):
    watch: str


class Unwatch(Struct, tag=True):
    watch: str


class Open(Struct, tag=True):
    connection: str
    kind: DeviceKind
    key: str
    options: OpenOptions


class Perform(Struct, tag=True):
    connection: str
    operation: Operation
    data: bytes = b""
    timeout_s: float | None = None


class Receive(Struct, tag=True):
    connection: str


class Close(Struct, tag=True):
    connection: str


class Cancel(Struct, tag=True):
    request: int


class List(Struct, tag=True):
    """What libusb lists, in place of the system's files."""


class ShutDown(Struct, tag=True):
    pass


class Request(Struct):
    number: int
    wanted: Watch | NextChange | Unwatch | Open | Perform | Receive | Close | Cancel | List | ShutDown


class Failed(Struct, tag=True):
    failure: str
    message: str


class Cancelled(Struct, tag=True):
    pass


class Done(Struct, tag=True):
    change: DeviceChange | None = None
    result: TransferResult | None = None
    incoming: Incoming | None = None


class Answer(Struct):
    number: int
    came: Failed | Cancelled | Done
