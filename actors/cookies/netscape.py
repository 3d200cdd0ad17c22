r"""``cookies.txt``, the format of Netscape's browser that curl, wget, yt-dlp and ``http.cookiejar`` read and write.

A line is a cookie: seven fields, with a tab between each two::

    .example.com  TRUE        /     FALSE   1767225600  name  value
    domain        subdomains  path  secure  expiry      name  value

``expiry`` is in seconds since 1970, 0 for a session cookie. ``#HttpOnly_`` in front of the domain makes it HttpOnly, any
other line that begins with ``#`` says nothing. The format knows no ``SameSite``, and no ``Partitioned``.

A file is octets, as the jar is, and is read as Latin-1: what a server sent comes back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from partita.events.cookies import ImportedCookie, StoredCookie
from partita.events.errors import CookieFileError
from partita.events.secret import Secret

HEADER: Final = "# Netscape HTTP Cookie File\n# Written by partita. It holds what logs you in: keep it to yourself.\n\n"
"""``http.cookiejar`` reads no file without its first line."""

_HTTP_ONLY: Final = "#HttpOnly_"
_FLAGS: Final = {"TRUE": True, "FALSE": False}
_EXPIRY: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)
_SESSION: Final = frozenset({"", "0", "-1"})  # curl's, and what http.cookiejar and some browsers' add-ons write
_FIELDS: Final = 7
_UNWRITABLE: Final = re.compile(r"[\t\r\n]")


def read_netscape(content: bytes) -> tuple[ImportedCookie, ...]:
    """The cookies of a file, in order. Raises :class:`CookieFileError` that names the first bad line, and why it is bad."""
    cookies = []
    for number, line in enumerate(content.decode("latin-1").split("\n"), start=1):
        text = line.removesuffix("\r")
        if number == 1:
            text = text.removeprefix("\xef\xbb\xbf")  # the mark that some editors put in front of UTF-8
        is_comment = text.startswith(("#", "$")) and not text.startswith(_HTTP_ONLY)
        if text.strip() and not is_comment:
            cookies.append(_cookie(f"line {number}", text))
    return tuple(cookies)


def write_netscape(cookies: Iterable[StoredCookie]) -> tuple[bytes, int]:
    """A file with these cookies, and how many of them are in it.

    What the format cannot say is left out: ``Partitioned`` cookies, which other programs would send everywhere, and those
    with a tab in their name, path or value, over which ``http.cookiejar`` would give up the whole file.
    """
    lines = [_line(cookie) for cookie in cookies if cookie.partition_key is None]
    written = [line for line in lines if line is not None]
    return (HEADER + "".join(written)).encode("latin-1"), len(written)


def _cookie(where: str, line: str) -> ImportedCookie:
    fields = line.split("\t", _FIELDS - 1)
    if len(fields) == _FIELDS - 1:
        fields.append("")  # curl: an editor has cut the tab in front of an empty value
    if len(fields) != _FIELDS:
        raise CookieFileError(f"{where}: it has {len(fields)} fields and not 7 with tabs between them")
    domain, subdomains, path, secure, expiry, name, value = fields
    http_only = domain.startswith(_HTTP_ONLY)
    domain = domain.removeprefix(_HTTP_ONLY)
    if not domain.strip("."):
        raise CookieFileError(f"{where}: it has no domain")
    if not path.startswith("/"):
        raise CookieFileError(f"{where}: its path {path!r} does not begin with /")
    return ImportedCookie(
        where=where,
        name=name,
        value=Secret(value),
        domain=domain,
        host_only=not _flag(where, "second", subdomains),
        path=path,
        secure=_flag(where, "fourth", secure),
        http_only=http_only,
        expiry_us=_expiry_us(where, expiry),
    )


def _flag(where: str, which: str, text: str) -> bool:
    flag = _FLAGS.get(text.upper())
    if flag is None:
        raise CookieFileError(f"{where}: its {which} field is {text!r}, and has to be TRUE or FALSE")
    return flag


def _expiry_us(where: str, text: str) -> int | None:
    if text.strip() in _SESSION:
        return None
    if not _EXPIRY.fullmatch(text.strip()):
        raise CookieFileError(f"{where}: its expiry {text!r} is no number of seconds since 1970")
    return round(float(text) * 1_000_000)


def _line(cookie: StoredCookie) -> str | None:
    value = cookie.value.reveal_text()
    if any(_UNWRITABLE.search(field) for field in (cookie.name, cookie.path, value)):
        return None
    domain = cookie.domain if cookie.host_only else f".{cookie.domain}"
    fields = (
        f"{_HTTP_ONLY}{domain}" if cookie.http_only else domain,
        "FALSE" if cookie.host_only else "TRUE",
        cookie.path,
        "TRUE" if cookie.secure else "FALSE",
        str(0 if cookie.expiry_us is None else cookie.expiry_us // 1_000_000),
        cookie.name,
        value,
    )
    return "\t".join(fields) + "\n"
