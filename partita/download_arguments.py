"""What a caller may say of a download beside its URL, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from msgspec.structs import replace

from partita.actors.downloads.integrity import parsed
from partita.events.download_options import DownloadOptions, RetryPolicy, check_options


class HowToGoOn(TypedDict, total=False):
    """How the bytes of a download come.

    - ``retry``: how it goes on by itself after an interruption that may pass; None, the default, is not at all.
    - ``rate``: no more than so many bytes a second; 0 is no limit.
    - ``integrity``: digests that the file must have, as Subresource Integrity writes them (``"sha256-<base64>"``).
    - ``segments``: over so many connections at a time (1 to 16), where the server sends ranges of a file that it names.
    """

    retry: RetryPolicy | None
    rate: int
    integrity: str
    segments: int


class HowToDownload(HowToGoOn, total=False):
    """The same for one that begins.

    ``priority``: of those that wait for a place, the highest goes first; 0 is the default.
    """

    priority: int


class DownloadArguments(HowToDownload, total=False):
    """All that can be said of a download beside its URL.

    ``directory``: where the file goes, under a name that is free there; else to the session's download path. ``save_path``: the
    file itself, which is replaced if it is there; a listener of ``will-download`` may still say otherwise, no dialog is asked.
    Both are absolute, and one of them is enough. ``headers``: fields to be sent along. ``has_user_gesture``: somebody clicked
    (FEATURES L14).
    """

    directory: str | os.PathLike[str] | None
    save_path: str | os.PathLike[str] | None
    headers: Mapping[str, str] | None
    has_user_gesture: bool


_FIELDS: Final[Mapping[str, str]] = {
    "retry": "retry",
    "priority": "priority",
    "rate": "rate_bytes_s",
    "integrity": "integrity",
    "segments": "segments",
}


def options_with(options: DownloadOptions, how: Mapping[str, Any]) -> DownloadOptions:
    """These, but for what is said. Raises :class:`TypeError` and :class:`ValueError` for what makes no sense."""
    for name, value in how.items():
        if name not in _FIELDS:
            raise TypeError(f"a download has no {name!r}; it has {', '.join(_FIELDS)}")
        _check_type(name, value)
    if how.get("rate", 0) < 0:
        raise ValueError(f"rate is in bytes a second, 0 for as fast as it goes, not {how['rate']}")
    options = replace(options, **{_FIELDS[name]: value for name, value in how.items()})
    check_options(options)
    parsed(options.integrity)
    return options


def _check_type(name: str, value: object) -> None:
    if name == "retry":
        if not (value is None or isinstance(value, RetryPolicy)):
            raise TypeError(f"retry is a RetryPolicy, not {type(value).__name__}")
    elif name == "integrity":
        if not isinstance(value, str):
            raise TypeError(f"integrity is a str, not {type(value).__name__}")
    elif not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is an int, not {type(value).__name__}")
