"""Which capabilities make a session, which actors a partition has, and what carries out their effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from partita.actors.cache.behavior import behavior as cache
from partita.actors.cache.carriers import CARRIERS as CACHE_CARRIERS
from partita.actors.cookies.behavior import behavior as cookies
from partita.actors.cookies.carriers import CARRIERS as COOKIE_CARRIERS
from partita.actors.devices.behavior import behavior as broker
from partita.actors.devices.carriers import CARRIERS as DEVICE_CARRIERS
from partita.actors.downloads.behavior import behavior as download
from partita.actors.downloads.carriers import CARRIERS as DOWNLOAD_CARRIERS
from partita.actors.downloads.choosing import behavior as choosing
from partita.actors.downloads.ledger import behavior as downloads
from partita.actors.exchanges.behavior import behavior as exchanges
from partita.actors.kernel.behavior import Behavior
from partita.actors.kernel.composition import compose
from partita.actors.kernel.world import Carriers
from partita.actors.net_log.behavior import behavior as net_log
from partita.actors.net_log.carriers import CARRIERS as NET_LOG_CARRIERS
from partita.actors.network.behavior import behavior as network
from partita.actors.network.carriers import CARRIERS as NETWORK_CARRIERS
from partita.actors.network.connecting import CONNECTING
from partita.actors.network.revalidating import CARRIERS as REVALIDATION_CARRIERS
from partita.actors.pages.behavior import behavior as page
from partita.actors.pages.ledger import behavior as pages
from partita.actors.permissions.behavior import behavior as permissions
from partita.actors.permissions.carriers import CARRIERS as PERMISSION_CARRIERS
from partita.actors.preferences.behavior import behavior as preferences
from partita.actors.protocols.behavior import behavior as protocols
from partita.actors.web_request.behavior import behavior as web_request
from partita.events.session import SessionState

session: Final = compose(
    "session",
    SessionState,
    {
        "preferences": preferences,
        "cookies": cookies,
        "downloads": downloads,
        "network": network,
        "cache": cache,
        "web_request": web_request,
        "protocols": protocols,
        "net_log": net_log,
        "pages": pages,
        "permissions": permissions,
        "exchanges": exchanges,
        "choosing": choosing,
    },
)

BEHAVIORS: Final[Mapping[str, Behavior[Any]]] = {
    "session": session,
    "download": download,
    "page": page,
    "broker": broker,
}
"""Each kind of actor that a partition has."""

CARRIERS: Final[Carriers] = {
    **COOKIE_CARRIERS,
    **CACHE_CARRIERS,
    **NETWORK_CARRIERS,
    **CONNECTING,
    **REVALIDATION_CARRIERS,
    **DOWNLOAD_CARRIERS,
    **NET_LOG_CARRIERS,
    **PERMISSION_CARRIERS,
    **DEVICE_CARRIERS,
}
"""What carries out each type of effect."""
