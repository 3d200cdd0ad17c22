"""What the jar decides, and how it evolves: the tables at the end are all of it.

| message          | leads to                                                                              |
|------------------|---------------------------------------------------------------------------------------|
| SetCookie        | removed (overwrite) · stored · removed (expired, evicted); or one expired-overwrite     |
| CookiesReceived  | the same for each line, in order; a line that cannot be stored leads to nothing         |
| RemoveCookies    | removed (explicit), each                                                              |
| GetCookies       | removed (expired), what is found expired on the way; the reply is the list              |
| TouchCookies     | touched, those that are there and whose last access is stale                            |
| ImportCookies    | what setting each does, in order; nothing at all when one of them cannot be stored      |
| Load, SaveCookies| the effect that reads or writes a file                                                |
| PersistSession…  | persisted; turned off, session cookies of earlier processes ended                       |
| Recover          | session cookies ended, when there are any; or kept                                      |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from partita.actors.cookies.eviction import (
    DOMAIN_LIMIT,
    TOTAL_LIMIT,
    over_domain_limit,
    over_partition_limit,
    over_total_limit,
)
from partita.actors.cookies.matching import (
    STALE_AFTER_US,
    expired_on_the_way,
    in_send_order,
    is_expired,
    is_sent_to,
    octets,
    select,
    target_of,
)
from partita.actors.cookies.refusals import Refusal, no_same_site
from partita.actors.cookies.storing import SAME_SITES, cookie_of_details, cookie_of_file, cookie_of_line, stored
from partita.actors.kernel.behavior import NOTHING, Behavior, Decide, Decision, Evolve
from partita.events.cookies import (
    CookieKey,
    CookieRemoved,
    CookiesReceived,
    CookiesState,
    CookieStored,
    CookiesTouched,
    GetCookies,
    ImportCookies,
    ImportCount,
    LoadCookies,
    PersistSessionCookies,
    ReadCookieFile,
    RemoveCookies,
    SaveCookies,
    SessionCookiesEnded,
    SessionCookiesKept,
    SessionCookiesPersisted,
    SetCookie,
    StoredCookie,
    TouchCookies,
    WriteCookieFile,
    slot_of,
    stem_of,
)
from partita.events.system import Recover
from partita.events.types import Event, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from partita.actors.kernel.context import Context


def set_cookie(state: CookiesState, message: SetCookie, ctx: Context) -> Decision:
    """FEATURES C5 to C17. The reply is None; a refusal has Electron's text."""
    if message.same_site not in SAME_SITES:
        return Decision(refusal=no_same_site(message.same_site))
    cookie = cookie_of_details(message, ctx.now_us, _creation(state, ctx.now_us))
    if isinstance(cookie, Refusal):
        return Decision(refusal=cookie.error())
    target = target_of(message.url)
    assert target is not None, "what has no target was refused"
    events = stored(state, cookie, ctx.now_us, trustworthy=target.trustworthy, http=message.http_only)
    if isinstance(events, Refusal):
        return Decision(refusal=events.error())
    return Decision(events=_within_limits(state, cookie, events, ctx.now_us))


def receive_cookies(state: CookiesState, message: CookiesReceived, ctx: Context) -> Decision:
    """FEATURES C30. The reply is how many of the lines took effect."""
    target = target_of(message.url)
    if target is None or not target.cookieable:
        return Decision(reply=0)
    happened: list[Event] = []
    latest: tuple[Event, ...] = ()
    effective = 0
    for line in message.headers:
        state, latest = _after(state, latest), ()
        cookie = cookie_of_line(
            line,
            target,
            ctx.now_us,
            _creation(state, ctx.now_us),
            context=message.context,
            partition_key=message.partition_key,
        )
        if isinstance(cookie, Refusal):
            continue
        events = stored(state, cookie, ctx.now_us, trustworthy=target.trustworthy, http=True)
        if isinstance(events, Refusal):
            continue
        latest = _within_limits(state, cookie, events, ctx.now_us)
        happened += latest
        effective += 1
    return Decision(events=tuple(happened), reply=effective)


def load_cookies(state: CookiesState, message: LoadCookies, ctx: Context) -> Decision:  # noqa: ARG001
    """Read the file; what stands in it comes back with ``ImportCookies``."""
    return Decision(effects=(ReadCookieFile(message.call_id, message.path, message.format),))


def save_cookies(state: CookiesState, message: SaveCookies, ctx: Context) -> Decision:  # noqa: ARG001
    """Write the file."""
    return Decision(effects=(WriteCookieFile(message.call_id, message.path, message.format),))


def import_cookies(state: CookiesState, message: ImportCookies, ctx: Context) -> Decision:
    """WANTS 3, 96: all or none. Expired ones are left out, and replace nothing. The reply is an ``ImportCount``."""
    happened: list[Event] = []
    expired = 0
    for given in message.cookies:
        cookie = cookie_of_file(given, ctx.now_us, _creation(state, ctx.now_us))
        if isinstance(cookie, Refusal):
            return Decision(refusal=cookie.error(given.where))
        if is_expired(cookie, ctx.now_us):
            expired += 1
            continue
        events = stored(state, cookie, ctx.now_us, trustworthy=True, http=True)
        assert not isinstance(events, Refusal), "nothing is protected from a trustworthy source"
        latest = _within_limits(state, cookie, events, ctx.now_us)
        state = _after(state, latest)
        happened += latest
    return Decision(events=tuple(happened), reply=ImportCount(len(message.cookies) - expired, expired))


def remove_cookies(state: CookiesState, message: RemoveCookies, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES C18: HttpOnly ones as well; nothing to remove, or no URL, is no error."""
    target = target_of(message.url)
    if target is None:
        return NOTHING
    name = octets(message.name)
    bucket = state.stems.get(stem_of(target.host), {})
    doomed = in_send_order(cookie for cookie in bucket.values() if cookie.name == name and is_sent_to(cookie, target))
    return Decision(events=tuple(CookieRemoved(cookie, "explicit") for cookie in doomed))


def get_cookies(state: CookiesState, message: GetCookies, ctx: Context) -> Decision:
    """FEATURES C1 to C4, C26. The last access of what is shown stays as it was."""
    expired = expired_on_the_way(state, message, ctx.now_us)
    return Decision(
        events=tuple(CookieRemoved(cookie, "expired") for cookie in expired),
        reply=select(state, message, ctx.now_us),
    )


def touch_cookies(state: CookiesState, message: TouchCookies, ctx: Context) -> Decision:
    """DESIGN, 6: noted when more than 60 s stale, all in one turn."""
    stale = tuple(
        key
        for key in message.keys
        if (cookie := _find(state, key)) is not None and ctx.now_us - cookie.last_access_us > STALE_AFTER_US
    )
    return Decision(events=(CookiesTouched(stale, ctx.now_us),)) if stale else NOTHING


def persist_session_cookies(state: CookiesState, message: PersistSessionCookies, ctx: Context) -> Decision:  # noqa: ARG001
    """WANTS 1. What an earlier process left goes at once when nobody wants it any more."""
    if message.persist == state.persist_session:
        return NOTHING
    events: tuple[Event, ...] = (SessionCookiesPersisted(message.persist),)
    if not message.persist and any(cookie.last_set_us <= state.kept_until_us for cookie in _of_the_session(state)):
        events = (*events, SessionCookiesEnded(state.kept_until_us))
    return Decision(events=events)


def end_session_cookies(state: CookiesState, message: Recover, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES C29: cookies without an expiry are those of the process that set them, unless they are to be kept."""
    newest_us = max((cookie.last_set_us for cookie in _of_the_session(state)), default=None)
    if newest_us is None:
        return NOTHING
    if not state.persist_session:
        return Decision(events=(SessionCookiesEnded(),))
    if newest_us <= state.kept_until_us:
        return NOTHING
    return Decision(events=(SessionCookiesKept(state.newest_us),))


def cookie_stored(state: CookiesState, event: CookieStored) -> CookiesState:
    """The cookie is the last of its stem, also when it replaced one: an overwrite was removed before."""
    cookie = event.cookie
    stem, slot = stem_of(cookie.domain), slot_of(cookie)
    bucket = state.stems.get(stem, {})
    is_new = slot not in bucket
    return CookiesState(
        stems={**state.stems, stem: {**bucket, slot: cookie}},
        count=state.count + is_new,
        newest_us=max(state.newest_us, cookie.creation_us, cookie.updated_us),
        persist_session=state.persist_session,
        kept_until_us=state.kept_until_us,
        partitioned=state.partitioned + (is_new and cookie.partition_key is not None),
    )


def cookie_removed(state: CookiesState, event: CookieRemoved) -> CookiesState:
    """A stem without cookies goes with its last one."""
    stem, slot = stem_of(event.cookie.domain), slot_of(event.cookie)
    bucket = state.stems.get(stem, {})
    if slot not in bucket:
        return state
    left = bucket.copy()
    del left[slot]
    stems = state.stems.copy()
    if left:
        stems[stem] = left
    else:
        del stems[stem]
    partitioned = state.partitioned - (event.cookie.partition_key is not None)
    return replace(state, stems=stems, count=state.count - 1, partitioned=partitioned)


def cookies_touched(state: CookiesState, event: CookiesTouched) -> CookiesState:
    """Only the last access changes, and no cookie its place."""
    stems = state.stems.copy()
    for key in event.keys:
        if (cookie := _find(state, key)) is not None:
            stem = stem_of(key.domain)
            stems[stem] = {**stems[stem], slot_of(key): replace(cookie, last_access_us=event.at_us)}
    return replace(state, stems=stems)


def session_cookies_ended(state: CookiesState, event: SessionCookiesEnded) -> CookiesState:
    """What has an expiry, or was set later, stays in its place."""
    until_us = event.until_us

    def stays(cookie: StoredCookie) -> bool:
        return cookie.expiry_us is not None or (until_us is not None and cookie.last_set_us > until_us)

    stems = {
        stem: kept
        for stem, bucket in state.stems.items()
        if (kept := {slot: cookie for slot, cookie in bucket.items() if stays(cookie)})
    }
    partitioned = sum(cookie.partition_key is not None for bucket in stems.values() for cookie in bucket.values())
    return replace(state, stems=stems, count=sum(map(len, stems.values())), partitioned=partitioned)


def session_cookies_kept(state: CookiesState, event: SessionCookiesKept) -> CookiesState:
    """Only the mark between this process and those before it moves."""
    return replace(state, kept_until_us=event.until_us)


def session_cookies_persisted(state: CookiesState, event: SessionCookiesPersisted) -> CookiesState:
    """Turning it on or off."""
    return replace(state, persist_session=event.persist)


def _of_the_session(state: CookiesState) -> Iterator[StoredCookie]:
    return (cookie for bucket in state.stems.values() for cookie in bucket.values() if cookie.expiry_us is None)


def _find(state: CookiesState, key: CookieKey) -> StoredCookie | None:
    return state.stems.get(stem_of(key.domain), {}).get(slot_of(key))


def _creation(state: CookiesState, now_us: int) -> int:
    """No two cookies are created at the same time: the order of creation is the order of sending."""
    return max(now_us, state.newest_us + 1)


def _after(state: CookiesState, events: Iterable[Event]) -> CookiesState:
    for event in events:
        state = EVOLVE[type(event)](state, event)
    return state


def _within_limits(
    state: CookiesState, cookie: StoredCookie, events: tuple[Event, ...], now_us: int
) -> tuple[Event, ...]:
    """The events, and those of what had to make room (FEATURES C27)."""
    if not any(isinstance(event, CookieStored) for event in events):
        return events
    if cookie.partition_key is not None:
        after = _after(state, events)
        return (*events, *over_partition_limit(after, cookie.domain, cookie.partition_key, now_us))
    if (
        state.count - state.partitioned < TOTAL_LIMIT
        and len(state.stems.get(stem_of(cookie.domain), ())) < DOMAIN_LIMIT
    ):
        return events
    after = _after(state, events)
    if removed := over_domain_limit(after, cookie.domain, now_us):
        after = _after(after, removed)
    return (*events, *removed, *over_total_limit(after, now_us))


DECIDE: Final = dict[type[Message], Decide](
    {
        SetCookie: set_cookie,
        CookiesReceived: receive_cookies,
        RemoveCookies: remove_cookies,
        LoadCookies: load_cookies,
        SaveCookies: save_cookies,
        ImportCookies: import_cookies,
        GetCookies: get_cookies,
        TouchCookies: touch_cookies,
        PersistSessionCookies: persist_session_cookies,
        Recover: end_session_cookies,
    }
)

EVOLVE: Final = dict[type[Event], Evolve[CookiesState]](
    {
        CookieStored: cookie_stored,
        CookieRemoved: cookie_removed,
        CookiesTouched: cookies_touched,
        SessionCookiesEnded: session_cookies_ended,
        SessionCookiesKept: session_cookies_kept,
        SessionCookiesPersisted: session_cookies_persisted,
    }
)

behavior: Final = Behavior(kind="cookies", initial=CookiesState, decide=DECIDE, evolve=EVOLVE)
