"""The simulated disk: what is under the log and under files, with all that can befall it.

``disk`` is the one disk of a run, and outlives every crash of it; ``environment`` and ``folder`` are what the store sees of it,
``files`` what downloads see. ``medium`` is what all of them share, ``names`` which file has which name, ``file`` what a file
holds.
"""

from partita.simulations.disk.medium import FAULTS, SETTINGS

__all__ = ["FAULTS", "SETTINGS"]
