"""``storageState``, the JSON that Playwright saves a browser context's cookies and local storage in.

::

    {"cookies": [{"name": "sid", "value": "1", "domain": ".example.com", "path": "/", "expires": 1767225600.5,
                  "httpOnly": true, "secure": true, "sameSite": "Lax", "partitionKey": "https://shop.example"}],
     "origins": []}

``expires`` is in seconds since 1970, -1 for a session cookie. ``sameSite`` is ``Strict``, ``Lax`` or ``None``; there is no word
for a cookie without the attribute: it is written as ``Lax``, which it counts as, as Playwright does with Chromium. Firefox
and WebKit make it ``None``: so a ``None`` that is not Secure, which no browser stores, is read as no attribute.
``origins`` (local storage) is left alone. JSON holds texts and the jar octets: what is no UTF-8 is written as ``cookies.get``
shows it, a character for a byte, and is read back as the UTF-8 of that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from partita.actors.cookies.matching import octets
from partita.actors.cookies.structures import text_of
from partita.events.cookies import ImportedCookie, SameSite, StoredCookie
from partita.events.errors import CookieFileError
from partita.events.secret import Secret

SameSiteWord = Literal["Strict", "Lax", "None"]

_READ: Final[dict[SameSiteWord, SameSite]] = {"Strict": "strict", "Lax": "lax", "None": "no_restriction"}
_WRITTEN: Final[dict[SameSite, SameSiteWord]] = {
    "strict": "Strict",
    "lax": "Lax",
    "unspecified": "Lax",
    "no_restriction": "None",
}
_LATEST_S: Final = 253_402_300_799  # the last second of the year 9999


class _Cookie(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    name: str
    value: str
    domain: str
    path: str = "/"
    expires: float = -1
    http_only: bool = False
    secure: bool = False
    same_site: SameSiteWord | None = None
    partition_key: str | None = None


class _File(msgspec.Struct):
    cookies: list[msgspec.Raw]


def read_storage_state(content: bytes) -> tuple[ImportedCookie, ...]:
    """The cookies of a file, in order. Raises :class:`CookieFileError` that names the first bad entry, and why it is bad."""
    try:
        entries = msgspec.json.decode(content, type=_File).cookies
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CookieFileError(f"it is no storageState: {error}") from None
    return tuple(_cookie(f"cookies[{number}]", bytes(entry)) for number, entry in enumerate(entries))


def write_storage_state(cookies: Iterable[StoredCookie]) -> tuple[bytes, int]:
    """A file with these cookies, and how many of them are in it: all."""
    entries = [_entry(cookie) for cookie in cookies]
    return msgspec.json.format(msgspec.json.encode({"cookies": entries, "origins": []}), indent=2) + b"\n", len(entries)


def _cookie(where: str, entry: bytes) -> ImportedCookie:
    try:
        given = msgspec.json.decode(entry, type=_Cookie)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CookieFileError(f"{where}: {error}") from None
    if not given.domain.strip("."):
        raise CookieFileError(f"{where}: it has no domain")
    if not given.path.startswith("/"):
        raise CookieFileError(f"{where}: its path {given.path!r} does not begin with /")
    return ImportedCookie(
        where=where,
        name=octets(given.name),
        value=Secret(octets(given.value)),
        domain=given.domain,
        host_only=not given.domain.startswith("."),
        path=octets(given.path),
        secure=given.secure,
        http_only=given.http_only,
        same_site=_same_site(given),
        expiry_us=_expiry_us(given.expires),
        partition_key=given.partition_key or None,
    )


def _same_site(given: _Cookie) -> SameSite:
    if given.same_site is None or (given.same_site == "None" and not given.secure):
        return "unspecified"
    return _READ[given.same_site]


def _expiry_us(seconds: float) -> int | None:
    if seconds == -1 or not math.isfinite(seconds):
        return None
    return round(max(min(seconds, _LATEST_S), -_LATEST_S) * 1_000_000)


def _entry(cookie: StoredCookie) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": text_of(cookie.name),
        "value": text_of(cookie.value.reveal_text()),
        "domain": cookie.domain if cookie.host_only else f".{cookie.domain}",
        "path": text_of(cookie.path),
        "expires": -1 if cookie.expiry_us is None else cookie.expiry_us / 1_000_000,
        "httpOnly": cookie.http_only,
        "secure": cookie.secure,
        "sameSite": _WRITTEN[cookie.same_site],
    }
    if cookie.partition_key is not None:
        entry["partitionKey"] = cookie.partition_key
    return entry
