"""Messages from outside, checked where they enter.

msgspec's structs do not check their fields when they are made, and a log must never hold what cannot be read back. So a
message that is made of a caller's arguments is encoded and decoded once, in half a microsecond, before anybody sees it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from partita.events.secret import Secret
from partita.events.types import Message, tag_of
from partita.store.decoding import decoder

M = TypeVar("M", bound=Message)


def _encoded(value: object) -> object:
    """What stands for a secret: that its text can be written is all that matters here."""
    if not isinstance(value, Secret):
        raise TypeError(f"{type(value).__name__} is no type that a message can hold")
    text = value.reveal()
    if isinstance(text, str):
        text.encode()
    return None


_STAND_IN: Final = Secret("")
_encode: Final = msgspec.msgpack.Encoder(enc_hook=_encoded).encode


@cache
def _decoder(kind: type[Message]) -> msgspec.msgpack.Decoder[Any]:
    return decoder(kind, dec_hook=lambda expected, value: _STAND_IN)  # noqa: ARG005  # msgspec's shape


@cache
def _numbers(kind: type[Message]) -> tuple[str, ...]:
    """The fields that can hold a number that is not finite."""
    shape = msgspec.inspect.type_info(kind)
    assert isinstance(shape, msgspec.inspect.StructType), "a message is a struct"
    found = []
    for field in shape.fields:
        of = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
        if any(isinstance(one, msgspec.inspect.FloatType | msgspec.inspect.AnyType) for one in of):
            found.append(field.name)
    return tuple(found)


def checked(message: M) -> M:
    """The message, when every field is of its type and can be written.

    Raises :class:`TypeError` or :class:`ValueError` that names the field.
    """
    kind = type(message)
    try:
        _decoder(kind).decode(_encode(message))
    except (msgspec.ValidationError, TypeError) as error:
        raise TypeError(f"{_field(message)}: {_plain(error)}") from None
    except (UnicodeEncodeError, OverflowError) as error:
        raise ValueError(f"{_field(message)}: {error}") from None
    for name in _numbers(kind):
        value = getattr(message, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{tag_of(message)}: {name} is {value}, and has to be a finite number")
    return message


def is_readable(message: Message) -> bool:
    """Whether the log could hold it, and give it back."""
    try:
        checked(message)
    except (TypeError, ValueError):
        return False
    return True


def _plain(error: Exception) -> str:
    return str(error).split(" - at ", maxsplit=1)[0]


def _field(message: Message) -> str:
    """The first field that fails on its own, by its name."""
    for field in msgspec.structs.fields(type(message)):
        try:
            raw = _encode(getattr(message, field.name))
            msgspec.msgpack.decode(raw, type=field.type, dec_hook=lambda expected, value: _STAND_IN)  # noqa: ARG005
        except (msgspec.ValidationError, TypeError, UnicodeEncodeError, OverflowError):
            return f"{tag_of(message)}: {field.name}"
    return tag_of(message)
