"""One exchange: hop after hop, until a response is the answer (:mod:`.machine` has the rules, :mod:`.driver` the ports)."""

from __future__ import annotations

from partita.actors.network.exchange.driver import Answer, exchange
from partita.actors.network.exchange.words import Hop

__all__ = ["Answer", "Hop", "exchange"]
