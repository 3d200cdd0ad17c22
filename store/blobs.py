"""Bulk bytes, by the SHA-256 of their content, encrypted like secrets.

A turn names a blob by its digest; the blob is written in front of that turn, in the same transaction or an earlier one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Final

from partita.events.errors import KeyMissing, LogDamaged, SecretErased
from partita.store.keys import Keyring

DIGEST_BYTES: Final = 32


def digest_of(content: bytes) -> bytes:
    """What a blob is called: the SHA-256 of its content, 32 bytes."""
    return hashlib.sha256(content).digest()


def opened(keyring: Keyring, digest: bytes, sealed: bytes) -> bytes:
    """A blob's content. Raises :class:`LogDamaged`, :class:`SecretErased`, :class:`KeyMissing`."""
    try:
        content = keyring.open(sealed)
    except KeyMissing as error:
        if not keyring.knows(sealed):
            raise
        raise LogDamaged(f"the blob {digest.hex()} is not what was written", position=0) from error
    if content is None:
        raise SecretErased(f"the blob {digest.hex()} was cleared and its key erased; nothing can bring it back")
    if digest_of(content) != digest:
        raise LogDamaged(f"the blob {digest.hex()} is not what was written", position=0)
    return content


def named_in(value: object, known: Collection[bytes]) -> Iterator[bytes]:
    """The blobs, of those known, that a decoded record names: as 32 bytes or as 64 hexadecimal digits."""
    if isinstance(value, bytes):
        if value in known:
            yield value
    elif isinstance(value, str):
        if len(value) == 2 * DIGEST_BYTES:
            try:
                digest = bytes.fromhex(value)
            except ValueError:
                return
            if digest in known:
                yield digest
    elif isinstance(value, (list, tuple)):
        for field in value:
            yield from named_in(field, known)
    elif isinstance(value, dict):
        for key, field in value.items():
            yield from named_in(key, known)
            yield from named_in(field, known)
