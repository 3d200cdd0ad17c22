"""What a test written by ``partita to-test`` reads its record with."""

from __future__ import annotations

from partita.actors.replay.stretch import Stretch
from partita.actors.session.behavior import BEHAVIORS


def load(text: str) -> Stretch:
    """The stretch of a log that ``text`` records, to be decided again by the rules of this partita."""
    return Stretch.parse(text, BEHAVIORS)
