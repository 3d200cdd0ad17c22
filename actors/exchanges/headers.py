"""Which header fields may stand in a log in clear. Pure."""

from __future__ import annotations

from typing import Final

from partita.actors.network.fields import Fields
from partita.events.exchanges import RecordedField, RecordedFields
from partita.events.secret import Secret

HARMLESS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "accept-ranges",
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "age",
        "allow",
        "alt-svc",
        "cache-control",
        "connection",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expires",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "keep-alive",
        "last-modified",
        "location",
        "pragma",
        "range",
        "retry-after",
        "server",
        "strict-transport-security",
        "transfer-encoding",
        "user-agent",
        "vary",
        "via",
        "x-content-type-options",
        "x-frame-options",
    }
)
"""Every other field is a secret: what an application calls its token nobody can know."""


def recorded(fields: Fields) -> RecordedFields:
    """The fields as a log holds them."""
    return tuple(
        RecordedField(name, text=value) if name.lower() in HARMLESS else RecordedField(name, secret=Secret(value))
        for name, value in fields
    )


def sent(fields: RecordedFields) -> Fields:
    """The fields as they were. Raises :class:`SecretErased`, :class:`KeyMissing`."""
    return tuple((field.name, field.value) for field in fields)
