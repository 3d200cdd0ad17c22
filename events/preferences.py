"""What a session prefers: its user agent, its languages, where downloads go (FEATURES F8, F22, F24)."""

from __future__ import annotations

from partita.events.types import Event, Message, State


class SetUserAgent(Message, frozen=True, tag="preferences.set_user_agent/1"):
    """``accept_languages`` is Electron's list ("en-US,fr,de"); None leaves the languages as they are."""

    user_agent: str
    accept_languages: str | None = None


class SetDownloadPath(Message, frozen=True, tag="preferences.set_download_path/1"):
    path: str


class UserAgentSet(Event, frozen=True, tag="preferences.user_agent_set/1"):
    user_agent: str
    accept_languages: str | None


class DownloadPathSet(Event, frozen=True, tag="preferences.download_path_set/1"):
    path: str


class UserAgentForgotten(Event, frozen=True, tag="preferences.user_agent_forgotten/1"):
    """The user agent lives as long as the process (FEATURES F22): an opening goes back to the default."""


class PreferencesState(State, frozen=True, tag="preferences.state/1"):
    """None is the default: what the session was not told."""

    user_agent: str | None = None
    accept_languages: str | None = None
    download_path: str | None = None
