"""What a made-up device is: what it says of itself, and what it does when it is asked.

A device knows nothing of who asks: a simulated port, or an emulator beneath the real libraries, which asks it from a thread.
It is asked for one operation at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from partita.events.device_facts import AttachedDevice, DeviceFacts
from partita.events.device_transfers import Incoming, Operation, TransferResult
from partita.events.errors import DeviceError


class SimulatedDevice(ABC):
    """A device to be plugged in. ``key``, ``place``: as :class:`~partita.events.device_facts.AttachedDevice` has them.

    ``incoming``: what it has sent unasked and nobody has taken yet, the oldest first.
    """

    def __init__(self, key: str, place: str) -> None:
        self.key = key
        self.place = place
        self.incoming: deque[Incoming] = deque()
        self._tell: Callable[[], None] = _nobody

    @abstractmethod
    def facts(self) -> DeviceFacts:
        """What it says of itself. The same for as long as it is plugged in, except for what an operation changes."""

    @abstractmethod
    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        """What comes of an operation; ``data`` are those of one that sends.

        None: it does not answer, for now. It is asked the same again when it has called :meth:`changed`, until who asked it has
        given up. A result with more data than were asked for is babble.
        """

    def attached(self) -> AttachedDevice:
        """It, as a port tells of it."""
        return AttachedDevice(key=self.key, place=self.place, facts=self.facts())

    def send(self, incoming: Incoming) -> None:
        """Send something unasked."""
        self.incoming.append(incoming)
        self._tell()

    def changed(self) -> None:
        """What got no answer may get one now."""
        self._tell()

    def plugged(self, tell: Callable[[], None]) -> None:
        """``tell`` is called from now on whenever there is something to be taken, or to be asked again."""
        self._tell = tell

    def unplugged(self) -> None:
        """Nobody listens any more; what it had sent is lost."""
        self._tell = _nobody
        self.incoming.clear()


def _nobody() -> None:
    """Is told."""
