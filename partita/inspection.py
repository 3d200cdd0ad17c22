"""Turns, states and all they are made of, as plain data and as a line of text: every printed form is made here.

Secrets are redacted here, and only here: nothing that is printed, given as JSON or shown in the inspector can forget it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from partita.events.secret import REDACTED, Secret
from partita.events.system import EffectSettled, Tell
from partita.events.types import Effect, Event, Message, Tagged, tag_of

if TYPE_CHECKING:
    from partita.events.turn import External, Turn

Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""What JSON can say."""

ID_SHOWN: Final = 8
_ID: Final = re.compile("[0-9a-f]{32}")
ERASED: Final = "(erased)"
SUMMARY_WIDTH: Final = 72
"""How many characters of one field's value a summary shows."""


def to_plain(value: object, *, reveal: bool = False) -> Plain:  # noqa: PLR0911  # a case a line
    """Any message, event, effect, state or turn as plain data.

    A tagged struct becomes ``{"type": its tag, ...its fields}``, another struct its fields. A :class:`Secret` becomes
    ``•••``, or its value with ``reveal``; bytes become hexadecimal digits, and the keys of a mapping text. To ``reveal``
    may raise :class:`KeyMissing`, where the log came without its keys.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Secret):
        return _secret(value, reveal=reveal)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, msgspec.Struct):
        plain: dict[str, Plain] = {} if (tag := _tag(value)) is None else {"type": tag}
        for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            plain[name] = to_plain(getattr(value, field), reveal=reveal)
        return plain
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item, reveal=reveal) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item, reveal=reveal) for item in value]
    return repr(value)


def summary(value: object, *, reveal: bool = False, width: int | None = SUMMARY_WIDTH) -> str:
    """Any of them in one line: ``cookies.received(url='http://…', headers=[•••])``, without what has its default.

    ``width`` bounds the text of one field's value, and ids are shown by their beginning; None shows all of it.
    """
    if isinstance(value, msgspec.Struct):
        return name_of(value) + _in_brackets(value, reveal=reveal, width=width)
    if isinstance(value, Mapping):
        items = (f"{_key(key)!r}: {_part(item, reveal=reveal, width=width)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ", ".join(_part(item, reveal=reveal, width=width) for item in value) + "]"
    return _part(value, reveal=reveal, width=width)


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
    """What a turn led to: ``("event", ...)`` and ``("effect", ...)`` in order; the kernel's bookkeeping is left out."""
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


def _part(value: object, *, reveal: bool, width: int | None) -> str:
    """A value within another one: structs without tags go without a name, their fields say what they are."""
    if isinstance(value, Secret):
        return str(_secret(value, reveal=reveal))
    if isinstance(value, msgspec.Struct) and _tag(value) is None:
        return _in_brackets(value, reveal=reveal, width=width, most=width)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (msgspec.Struct, Mapping, list, tuple, set, frozenset)):
        return summary(value, reveal=reveal, width=width)
    if isinstance(value, str) and width is not None and _ID.fullmatch(value):
        return f"{value[:ID_SHOWN]}…"
    return repr(value)


def _in_brackets(struct: msgspec.Struct, *, reveal: bool, width: int | None, most: int | None = None) -> str:
    """``(field=value, …)``: as many fields as fit into ``most`` characters."""
    shown: list[str] = []
    for field, value in _telling(struct):
        part = _part(value, reveal=reveal, width=width)
        if not isinstance(value, msgspec.Struct) and width is not None and len(part) > width:
            part = part[: width - 1] + "…"
        text = f"{field}={part}"
        if most is not None and sum(map(len, shown)) + len(text) > most:
            return f"({', '.join((*shown, '…'))})"
        shown.append(text)
    return f"({', '.join(shown)})"


def _telling(struct: msgspec.Struct) -> Iterator[tuple[str, object]]:
    """The fields whose value is not their default."""
    names, defaults = struct.__struct_fields__, struct.__struct_defaults__
    required = len(names) - len(defaults)
    for index, name in enumerate(names):
        value = getattr(struct, name)
        default = defaults[index - required] if index >= required else msgspec.NODEFAULT
        factory = getattr(default, "factory", None)
        if value != (default if factory is None else factory()):
            yield name, value
