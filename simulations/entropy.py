"""The randomness of the simulated world: seeds and keys that any run of the same seed draws again."""

from __future__ import annotations

import hashlib


class SimulatedEntropy:
    """The entropy port. No two draws are alike, in whatever life of the process they are made."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._draws = 0

    def random_bytes(self, count: int) -> bytes:
        """``count`` bytes of the seed."""
        self._draws += 1
        return hashlib.shake_128(f"{self._seed}/entropy/{self._draws}".encode()).digest(count)
