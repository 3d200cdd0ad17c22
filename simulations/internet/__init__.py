"""Hosts by name, served by plain functions or ASGI applications, over lines on which everything goes wrong."""

from partita.simulations.internet.answers import Entity, HungUp, serve
from partita.simulations.internet.hosts import FAULTS, SETTINGS, Internet, Seen

__all__ = ["FAULTS", "SETTINGS", "Entity", "HungUp", "Internet", "Seen", "serve"]
