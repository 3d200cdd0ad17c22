"""Cookie dates (RFC 6265bis 5.1.1): a forgiving reader of what servers have written into ``Expires`` since 1994."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_DELIMITERS: Final = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?", re.DOTALL)
_DAY: Final = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?", re.DOTALL)
_YEAR: Final = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?", re.DOTALL)
_MONTHS: Final = {
    month: number
    for number, month in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}

_CENTURY_OF_70_TO_99: Final = 1900
_CENTURY_OF_0_TO_69: Final = 2000
_FIRST_YEAR: Final = 1601
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def parse_cookie_date(text: str) -> int | None:
    """Seconds since 1970; None when ``text`` is no cookie date. Time zones are not read: all is UTC."""
    time: tuple[int, int, int] | None = None
    day = month = year = None
    for token in _DELIMITERS.split(text):
        if time is None and (match := _TIME.fullmatch(token)):
            time = int(match[1]), int(match[2]), int(match[3])
        elif day is None and (match := _DAY.fullmatch(token)):
            day = int(match[1])
        elif month is None and (number := _MONTHS.get(token[:3].lower())):
            month = number
        elif year is None and (match := _YEAR.fullmatch(token)):
            year = int(match[1])
    if time is None or day is None or month is None or year is None:
        return None
    return _seconds((_whole_year(year), month, day), time)


def _whole_year(year: int) -> int:
    if 70 <= year <= 99:  # noqa: PLR2004  the two ranges of RFC 6265bis 5.1.1, steps 3 and 4
        return year + _CENTURY_OF_70_TO_99
    if year <= 69:  # noqa: PLR2004
        return year + _CENTURY_OF_0_TO_69
    return year


def _seconds(days: tuple[int, int, int], time: tuple[int, int, int]) -> int | None:
    year, month, day = days
    hour, minute, second = time
    if year < _FIRST_YEAR or hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004
        return None
    try:
        ordinal = date(year, month, day).toordinal()
    except ValueError:  # 30 February
        return None
    return (ordinal - _EPOCH_DAY) * 86_400 + hour * 3_600 + minute * 60 + second
