"""The date of a file as a field says it (RFC 9110 5.6.7). Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(time_us: int) -> str:
    """``Sun, 06 Nov 1994 08:49:37 GMT`` of integer microseconds since 1970; names do not depend on the locale."""
    when = _EPOCH + timedelta(seconds=time_us // 1_000_000)
    return f"{_DAYS[when.weekday()]}, {when:%d} {_MONTHS[when.month - 1]} {when:%Y %H:%M:%S} GMT"
