"""A simulated device: what it says of itself, and what it does when it is asked.

Subclass :class:`SimulatedDevice`, and plug it into a bus: that of a simulated world, or :class:`partita.SimulatedBus` of a live
system. The emulator beneath the real libraries, which asks it from a thread, is driven by the same object. A device knows nothing
of who asks, and is asked for one operation at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from partita.actors.kernel.device_ports import PairingAnswer, PairingQuestion
from partita.events.device_facts import AttachedDevice, DeviceFacts
from partita.events.device_transfers import Incoming, Operation, TransferResult
from partita.events.errors import DeviceError


class SimulatedDevice(ABC):
    """A device to be plugged in. ``key``, ``place``: as :class:`~partita.events.device_facts.AttachedDevice` has them.

    ``incoming``: for an emulator, what it has sent unasked and nobody has taken yet, the oldest first. ``pairing``: what it wants
    to have confirmed before it is open, of a simulated bus; None for nothing.
    """

    pairing: PairingQuestion | None = None

    def __init__(self, key: str, place: str = "") -> None:
        self.key = key
        self.place = place or key
        self.incoming: deque[Incoming] = deque()
        self._tell: Callable[[], None] = _nobody
        self._listeners: list[Callable[[Incoming], None]] = []
        self._waiting: list[Callable[[], object]] = []

    # -- what a device is ---------------------------------------------------------------------------------------------

    @abstractmethod
    def facts(self) -> DeviceFacts:
        """What it says of itself. The same for as long as it is plugged in, except for what an operation changes."""

    @abstractmethod
    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        """What comes of an operation; ``data`` are those of one that sends.

        None: it does not answer, for now. It is asked the same again when it has called :meth:`changed`, until who asked it has
        given up. A result with more data than were asked for is babble.
        """

    def is_paired_by(self, answer: PairingAnswer) -> bool:
        """Whether it is content with what it was answered."""
        return answer.confirmed

    def opened(self) -> None:  # noqa: B027  # most need not know
        """Somebody has opened it, on a simulated bus."""

    def closed(self) -> None:  # noqa: B027  # most need not know
        """Nobody has it open any more."""

    # -- what it can do -----------------------------------------------------------------------------------------------

    def send(self, incoming: Incoming) -> None:
        """Send something unasked, to whoever has it open."""
        for listener in tuple(self._listeners):
            listener(incoming)
        if self._tell is not _nobody:
            self.incoming.append(incoming)
            self._tell()

    def changed(self) -> None:
        """What got no answer may get one now."""
        waiting, self._waiting = self._waiting, []
        for ask_again in waiting:
            ask_again()
        self._tell()

    # -- for a bus ----------------------------------------------------------------------------------------------------

    def attached(self) -> AttachedDevice:
        """It, as a port tells of it."""
        return AttachedDevice(key=self.key, place=self.place, facts=self.facts())

    def connect(self, listener: Callable[[Incoming], None]) -> None:
        """Somebody has it open: ``listener`` is told what it sends."""
        self._listeners.append(listener)

    def disconnect(self, listener: Callable[[Incoming], None]) -> None:
        """Not any more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def when_changed(self, ask_again: Callable[[], object]) -> None:
        """Call it at the next change, once."""
        self._waiting.append(ask_again)

    def waits_no_longer(self, ask_again: Callable[[], object]) -> None:
        """Whoever waited has given up."""
        if ask_again in self._waiting:
            self._waiting.remove(ask_again)

    # -- for an emulator ----------------------------------------------------------------------------------------------

    def plugged(self, tell: Callable[[], None]) -> None:
        """``tell`` is called from now on whenever there is something to be taken, or to be asked again."""
        self._tell = tell

    def unplugged(self) -> None:
        """Nobody listens any more; what it had sent is lost."""
        self._tell = _nobody
        self.incoming.clear()


def _nobody() -> None:
    """Is told."""
