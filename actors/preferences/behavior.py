"""What a session prefers decides, and how it evolves.

| message          | leads to                                                                              |
|------------------|---------------------------------------------------------------------------------------|
| SetUserAgent     | user agent set; a text that no header field can hold is refused                         |
| SetDownloadPath  | download path set; a path that is not absolute is refused                               |
| Recover          | user agent forgotten, when one was set: it lives as long as the process (FEATURES F22)  |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.preferences.user_agent import default_user_agent
from partita.events.preferences import (
    DownloadPathSet,
    PreferencesState,
    SetDownloadPath,
    SetUserAgent,
    UserAgentForgotten,
    UserAgentSet,
)
from partita.events.system import Recover
from partita.events.types import Event, Message

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context

__all__ = ["behavior", "default_user_agent"]

MAX_FIELD_BYTES: Final = 4096
"""What a user agent or a list of languages may be long; servers refuse far less."""

_LANGUAGES: Final = re.compile(r"[A-Za-z0-9*;=., \t-]*")


def set_user_agent(state: PreferencesState, message: SetUserAgent, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES F22. An empty user agent goes back to the default; without languages, those stay as they are."""
    wrong = _unsafe("user_agent", message.user_agent)
    languages = message.accept_languages
    if languages is not None and not wrong:
        wrong = _unsafe("accept_languages", languages)
        if not wrong and not _LANGUAGES.fullmatch(languages):
            wrong = "accept_languages: it has to be a list of language tags like 'en-US,fr,de'"
    if wrong:
        return Decision(refusal=ValueError(wrong))
    return Decision(
        events=(UserAgentSet(message.user_agent, state.accept_languages if languages is None else languages),)
    )


def set_download_path(state: PreferencesState, message: SetDownloadPath, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES F8. The folder is made when something is saved there, not now."""
    path = message.path
    if not path or "\0" in path:
        return Decision(refusal=ValueError("path: it has to be an absolute path without NUL characters"))
    if not PurePosixPath(path).is_absolute() and not PureWindowsPath(path).is_absolute():
        return Decision(refusal=ValueError(f"path: {path!r} is not absolute"))
    return Decision(events=(DownloadPathSet(path),))


def recover(state: PreferencesState, message: Recover, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES F22: neither the user agent nor its languages are kept from one process to the next."""
    if state.user_agent is None and state.accept_languages is None:
        return NOTHING
    return Decision(events=(UserAgentForgotten(),))


def _unsafe(name: str, value: str) -> str:
    """What keeps a text out of a header field (RFC 9110 5.5); empty when nothing does."""
    if len(value) > MAX_FIELD_BYTES:
        return f"{name}: {len(value)} characters; {MAX_FIELD_BYTES} are the most"
    if bad := next((char for char in value if not _is_field_character(char)), None):
        return f"{name}: {bad!r} cannot stand in a header field"
    return ""


def _is_field_character(char: str) -> bool:
    return char == "\t" or " " <= char <= "~" or "\x80" <= char <= "\xff"


def user_agent_set(state: PreferencesState, event: UserAgentSet) -> PreferencesState:
    return replace(state, user_agent=event.user_agent or None, accept_languages=event.accept_languages)


def download_path_set(state: PreferencesState, event: DownloadPathSet) -> PreferencesState:
    return replace(state, download_path=event.path)


def user_agent_forgotten(state: PreferencesState, event: UserAgentForgotten) -> PreferencesState:  # noqa: ARG001
    return replace(state, user_agent=None, accept_languages=None)


DECIDE: Final = dict[type[Message], Callable[..., Decision]](
    {
        SetUserAgent: set_user_agent,
        SetDownloadPath: set_download_path,
        Recover: recover,
    }
)

EVOLVE: Final = dict[type[Event], Callable[..., PreferencesState]](
    {
        UserAgentSet: user_agent_set,
        DownloadPathSet: download_path_set,
        UserAgentForgotten: user_agent_forgotten,
    }
)

behavior: Final = Behavior(kind="preferences", initial=PreferencesState, decide=DECIDE, evolve=EVOLVE)
