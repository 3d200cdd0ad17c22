"""HTTP dates (RFC 9110 5.6.7), read as strictly as a cache has to. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = "(?:mon|tue|wed|thu|fri|sat|sun)"
_MONTH: Final = "(?P<month>" + "|".join(_MONTHS) + ")"
_TIME: Final = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"{_DAY}, (?P<day>\d{{2}}) {_MONTH} (?P<year>\d{{4}}) {_TIME} gmt",
        rf"(?:mon|tues|wednes|thurs|fri|satur|sun)day, (?P<day>\d{{2}})-{_MONTH}-(?P<year>\d{{2}}) {_TIME} gmt",
        rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
"""IMF-fixdate, RFC 850, asctime. Letters of any case are read, other zones than GMT are not (RFC 9111 4.2)."""

_CENTURY: Final = 100
_TWO_DIGITS_PIVOT: Final = 70  # RFC 850 years: 70 to 99 are of the last century, as in all that reads them
_LAST_SECOND: Final = 59


@lru_cache(maxsize=1024)
def parsed(text: str) -> int | None:
    """The time that a date names, in integer microseconds since 1970; None when it is no HTTP date."""
    for form in _FORMS:
        found = form.fullmatch(text)
        if found is not None:
            break
    else:
        return None
    year = int(found["year"])
    if len(found["year"]) == len("94"):
        year += 19 * _CENTURY if year >= _TWO_DIGITS_PIVOT else 20 * _CENTURY
    second = min(int(found["second"]), _LAST_SECOND) if found["second"] == "60" else int(found["second"])
    try:
        moment = datetime(
            year,
            _MONTHS.index(found["month"].lower()) + 1,
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            second,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return int(moment.timestamp()) * 1_000_000


def formatted(time_us: int) -> str:
    """A time as an IMF-fixdate."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    day, month = _DAYS[moment.weekday()].title(), _MONTHS[moment.month - 1].title()
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT"
