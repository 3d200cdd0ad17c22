"""The blobs of one partition: put, read again soon after, and dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from partita.events.errors import Overloaded, SecretErased, StoreError

if TYPE_CHECKING:
    from partita.store.committer import Committer
    from partita.store.partition import PartitionStore

REMEMBERED_BYTES: Final = 32 << 20
"""So many bytes of blobs that were used last are kept in memory: reading one from the log means decrypting it."""

MOST_UNWRITTEN_BYTES: Final = 64 << 20
"""Bytes that may wait for the disk before no more are taken."""


class Bodies:
    """What is put can be read at once, durable or not. All of it on the kernel's thread."""

    def __init__(self, store: PartitionStore, committer: Committer[Any]) -> None:
        self._store = store
        self._committer = committer
        self._remembered: dict[bytes, bytes] = {}
        self._remembered_bytes = 0
        self._held: dict[bytes, int] = {}
        self._doomed: dict[bytes, None] = {}

    def put(self, content: bytes) -> bytes:
        """Have bytes stored; their digest. Raises :class:`Overloaded` when the disk is far behind."""
        if self._committer.unwritten_bytes > MOST_UNWRITTEN_BYTES:
            raise Overloaded(f"{MOST_UNWRITTEN_BYTES >> 20} MiB wait to be written to {self._store.name} already")
        digest = self._committer.put_blob(content)
        self._doomed.pop(digest, None)
        self._remember(digest, content)
        return digest

    def get(self, digest: bytes) -> bytes | None:
        """The bytes of that name; None when they are not there, or cannot be read (damage, an erased or missing key)."""
        content = self._remembered.pop(digest, None)
        if content is not None:
            self._remembered[digest] = content  # the one that was used last
            return content
        content = self._committer.unwritten(digest)
        if content is None:
            try:
                content = self._store.blob(digest)
            except (StoreError, SecretErased):
                return None
        if content is not None:
            self._remember(digest, content)
        return content

    def drop(self, digests: tuple[bytes, ...]) -> None:
        """Have them removed; those that are held, when they are not any more."""
        free = tuple(digest for digest in digests if digest not in self._held)
        self._doomed.update((digest, None) for digest in digests if digest in self._held)
        for digest in free:
            content = self._remembered.pop(digest, None)
            if content is not None:
                self._remembered_bytes -= len(content)
        if free:
            self._committer.drop_blobs(free)

    def sweep(self, is_named: Callable[[bytes], bool]) -> None:
        """Have removed what nothing names. What was put or read a moment ago may be about to be named, and stays."""
        try:
            digests = self._store.blob_digests()
        except StoreError:  # it is as it was: the next process looks again
            return
        left = [
            digest
            for digest in digests
            if digest not in self._remembered and self._committer.unwritten(digest) is None and not is_named(digest)
        ]
        if left:
            self.drop(tuple(left))

    def hold(self, digests: tuple[bytes, ...]) -> None:
        """They are being read: not to be removed before as many have let them go."""
        for digest in digests:
            self._held[digest] = self._held.get(digest, 0) + 1

    def let_go(self, digests: tuple[bytes, ...]) -> None:
        """They have been read."""
        for digest in digests:
            self._held[digest] -= 1
            if not self._held[digest]:
                del self._held[digest]
        if doomed := tuple(
            digest for digest in dict.fromkeys(digests) if digest in self._doomed and digest not in self._held
        ):
            for digest in doomed:
                del self._doomed[digest]
            self.drop(doomed)

    def _remember(self, digest: bytes, content: bytes) -> None:
        if digest in self._remembered:
            return
        self._remembered[digest] = content
        self._remembered_bytes += len(content)
        while self._remembered_bytes > REMEMBERED_BYTES:
            oldest = next(iter(self._remembered))
            self._remembered_bytes -= len(self._remembered.pop(oldest))
