"""Where the files of ``partita download`` go: what -o and -O say, read and checked before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from partita.command.ending import WrongUsage


class Place(NamedTuple):
    """``directory``: under a free name there; None is the partition's own. ``file``: this one, whatever is there; one of both."""

    directory: Path | None
    file: Path | None = None


def place_of(directory: Path | None, output: Path | None, *, here_at_first: bool) -> Place:
    """What -o and -O say; ``here_at_first``: without them, the working directory. Raises :class:`WrongUsage`."""
    base = None if directory is None else _absolute("-o", directory)
    if base is not None:
        _check_folder("-o", base)
    if output is not None:
        file = _absolute("-O", output, base)
        _check_folder("-O", file.parent)
        _check_file(file, output)
        return Place(None, file)
    return Place(here() if base is None and here_at_first else base)


def here() -> Path:
    """The working directory. Raises :class:`WrongUsage` when it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise WrongUsage("the working directory is gone: say with -o DIR where files go, by an absolute path") from None


def _absolute(option: str, path: Path, base: Path | None = None) -> Path:
    try:
        path = path.expanduser()
        str(path).encode()  # else it is no name that a log can hold
    except (RuntimeError, UnicodeEncodeError) as error:
        raise WrongUsage(f"{option} {str(path)!r}: {error}") from None
    return path if path.is_absolute() else (base or here()) / path


def _check_file(file: Path, output: Path) -> None:
    try:
        is_folder = output.name in ("", "-", "..") or file.is_dir()
    except OSError as error:
        raise WrongUsage(f"-O {output}: {error.strerror}") from None
    if is_folder:
        raise WrongUsage(f"-O is the file's name or its path, not {str(output)!r}")
    if file.exists() and not file.is_file():
        raise WrongUsage(f"-O {output}: that is no file, and would be replaced by one")


def _check_folder(option: str, directory: Path) -> None:
    """What there is of it can be written to; the rest is made when it is needed."""
    try:
        there = next(path for path in (directory, *directory.parents) if _exists(path))
    except OSError as error:
        raise WrongUsage(f"{option} {directory}: {error.strerror}") from None
    if not there.is_dir():
        raise WrongUsage(f"{option} {directory}: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise WrongUsage(f"{option} {directory}: {there} cannot be written to")


def _exists(path: Path) -> bool:
    """Raises :class:`OSError` when that cannot be known."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
