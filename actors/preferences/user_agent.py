"""The user agent of a session that was told none (FEATURES F24)."""

from __future__ import annotations

from typing import Final

_DEFAULT: Final = "Mozilla/5.0 (compatible) partita/0.1"


def default_user_agent() -> str:
    """The same on every machine, so that a log replays the same everywhere."""
    return _DEFAULT
