"""What becomes of a cookie that somebody sets: the storage model of RFC 6265bis 5.7 as Chromium has it.

A line of a response, the details of ``cookies.set`` and a cookie of a file are first made a :class:`StoredCookie` (or a
:class:`Refusal`), each by its own rules; from there on they go the same way: :func:`stored` says which events happen
to the jar, in the order in which ``changed`` tells them (FEATURES C20 to C28).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from partita.actors.cookies.matching import (
    Target,
    default_path,
    is_expired,
    octets,
    path_matches,
    same_site_permits_setting,
    target_of,
    top_level_site,
)
from partita.actors.cookies.parsing import MAX_ATTRIBUTE_BYTES, ParsedCookie, pair_refusal, parse_set_cookie
from partita.actors.cookies.refusals import Refusal
from partita.actors.cookies.suffixes import is_ip_address, registrable_domain
from partita.events.cookies import (
    CookieRemoved,
    CookiesState,
    CookieStored,
    ImportedCookie,
    SameSite,
    SameSiteContext,
    SetCookie,
    SourceScheme,
    StoredCause,
    StoredCookie,
    slot_of,
    stem_of,
)
from partita.events.secret import Secret

if TYPE_CHECKING:
    from partita.events.types import Event

SAME_SITES: Final[dict[str, SameSite]] = {
    "unspecified": "unspecified",
    "no_restriction": "no_restriction",
    "lax": "lax",
    "strict": "strict",
}

_SAME_SITE_REFUSALS: Final[dict[SameSite, Refusal]] = {
    "strict": Refusal.SAME_SITE_STRICT,
    "lax": Refusal.SAME_SITE_LAX,
    "unspecified": Refusal.SAME_SITE_UNSPECIFIED,
}

_HIDDEN_PREFIXES: Final = ("__secure-", "__host-", "__http-")  # __Host-Http- is one of the second

MAX_LIFETIME_US: Final = 400 * 86_400 * 1_000_000
"""400 days (RFC 6265bis 5.5; FEATURES C13)."""

_EARLIEST_US: Final = 0
_LATEST_US: Final = 253_402_300_799 * 1_000_000  # the last second of the year 9999


def cookie_of_line(
    line: Secret,
    target: Target,
    now_us: int,
    creation_us: int,
    *,
    context: SameSiteContext = "strict",
    partition_key: str | None = None,
) -> StoredCookie | Refusal:
    """A ``Set-Cookie`` line of a response from ``target`` to a request of that context, below that top-level site."""
    text = line.reveal_text()
    parsed = parse_set_cookie(text if _is_octets(text) else octets(text))
    if isinstance(parsed, Refusal):
        return parsed
    if not same_site_permits_setting(parsed.same_site, context):
        return _SAME_SITE_REFUSALS[parsed.same_site]
    if parsed.partitioned and not (parsed.secure and target.trustworthy):
        return Refusal.INVALID_PARTITIONED
    domain = _domain(parsed.domain or "", target)
    if isinstance(domain, Refusal):
        return domain
    path = parsed.path if parsed.path and parsed.path.startswith("/") else default_path(target.path)
    cookie = StoredCookie(
        name=parsed.name,
        value=Secret(parsed.value),
        domain=domain[0],
        host_only=domain[1],
        path=path,
        secure=parsed.secure,
        http_only=parsed.http_only,
        same_site=parsed.same_site,
        creation_us=creation_us,
        last_access_us=now_us,
        expiry_us=_expiry_of_line(parsed, now_us),
        source_scheme=_scheme(target),
        partition_key=partition_key if parsed.partitioned else None,
        priority=parsed.priority,
    )
    return _admitted(cookie, target, parsed.value, explicit_root=parsed.path == "/") or cookie


def cookie_of_details(details: SetCookie, now_us: int, creation_us: int) -> StoredCookie | Refusal:
    """The details of ``cookies.set`` (FEATURES C5 to C15). ``details.same_site`` has to be one of Electron's four."""
    target = target_of(details.url)
    if target is None:
        return Refusal.INVALID_DOMAIN  # FEATURES C6
    if target.scheme in details.custom_schemes:
        target = replace(target, cookieable=True)
    name, value, path = octets(details.name), octets(details.value.reveal_text()), octets(details.path)
    domain = _domain_of_details(details.domain, target)
    if refusal := _details_refusal(name, value, path):
        return refusal
    if isinstance(domain, Refusal):
        return domain
    if details.last_access_date is not None and details.creation_date is None:
        return Refusal.FAILURE_TO_STORE
    partition_key = None if details.partition_key is None else top_level_site(details.partition_key)
    if details.partition_key is not None and partition_key is None:
        return Refusal.INVALID_PARTITIONED
    created_us = min(_micros(details.creation_date, creation_us), creation_us)
    same_site = SAME_SITES[details.same_site]
    if path and not path.startswith("/"):
        path = "/"  # FEATURES C10
    cookie = StoredCookie(
        name=name,
        value=details.value if details.value.reveal() == value else Secret(value),
        domain=domain[0],
        host_only=domain[1],
        path=path or default_path(target.path),
        secure=same_site == "no_restriction" if details.secure is None else details.secure,
        http_only=details.http_only,
        same_site=same_site,
        creation_us=created_us,
        last_access_us=min(_micros(details.last_access_date, now_us), now_us),
        expiry_us=_expiry_of_details(details.expiration_date, now_us, created_us, details.creation_date),
        source_scheme=_scheme(target),
        partition_key=partition_key,
        updated_us=0 if created_us == creation_us else creation_us,
    )
    return _admitted(cookie, target, value, explicit_root=True) or cookie


def cookie_of_file(given: ImportedCookie, now_us: int, creation_us: int) -> StoredCookie | Refusal:
    """A cookie of a file: as if its own site had set it over https. What stands in no file is as in a response."""
    target = target_of(f"https://{given.domain.removeprefix('.')}/")
    if target is None:
        return Refusal.INVALID_DOMAIN
    value = given.value.reveal_text()
    if refusal := _details_refusal(given.name, value, given.path):
        return refusal
    domain = _domain("" if given.host_only else given.domain, target)
    if isinstance(domain, Refusal):
        return domain
    partition_key = None if given.partition_key is None else top_level_site(given.partition_key)
    if given.partition_key is not None and partition_key is None:
        return Refusal.INVALID_PARTITIONED
    cookie = StoredCookie(
        name=given.name,
        value=given.value,
        domain=domain[0],
        host_only=domain[1],
        path=given.path if given.path.startswith("/") else "/",
        secure=given.secure,
        http_only=given.http_only,
        same_site=given.same_site,
        creation_us=creation_us,
        last_access_us=now_us,
        expiry_us=None if given.expiry_us is None else min(given.expiry_us, now_us + MAX_LIFETIME_US),
        source_scheme="secure" if given.secure else "nonsecure",
        partition_key=partition_key,
    )
    return _admitted(cookie, target, value, explicit_root=True) or cookie


def stored(
    state: CookiesState, cookie: StoredCookie, now_us: int, *, trustworthy: bool, http: bool
) -> tuple[Event, ...] | Refusal:
    """What setting an admitted cookie does to the jar: an overwrite is told before the insert (FEATURES C25).

    ``trustworthy``: its URL may touch Secure cookies. ``http``: it may touch HttpOnly ones (FEATURES C12).
    """
    bucket = state.stems.get(stem_of(cookie.domain), {})
    old = bucket.get(slot_of(cookie))
    if not trustworthy and any(_would_shadow(cookie, other) for other in bucket.values()):
        return Refusal.OVERWRITE_SECURE
    if old is not None and old.http_only and not http:
        return Refusal.OVERWRITE_HTTP_ONLY
    if is_expired(cookie, now_us):  # FEATURES C28: one event, and nothing is stored
        return () if old is None else (CookieRemoved(old, "expired-overwrite"),)
    if old is None:
        return (CookieStored(cookie, "inserted"),)
    cause: StoredCause = "inserted"
    if old.value == cookie.value:
        # Chromium keeps the creation time of an equal value only; RFC 6265bis 5.7 keeps it always.
        cookie = replace(cookie, creation_us=old.creation_us, updated_us=cookie.last_set_us)
        cause = "inserted-no-change-overwrite" if _same(old, cookie) else "inserted-no-value-change-overwrite"
    return CookieRemoved(old, "overwrite"), CookieStored(cookie, cause)


def _would_shadow(cookie: StoredCookie, other: StoredCookie) -> bool:
    """Leave Secure cookies alone: from an insecure URL none may be covered (RFC 6265bis 5.7)."""
    return (
        other.secure
        and other.name == cookie.name
        and other.partition_key == cookie.partition_key
        and (_within(cookie.domain, other.domain) or _within(other.domain, cookie.domain))
        and path_matches(other.path, cookie.path)
    )


def _within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")


def _same(old: StoredCookie, new: StoredCookie) -> bool:
    return replace(old, last_access_us=new.last_access_us, updated_us=new.updated_us) == new


def _admitted(cookie: StoredCookie, target: Target, value: str, *, explicit_root: bool) -> Refusal | None:
    """The rules that a cookie meets wherever it comes from: scheme, Secure, SameSite=None, Partitioned, prefixes."""
    if not target.cookieable:
        return Refusal.NONCOOKIEABLE_SCHEME  # FEATURES C16
    if not _keeps_prefix(cookie, target, value, explicit_root=explicit_root):
        return Refusal.INVALID_PREFIX
    if cookie.secure and not target.trustworthy:
        return Refusal.SECURE_ONLY  # FEATURES C11
    if cookie.same_site == "no_restriction" and not cookie.secure:
        return Refusal.SAME_SITE_NONE_INSECURE
    if cookie.partition_key is not None and not cookie.secure:
        return Refusal.INVALID_PARTITIONED
    return None


def _keeps_prefix(cookie: StoredCookie, target: Target, value: str, *, explicit_root: bool) -> bool:
    """``__Secure-``, ``__Host-``, ``__Http-`` and ``__Host-Http-`` (RFC 6265bis 4.1.3, 5.7), in any case of letters.

    A nameless cookie must not look like a prefixed one when it is sent. That a cookie of ``cookies.set`` was not set by a
    response is nothing that Chromium holds against ``__Http-``: HttpOnly is all that it looks at.
    """
    name = cookie.name.lower()
    if not name:
        return not value.lower().startswith(_HIDDEN_PREFIXES)
    if not name.startswith(_HIDDEN_PREFIXES):
        return True
    if not (cookie.secure and target.trustworthy):
        return False
    if name.startswith(("__http-", "__host-http-")) and not cookie.http_only:
        return False
    return not name.startswith("__host-") or (cookie.host_only and cookie.path == "/" and explicit_root)


def _domain(attribute: str, target: Target) -> tuple[str, bool] | Refusal:
    """The cookie's domain, and whether it is host-only (RFC 6265bis 5.6.3, 5.7)."""
    host = target.host
    if not attribute.isascii():
        return Refusal.DOMAIN_NOT_ASCII
    if host.endswith(".."):
        return Refusal.INVALID_DOMAIN
    if not attribute:
        return host, True
    domain = attribute.lower().removeprefix(".")
    if is_ip_address(host) or registrable_domain(host) is None:  # such a host can only name itself
        return (host, True) if domain == host else Refusal.INVALID_DOMAIN
    if not domain or not _within(host, domain) or registrable_domain(domain) is None:
        return Refusal.INVALID_DOMAIN
    return domain, False


def _domain_of_details(given: str, target: Target) -> tuple[str, bool] | Refusal:
    if len(given) > MAX_ATTRIBUTE_BYTES:
        return Refusal.ATTRIBUTE_TOO_LARGE
    return _domain(given, target)


def _details_refusal(name: str, value: str, path: str) -> Refusal | None:
    if refusal := pair_refusal(name, value):
        return refusal
    if name != name.strip(" \t") or value != value.strip(" \t") or "=" in name:
        return Refusal.FAILURE_TO_STORE  # it would read back as another cookie
    if len(path) > MAX_ATTRIBUTE_BYTES:
        return Refusal.ATTRIBUTE_TOO_LARGE
    if pair_refusal("path", path):
        return Refusal.FAILURE_TO_STORE
    return None


def _expiry_of_line(parsed: ParsedCookie, now_us: int) -> int | None:
    """Max-Age goes before Expires (RFC 6265bis 5.7); both end at 400 days."""
    if parsed.max_age_s is not None:
        wanted_us = _EARLIEST_US if parsed.max_age_s <= 0 else now_us + parsed.max_age_s * 1_000_000
    elif parsed.expires_s is not None:
        wanted_us = parsed.expires_s * 1_000_000
    else:
        return None
    return min(wanted_us, now_us + MAX_LIFETIME_US)


def _expiry_of_details(seconds: float | None, now_us: int, created_us: int, creation_date: float | None) -> int | None:
    """FEATURES C13; the 400 days run from the creation date when one was given."""
    if seconds is None or math.isnan(seconds):
        return None
    begin_us = now_us if creation_date is None else created_us
    return min(_micros(seconds, now_us), begin_us + MAX_LIFETIME_US)


def _micros(seconds: float | None, otherwise_us: int) -> int:
    """Seconds as integer microseconds, within the years that a date can have; NaN is as good as absent."""
    if seconds is None or math.isnan(seconds):
        return otherwise_us
    return round(max(min(seconds, _LATEST_US / 1_000_000), -_LATEST_US / 1_000_000) * 1_000_000)


def _scheme(target: Target) -> SourceScheme:
    return "secure" if target.secure else "nonsecure"


def _is_octets(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"
