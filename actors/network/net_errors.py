"""Chromium's network errors by name, and which of them an error of the operating system is.

The numbers are those of Chromium's ``net/base/net_error_list.h``. The error class is in
:mod:`partita.actors.network.http`, beside httpx's.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, int]] = {
    "ERR_FAILED": -2,
    "ERR_ABORTED": -3,
    "ERR_INVALID_ARGUMENT": -4,
    "ERR_TIMED_OUT": -7,
    "ERR_ACCESS_DENIED": -10,
    "ERR_INSUFFICIENT_RESOURCES": -12,
    "ERR_NETWORK_CHANGED": -21,
    "ERR_BLOCKED_BY_CLIENT": -20,
    "ERR_NETWORK_ACCESS_DENIED": -138,
    "ERR_CONNECTION_CLOSED": -100,
    "ERR_CONNECTION_RESET": -101,
    "ERR_CONNECTION_REFUSED": -102,
    "ERR_CONNECTION_ABORTED": -103,
    "ERR_CONNECTION_FAILED": -104,
    "ERR_NAME_NOT_RESOLVED": -105,
    "ERR_INTERNET_DISCONNECTED": -106,
    "ERR_SSL_PROTOCOL_ERROR": -107,
    "ERR_ADDRESS_INVALID": -108,
    "ERR_ADDRESS_UNREACHABLE": -109,
    "ERR_TUNNEL_CONNECTION_FAILED": -111,
    "ERR_SSL_VERSION_OR_CIPHER_MISMATCH": -113,
    "ERR_CONNECTION_TIMED_OUT": -118,
    "ERR_PROXY_CONNECTION_FAILED": -130,
    "ERR_NAME_RESOLUTION_FAILED": -137,
    "ERR_CERT_COMMON_NAME_INVALID": -200,
    "ERR_CERT_DATE_INVALID": -201,
    "ERR_CERT_AUTHORITY_INVALID": -202,
    "ERR_CERT_REVOKED": -206,
    "ERR_CERT_INVALID": -207,
    "ERR_INVALID_URL": -300,
    "ERR_DISALLOWED_URL_SCHEME": -301,
    "ERR_UNKNOWN_URL_SCHEME": -302,
    "ERR_INVALID_REDIRECT": -303,
    "ERR_TOO_MANY_REDIRECTS": -310,
    "ERR_UNSAFE_REDIRECT": -311,
    "ERR_INVALID_RESPONSE": -320,
    "ERR_EMPTY_RESPONSE": -324,
    "ERR_RESPONSE_HEADERS_TOO_BIG": -325,
    "ERR_REQUEST_RANGE_NOT_SATISFIABLE": -328,
    "ERR_CONTENT_DECODING_FAILED": -330,
    "ERR_CONTENT_LENGTH_MISMATCH": -354,
    "ERR_INCOMPLETE_CHUNKED_ENCODING": -355,
    "ERR_INVALID_HTTP_RESPONSE": -370,
    "ERR_CACHE_MISS": -400,
}
"""Every error that partita raises, by Chromium's name."""

_BY_ERRNO: Final[Mapping[int, str]] = {
    errno.ECONNREFUSED: "ERR_CONNECTION_REFUSED",
    errno.ECONNRESET: "ERR_CONNECTION_RESET",
    errno.EPIPE: "ERR_CONNECTION_RESET",
    errno.ECONNABORTED: "ERR_CONNECTION_ABORTED",
    errno.ETIMEDOUT: "ERR_CONNECTION_TIMED_OUT",
    errno.EHOSTUNREACH: "ERR_ADDRESS_UNREACHABLE",
    errno.ENETUNREACH: "ERR_ADDRESS_UNREACHABLE",
    errno.EADDRNOTAVAIL: "ERR_ADDRESS_INVALID",
    errno.EACCES: "ERR_NETWORK_ACCESS_DENIED",
    errno.EPERM: "ERR_NETWORK_ACCESS_DENIED",
    errno.EMFILE: "ERR_INSUFFICIENT_RESOURCES",
    errno.ENFILE: "ERR_INSUFFICIENT_RESOURCES",
    errno.ENOBUFS: "ERR_INSUFFICIENT_RESOURCES",
}

# X509_V_ERR_..., the verdicts of OpenSSL that have a name of their own in Chromium.
_BY_VERIFY_CODE: Final[Mapping[int, str]] = {
    9: "ERR_CERT_DATE_INVALID",
    10: "ERR_CERT_DATE_INVALID",
    18: "ERR_CERT_AUTHORITY_INVALID",
    19: "ERR_CERT_AUTHORITY_INVALID",
    20: "ERR_CERT_AUTHORITY_INVALID",
    21: "ERR_CERT_AUTHORITY_INVALID",
    23: "ERR_CERT_REVOKED",
    62: "ERR_CERT_COMMON_NAME_INVALID",
    64: "ERR_CERT_COMMON_NAME_INVALID",
}


def of_os_error(error: OSError) -> str | None:
    """Chromium's name for an error of the operating system or of OpenSSL; None for one that says nothing."""
    if isinstance(error, socket.gaierror):
        return "ERR_NAME_NOT_RESOLVED"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(error.verify_code, "ERR_CERT_INVALID")
    if isinstance(error, ssl.SSLError):
        return "ERR_SSL_PROTOCOL_ERROR"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "ERR_TIMED_OUT"
    return None if error.errno is None else _BY_ERRNO.get(error.errno)
