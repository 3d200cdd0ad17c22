"""The live ports in one bundle."""

from __future__ import annotations

from partita.actors.devices.ports import LiveDevices
from partita.actors.kernel.world import Clock, Handlers, World
from partita.actors.live_world.clocks import SystemClock, SystemEntropy
from partita.actors.live_world.files import DiskFiles
from partita.actors.network.ports import LiveNetwork


def live_world(handlers: Handlers, clock: Clock | None = None) -> World:
    """The world that is there. ``clock`` takes the place of the machine's; ``handlers`` asks the program around."""
    return World(
        clock=SystemClock() if clock is None else clock,
        entropy=SystemEntropy(),
        network=LiveNetwork(),
        files=DiskFiles(),
        handlers=handlers,
        devices=LiveDevices(),
    )
