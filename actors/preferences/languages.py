"""The ``Accept-Language`` field (FEATURES F22)."""

from __future__ import annotations

from typing import Final

_FIRST_TENTHS: Final = 10
_LAST_TENTHS: Final = 1


DEFAULT_LANGUAGES: Final = "en-US"
"""What a session prefers that was told nothing: the same on every machine."""


def accept_language_header(languages: str | None) -> str:
    """The field's value for Electron's list: ``"en-US,fr,de"`` gives ``"en-US,fr;q=0.9,de;q=0.8"``.

    The weight falls by 0.1 down to 0.1; an entry that brings a weight of its own keeps it. None and an empty list give
    the default.
    """
    fields: list[str] = []
    tenths = _FIRST_TENTHS
    for entry in (languages or "").split(","):
        language = entry.strip()
        if not language:
            continue
        weighted = tenths == _FIRST_TENTHS or ";" in language
        fields.append(language if weighted else f"{language};q=0.{tenths}")
        tenths = max(tenths - 1, _LAST_TENTHS)
    return ",".join(fields) or DEFAULT_LANGUAGES
