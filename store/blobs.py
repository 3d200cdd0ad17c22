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
    if isinstance(value, (bytes, str)):
        digest = value if isinstance(value, bytes) else _from_hexadecimal(value)
        if digest in known:
            yield digest
    elif isinstance(value, list):
        for field in value:
            yield from named_in(field, known)
    elif isinstance(value, dict):
        yield from named_in([*value.keys(), *value.values()], known)


def _from_hexadecimal(text: str) -> bytes:
    """A digest; of any other text, nothing that is one."""
    try:
        return bytes.fromhex(text) if len(text) == 2 * DIGEST_BYTES else b""
    except ValueError:
        return b""
