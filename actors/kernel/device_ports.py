"""The port ``devices``: the hardware, of which there is one for the process (DESIGN, 11).

It has no log and knows no page. It says what is attached, opens it for one user at a time, and carries bytes. What is asked of
a device, and what it says, is in the words of :mod:`partita.events.device_transfers`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import Incoming, OpenOptions, Operation, PairingKind, TransferResult
from partita.events.errors import DeviceError


class PairingQuestion(Struct, frozen=True):
    """A Bluetooth device wants to be paired. ``pin``: what is to be compared with what it shows, for ``confirmPin``."""

    kind: PairingKind
    pin: str = ""


class PairingAnswer(Struct, frozen=True):
    """``pin``: for ``providePin``."""

    confirmed: bool
    pin: str = ""


Pair = Callable[[PairingQuestion], Awaitable[PairingAnswer]]


class DeviceWatch(Protocol):
    """Who watches one kind of devices."""

    async def next(self) -> DeviceChange:
        """The first time, at once: all that is attached. Then what has changed, when something has. Raises ``DeviceError``."""
        ...

    async def close(self) -> None:
        """Watch no longer; may be called twice."""
        ...


class DeviceConnection(Protocol):
    """A device that is open.

    Several operations may be under way at the same time. All of them, and who receives, fail with ``DeviceError`` ``gone`` when
    the device is unplugged, and when the connection is closed.
    """

    def perform(
        self, operation: Operation, data: bytes, timeout_s: float | None
    ) -> TransferResult | Awaitable[TransferResult]:
        """Carry out one operation; ``data`` are those of one that sends. Raises ``DeviceError``, here or where it is awaited.

        Most are async functions; one that has its result at once may return it. A stall or babble is no error: the result's
        status says so. When it is cancelled, the library's call that is under way may still come to its end.
        """
        ...

    async def receive(self) -> Incoming:
        """What the device sends unasked, in order. Raises ``DeviceError``; for one user at a time."""
        ...

    async def close(self) -> None:
        """Let go of it; comes back when it can be opened again. May be called twice."""
        ...


class DeviceDriver(Protocol):
    """One kind of devices through one library."""

    async def watch(self) -> DeviceWatch:
        """Begin to watch. Raises ``DeviceError``, with what is to be done, where that cannot be had."""
        ...

    async def open(self, key: str, options: OpenOptions, pair: Pair) -> DeviceConnection:
        """Open the device that is attached under ``key``. Raises ``DeviceError``. ``pair``: who is asked, of Bluetooth."""
        ...

    async def close(self) -> None:
        """Let go of the library; all that was opened has been closed."""
        ...


class Devices(Protocol):
    """All devices. A connection is known by the name that who opened it gave it, which nobody else has."""

    async def watch(self, kind: DeviceKind) -> DeviceWatch:
        """See :meth:`DeviceDriver.watch`."""
        ...

    async def open(self, connection: str, kind: DeviceKind, key: str, options: OpenOptions, pair: Pair) -> None:
        """See :meth:`DeviceDriver.open`. Raises ``DeviceError`` ``busy`` when it is open already, and nobody is closing it."""
        ...

    def connection(self, connection: str) -> DeviceConnection:
        """The one of that name. Raises ``DeviceError`` ``gone`` when there is none (any more)."""
        ...

    async def close(self, connection: str) -> None:
        """Close it and forget its name; nothing happens when there is none."""
        ...

    async def shut_down(self) -> None:
        """Close all connections and let go of the libraries."""
        ...


class NoDevices:
    """There are none."""

    async def watch(self, kind: DeviceKind) -> DeviceWatch:
        """Refuse."""
        raise DeviceError("unsupported", f"there are no {kind} devices in this world")

    async def open(self, connection: str, kind: DeviceKind, key: str, options: OpenOptions, pair: Pair) -> None:  # noqa: ARG002  # the port's method
        """Refuse."""
        raise DeviceError("not_found", f"there is no {kind} device {key!r} in this world")

    def connection(self, connection: str) -> DeviceConnection:  # noqa: ARG002  # the port's method
        """Refuse."""
        raise DeviceError("gone", "it is not open any more")

    async def close(self, connection: str) -> None:
        """Nothing to do."""

    async def shut_down(self) -> None:
        """Nothing to do."""
