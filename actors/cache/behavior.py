"""What the HTTP cache decides, and how it evolves: the tables at the end are all of it.

| message        | leads to                                                                                          |
|----------------|---------------------------------------------------------------------------------------------------|
| StoreEntry     | removed (replaced) · stored · removed (evicted); nothing when it is too large or comes too late     |
| DiscardParts   | nothing but the blobs dropped                                                                     |
| FreshenEntry   | freshened, when the entry is still there                                                          |
| RemoveEntries  | removed, those that are still there                                                               |
| InvalidateUrls | invalidated: the entries, on every site, and what was asked for before and comes later              |
| TouchEntries   | touched, those that are there and whose last use is stale                                           |
| ClearCache     | cleared                                                                                           |
| ConfigureCache | configured, when it is a change · removed (evicted)                                               |
| GetCacheSize   | nothing; the reply is the size                                                                    |
| Recover        | nothing but a look at what the last process left behind                                            |

Blobs that no entry names after a turn are dropped by its effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from partita.actors.cache.rules import TOUCHED_AFTER_US
from partita.actors.cache.storing import ENTRY_SHARE
from partita.actors.kernel.behavior import NOTHING, Behavior, Decide, Decision, Evolve
from partita.events.cache import (
    CacheCleared,
    CacheConfigured,
    CachedPart,
    CacheEntry,
    CacheState,
    ClearCache,
    ConfigureCache,
    DiscardParts,
    DropBlobs,
    EntriesRemoved,
    EntriesTouched,
    EntryFreshened,
    EntryKey,
    EntryStored,
    FreshenEntry,
    GetCacheSize,
    InvalidateUrls,
    RemoveEntries,
    StoreEntry,
    SweepBlobs,
    TouchEntries,
    UrlsInvalidated,
    shelf_of,
)
from partita.events.system import Recover
from partita.events.types import Event, Message

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context
    from partita.events.exchanges import RecordedFields

VARIANTS: Final = 8
"""So many responses of one URL and site are kept."""

KEPT_PERCENT: Final = 90
"""What is left of a cache that was full."""

INVALIDATIONS: Final = 64
"""Of so many URLs it is known when an unsafe request succeeded: what was asked for before is not stored after."""

MARKS: Final = 1 << 62

_FIELD_OVERHEAD: Final = len(": \r\n")


def store(state: CacheState, message: StoreEntry, ctx: Context) -> Decision:
    """RFC 9111 3. What was asked for before the cache was cleared, or before its URL was invalidated, is not stored."""
    size_bytes = _size(message.url, message.headers, message.parts)
    cleared, invalidated = state.marks(message.url)
    is_late = message.since != cleared or message.url_since not in (None, invalidated)
    if not state.enabled or size_bytes > state.max_size_bytes // ENTRY_SHARE or is_late:
        return Decision(effects=_dropped(state, message.parts))
    entry = CacheEntry(
        id=ctx.id(),
        site=message.site,
        url=message.url,
        status=message.status,
        reason=message.reason,
        http_version=message.http_version,
        headers=message.headers,
        vary=message.vary,
        requested_us=message.requested_us,
        received_us=message.received_us,
        parts=message.parts,
        extent=message.extent,
        size_bytes=size_bytes,
        last_used_us=ctx.now_us,
    )
    events: list[Event] = []
    others = [one for one in state.entries(entry.url) if one.site == entry.site]
    replaced = [one for one in others if one.id in message.replaces or one.vary == entry.vary]
    left = [one for one in others if one not in replaced]
    if replaced:
        events.append(EntriesRemoved(_keys(replaced), "replaced"))
    if len(left) >= VARIANTS:
        events.append(EntriesRemoved(_keys(left[: len(left) - VARIANTS + 1]), "evicted"))
    events.append(EntryStored(entry))
    return _decision(state, events, message.parts)


def discard(state: CacheState, message: DiscardParts, ctx: Context) -> Decision:  # noqa: ARG001
    """Blobs that came to nothing."""
    return Decision(effects=_dropped(state, message.parts))


def freshen(state: CacheState, message: FreshenEntry, ctx: Context) -> Decision:  # noqa: ARG001
    """RFC 9111 3.2. An answer that is older than what the entry has already changes nothing."""
    entry = state.find(message.key)
    if entry is None or message.requested_us < entry.requested_us:
        return NOTHING
    size_bytes = _size(entry.url, message.headers, entry.parts)
    event = EntryFreshened(entry.key, message.headers, size_bytes, message.requested_us, message.received_us)
    return _decision(state, [event])


def remove(state: CacheState, message: RemoveEntries, ctx: Context) -> Decision:  # noqa: ARG001
    """Those that are still there."""
    keys = tuple(key for key in message.keys if state.find(key) is not None)
    return _decision(state, [EntriesRemoved(keys, message.cause)]) if keys else NOTHING


def invalidate(state: CacheState, message: InvalidateUrls, ctx: Context) -> Decision:
    """RFC 9111 4.4. Every site's entries: what the server changed it changed for all."""
    return _decision(state, [UrlsInvalidated(message.urls, _mark(ctx))])


def touch(state: CacheState, message: TouchEntries, ctx: Context) -> Decision:
    """DESIGN, 6: noted when more than 60 s stale."""
    keys = tuple(
        key
        for key in message.keys
        if (entry := state.find(key)) is not None and ctx.now_us - entry.last_used_us > TOUCHED_AFTER_US
    )
    return Decision(events=(EntriesTouched(keys, ctx.now_us),)) if keys else NOTHING


def clear(state: CacheState, message: ClearCache, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES F2. What is on its way while the cache is cleared is not stored either."""
    return _decision(state, [CacheCleared(_mark(ctx))])


def get_size(state: CacheState, message: GetCacheSize, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES F1."""
    return Decision(reply=state.size_bytes)


def configure(state: CacheState, message: ConfigureCache, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES M2, WANTS 16."""
    if message.max_size_bytes is not None and message.max_size_bytes < 0:
        return Decision(refusal=ValueError(f"max_cache_size is a number of bytes, not {message.max_size_bytes}"))
    enabled = state.enabled if message.enabled is None else message.enabled
    max_size_bytes = state.max_size_bytes if message.max_size_bytes is None else message.max_size_bytes
    if (enabled, max_size_bytes) == (state.enabled, state.max_size_bytes):
        return NOTHING
    return _decision(state, [CacheConfigured(enabled, max_size_bytes)])


def recover(state: CacheState, message: Recover, ctx: Context) -> Decision:  # noqa: ARG001
    """Bodies that were cut off have left blobs, and drops that were not carried out: also where no entry is left, or none yet.

    A partition that is opened for the first time has none.
    """
    return Decision(effects=(SweepBlobs(),)) if message.epoch > 1 else NOTHING


def entry_stored(state: CacheState, event: EntryStored) -> CacheState:
    """The entry is the last of its URL."""
    entry = event.entry
    shelf = shelf_of(entry.url)
    urls = state.shelves.get(shelf, {})
    shelves = {**state.shelves, shelf: {**urls, entry.url: (*urls.get(entry.url, ()), entry)}}
    return replace(
        state,
        shelves=shelves,
        uses=_counted(state.uses, ((part.digest, 1) for part in entry.parts)),
        count=state.count + 1,
        size_bytes=state.size_bytes + entry.size_bytes,
    )


def entry_freshened(state: CacheState, event: EntryFreshened) -> CacheState:
    """The entry stays where it is."""

    def freshened(entry: CacheEntry) -> CacheEntry:
        return replace(
            entry,
            headers=event.headers,
            size_bytes=event.size_bytes,
            requested_us=event.requested_us,
            received_us=event.received_us,
        )

    before = state.find(event.key)
    if before is None:
        return state
    size_bytes = state.size_bytes + event.size_bytes - before.size_bytes
    return replace(state, shelves=_changed(state, (event.key,), freshened), size_bytes=size_bytes)


def entries_removed(state: CacheState, event: EntriesRemoved) -> CacheState:
    """A shelf goes with its last entry."""
    return _without(state, event.keys)


def urls_invalidated(state: CacheState, event: UrlsInvalidated) -> CacheState:
    """The entries go; the marks of the last invalidations stay."""
    state = _without(state, tuple(entry.key for url in event.urls for entry in state.entries(url)))
    invalidated = {url: mark for url, mark in state.invalidated.items() if url not in event.urls}
    invalidated.update(dict.fromkeys(event.urls, event.mark))
    newest = list(invalidated.items())[-INVALIDATIONS:]
    return replace(state, invalidated=dict(newest))


def entries_touched(state: CacheState, event: EntriesTouched) -> CacheState:
    """Only the last use changes."""
    return replace(state, shelves=_changed(state, event.keys, lambda entry: replace(entry, last_used_us=event.at_us)))


def cache_cleared(state: CacheState, event: CacheCleared) -> CacheState:
    """How it is configured stays."""
    return CacheState(enabled=state.enabled, max_size_bytes=state.max_size_bytes, cleared=event.mark)


def cache_configured(state: CacheState, event: CacheConfigured) -> CacheState:
    """What is stored stays."""
    return replace(state, enabled=event.enabled, max_size_bytes=event.max_size_bytes)


def _size(url: str, headers: RecordedFields, parts: tuple[CachedPart, ...]) -> int:
    head = sum(len(field.name) + len(field.value) + _FIELD_OVERHEAD for field in headers)
    return len(url) + head + sum(part.size_bytes for part in parts)


def _mark(ctx: Context) -> int:
    """Another one for each turn. One that takes the position of a turn that was undone draws as that did, and is later."""
    return ctx.random.below(MARKS) ^ ctx.now_us


def _keys(entries: Iterable[CacheEntry]) -> tuple[EntryKey, ...]:
    return tuple(entry.key for entry in entries)


def _all(state: CacheState) -> Iterator[CacheEntry]:
    return (entry for urls in state.shelves.values() for entries in urls.values() for entry in entries)


def _decision(state: CacheState, events: list[Event], parts: tuple[CachedPart, ...] = ()) -> Decision:
    """The events, those of what has to make room, and the blobs that nobody names after them.

    ``parts`` are those that were just put: they may be named by nobody, too.
    """
    after = _after(state, events)
    if after.size_bytes > after.max_size_bytes:
        keys = _least_used(after, after.size_bytes - after.max_size_bytes * KEPT_PERCENT // 100)
        events = [*events, EntriesRemoved(keys, "evicted")]
        after = _after(after, events[-1:])
    gone = [part for event in events for part in _parts_of(state, event)]
    return Decision(events=tuple(events), effects=_dropped(after, (*gone, *parts)))


def _parts_of(state: CacheState, event: Event) -> Iterator[CachedPart]:
    """The parts of the entries that an event takes away."""
    match event:
        case EntriesRemoved(keys=keys):
            entries: Iterable[CacheEntry] = (entry for key in keys if (entry := state.find(key)) is not None)
        case UrlsInvalidated(urls=urls):
            entries = (entry for url in urls for entry in state.entries(url))
        case CacheCleared():
            entries = _all(state)
        case _:
            entries = ()
    return (part for entry in entries for part in entry.parts)


def _least_used(state: CacheState, excess_bytes: int) -> tuple[EntryKey, ...]:
    """The entries that were not used for the longest time, as many as hold so many bytes."""
    keys: list[EntryKey] = []
    for entry in sorted(_all(state), key=lambda one: (one.last_used_us, one.received_us)):
        if excess_bytes <= 0:
            break
        keys.append(entry.key)
        excess_bytes -= entry.size_bytes
    return tuple(keys)


def _dropped(state: CacheState, parts: Iterable[CachedPart]) -> tuple[DropBlobs, ...]:
    digests = tuple(dict.fromkeys(part.digest for part in parts if not state.names(part.digest)))
    return (DropBlobs(digests),) if digests else ()


def _after(state: CacheState, events: Iterable[Event]) -> CacheState:
    for event in events:
        state = EVOLVE[type(event)](state, event)
    return state


def _changed(
    state: CacheState, keys: Iterable[EntryKey], change: Callable[[CacheEntry], CacheEntry]
) -> dict[str, dict[str, tuple[CacheEntry, ...]]]:
    """The shelves, with these entries changed."""
    shelves = state.shelves.copy()
    for key in keys:
        shelf = shelf_of(key.url)
        urls = shelves.get(shelf, {})
        if key.url in urls:
            entries = tuple(change(entry) if entry.id == key.id else entry for entry in urls[key.url])
            shelves[shelf] = {**urls, key.url: entries}
    return shelves


def _without(state: CacheState, keys: Iterable[EntryKey]) -> CacheState:
    """The state without these entries. Of each shelf that changes one copy is made, however many of its entries go."""
    shelves = state.shelves.copy()
    copied: set[str] = set()
    gone: list[CacheEntry] = []
    for key in keys:
        entry = next((one for one in shelves.get(shelf_of(key.url), {}).get(key.url, ()) if one.id == key.id), None)
        if entry is None:
            continue
        gone.append(entry)
        shelf = shelf_of(key.url)
        if shelf not in copied:
            copied.add(shelf)
            shelves[shelf] = shelves[shelf].copy()
        if left := tuple(one for one in shelves[shelf][key.url] if one.id != key.id):
            shelves[shelf][key.url] = left
        else:
            del shelves[shelf][key.url]
            if not shelves[shelf]:
                del shelves[shelf]
                copied.discard(shelf)
    return replace(
        state,
        shelves=shelves,
        uses=_counted(state.uses, ((part.digest, -1) for entry in gone for part in entry.parts)),
        count=state.count - len(gone),
        size_bytes=state.size_bytes - sum(entry.size_bytes for entry in gone),
    )


def _counted(uses: dict[str, dict[str, int]], changes: Iterable[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """How often each blob is named, after these changes."""
    counted = uses.copy()
    copied: set[str] = set()
    for digest, change in changes:
        group = digest[:2]
        if group not in copied:
            copied.add(group)
            counted[group] = counted.get(group, {}).copy()
        count = counted[group].get(digest, 0) + change
        if count:
            counted[group][digest] = count
            continue
        counted[group].pop(digest, None)
        if not counted[group]:
            del counted[group]
            copied.discard(group)
    return counted


DECIDE: Final = dict[type[Message], Decide](
    {
        StoreEntry: store,
        DiscardParts: discard,
        FreshenEntry: freshen,
        RemoveEntries: remove,
        InvalidateUrls: invalidate,
        TouchEntries: touch,
        ClearCache: clear,
        GetCacheSize: get_size,
        ConfigureCache: configure,
        Recover: recover,
    }
)

EVOLVE: Final = dict[type[Event], Evolve[CacheState]](
    {
        EntryStored: entry_stored,
        EntryFreshened: entry_freshened,
        EntriesRemoved: entries_removed,
        UrlsInvalidated: urls_invalidated,
        EntriesTouched: entries_touched,
        CacheCleared: cache_cleared,
        CacheConfigured: cache_configured,
    }
)

behavior: Final = Behavior(kind="cache", initial=CacheState, decide=DECIDE, evolve=EVOLVE)
