"""Why a download stops: errors and statuses as Chromium's reasons (``download_interrupt_reasons_utils.cc``). Pure."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from partita.actors.cache import dates
from partita.actors.network.fields import Fields, first
from partita.actors.network.http import NetError
from partita.events.downloads import Reason

_OF_ERRNO: Final[Mapping[int, Reason]] = {
    errno.ENOSPC: "FILE_NO_SPACE",
    errno.EDQUOT: "FILE_NO_SPACE",
    errno.EACCES: "FILE_ACCESS_DENIED",
    errno.EPERM: "FILE_ACCESS_DENIED",
    errno.EROFS: "FILE_ACCESS_DENIED",
    errno.ELOOP: "FILE_ACCESS_DENIED",  # a symbolic link in the file's place
    errno.ENAMETOOLONG: "FILE_NAME_TOO_LONG",
    errno.EFBIG: "FILE_TOO_LARGE",
    errno.EBUSY: "FILE_TRANSIENT_ERROR",
    errno.EMFILE: "FILE_TRANSIENT_ERROR",
    errno.ENFILE: "FILE_TRANSIENT_ERROR",
    errno.ETXTBSY: "FILE_TRANSIENT_ERROR",
}

# ERR_ABORTED is not among them. Chromium takes it for USER_CANCELED, deletes what has come, and says that it should not
# (crbug.com/166179): whoever cancels says so to the download, and here what closes a connection is not he.
_OF_NET_ERROR: Final[Mapping[str, Reason]] = {
    "ERR_TIMED_OUT": "NETWORK_TIMEOUT",
    "ERR_CONNECTION_TIMED_OUT": "NETWORK_TIMEOUT",
    "ERR_INTERNET_DISCONNECTED": "NETWORK_DISCONNECTED",
    "ERR_NETWORK_CHANGED": "NETWORK_DISCONNECTED",
    "ERR_CONNECTION_FAILED": "NETWORK_SERVER_DOWN",
    "ERR_CONNECTION_REFUSED": "NETWORK_SERVER_DOWN",
    "ERR_ADDRESS_UNREACHABLE": "SERVER_UNREACHABLE",
    "ERR_INVALID_ARGUMENT": "NETWORK_INVALID_REQUEST",
    "ERR_INVALID_URL": "NETWORK_INVALID_REQUEST",
    "ERR_INVALID_REDIRECT": "NETWORK_INVALID_REQUEST",
    "ERR_UNSAFE_REDIRECT": "NETWORK_INVALID_REQUEST",
    "ERR_UNKNOWN_URL_SCHEME": "NETWORK_INVALID_REQUEST",
    "ERR_DISALLOWED_URL_SCHEME": "NETWORK_INVALID_REQUEST",
    "ERR_CONTENT_LENGTH_MISMATCH": "SERVER_CONTENT_LENGTH_MISMATCH",
    "ERR_REQUEST_RANGE_NOT_SATISFIABLE": "SERVER_NO_RANGE",
}

_OF_STATUS: Final[Mapping[int, Reason]] = {
    204: "SERVER_BAD_CONTENT",
    205: "SERVER_BAD_CONTENT",
    401: "SERVER_UNAUTHORIZED",
    403: "SERVER_FORBIDDEN",
    404: "SERVER_BAD_CONTENT",
    407: "SERVER_UNAUTHORIZED",
    410: "SERVER_BAD_CONTENT",
    412: "SERVER_NO_RANGE",
    416: "SERVER_NO_RANGE",
}

_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = range(500, 600)
_SAYS_WHEN: Final = frozenset({_TOO_MANY, 503})
_MOST_DIGITS: Final = 9
_GOOD: Final = frozenset({200, 201, 202, 203, 206})


def of_file_error(error: OSError) -> Reason:
    """What a failed write, sync or rename amounts to."""
    return _OF_ERRNO.get(error.errno or 0, "FILE_FAILED")


def of_net_error(error: NetError) -> Reason:
    """What a failed request or a body that broke off amounts to."""
    if error.name.startswith("ERR_CERT_"):
        return "SERVER_CERT_PROBLEM"
    return _OF_NET_ERROR.get(error.name, "NETWORK_FAILED")


def of_status(status: int) -> Reason:
    """What a response's status says about its body; ``NONE``: it is the file."""
    return "NONE" if status in _GOOD else _OF_STATUS.get(status, "SERVER_FAILED")


def is_busy(status: int) -> bool:
    """Whether a server that refuses with it may have another answer in a while."""
    return status == _TOO_MANY or status in _SERVER_ERRORS


def retry_after_s(status: int, headers: Fields, now_us: int) -> float:
    """How long the server wants to be left alone (RFC 9110 10.2.3): seconds, or until a date; 0 when it does not say."""
    value = (first(headers, "retry-after") or "").strip()
    if status not in _SAYS_WHEN:
        return 0.0
    if value.isascii() and value.isdecimal():
        return float(value[:_MOST_DIGITS])
    until_us = dates.parsed(value)
    return 0.0 if until_us is None else max(0.0, (until_us - now_us) / 1e6)
