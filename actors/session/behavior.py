"""Which capabilities make a session, which actors a partition has, and what carries out their effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from partita.actors.cookies.behavior import behavior as cookies
from partita.actors.downloads.behavior import behavior as download
from partita.actors.downloads.carriers import CARRIERS as DOWNLOAD_CARRIERS
from partita.actors.downloads.ledger import behavior as downloads
from partita.actors.exchanges.behavior import behavior as exchanges
from partita.actors.kernel.behavior import Behavior
from partita.actors.kernel.composition import compose
from partita.actors.kernel.world import Carriers
from partita.actors.network.behavior import behavior as network
from partita.actors.network.carriers import CARRIERS as NETWORK_CARRIERS
from partita.actors.preferences.behavior import behavior as preferences
from partita.events.session import SessionState

session: Final = compose(
    "session",
    SessionState,
    {
        "preferences": preferences,
        "cookies": cookies,
        "downloads": downloads,
        "network": network,
        "exchanges": exchanges,
    },
)

BEHAVIORS: Final[Mapping[str, Behavior[Any]]] = {"session": session, "download": download}
"""Each kind of actor that a partition has."""

CARRIERS: Final[Carriers] = {**NETWORK_CARRIERS, **DOWNLOAD_CARRIERS}
"""What carries out each type of effect."""
