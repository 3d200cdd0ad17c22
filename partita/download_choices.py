"""What a listener of ``will-download`` may say of an item, while it runs (FEATURES E1 to E3, L3, L6)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

from partita.events.errors import ItemDestroyed, UsageError

_DIALOG_OPTIONS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "window": object,
    "title": str,
    "default_path": str,
    "button_label": str,
    "filters": (list, tuple),
    "message": str,
    "name_field_label": str,
    "shows_tag_field": bool,
    "properties": (list, tuple),
    "security_scoped_bookmarks": bool,
}
"""Electron's ``SaveDialogOptions`` (FEATURES L6), each with what it has to be."""


class DownloadChoices:
    """Shared by an item and by the session, which opens it for the time that ``will-download`` is being answered."""

    def __init__(self) -> None:
        self.is_open = False
        self.destroyed = False
        self.save_path: str | None = None
        self.keeps_its_path = False
        self.dialog_options: dict[str, object] = {}

    def check_alive(self) -> None:
        """Raises :class:`ItemDestroyed` with Electron's text (FEATURES E1)."""
        if self.destroyed:
            raise ItemDestroyed("DownloadItem used after being destroyed")

    def set_save_path(self, path: str) -> None:
        """See :meth:`partita.DownloadItem.set_save_path`."""
        self.check_alive()
        path = file_path("save path", path)
        self._check_open("a save path")
        if self.keeps_its_path:
            raise UsageError("this download goes on with the file that it was given: its path is that file's")
        self.save_path = path

    def set_dialog_options(self, options: Mapping[str, object]) -> None:
        """See :meth:`partita.DownloadItem.set_save_dialog_options`."""
        self.check_alive()
        for name, value in options.items():
            kind = _DIALOG_OPTIONS.get(name)
            if kind is None:
                raise TypeError(f"a save dialog has no option {name!r}; there is {', '.join(_DIALOG_OPTIONS)}")
            if not isinstance(value, kind):
                wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
                raise TypeError(f"{name} is a {wanted}, not {type(value).__name__}")
        self._check_open("options of a save dialog")
        self.dialog_options = dict(options)

    def _check_open(self, what: str) -> None:
        if not self.is_open:
            raise UsageError(f"{what} can be set by a listener of 'will-download' only, before it has ended")


def absolute_path(what: str, path: object) -> str:
    """A path, as a log can hold it. Raises :class:`TypeError` or :class:`ValueError`."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str):
        raise TypeError(f"a {what} is a str, not {type(path).__name__}")
    if "\0" in path:
        raise ValueError(f"a {what} holds no NUL, and {path!r} does")
    if not PurePath(path).is_absolute():
        raise ValueError(f"a {what} is absolute, and {path!r} is not")
    path.encode()  # a lone surrogate is no name that a log can hold
    return path


def file_path(what: str, path: object) -> str:
    """The absolute path of a file. Raises as :func:`absolute_path`, also for what can be a folder only."""
    text = absolute_path(what, path)
    if os.path.basename(text) in ("", os.curdir, os.pardir):  # noqa: PTH119  # which takes a last slash away
        raise ValueError(f"a {what} names a file, and {text!r} is a folder")
    return text
