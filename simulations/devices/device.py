"""A simulated device: what it says of itself, and what it does when it is asked.

Subclass :class:`SimulatedDevice`, and plug it into a simulated world's bus; the emulator of the tests drives its device nodes
from the same object.
"""

from __future__ import annotations

from collections.abc import Callable

from partita.actors.kernel.device_ports import PairingAnswer, PairingQuestion
from partita.events.device_facts import DeviceFacts
from partita.events.device_transfers import Incoming, Operation, TransferResult
from partita.events.errors import DeviceError


class SimulatedDevice:
    """One device. ``key`` and ``place`` are those of :class:`~partita.events.device_facts.AttachedDevice`.

    ``pairing``: what it wants to have confirmed before it is open; None for nothing.
    """

    key: str = ""
    place: str = ""
    pairing: PairingQuestion | None = None

    def __init__(self, key: str, place: str = "") -> None:
        self.key = key
        self.place = place or key
        self._listeners: list[Callable[[Incoming], None]] = []

    def facts(self) -> DeviceFacts:
        """What it says of itself."""
        raise NotImplementedError

    def is_paired_by(self, answer: PairingAnswer) -> bool:
        """Whether it is content with what it was answered."""
        return answer.confirmed

    def opened(self) -> None:
        """Somebody has opened it."""

    def closed(self) -> None:
        """Nobody has it open any more."""

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        """Answer an operation: with its result, or with an error that is raised at whoever asked.

        None: it does not answer. Whoever waits does so until the time is up.
        """
        raise NotImplementedError

    def send(self, incoming: Incoming) -> None:
        """Send something unasked, to those who have it open."""
        for listener in tuple(self._listeners):
            listener(incoming)

    def connect(self, listener: Callable[[Incoming], None]) -> None:
        """From now on, ``listener`` is told what it sends."""
        self._listeners.append(listener)

    def disconnect(self, listener: Callable[[Incoming], None]) -> None:
        """Not any more."""
        if listener in self._listeners:
            self._listeners.remove(listener)
