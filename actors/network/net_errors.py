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
    "ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED": -25,
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
    "ERR_INVALID_CHUNKED_ENCODING": -321,
    "ERR_EMPTY_RESPONSE": -324,
    "ERR_RESPONSE_HEADERS_TOO_BIG": -325,
    "ERR_REQUEST_RANGE_NOT_SATISFIABLE": -328,
    "ERR_CONTENT_DECODING_FAILED": -330,
    "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH": -346,
    "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_DISPOSITION": -349,
    "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION": -350,
    "ERR_CONTENT_LENGTH_MISMATCH": -354,
    "ERR_INCOMPLETE_CHUNKED_ENCODING": -355,
    "ERR_RESPONSE_HEADERS_TRUNCATED": -357,
    "ERR_INVALID_HTTP_RESPONSE": -370,
    "ERR_CACHE_MISS": -400,
    "ERR_CACHE_READ_FAILURE": -401,
    # What protocol handlers and files fail with besides, and what a handler may answer with by number.
    "ERR_INVALID_HANDLE": -5,
    "ERR_FILE_NOT_FOUND": -6,
    "ERR_FILE_TOO_BIG": -8,
    "ERR_UNEXPECTED": -9,
    "ERR_NOT_IMPLEMENTED": -11,
    "ERR_OUT_OF_MEMORY": -13,
    "ERR_UPLOAD_FILE_CHANGED": -14,
    "ERR_SOCKET_NOT_CONNECTED": -15,
    "ERR_FILE_EXISTS": -16,
    "ERR_FILE_PATH_TOO_LONG": -17,
    "ERR_FILE_NO_SPACE": -18,
    "ERR_FILE_VIRUS_INFECTED": -19,
    "ERR_BLOCKED_BY_ADMINISTRATOR": -22,
    "ERR_CONTEXT_SHUT_DOWN": -26,
    "ERR_BLOCKED_BY_RESPONSE": -27,
    "ERR_CLEARTEXT_NOT_PERMITTED": -29,
    "ERR_BLOCKED_BY_CSP": -30,
    "ERR_BLOCKED_BY_ORB": -32,
    "ERR_SSL_CLIENT_AUTH_CERT_NEEDED": -110,
    "ERR_PROXY_AUTH_UNSUPPORTED": -115,
    "ERR_BAD_SSL_CLIENT_AUTH_CERT": -117,
    "ERR_SOCKS_CONNECTION_FAILED": -120,
    "ERR_SOCKS_CONNECTION_HOST_UNREACHABLE": -121,
    "ERR_CERT_CONTAINS_ERRORS": -203,
    "ERR_CERT_UNABLE_TO_CHECK_REVOCATION": -205,
    "ERR_CERT_WEAK_SIGNATURE_ALGORITHM": -208,
    "ERR_UNSAFE_PORT": -312,
    "ERR_METHOD_NOT_SUPPORTED": -322,
    "ERR_UNEXPECTED_PROXY_AUTH": -323,
    "ERR_PAC_SCRIPT_FAILED": -327,
    "ERR_NETWORK_IO_SUSPENDED": -331,
    "ERR_NO_SUPPORTED_PROXIES": -336,
    "ERR_HTTP2_PROTOCOL_ERROR": -337,
    "ERR_INVALID_AUTH_CREDENTIALS": -338,
    "ERR_UNSUPPORTED_AUTH_SCHEME": -339,
    "ERR_CACHE_WRITE_FAILURE": -402,
    "ERR_CACHE_OPERATION_NOT_SUPPORTED": -403,
    "ERR_CACHE_OPEN_FAILURE": -404,
    "ERR_CACHE_CREATE_FAILURE": -405,
    "ERR_CACHE_RACE": -406,
}
"""Every error that partita raises, by Chromium's name."""

_BY_CODE: Final[Mapping[int, str]] = {code: name for name, code in CODES.items()}

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


def name_of(code: int) -> str | None:
    """Chromium's name for the number of an error; None for a number that is none."""
    return _BY_CODE.get(code)


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
