"""The state of the ``session`` actor: one field a capability."""

from __future__ import annotations

from msgspec import field

from partita.events.cache import CacheState
from partita.events.choosing import ChoosingState
from partita.events.cookies import CookiesState
from partita.events.download_ledger import DownloadsState
from partita.events.exchanges import ExchangesState
from partita.events.net_log import NetLogState
from partita.events.pages import PagesState
from partita.events.permissions import PermissionsState
from partita.events.preferences import PreferencesState
from partita.events.protocols import ProtocolsState
from partita.events.types import State
from partita.events.web_request import WebRequestState


class SessionState(State, frozen=True, tag="session.state/1"):
    """Composed of what its capabilities own."""

    preferences: PreferencesState = field(default_factory=PreferencesState)
    cookies: CookiesState = field(default_factory=CookiesState)
    downloads: DownloadsState = field(default_factory=DownloadsState)
    exchanges: ExchangesState = field(default_factory=ExchangesState)
    cache: CacheState = field(default_factory=CacheState)
    web_request: WebRequestState = field(default_factory=WebRequestState)
    protocols: ProtocolsState = field(default_factory=ProtocolsState)
    net_log: NetLogState = field(default_factory=NetLogState)
    pages: PagesState = field(default_factory=PagesState)
    choosing: ChoosingState = field(default_factory=ChoosingState)
    permissions: PermissionsState = field(default_factory=PermissionsState)
