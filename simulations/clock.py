"""The clock of the simulated world: wall time that is wrong, jumps and drifts, and monotonic time that does neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from partita.actors.kernel.world import Clock
from partita.simulations.faults import Faults

FAULTS: Final[Mapping[str, float]] = {
    "clock.forward": 0.01,  # somebody set it, or the machine slept: monotonic time stands still then
    "clock.back": 0.01,
}
SETTINGS: Final[Mapping[str, tuple[float, ...]]] = {
    "clock.drift_ppm": (0, 0, 0, 200, -200, 5000),
    "clock.skew_s": (0, 0, 3600, -86_400, 40_000_000),
}

FARTHEST_S: Final = 7200.0
"""The longest jump."""


class SimulatedClock:
    """The clock port over the virtual time of a kernel. Faults strike when somebody sleeps."""

    def __init__(self, virtual: Clock, faults: Faults, settings: Mapping[str, float]) -> None:
        self._virtual = virtual
        self._faults = faults
        self._drift = settings.get("clock.drift_ppm", 0.0) / 1e6
        self._offset_us = round(settings.get("clock.skew_s", 0.0) * 1e6)

    def now_us(self) -> int:
        """Wall time as this machine believes it, in integer microseconds since 1970."""
        now_us = self._virtual.now_us() + self._offset_us
        if self._drift:
            now_us += round(self._virtual.monotonic() * 1e6 * self._drift)
        return now_us

    def monotonic(self) -> float:
        """Virtual seconds since the beginning of the run."""
        return self._virtual.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Come back after so many virtual seconds; wall time may have jumped meanwhile."""
        if (random := self._faults.strikes("clock.forward")) is not None:
            self.jump(random.random() * FARTHEST_S)
        if (random := self._faults.strikes("clock.back")) is not None:
            self.jump(-random.random() * FARTHEST_S)
        await self._virtual.sleep(seconds)

    def jump(self, seconds: float) -> None:
        """Set wall time forward, or back."""
        self._offset_us += round(seconds * 1e6)
