"""What a mutation is."""

from __future__ import annotations

from msgspec import Struct

from partita.simulations.outcome import Level

from .edits import Edit


class Mutation(Struct, frozen=True, kw_only=True):
    """One safeguard taken away.

    ``gone``: what no longer holds, a clause. ``scenarios``: where it is looked for, by name; seeds are taken in turn.
    ``on_the_disk``: the safeguard is the simulated disk's, standing for what the live one gets from the operating system.
    """

    name: str
    gone: str
    edits: tuple[Edit, ...]
    scenarios: tuple[str, ...]
    level: Level = "kernel"
    on_the_disk: bool = False
