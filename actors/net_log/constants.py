"""The vocabulary of a net log, as Chromium has it (``net/log/net_log_event_type_list.h`` and its like).

A net log begins with an object ``constants``: which number stands for which event, source, phase, error, flag and state.
Chromium numbers its events anew in each build, and readers go by the names. So the names here are Chromium's and the numbers
are our own: a name's place in its table. New names are added at the end.

Where the events of a request belong, and their parameters (``+`` begins, ``-`` ends, no sign: a moment). What is noted follows
this table; not everything that it names is noted::

    URL_REQUEST
        + REQUEST_ALIVE                         priority, traffic_annotation
        + URL_REQUEST_START_JOB                 url, method, load_flags, request_type, initiator, site_for_cookies
        - URL_REQUEST_START_JOB                 net_error, where it failed
        + HTTP_CACHE_OPEN_ENTRY  -              net_error, where there is none
          HTTP_CACHE_CREATE_ENTRY, HTTP_CACHE_DOOM_ENTRY, HTTP_CACHE_READ_INFO, HTTP_CACHE_WRITE_INFO
        + HTTP_CACHE_READ_DATA, HTTP_CACHE_WRITE_DATA  -
        + SOCKET_POOL  -                        net_error, where there is no connection to be had
          SOCKET_POOL_REUSED_AN_EXISTING_SOCKET, SOCKET_POOL_STALLED_MAX_SOCKETS_PER_GROUP
        + HTTP_TRANSACTION_SEND_REQUEST  -
          HTTP_TRANSACTION_SEND_REQUEST_HEADERS line, headers
          HTTP_TRANSACTION_SEND_REQUEST_BODY    length, is_chunked, did_merge
        + HTTP_TRANSACTION_READ_HEADERS  -
          HTTP_TRANSACTION_READ_RESPONSE_HEADERS headers, the status line first
        + HTTP_TRANSACTION_READ_BODY  -
          COOKIE_INCLUSION_STATUS               operation ("send", "store"), status; name, domain, path where sensitive
          URL_REQUEST_REDIRECTED                location
        + NETWORK_DELEGATE_BEFORE_URL_REQUEST, NETWORK_DELEGATE_HEADERS_RECEIVED and the other delegates  -
          FAILED                                net_error
          CANCELLED                             net_error
        - REQUEST_ALIVE                         net_error, where it failed
    SOCKET                                      source_dependency: the request that it was opened for
        + HOST_RESOLVER_MANAGER_REQUEST  -      host; address_list, or net_error
        + TCP_CONNECT  -                        address_list; local_address and remote_address, or net_error
        + TCP_CONNECT_ATTEMPT  -                address; os_error, or net_error
        + SSL_CONNECT  -                        version, cipher_suite, is_resumed, next_proto; or net_error
          SOCKET_BYTES_SENT, SOCKET_BYTES_RECEIVED, SSL_SOCKET_BYTES_SENT, SSL_SOCKET_BYTES_RECEIVED  byte_count, bytes
          SOCKET_READ_ERROR, SOCKET_WRITE_ERROR net_error, os_error
          SOCKET_CLOSED

With the first event that a source begins, whatever else it has begun ends as well (:mod:`partita.actors.net_log.recorder`).
How parameters are given, and what each capture mode keeps of them, is in :mod:`partita.actors.net_log.entries`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from partita.actors.network.net_errors import CODES

LOG_FORMAT_VERSION: Final = 1
"""The only one that there is."""

PHASES: Final[Mapping[str, int]] = {"begin": 1, "end": 2, "none": 0}
"""What a phase is called here, and its number, which is the same in every build."""

UNKNOWN_EVENT: Final = "PARTITA_EVENT"
"""Stands for an event whose name is not in the table; its parameter ``event`` says the name."""

UNKNOWN_SOURCE: Final = "NONE"

EVENT_TYPES: Final = (
    "CANCELLED",
    "FAILED",
    "NET_LOG_DROPPED_EVENTS",
    UNKNOWN_EVENT,
    "REQUEST_ALIVE",
    "HOST_RESOLVER_MANAGER_REQUEST",
    "HOST_RESOLVER_MANAGER_CREATE_JOB",
    "HOST_RESOLVER_MANAGER_CACHE_HIT",
    "HOST_RESOLVER_MANAGER_JOB",
    "HOST_RESOLVER_MANAGER_JOB_STARTED",
    "HOST_RESOLVER_SYSTEM_TASK",
    "HOST_RESOLVER_DNS_TASK",
    "PROXY_RESOLUTION_SERVICE",
    "PROXY_RESOLUTION_SERVICE_RESOLVED_PROXY_LIST",
    "SOCKET_ALIVE",
    "SOCKET_OPEN",
    "SOCKET_CONNECT",
    "TCP_CONNECT",
    "TCP_CONNECT_ATTEMPT",
    "SOCKET_IN_USE",
    "SOCKS_CONNECT",
    "SOCKS5_CONNECT",
    "SSL_CONNECT",
    "SSL_CLIENT_CERT_REQUESTED",
    "SSL_CLIENT_CERT_PROVIDED",
    "SSL_HANDSHAKE_ERROR",
    "SSL_READ_ERROR",
    "SSL_WRITE_ERROR",
    "SSL_ALERT_RECEIVED",
    "SSL_ALERT_SENT",
    "SSL_CERTIFICATES_RECEIVED",
    "SOCKET_BYTES_SENT",
    "SSL_SOCKET_BYTES_SENT",
    "SOCKET_BYTES_RECEIVED",
    "SSL_SOCKET_BYTES_RECEIVED",
    "SOCKET_READ_ERROR",
    "SOCKET_WRITE_ERROR",
    "SOCKET_CLOSED",
    "CONNECT_JOB",
    "CONNECT_JOB_SET_SOCKET",
    "CONNECT_JOB_TIMED_OUT",
    "TRANSPORT_CONNECT_JOB_CONNECT",
    "TRANSPORT_CONNECT_JOB_CONNECT_ATTEMPT",
    "SSL_CONNECT_JOB_CONNECT",
    "SOCKS_CONNECT_JOB_CONNECT",
    "HTTP_PROXY_CONNECT_JOB_CONNECT",
    "SOCKET_POOL",
    "SOCKET_POOL_STALLED_MAX_SOCKETS",
    "SOCKET_POOL_STALLED_MAX_SOCKETS_PER_GROUP",
    "SOCKET_POOL_REUSED_AN_EXISTING_SOCKET",
    "SOCKET_POOL_CONNECT_JOB_CREATED",
    "SOCKET_POOL_BOUND_TO_CONNECT_JOB",
    "SOCKET_POOL_BOUND_TO_SOCKET",
    "SOCKET_POOL_CONNECTING_N_SOCKETS",
    "SOCKET_POOL_CLOSING_SOCKET",
    "TCP_CLIENT_SOCKET_POOL_REQUESTED_SOCKET",
    "TCP_CLIENT_SOCKET_POOL_REQUESTED_SOCKETS",
    "URL_REQUEST_START_JOB",
    "URL_REQUEST_REDIRECTED",
    "NETWORK_DELEGATE_BEFORE_START_TRANSACTION",
    "NETWORK_DELEGATE_BEFORE_URL_REQUEST",
    "NETWORK_DELEGATE_HEADERS_RECEIVED",
    "URL_REQUEST_DELEGATE_CERTIFICATE_REQUESTED",
    "URL_REQUEST_DELEGATE_CONNECTED",
    "URL_REQUEST_DELEGATE_RECEIVED_REDIRECT",
    "URL_REQUEST_DELEGATE_RESPONSE_STARTED",
    "URL_REQUEST_DELEGATE_SSL_CERTIFICATE_ERROR",
    "DELEGATE_INFO",
    "URL_REQUEST_JOB_BYTES_READ",
    "URL_REQUEST_JOB_FILTERED_BYTES_READ",
    "URL_REQUEST_SET_PRIORITY",
    "URL_REQUEST_REDIRECT_JOB",
    "URL_REQUEST_FAKE_RESPONSE_HEADERS_CREATED",
    "URL_REQUEST_FILTERS_SET",
    "HTTP_CACHE_GET_BACKEND",
    "HTTP_CACHE_OPEN_OR_CREATE_ENTRY",
    "HTTP_CACHE_OPEN_ENTRY",
    "HTTP_CACHE_CREATE_ENTRY",
    "HTTP_CACHE_ADD_TO_ENTRY",
    "HTTP_CACHE_DOOM_ENTRY",
    "HTTP_CACHE_READ_INFO",
    "HTTP_CACHE_WRITE_INFO",
    "HTTP_CACHE_READ_DATA",
    "HTTP_CACHE_WRITE_DATA",
    "HTTP_CACHE_CALLER_REQUEST_HEADERS",
    "HTTP_CACHE_RESTART_PARTIAL_REQUEST",
    "HTTP_CACHE_RE_SEND_PARTIAL_REQUEST",
    "HTTP_STREAM_REQUEST",
    "HTTP_STREAM_JOB",
    "HTTP_STREAM_JOB_WAITING",
    "HTTP_STREAM_REQUEST_STARTED_JOB",
    "HTTP_STREAM_JOB_INIT_CONNECTION",
    "HTTP_STREAM_REQUEST_BOUND_TO_JOB",
    "HTTP_STREAM_JOB_BOUND_TO_REQUEST",
    "HTTP_STREAM_REQUEST_PROTO",
    "HTTP_STREAM_JOB_CONTROLLER",
    "HTTP_STREAM_JOB_CONTROLLER_BOUND",
    "HTTP_TRANSACTION_TUNNEL_SEND_REQUEST",
    "HTTP_TRANSACTION_SEND_TUNNEL_HEADERS",
    "HTTP_TRANSACTION_TUNNEL_READ_HEADERS",
    "HTTP_TRANSACTION_READ_TUNNEL_RESPONSE_HEADERS",
    "HTTP_TRANSACTION_SEND_REQUEST",
    "HTTP_TRANSACTION_SEND_REQUEST_HEADERS",
    "HTTP_TRANSACTION_SEND_REQUEST_BODY",
    "HTTP_TRANSACTION_HTTP2_SEND_REQUEST_HEADERS",
    "HTTP_TRANSACTION_READ_HEADERS",
    "HTTP_TRANSACTION_READ_RESPONSE_HEADERS",
    "HTTP_TRANSACTION_READ_EARLY_HINTS_RESPONSE_HEADERS",
    "HTTP_TRANSACTION_READ_BODY",
    "HTTP_TRANSACTION_DRAIN_BODY_FOR_AUTH_RESTART",
    "HTTP_TRANSACTION_RESTART_AFTER_ERROR",
    "HTTP_TRANSACTION_RESTART_MISDIRECTED_REQUEST",
    "HTTP_STREAM_PARSER_READ_HEADERS",
    "HTTP2_SESSION",
    "HTTP2_SESSION_INITIALIZED",
    "HTTP2_SESSION_SEND_HEADERS",
    "HTTP2_SESSION_RECV_HEADERS",
    "AUTH_CONTROLLER",
    "AUTH_HANDLER_INIT",
    "AUTH_GENERATE_TOKEN",
    "CERT_VERIFIER_REQUEST",
    "CERT_VERIFIER_JOB",
    "COOKIE_STORE_COOKIE_ADDED",
    "COOKIE_STORE_COOKIE_DELETED",
    "COOKIE_GET_BLOCKED_BY_NETWORK_DELEGATE",
    "COOKIE_SET_BLOCKED_BY_NETWORK_DELEGATE",
    "COOKIE_INCLUSION_STATUS",
    "NETWORK_CHANGED",
    "UPLOAD_DATA_STREAM_INIT",
    "UPLOAD_DATA_STREAM_READ",
)
"""The events that can be noted. All names but two are Chromium's: ``PARTITA_EVENT`` and ``NET_LOG_DROPPED_EVENTS``."""

SOURCE_TYPES: Final = (
    UNKNOWN_SOURCE,
    "URL_REQUEST",
    "PAC_FILE_DECIDER",
    "HTTP_PROXY_CONNECT_JOB",
    "SOCKS_CONNECT_JOB",
    "SSL_CONNECT_JOB",
    "TRANSPORT_CONNECT_JOB",
    "WEB_SOCKET_TRANSPORT_CONNECT_JOB",
    "SOCKET",
    "HTTP2_SESSION",
    "QUIC_SESSION",
    "HOST_RESOLVER_IMPL_JOB",
    "DISK_CACHE_ENTRY",
    "MEMORY_CACHE_ENTRY",
    "HTTP_STREAM_JOB",
    "HTTP_STREAM_JOB_CONTROLLER",
    "CERT_VERIFIER_TASK",
    "CERT_VERIFIER_JOB",
    "UDP_SOCKET",
    "PROXY_CLIENT_SOCKET",
    "NETWORK_CHANGE_NOTIFIER",
    "COOKIE_STORE",
    "HTTP_AUTH_CONTROLLER",
    "HTTP_CACHE",
)
"""What an event can be of."""

EVENT_NUMBERS: Final[Mapping[str, int]] = {name: number for number, name in enumerate(EVENT_TYPES)}
SOURCE_NUMBERS: Final[Mapping[str, int]] = {name: number for number, name in enumerate(SOURCE_TYPES)}

LOAD_FLAGS: Final = (
    "VALIDATE_CACHE",
    "BYPASS_CACHE",
    "SKIP_CACHE_VALIDATION",
    "ONLY_FROM_CACHE",
    "DISABLE_CACHE",
    "DISABLE_CERT_NETWORK_FETCHES",
    "DO_NOT_SAVE_COOKIES",
    "BYPASS_PROXY",
    "DO_NOT_SEND_COOKIES",
    "DO_NOT_SEND_AUTH_DATA",
    "MAIN_FRAME_DEPRECATED",
    "PREFETCH",
    "IGNORE_LIMITS",
    "DO_NOT_USE_EMBEDDED_IDENTITY",
    "DISABLE_CONNECTION_MIGRATION_TO_CELLULAR",
    "SKIP_VARY_CHECK",
    "SUPPORT_ASYNC_REVALIDATION",
    "RESTRICTED_PREFETCH",
    "CAN_USE_RESTRICTED_PREFETCH",
)
"""One bit each, from the lowest (``net/base/load_flags_list.h``)."""

LOAD_STATES: Final = (
    "IDLE",
    "WAITING_FOR_STALLED_SOCKET_POOL",
    "WAITING_FOR_AVAILABLE_SOCKET",
    "WAITING_FOR_DELEGATE",
    "WAITING_FOR_CACHE",
    "WAITING_FOR_APPCACHE",
    "DOWNLOADING_PAC_FILE",
    "RESOLVING_PROXY_FOR_URL",
    "RESOLVING_HOST_IN_PAC_FILE",
    "ESTABLISHING_PROXY_TUNNEL",
    "RESOLVING_HOST",
    "CONNECTING",
    "SSL_HANDSHAKE",
    "SENDING_REQUEST",
    "WAITING_FOR_RESPONSE",
    "READING_RESPONSE",
)
"""``net/base/load_states_list.h``."""

CERT_STATUS_FLAGS: Final[Mapping[str, int]] = {
    "COMMON_NAME_INVALID": 1 << 0,
    "DATE_INVALID": 1 << 1,
    "AUTHORITY_INVALID": 1 << 2,
    "NO_REVOCATION_MECHANISM": 1 << 4,
    "UNABLE_TO_CHECK_REVOCATION": 1 << 5,
    "REVOKED": 1 << 6,
    "INVALID": 1 << 7,
    "WEAK_SIGNATURE_ALGORITHM": 1 << 8,
    "NON_UNIQUE_NAME": 1 << 10,
    "WEAK_KEY": 1 << 11,
    "PINNED_KEY_MISSING": 1 << 13,
    "NAME_CONSTRAINT_VIOLATION": 1 << 14,
    "VALIDITY_TOO_LONG": 1 << 15,
    "IS_EV": 1 << 16,
    "REV_CHECKING_ENABLED": 1 << 17,
    "SHA1_SIGNATURE_PRESENT": 1 << 19,
    "CT_COMPLIANCE_FAILED": 1 << 20,
}
"""``net/cert/cert_status_flags_list.h``."""


CACHE_ERRORS: Final[Mapping[str, int]] = {
    "ERR_CACHE_MISS": -400,
    "ERR_CACHE_READ_FAILURE": -401,
    "ERR_CACHE_WRITE_FAILURE": -402,
    "ERR_CACHE_OPEN_FAILURE": -404,
    "ERR_CACHE_CREATE_FAILURE": -405,
}
"""What the cache says of itself: nobody ever sees these as the failure of a request."""


def constants(*, time_tick_offset_ms: int, capture_mode: str, client_info: Mapping[str, object]) -> dict[str, object]:
    """The object ``constants`` of a log. A tick and ``time_tick_offset_ms`` together are milliseconds since 1970.

    ``client_info`` says what wrote the log: ``name``, ``version``.
    """
    return {
        "logFormatVersion": LOG_FORMAT_VERSION,
        "logCaptureMode": CAPTURE_MODE_NAMES[capture_mode],
        "clientInfo": dict(client_info),
        "timeTickOffset": str(time_tick_offset_ms),
        "logEventTypes": dict(EVENT_NUMBERS),
        "logEventPhase": {f"PHASE_{name.upper()}": number for name, number in PHASES.items()},
        "logSourceType": dict(SOURCE_NUMBERS),
        "netError": {**CODES, **CACHE_ERRORS},
        "loadFlag": {"NORMAL": 0} | {name: 1 << bit for bit, name in enumerate(LOAD_FLAGS)},
        "loadState": {name: number for number, name in enumerate(LOAD_STATES)},
        "addressFamily": {"ADDRESS_FAMILY_UNSPECIFIED": 0, "ADDRESS_FAMILY_IPV4": 1, "ADDRESS_FAMILY_IPV6": 2},
        "certStatusFlag": dict(CERT_STATUS_FLAGS),
        "certVerifierFlags": {"VERIFY_DISABLE_NETWORK_FETCHES": 1},
        "certPathBuilderDigestPolicy": {"kStrong": 0, "kWeakAllowSha1": 1},
        "certificateTrustType": {
            "DISTRUSTED": 0,
            "UNSPECIFIED": 1,
            "TRUSTED_ANCHOR": 2,
            "TRUSTED_ANCHOR_WITH_CONSTRAINTS": 3,
        },
        "quicError": {},
        "quicRstStreamError": {},
        "activeFieldTrialGroups": [],
    }


CAPTURE_MODE_NAMES: Final[Mapping[str, str]] = {
    "default": "Default",
    "includeSensitive": "IncludeSensitive",
    "everything": "Everything",
}
"""Electron's capture modes (FEATURES N2), as a log names them."""
