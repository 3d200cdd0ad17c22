"""Watching what is attached: a snapshot at first, and one more whenever the system says, or may have to say, that it changed.

On Linux udev says so, through pyudev and netlink. Where no udev runs (containers), where pyudev is missing, and on other
systems, a snapshot is taken every :data:`POLL_S` seconds.
"""

from __future__ import annotations

import errno
import select
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from partita.actors.devices.drivers.changes import Sighting, Told
from partita.actors.devices.drivers.threads import Producer
from partita.events.device_facts import AttachedDevice, DeviceChange

if TYPE_CHECKING:
    import pyudev

POLL_S: float = 1.0
"""How long a change may go unnoticed where nobody tells of it."""

_MOST_CHANGES: Final = 64
_UDEV_RUNS: Final = Path("/run/udev/control")

Snapshot = Callable[[], Mapping[str, AttachedDevice]]
"""All that is attached now, by key; it is called in the watch's own thread, and may block for a while."""


class HotplugWatch:
    """A ``DeviceWatch`` over snapshots. It belongs to the trio run that it was made in.

    ``subsystem``, ``device_type``: udev's names of what is watched. ``key_of``: the key of a device by its node.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        subsystem: str,
        device_type: str | None = None,
        key_of: Callable[[str], str] = lambda node: node,
    ) -> None:
        self._snapshot = snapshot
        self._key_of = key_of
        self._begun = False
        self._told = Told()
        self._removals: Counter[str] = Counter()
        self._signs = signs_of_change(subsystem, device_type)
        self._producer = Producer(
            f"watching {subsystem}",
            self._change,
            most=_MOST_CHANGES,
            wake=self._signs.wake,
            finish=self._signs.close,
        )

    async def next(self) -> DeviceChange:
        """See :meth:`partita.actors.kernel.device_ports.DeviceWatch.next`."""
        return await self._producer.next()

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceWatch.close`."""
        await self._producer.close()

    def _change(self) -> DeviceChange | None:
        if self._begun:
            self._removals.update(self._key_of(node) for node in self._signs.wait())
        self._begun = True
        return self._told.next({key: Sighting(device, self._removals[key]) for key, device in self._snapshot().items()})


class Signs(Protocol):
    """Who says when to look again."""

    def wait(self) -> list[str]:
        """Comes back when something may have changed: the nodes of what was removed, as far as that is known."""
        ...

    def wake(self) -> None:
        """Let :meth:`wait` come back at once; may be called from any thread."""
        ...

    def close(self) -> None:
        """Nobody waits any more."""
        ...


def signs_of_change(subsystem: str, device_type: str | None) -> Signs:
    """udev's, where they can be had; the clock's elsewhere."""
    signs: Signs = ClockSigns()
    if sys.platform == "linux":
        try:
            import pyudev  # noqa: PLC0415  # an extra; not on other systems

            monitor = pyudev.Monitor.from_netlink(pyudev.Context())
            monitor.filter_by(subsystem, device_type)
            monitor.start()
        except (ImportError, OSError):
            return signs
        signs = UdevSigns(monitor, None if _UDEV_RUNS.exists() else POLL_S)
    return signs


class UdevSigns:
    """udev's. ``poll_s``: it is looked again after so long in any case; None where udev is known to run."""

    def __init__(self, monitor: pyudev.Monitor, poll_s: float | None) -> None:
        self._monitor = monitor
        self._poll_ms = None if poll_s is None else poll_s * 1000
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._poll = select.poll()
        self._poll.register(monitor.fileno(), select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)

    def wait(self) -> list[str]:
        """See :meth:`Signs.wait`."""
        self._poll.poll(self._poll_ms)
        removed: list[str] = []
        try:
            while (device := self._monitor.poll(timeout=0)) is not None:
                if device.action == "remove" and device.device_node is not None:
                    removed.append(device.device_node)
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # more came than the socket holds: what is lost, the snapshot shows
                raise
        return removed

    def wake(self) -> None:
        """See :meth:`Signs.wake`."""
        try:
            self._waker.send(b"\0")
        except OSError:
            return  # woken already, or closed

    def close(self) -> None:
        """See :meth:`Signs.close`."""
        self._waker.close()
        self._woken.close()
        del self._monitor  # its socket goes with it


class ClockSigns:
    """Something may have changed every :data:`POLL_S` seconds."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def wait(self) -> list[str]:
        """See :meth:`Signs.wait`."""
        self._woken.wait(POLL_S)
        return []

    def wake(self) -> None:
        """See :meth:`Signs.wake`."""
        self._woken.set()

    def close(self) -> None:
        """See :meth:`Signs.close`: there is nothing to be let go of."""
