"""What goes wrong, and when: drawn from the seed, kept by name and number, and taken away one by one when a run is shrunk.

Wherever something could go wrong, a port asks ``faults.strikes("network.reset")``. Whether it does depends on the seed, the
name and how often that name has been asked for, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from partita.actors.kernel.context import Random
from partita.simulations.streams import key_of, numbered


class Fault(NamedTuple):
    """The ``number``-th time (from 1) that the fault of this name could strike, it did."""

    name: str
    number: int


class Faults:
    """Decides which faults strike in one run.

    ``odds``: each fault's name with how likely it strikes where it could (0 to 1; a name that is not in it never does).
    ``only``: these strike, whatever the odds, and no others: how shrinking takes faults away, and moves them.
    """

    def __init__(self, seed: int, odds: Mapping[str, float], *, only: frozenset[Fault] | None = None) -> None:
        self._odds = {name: likely for name, likely in odds.items() if likely > 0}
        self._keys = {name: key_of(seed, "faults", name) for name in self._odds}
        self._asked = dict.fromkeys(self._odds, 0)
        self._only = only
        self._held: dict[str, float] = {}
        self.struck: list[Fault] = []
        """Those that struck, in order."""

    def strikes(self, name: str) -> Random | None:
        """Whether this fault strikes here and now: None, or the random numbers that settle its particulars."""
        likely = self._odds.get(name)
        if likely is None:
            return None
        number = self._asked[name] = self._asked[name] + 1
        random = numbered(self._keys[name], number)
        drawn = random.random() < likely
        fault = Fault(name, number)
        if not (drawn if self._only is None else fault in self._only):
            return None
        self.struck.append(fault)
        return random

    def may_strike(self, prefix: str) -> bool:
        """Whether any fault may whose name begins so."""
        return any(name.startswith(prefix) for name in self._odds)

    def hold(self, prefix: str) -> None:
        """Those whose names begin so strike not before they are released."""
        held = {name: likely for name, likely in self._odds.items() if name.startswith(prefix)}
        self._held.update(held)
        self.spare(prefix)

    def release(self) -> None:
        """What was held may strike from now on."""
        self._odds.update(self._held)
        self._held = {}

    def spare(self, prefix: str) -> None:
        """Those whose names begin so strike no more."""
        self._odds = {name: likely for name, likely in self._odds.items() if not name.startswith(prefix)}

    def heal(self) -> None:
        """Nothing goes wrong from here on."""
        self._odds = {}
        self._held = {}
