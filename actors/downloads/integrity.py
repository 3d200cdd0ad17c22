"""Digests that a file must have, as Subresource Integrity writes them (W3C SRI 3.1 to 3.3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final

from partita.actors.kernel.file_ports import Files

_BYTES: Final[Mapping[str, int]] = {"sha256": 32, "sha384": 48, "sha512": 64}
_READ_BYTES: Final = 1 << 20


def parsed(integrity: str) -> tuple[str, frozenset[bytes]] | None:
    """The strongest algorithm that is named, and the digests of it: one of them is right. None when nothing is asked for.

    Raises :class:`ValueError` for what no file could ever be compared with: an algorithm other than SHA-256, SHA-384 and
    SHA-512, or a digest that is none of its.
    """
    found: dict[str, set[bytes]] = {}
    for one in integrity.split():
        algorithm, dash, encoded = one.partition("?")[0].partition("-")
        if algorithm not in _BYTES or not dash:
            raise ValueError(f"{one!r} is not sha256-, sha384- or sha512- and a digest in base64")
        try:
            digest = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error as error:
            raise ValueError(f"{one!r} is not in base64: {error}") from error
        if len(digest) != _BYTES[algorithm]:
            raise ValueError(f"{one!r} is {len(digest)} bytes long, and {algorithm} gives {_BYTES[algorithm]}")
        found.setdefault(algorithm, set()).add(digest)
    if not found:
        return None
    strongest = max(found, key=_BYTES.__getitem__)
    return strongest, frozenset(found[strongest])


async def mismatch(files: Files, path: str, integrity: str) -> str | None:
    """What the file is instead, in words; None when it is right. Raises :class:`OSError`."""
    wanted = parsed(integrity)
    if wanted is None:
        return None
    algorithm, digests = wanted
    hashing = hashlib.new(algorithm)
    file = await files.open_to_read(path)
    try:
        offset = 0
        while piece := await file.read(offset, _READ_BYTES):
            hashing.update(piece)
            offset += len(piece)
    finally:
        await file.close()
    if hashing.digest() in digests:
        return None
    return f"its digest is {algorithm}-{base64.b64encode(hashing.digest()).decode()}, and {integrity} was asked for"
