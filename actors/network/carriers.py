"""Carries out ``SendRequest``: the exchange, its body, and the answer to the call."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from partita.actors.kernel.world import Carriers, Door, NetworkRequest
from partita.actors.network.exchange import Answer, Hop, exchange
from partita.actors.network.http import (
    URL,
    ByteStream,
    Headers,
    NetError,
    RedirectRefused,
    Request,
    Response,
    net_error,
)
from partita.actors.network.redirects import Outgoing
from partita.events.network import SendRequest


async def send_request(effect: SendRequest, door: Door) -> None:
    """Answer the call with a response whose body is read, or with the error. A call that is gone is not sent."""
    call = door.call(effect.call_id)
    if call is None:
        return
    asked = Outgoing(
        method=effect.method,
        url=effect.url,
        headers=effect.headers,
        body=call.payload if isinstance(call.payload, bytes) else b"",
        redirect=effect.redirect,
        credentials=effect.credentials,
        timeout_s=effect.timeout_s,
    )
    try:
        response = await _fetched(door, asked)
    except (NetError, RedirectRefused) as error:
        error.request = _request_of(asked)
        call.reject(error)
    except Exception as defect:
        call.reject(defect)
        raise
    except BaseException:  # stopped: the system is closing, or nobody waits any more
        call.reject(NetError("ERR_ABORTED", "the request was stopped", request=_request_of(asked)))
        raise
    else:
        call.resolve(response)


async def _fetched(door: Door, asked: Outgoing) -> Response:
    began = door.world.clock.monotonic()
    answer = await exchange(door, asked)
    try:
        body = b"".join([chunk async for chunk in answer.response.body()])
    finally:
        await answer.response.close()
    response = response_of(answer, body)
    response.elapsed = timedelta(seconds=door.world.clock.monotonic() - began)
    return response


def response_of(answer: Answer, body: bytes) -> Response:
    """The answer in httpx's words, its content decoded. Raises :class:`NetError` for content that cannot be."""
    last = answer.response
    head = Hop(answer.request, last.status, last.reason, last.http_version, last.headers)
    response = _response(head, body)
    response.history = [_response(hop, b"") for hop in answer.hops]
    return response


def _response(hop: Hop, body: bytes) -> Response:
    request = _request(hop.request)
    response = Response(
        hop.status,
        headers=_octets(hop.headers),
        stream=ByteStream(body),
        request=request,
        extensions={
            "http_version": hop.http_version.encode("ascii", "replace"),
            "reason_phrase": hop.reason.encode("ascii", "replace"),
        },
    )
    try:
        response.read()
    except Exception as error:
        raise net_error(error, request) from error
    return response


def _request(request: NetworkRequest) -> Request:
    return Request(request.method, URL(request.url), headers=_octets(request.headers), content=request.body)


def _request_of(asked: Outgoing) -> Request:
    return Request(asked.method, URL(asked.url), headers=_octets(asked.headers), content=asked.body)


def _octets(headers: tuple[tuple[str, str], ...]) -> Headers:
    return Headers([(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers])


CARRIERS: Final[Carriers] = {SendRequest: send_request}
