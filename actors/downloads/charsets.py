"""Texts in old encodings, by the names that servers give them. Pure, and the same on every machine.

Names are compared as ICU does: case, hyphens, underscores and blanks do not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, str]] = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8",
    "ascii": "us-ascii ascii ansi_x3.4-1968",
    "cp1252": "windows-1252 cp1252 x-cp1252",
    "latin-1": "iso-8859-1 latin1 l1 iso_8859-1:1987 iso-ir-100 cp819 ibm819",
    "iso8859-2": "iso-8859-2 latin2 l2",
    "iso8859-3": "iso-8859-3 latin3 l3",
    "iso8859-4": "iso-8859-4 latin4 l4",
    "iso8859-5": "iso-8859-5 cyrillic",
    "iso8859-6": "iso-8859-6 arabic",
    "iso8859-7": "iso-8859-7 greek greek8",
    "iso8859-8": "iso-8859-8 hebrew",
    "iso8859-9": "iso-8859-9 latin5 l5",
    "iso8859-10": "iso-8859-10 latin6 l6",
    "iso8859-13": "iso-8859-13",
    "iso8859-14": "iso-8859-14",
    "iso8859-15": "iso-8859-15 latin9 l9",
    "iso8859-16": "iso-8859-16",
    "cp866": "ibm866 866 cp866",
    "cp874": "windows-874 tis-620 iso-8859-11",
    "cp1250": "windows-1250 cp1250",
    "cp1251": "windows-1251 cp1251",
    "cp1253": "windows-1253 cp1253",
    "cp1254": "windows-1254 cp1254",
    "cp1255": "windows-1255 cp1255",
    "cp1256": "windows-1256 cp1256",
    "cp1257": "windows-1257 cp1257",
    "cp1258": "windows-1258 cp1258",
    "koi8-r": "koi8-r koi8 koi",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic",
    "gb18030": "gb18030",
    "gbk": "gbk gb2312 x-gbk cp936 windows-936 chinese",
    "big5": "big5 big5-hkscs cn-big5 x-x-big5",
    "euc-jp": "euc-jp x-euc-jp",
    "iso2022-jp": "iso-2022-jp csiso2022jp",
    "cp932": "shift_jis sjis ms932 windows-31j x-sjis ms_kanji",
    "cp949": "euc-kr korean ks_c_5601-1987 windows-949 cp949",
    "iso2022-kr": "iso-2022-kr",
}
"""Python's codec, and what the encoding is called elsewhere."""

_IGNORED: Final = re.compile(r"[-_\s]")


def _plain(name: str) -> str:
    return _IGNORED.sub("", name).lower()


_CODECS: Final = {_plain(name): codec for codec, names in _NAMES.items() for name in names.split()}


def decoded(octets: bytes, charset: str) -> str | None:
    """The text; None for an encoding that there is not, and for octets that are none of its."""
    codec = _CODECS.get(_plain(charset))
    if codec is None:
        return None
    try:
        return octets.decode(codec)
    except UnicodeDecodeError:
        return None


def as_utf8(octets: bytes) -> str | None:
    """The text; None when it is not UTF-8."""
    return decoded(octets, "utf-8")


def octets_of(text: str) -> bytes:
    """The octets of a header field that was read as Latin-1, or of a text that never was octets."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def guessed(octets: bytes, charset: str) -> str:
    """UTF-8 when it is that, else the encoding of who linked there, else what western servers mean (Windows-1252)."""
    for text in (as_utf8(octets), decoded(octets, charset), decoded(octets, "windows-1252")):
        if text is not None:
            return text
    return octets.decode("latin-1")
