"""Turns, states and all they are made of, as plain data and as one line of text: what every printed form goes through.

Secrets are redacted here, and only here, so nothing that is printed, exported as JSON or shown in the inspector can forget it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from partita.events.secret import REDACTED, Secret
from partita.events.system import EffectSettled, Tell
from partita.events.turn import External, Turn
from partita.events.types import Effect, Event, Message, Tagged, tag_of

Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""What JSON can say."""

ERASED: Final = "(erased)"
SUMMARY_WIDTH: Final = 72
"""How many characters of one field's value a summary shows."""


def to_plain(value: object, *, reveal: bool = False) -> Plain:
    """Any message, event, effect, state or turn as plain data.

    A tagged struct becomes ``{"type": its tag, ...its fields}``, another struct its fields. A :class:`Secret` becomes ``•••``,
    or its value with ``reveal``; bytes become hexadecimal digits, and the keys of a mapping text. ``reveal`` may raise
    :class:`KeyMissing` where the log came without its keys.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Secret):
        return _secret(value, reveal=reveal)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, msgspec.Struct):
        plain: dict[str, Plain] = {} if (tag := _tag(value)) is None else {"type": tag}
        for field in msgspec.structs.fields(value):
            plain[field.encode_name] = to_plain(getattr(value, field.name), reveal=reveal)
        return plain
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item, reveal=reveal) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item, reveal=reveal) for item in value]
    return repr(value)


def summary(value: object, *, reveal: bool = False, width: int | None = SUMMARY_WIDTH) -> str:
    """Any of them in one line: ``cookies.received(url='http://…', headers=[•••])``; fields that say nothing new are left out.

    ``width`` bounds the text of one field's value; None shows all of it.
    """
    if isinstance(value, Secret):
        return str(_secret(value, reveal=reveal))
    if isinstance(value, msgspec.Struct):
        name = name_of(value)
        fields = ", ".join(
            f"{field}={_clipped(summary(item, reveal=reveal, width=width), width)}" for field, item in _telling(value)
        )
        return f"{name}({fields})"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        items = (f"{_key(key)!r}: {summary(item, reveal=reveal, width=width)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ", ".join(summary(item, reveal=reveal, width=width) for item in value) + "]"
    return repr(value)


def name_of(value: object) -> str:
    """How people call it: a tagged struct's tag without its version, another struct's class."""
    tag = _tag(value)
    return type(value).__name__ if tag is None else tag.rpartition("/")[0] or tag


def cause_text(cause: int | External) -> str:
    """``turn 12``, or where from outside it came: ``api call 3``, ``network``."""
    if isinstance(cause, int):
        return f"turn {cause}"
    if cause.kind == "api":
        return f"api call {cause.call_id}"
    return cause.kind


def time_text(time_us: int, *, precise: bool = False) -> str:
    """Microseconds since 1970 as UTC: to the millisecond, or all of it as ISO 8601."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(microsecond=time_us % 1_000_000)
    if precise:
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def led_to(turn: Turn[Message, Event, Effect]) -> Iterator[tuple[str, object]]:
    """What a turn led to, in order: ``("event", ...)`` and ``("effect", ...)``; the kernel's own bookkeeping is left out."""
    for event in turn.events:
        if not isinstance(event, EffectSettled):
            yield "event", event
    for effect in turn.effects:
        yield "effect", effect.message if isinstance(effect, Tell) else effect


def _tag(value: object) -> str | None:
    if isinstance(value, Tagged):
        return tag_of(value)
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        return tag if isinstance(tag, str) else None
    return None


def _secret(value: Secret, *, reveal: bool) -> Plain:
    if not reveal:
        return REDACTED
    return ERASED if value.erased else value.reveal_text()


def _key(key: object) -> str:
    return key if isinstance(key, str) else summary(key)


def _telling(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """The fields whose value is not their default."""
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if field.default is not msgspec.NODEFAULT and value == field.default:
            continue
        if field.default_factory is not msgspec.NODEFAULT and not value:
            continue
        yield field.name, value


def _clipped(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else text[: width - 1] + "…"
