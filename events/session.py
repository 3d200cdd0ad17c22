"""The state of the ``session`` actor: one field a capability."""

from __future__ import annotations

from msgspec import field

from partita.events.cookies import CookiesState
from partita.events.downloads import DownloadsState
from partita.events.exchanges import ExchangesState
from partita.events.preferences import PreferencesState
from partita.events.types import State


class SessionState(State, frozen=True, tag="session.state/1"):
    """Composed of what its capabilities own."""

    preferences: PreferencesState = field(default_factory=PreferencesState)
    cookies: CookiesState = field(default_factory=CookiesState)
    downloads: DownloadsState = field(default_factory=DownloadsState)
    exchanges: ExchangesState = field(default_factory=ExchangesState)
