"""What ``will-download`` is asked, and what it may answer (FEATURES E1 to E3)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

HANDLER: Final = "will-download"
"""The name under which the handlers port is asked."""


class DownloadOffer(Struct, frozen=True):
    """The head of the response has come, the target is not fixed. The download's published state says the rest.

    ``filename`` is the name to suggest; ``save_path`` is set when the caller named the file.
    """

    id: str
    filename: str
    save_path: str | None = None


class DownloadAnswer(Struct, frozen=True):
    """``prevented``: nobody wants it. ``save_path``: an absolute path; None leaves the choice to the session."""

    prevented: bool = False
    save_path: str | None = None
