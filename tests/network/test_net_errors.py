from __future__ import annotations

import copy
import errno
import pickle
import socket
import ssl

import httpx
import pytest

from partita.actors.network.http import NetError, RedirectRefused, net_error
from partita.actors.network.net_errors import CODES
from partita.events.errors import PartitaError


def caused_by(cause: BaseException, kind: type[httpx.TransportError] = httpx.ConnectError) -> NetError:
    outer = kind("it failed")
    outer.__cause__ = cause
    return net_error(outer)


@pytest.mark.parametrize(
    ("cause", "name"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "no"), "ERR_CONNECTION_REFUSED"),
        (ConnectionResetError(errno.ECONNRESET, "no"), "ERR_CONNECTION_RESET"),
        (BrokenPipeError(errno.EPIPE, "no"), "ERR_CONNECTION_RESET"),
        (OSError(errno.EHOSTUNREACH, "no"), "ERR_ADDRESS_UNREACHABLE"),
        (OSError(errno.EMFILE, "no"), "ERR_INSUFFICIENT_RESOURCES"),
        (socket.gaierror(-2, "no such name"), "ERR_NAME_NOT_RESOLVED"),
        (ssl.SSLError(1, "no"), "ERR_SSL_PROTOCOL_ERROR"),
        (ExceptionGroup("all attempts", [ConnectionRefusedError(errno.ECONNREFUSED, "")]), "ERR_CONNECTION_REFUSED"),
        (ValueError("what?"), "ERR_CONNECTION_FAILED"),
    ],
)
def test_the_cause_that_the_system_gave_names_the_error(cause: BaseException, name: str) -> None:
    assert caused_by(cause).name == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (10, "ERR_CERT_DATE_INVALID"),
        (18, "ERR_CERT_AUTHORITY_INVALID"),
        (20, "ERR_CERT_AUTHORITY_INVALID"),
        (62, "ERR_CERT_COMMON_NAME_INVALID"),
        (23, "ERR_CERT_REVOKED"),
        (7, "ERR_CERT_INVALID"),
    ],
)
def test_the_verdict_on_a_certificate_has_chromiums_name(code: int, name: str) -> None:
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_code = code
    assert caused_by(refused).name == name


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (httpx.ConnectTimeout("t"), "ERR_TIMED_OUT"),
        (httpx.ReadTimeout("t"), "ERR_TIMED_OUT"),
        (httpx.PoolTimeout("t"), "ERR_INSUFFICIENT_RESOURCES"),
        (httpx.UnsupportedProtocol("u"), "ERR_UNKNOWN_URL_SCHEME"),
        (httpx.LocalProtocolError("l"), "ERR_INVALID_ARGUMENT"),
        (httpx.DecodingError("d"), "ERR_CONTENT_DECODING_FAILED"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "ERR_EMPTY_RESPONSE"),
        (httpx.RemoteProtocolError("illegal status line"), "ERR_INVALID_HTTP_RESPONSE"),
        (httpx.InvalidURL("u"), "ERR_INVALID_URL"),
        (RuntimeError("a defect"), "ERR_FAILED"),
    ],
)
def test_an_error_of_httpx_has_chromiums_name(error: Exception, name: str) -> None:
    assert net_error(error).name == name


def test_a_net_error_is_what_the_api_promises() -> None:
    failed = NetError("ERR_CONNECTION_REFUSED", "nobody listens on port 1")
    assert str(failed) == "net::ERR_CONNECTION_REFUSED"
    assert failed.code == -102
    assert failed.__notes__ == ["nobody listens on port 1"]
    assert isinstance(failed, (PartitaError,))
    assert isinstance(failed, httpx.TransportError)
    assert isinstance(RedirectRefused(), httpx.RequestError)


def test_a_net_error_is_copied_and_pickled_whole() -> None:
    failed = NetError("ERR_TIMED_OUT", "after 3 s")
    for twin in (copy.copy(failed), pickle.loads(pickle.dumps(failed))):
        assert (str(twin), twin.code, twin.detail) == (str(failed), failed.code, failed.detail)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ERR_TIMED_OUT", httpx.ReadTimeout),
        ("ERR_CONNECTION_TIMED_OUT", httpx.ConnectTimeout),
        ("ERR_CONNECTION_REFUSED", httpx.ConnectError),
        ("ERR_NAME_NOT_RESOLVED", httpx.ConnectError),
        ("ERR_CERT_AUTHORITY_INVALID", httpx.ConnectError),
        ("ERR_CONNECTION_RESET", httpx.ReadError),
        ("ERR_EMPTY_RESPONSE", httpx.RemoteProtocolError),
        ("ERR_CONTENT_DECODING_FAILED", httpx.DecodingError),
        ("ERR_UNKNOWN_URL_SCHEME", httpx.UnsupportedProtocol),
        ("ERR_TOO_MANY_REDIRECTS", httpx.TooManyRedirects),
        ("ERR_ABORTED", httpx.TransportError),
    ],
)
def test_a_net_error_is_of_the_class_that_httpxs_programs_look_for(name: str, kind: type[Exception]) -> None:
    for failed in (NetError(name), pickle.loads(pickle.dumps(NetError(name)))):
        assert isinstance(failed, kind)
        assert isinstance(failed, NetError)
        assert failed.name == name


def test_a_net_error_stays_itself() -> None:
    failed = NetError("ERR_ABORTED")
    assert net_error(failed) is failed


def test_every_code_is_a_number_of_its_own() -> None:
    assert len(set(CODES.values())) == len(CODES)
    assert all(name.startswith("ERR_") and code < 0 for name, code in CODES.items())
