"""``Set-Cookie`` lines and cookie dates for :mod:`.cookie_oracle`: RFC 6265bis 5.1.1 and 5.6, step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US

_DELIMITERS: Final = {0x09, *range(0x20, 0x30), *range(0x3B, 0x41), *range(0x5B, 0x61), *range(0x7B, 0x7F)}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Refused(Exception):
    """The RFC says that this cookie is ignored; the text says where."""


class Said:
    """What a line says: its pair, and its attributes in order, their names in lower case."""

    def __init__(self, name: str, value: str, attributes: list[tuple[str, str]]) -> None:
        self.name = name
        self.value = value
        self.attributes = attributes

    def last(self, name: str) -> str | None:
        """The value of the last attribute of that name; None when there is none."""
        values = [value for given, value in self.attributes if given == name]
        return values[-1] if values else None

    def lifetime_us(self, now_us: int) -> int | None:
        """How long from now on; Max-Age goes before Expires (5.7, step 6). None: as long as the session."""
        ages = [age for name, value in self.attributes if name == "max-age" and (age := _age(value)) is not None]
        if ages:
            return ages[-1] * SECOND_US if ages[-1] > 0 else -now_us
        dates = [
            date for name, value in self.attributes if name == "expires" and (date := read_date(value)) is not None
        ]
        return dates[-1] * SECOND_US - now_us if dates else None


def octets_of(text: str) -> str:
    """A caller's text as it goes over the wire: a character for each byte of its UTF-8."""
    return text.encode("utf-8", "replace").decode("latin-1")


def check_text(text: str) -> None:
    """5.6, step 1. Raises :class:`Refused`."""
    if any((ord(letter) < 0x20 and letter != "\t") or ord(letter) == 0x7F for letter in text):  # noqa: PLR2004
        raise Refused("5.6, step 1: a control character")


def check_pair(name: str, value: str) -> None:
    """5.6, step 5, and 5.7, step 3. Raises :class:`Refused`."""
    if not name and not value:
        raise Refused("5.7, step 3: neither name nor value")
    if len(name) + len(value) > 4096:  # noqa: PLR2004
        raise Refused("5.6, step 5: more than 4096 octets")


def check_given(name: str, value: str, path: str) -> None:
    """What was not read from a line must be able to stand in one. Raises :class:`Refused`."""
    check_pair(name, value)
    check_text(name + value + path)
    if "=" in name or ";" in name + value + path or name != name.strip(" \t") or value != value.strip(" \t"):
        raise Refused("4.1.1: a line with it would be read as another cookie")
    if len(path) > 1024:  # noqa: PLR2004
        raise Refused("5.6, step 6 of the attributes: more than 1024 octets")


def read_line(line: str) -> Said:
    """5.6. Raises :class:`Refused`."""
    check_text(line)
    pair, *rest = line.split(";")
    name, value = pair.split("=", 1) if "=" in pair else ("", pair)
    name, value = name.strip(" \t"), value.strip(" \t")
    check_pair(name, value)
    attributes = []
    for piece in rest:
        attribute, _, text = piece.partition("=")
        if len(text.strip(" \t")) <= 1024:  # noqa: PLR2004
            attributes.append((attribute.strip(" \t").lower(), text.strip(" \t")))
    return Said(name, value, attributes)


def _age(text: str) -> int | None:
    """5.6.2."""
    digits = text.removeprefix("-")
    if not digits or any(digit not in "0123456789" for digit in digits):
        return None
    return int(text[:15])


def read_date(text: str) -> int | None:  # noqa: C901  # the steps of the RFC, in their order
    """5.1.1: seconds since 1970, or None."""
    time = day = month = year = None
    for token in "".join(" " if ord(letter) in _DELIMITERS else letter for letter in text).split(" "):
        if time is None and (found := _time(token)) is not None:
            time = found
        elif day is None and (number := _number(token, 1, 2)) is not None:
            day = number
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (number := _number(token, 2, 4)) is not None:
            year = number
    if time is None or day is None or month is None or year is None:
        return None
    if 70 <= year <= 99:  # noqa: PLR2004
        year += 1900
    elif year <= 69:  # noqa: PLR2004
        year += 2000
    if year < 1601:  # noqa: PLR2004
        return None
    try:
        return int(datetime(year, month, day, *time, tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _time(token: str) -> tuple[int, int, int] | None:
    parts = token.split(":", 2)
    if len(parts) != 3:  # noqa: PLR2004
        return None
    if any(not part.isascii() or not part.isdigit() or len(part) > 2 for part in parts[:2]):  # noqa: PLR2004
        return None
    seconds = _number(parts[2], 1, 2)
    return None if seconds is None else (int(parts[0]), int(parts[1]), seconds)


def _number(token: str, fewest: int, most: int) -> int | None:
    """So many digits, and behind them anything that does not begin with one."""
    count = 0
    while count < len(token) and token[count] in "0123456789":
        count += 1
    return int(token[:count]) if fewest <= count <= most else None
