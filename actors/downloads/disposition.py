"""``Content-Disposition`` as browsers read it: RFC 6266, 8187 and 2047, and Chromium's ``http_content_disposition.cc``. Pure.

Strictly it is a token and parameters, whose values are tokens or quoted strings, or percent-encoded ones with a charset
(``filename*``). What servers send is more: UTF-8 and older encodings as they are, percent-encoding in a plain ``filename``, and
encoded words of mail (``=?utf-8?Q?...?=``). All of it is read; the first parameter that is none ends the reading.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from partita.actors.downloads.charsets import as_utf8, decoded, guessed, octets_of

Kind = Literal["inline", "attachment"]

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PIECE: Final = re.compile(r'(?:"(?:\\.|[^"\\])*(?:"|\\?$)|[^;"])+', re.DOTALL)
"""Between two semicolons, where those in quotes do not count; a quote that is never closed reaches to the end."""
_BLANKS: Final = " \t\n\r"
_WORDS: Final = re.compile(r"[ \t\n\r]|[^ \t\n\r]+")
_Q_OCTET: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_Q_TEXT: Final = re.compile(rb"(?:[!-<>@-~]|=[0-9A-Fa-f]{2})*")
_ASCII: Final = 0x80
_ENCODED_WORD_PARTS: Final = 5  # "=", charset, encoding, text, "="
_EXTENDED_PARTS: Final = 3  # charset, language, text


class Disposition(Struct, frozen=True):
    """What a response's header field says: to be saved (``attachment``) or shown; and a file name, empty when there is none."""

    kind: Kind = "inline"
    filename: str = ""


class _MalformedError(Exception):
    """A value that is not to be guessed at."""


def parse_disposition(field: str, referrer_charset: str = "") -> Disposition:
    """Read the field's value, as Latin-1 (how header fields are kept) or as text.

    ``referrer_charset``: the encoding of the document that linked there, for names in neither ASCII nor UTF-8.
    """
    kind: Kind = "inline"
    first, semicolon, rest = field.partition(";")
    first = first.strip(_BLANKS)
    if _TOKEN.fullmatch(first):
        kind = "inline" if first.lower() == "inline" else "attachment"  # an unknown type is to be saved (RFC 6266 4.2)
        field = rest if semicolon else ""
    plain = extended = ""
    for name, value in _parameters(field):
        if name == "filename" and not plain:
            plain = _plain_value(value, referrer_charset)
        elif name == "filename*" and not extended:
            extended = _extended_value(value)
    return Disposition(kind, extended or plain)


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    """Names in lower case, and values as they stand; nothing more after one that is malformed."""
    for match in _PIECE.finditer(text):
        piece = match[0].strip(_BLANKS)
        if not piece:
            continue
        name, equals, value = piece.partition("=")
        name, value = name.strip(_BLANKS), value.strip(_BLANKS)
        if not name or not equals or not value or '"' in name:
            return
        yield name.lower(), value


def _plain_value(value: str, referrer_charset: str) -> str:
    """Of ``filename``: words between blanks, each read by itself; empty when one of them cannot be."""
    text = ""
    after_encoded_word = True
    try:
        for word in _WORDS.findall(_unquoted(value)):
            if word in _BLANKS:
                text += "" if after_encoded_word else " "
                continue
            found = _encoded_word(word)
            after_encoded_word = found is not None
            text += _plain_word(word, referrer_charset) if found is None else found
    except _MalformedError:
        return ""
    return text


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    if len(value) == 1 or not value.endswith('"'):
        return value[1:]
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)


def _plain_word(word: str, referrer_charset: str) -> str:
    octets = octets_of(word)
    if max(octets) >= _ASCII:
        return guessed(octets, referrer_charset)
    text = as_utf8(unquote_to_bytes(word))
    if text is None:
        raise _MalformedError
    return text


def _encoded_word(word: str) -> str | None:
    """``=?charset?B or Q?text?=`` (RFC 2047 2); None when it is none, an error when it is half of one."""
    parts = [part for part in word.split("?") if part]
    if not word.isascii() or parts[:1] != ["="] or len(parts) < _EXTENDED_PARTS or parts[2] not in tuple("bBqQ"):
        return None
    if len(parts) != _ENCODED_WORD_PARTS or parts[-1] != "=" or not word.endswith("="):
        raise _MalformedError
    _, charset, encoding, text, _ = parts
    octets = _base64(text) if encoding in "bB" else _quoted(text.encode())
    found = decoded(octets, charset)
    if found is None:
        raise _MalformedError
    return found


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _MalformedError from None


def _quoted(text: bytes) -> bytes:
    """RFC 2047 4.2: an underscore is a blank, ``=41`` an octet."""
    if not _Q_TEXT.fullmatch(text):
        raise _MalformedError
    return _Q_OCTET.sub(lambda match: bytes.fromhex(match[1].decode()), text.replace(b"_", b" "))


def _extended_value(value: str) -> str:
    """``UTF-8'en'%e2%82%ac`` (RFC 8187 3.2); empty when it is none."""
    parts = value.split("'")
    if '"' in value or len(parts) != _EXTENDED_PARTS or not value.isascii():
        return ""
    charset, _, encoded = parts
    return unicodedata.normalize("NFC", decoded(unquote_to_bytes(encoded), charset) or "")
