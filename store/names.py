"""The folder of a partition's name: injective, so two names never share one, on file systems that ignore case as well.

Lower-case letters, digits, ``.``, ``_`` and ``-`` stand for themselves; every other byte of the name's UTF-8, capitals
among them, is ``%XX``. What a file system reserves is escaped too: ``.``, ``..``, a dot at the end (Windows drops it), and the
devices of DOS. A name whose folder would have more than 200 bytes has a hash for a folder, ``%sha256-…``; that and
``%default``, the default session's, are no escapes of anything, for no hexadecimal digit is an ``s`` or a small ``d``.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from partita.events.errors import InvalidPartitionName

DEFAULT_FOLDER: Final = "%default"
"""The folder of the default session: no name has it."""

LONGEST_FOLDER_BYTES: Final = 200

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._-")
_DOS_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def folder_name(name: str) -> str:
    """The folder of a partition. Raises :class:`InvalidPartitionName` for the empty name, NUL, and lone surrogates."""
    if not name:
        raise InvalidPartitionName("the empty name is no partition's: leave the name out for the default session")
    if "\0" in name:
        raise InvalidPartitionName(f"the partition name {name!r} holds a NUL character: use another name")
    try:
        encoded = name.encode()
    except UnicodeEncodeError as error:
        raise InvalidPartitionName(f"the partition name {name!r} is no Unicode text (a lone surrogate)") from error
    folder = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in encoded)
    if _DOS_DEVICE.match(folder) or folder in {".", ".."}:
        folder = f"%{ord(folder[0]):02X}{folder[1:]}"
    if folder.endswith("."):
        folder = folder[:-1] + "%2E"
    if len(folder) > LONGEST_FOLDER_BYTES:
        return f"%sha256-{hashlib.sha256(encoded).hexdigest()}"
    return folder
