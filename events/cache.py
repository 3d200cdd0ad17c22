"""The HTTP cache's vocabulary (FEATURES F1, F2; RFC 9111): what is stored is metadata in turns, and bodies in blobs.

The cache is a dictionary of dictionaries: *shelf* → URL → its entries. A shelf is what some hash of the URL says, so that a
change copies the shelves' dictionary and one small one, and what was published stays as it was. Entries of one URL are of
different sites (a cache is isolated by the top-level site, as in Chromium) or of different variants (RFC 9111 4.1).

Bodies may be shared: ``uses`` counts, in the same two levels, how many parts name a blob. What nobody names any more is dropped.
"""

from __future__ import annotations

import zlib
from typing import ClassVar, Final, Literal

from msgspec import Struct, field

from partita.events.exchanges import RecordedFields  # msgspec reads the fields' types
from partita.events.types import Effect, Event, Message, State

DEFAULT_MAX_SIZE_BYTES: Final = 320 << 20
"""Like Chromium's on a roomy disk."""

SHELVES: Final = 128

RemovalCause = Literal["replaced", "invalidated", "outdated", "evicted", "missing"]
"""A newer response took its place; an unsafe request succeeded (RFC 9111 4.4); the server has something else now, which is
not stored; the cache was full; its body is not there."""


class CachedPart(Struct, frozen=True, array_like=True, gc=False):
    """Bytes of a body: ``size_bytes`` of a blob, from ``start`` on. ``digest`` is its SHA-256 in hexadecimal."""

    digest: str
    size_bytes: int
    start: int = 0


class Extent(Struct, frozen=True, array_like=True, gc=False):
    """Which bytes of a representation are there (RFC 9110 14.4): both ends included; ``total_bytes`` None when unknown.

    It is what the server said. The parts may hold fewer bytes, when the server sent fewer. ``asked``: the ``Range`` field that
    this was the answer to; empty when it was put together, or broke off.
    """

    first_byte: int
    last_byte: int
    total_bytes: int | None = None
    asked: str = ""


class VaryValue(Struct, frozen=True, array_like=True, gc=False):
    """A field of the request that chose the response (RFC 9111 4.1).

    ``digest`` is of its value, which may be a credential; empty when the request did not have the field.
    """

    name: str
    digest: str


class EntryKey(Struct, frozen=True, array_like=True, gc=False):
    """Where an entry is found."""

    url: str
    id: str


class CacheEntry(Struct, frozen=True, array_like=True, gc=False):
    """A stored response. Times are integer microseconds since 1970.

    ``extent`` is None when the whole representation is there. ``size_bytes`` is that of the body and the head.
    """

    id: str
    site: str
    url: str
    status: int
    reason: str
    http_version: str
    headers: RecordedFields
    vary: tuple[VaryValue, ...]
    requested_us: int
    received_us: int
    parts: tuple[CachedPart, ...]
    extent: Extent | None
    size_bytes: int
    last_used_us: int

    @property
    def key(self) -> EntryKey:
        """Where it is found."""
        return EntryKey(self.url, self.id)

    @property
    def body_bytes(self) -> int:
        """How long the stored body is."""
        return sum(part.size_bytes for part in self.parts)


class StoreEntry(Message, frozen=True, tag="cache.store/1"):
    """A response has been read, its blobs are stored. ``replaces``: the ids of entries that it takes the place of.

    ``since``, ``url_since``: the cache's marks when the request went out (:meth:`CacheState.marks`); None: the request is
    itself what invalidates its URL.
    """

    lazy: ClassVar[bool] = True
    site: str
    url: str
    status: int
    reason: str
    http_version: str
    headers: RecordedFields
    vary: tuple[VaryValue, ...]
    requested_us: int
    received_us: int
    parts: tuple[CachedPart, ...]
    extent: Extent | None = None
    replaces: tuple[str, ...] = ()
    since: int = 0
    url_since: int | None = 0


class DiscardParts(Message, frozen=True, tag="cache.discard_parts/1"):
    """Blobs were stored for a body that will not be an entry."""

    lazy: ClassVar[bool] = True
    parts: tuple[CachedPart, ...]


class FreshenEntry(Message, frozen=True, tag="cache.freshen/1"):
    """The server says that a stored response still holds: these are its header fields now (RFC 9111 3.2, 4.3.4)."""

    lazy: ClassVar[bool] = True
    key: EntryKey
    headers: RecordedFields
    requested_us: int
    received_us: int


class RemoveEntries(Message, frozen=True, tag="cache.remove/1"):
    """Entries that cannot be used any more."""

    lazy: ClassVar[bool] = True
    keys: tuple[EntryKey, ...]
    cause: RemovalCause


class InvalidateUrls(Message, frozen=True, tag="cache.invalidate/1"):
    """An unsafe request succeeded: what is stored for these URLs is no longer so, on whatever site (RFC 9111 4.4)."""

    lazy: ClassVar[bool] = True
    urls: tuple[str, ...]


class TouchEntries(Message, frozen=True, tag="cache.touch/1"):
    """These were used. Told only of those whose last use is more than 60 s stale (DESIGN, 6)."""

    lazy: ClassVar[bool] = True
    keys: tuple[EntryKey, ...]


class ClearCache(Message, frozen=True, tag="cache.clear/1"):
    """``session.clearCache()`` (FEATURES F2)."""


class GetCacheSize(Message, frozen=True, tag="cache.get_size/1"):
    """``session.getCacheSize()`` (FEATURES F1). The reply is a number of bytes, of bodies and heads."""


class ConfigureCache(Message, frozen=True, tag="cache.configure/1"):
    """Options of ``fromPartition`` (FEATURES M2, WANTS 16). None leaves as it is. What is too much now is thrown out."""

    enabled: bool | None = None
    max_size_bytes: int | None = None


class EntryStored(Event, frozen=True, tag="cache.stored/1"):
    """An entry is in the cache. What it replaced was removed by an event before this one."""

    entry: CacheEntry


class EntryFreshened(Event, frozen=True, tag="cache.freshened/1"):
    """An entry has these header fields now, and its age is counted from these times."""

    key: EntryKey
    headers: RecordedFields
    size_bytes: int
    requested_us: int
    received_us: int


class EntriesRemoved(Event, frozen=True, tag="cache.removed/1"):
    """These entries are no longer in the cache."""

    keys: tuple[EntryKey, ...]
    cause: RemovalCause


class EntriesTouched(Event, frozen=True, tag="cache.touched/1"):
    """These entries were last used at ``at_us``: what eviction goes by."""

    keys: tuple[EntryKey, ...]
    at_us: int


class UrlsInvalidated(Event, frozen=True, tag="cache.invalidated/1"):
    """The entries of these URLs are no longer in the cache, and what was asked for before does not come in.

    ``mark``: a number that no other clearing or invalidation has.
    """

    urls: tuple[str, ...]
    mark: int = 0


class CacheCleared(Event, frozen=True, tag="cache.cleared/1"):
    """The cache is empty, and what was asked for before does not come in. ``mark``: a number that no other has."""

    mark: int = 0


class CacheConfigured(Event, frozen=True, tag="cache.configured/1"):
    """Whether there is a cache, and how large it may be."""

    enabled: bool
    max_size_bytes: int


class DropBlobs(Effect, frozen=True, tag="cache.drop_blobs/1"):
    """No entry names these blobs any more: the room that they take can be used again."""

    digests: tuple[str, ...]


class SweepBlobs(Effect, frozen=True, tag="cache.sweep_blobs/1"):
    """A process has ended, perhaps in the middle of a body: drop the blobs that it left behind and that no entry names."""


class CacheState(State, frozen=True, tag="cache.state/1"):
    """What the cache holds. Nobody writes into its dictionaries: evolving copies those that change.

    ``cleared`` marks the last time that all was cleared, ``invalidated`` those when an unsafe request of a URL succeeded, of the
    last few. Their order says nothing: clocks can be set back, and what is counted can be undone and counted again
    (``changes`` did count; nobody looks at it any more).
    """

    enabled: bool = True
    max_size_bytes: int = DEFAULT_MAX_SIZE_BYTES
    shelves: dict[str, dict[str, tuple[CacheEntry, ...]]] = field(default_factory=dict)
    uses: dict[str, dict[str, int]] = field(default_factory=dict)
    count: int = 0
    size_bytes: int = 0
    invalidated: dict[str, int] = field(default_factory=dict)
    changes: int = 0
    cleared: int = 0

    def marks(self, url: str) -> tuple[int, int]:
        """Of the last clearing, and of the URL's last invalidation. What is asked for now is stored while these stay."""
        return self.cleared, self.invalidated.get(url, 0)

    def entries(self, url: str) -> tuple[CacheEntry, ...]:
        """All entries of a URL, the one that was stored last at the end."""
        shelf = self.shelves.get(shelf_of(url))
        return shelf.get(url, ()) if shelf is not None else ()

    def find(self, key: EntryKey) -> CacheEntry | None:
        """The entry of that key; None when it is not there any more."""
        return next((entry for entry in self.entries(key.url) if entry.id == key.id), None)

    def names(self, digest: str) -> bool:
        """Whether an entry names this blob."""
        return digest in self.uses.get(digest[:2], ())


def shelf_of(url: str) -> str:
    """Where the entries of a URL are kept."""
    return format(zlib.crc32(url.encode("utf-8", "surrogatepass")) % SHELVES, "02x")
