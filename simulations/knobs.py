"""Swarm testing: every run switches another choice of faults and features on.

A run in which everything goes wrong at once never gets far; one in which three things do, finds what happens between them
(Groce et al., "Swarm testing", 2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from partita.simulations.streams import stream_of

OFF = 0.5
"""Of all faults, so many are off in a run."""


class Knobs(Struct, frozen=True):
    """What one run is turned to: how likely each fault is, and each setting's value."""

    odds: dict[str, float]
    settings: dict[str, float]

    def told(self) -> str:
        """On one line: the faults that can strike, and the settings."""
        faults = [f"{name} {likely:.3g}" for name, likely in sorted(self.odds.items()) if likely]
        settings = [f"{name}={value:g}" for name, value in sorted(self.settings.items())]
        return f"faults: {', '.join(faults) or 'none'}; {', '.join(settings)}"


def drawn(seed: int, faults: Mapping[str, float], settings: Mapping[str, Sequence[float]]) -> Knobs:
    """The knobs of a seed.

    ``faults``: each name with its highest odds; half of them are off in a run, the others between a hundredth of that and
    all of it. ``settings``: each name with the values that it may have.
    """
    odds = {}
    for name, highest in faults.items():
        random = stream_of(seed, "knobs", name)
        odds[name] = 0.0 if random.random() < OFF else highest * 10 ** (-2 * random.random())
    values = {name: stream_of(seed, "knobs", name).choice(choices) for name, choices in settings.items()}
    return Knobs(odds, values)
