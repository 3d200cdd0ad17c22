"""Carries out ``SendRequest``: the exchange, its body, and the answer to the call.

The loop that all exchanges share gathers bytes and no more: what costs time for large bodies, undoing their codings, is done
where they are read (:mod:`partita.actors.network.responses`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from partita.actors.kernel.prompt import Prompt
from partita.actors.kernel.world import Call, Carriers, Door, NetworkRequest, NetworkResponse, Upload
from partita.actors.network.exchange import Answer, Hop, exchange
from partita.actors.network.http import AsyncByteStream, NetError, RedirectRefused
from partita.actors.network.pipe import PipedUpload, PipeStream, PipeWriter, pipe
from partita.actors.network.redirects import Outgoing
from partita.actors.network.responses import NULL_BODY_STATUSES, SessionResponse, request_of
from partita.actors.pages.hinting import read_document
from partita.actors.pages.hints import hints_of_document
from partita.events.network import SendRequest


async def send_request(effect: SendRequest, door: Door) -> None:
    """Answer the call with a response, or with the error. A call that is gone is not sent.

    Its body has been read, or, when it is ``streamed``, comes by a pipe for as long as somebody reads it.
    """
    answer = await _answered(effect, door)
    if answer is None:
        return
    response, writer = answer
    try:
        await writer.fill(response.body())
    finally:
        await response.close()


async def _answered(effect: SendRequest, door: Door) -> tuple[NetworkResponse, PipeWriter] | None:
    """Answer the call; what is left to do is to fill the pipe.

    No trace of the call, or of its answer, is kept: one that its reader forgets is given up, and the connection with it.
    """
    call = door.call(effect.call_id)
    if call is None:
        return None
    body = call.payload
    assert isinstance(body, bytes | PipedUpload), "a request's body is bytes, or comes by a pipe"
    asked = _outgoing(effect, body)
    try:
        return await _fetched(door, asked, call, streamed=effect.streamed)
    except (NetError, RedirectRefused) as error:
        call.reject(_told(error, asked))
    except Exception as defect:
        call.reject(defect)
        raise
    except BaseException:  # stopped: the system is closing, or nobody waits any more
        call.abandon(_told(NetError("ERR_ABORTED", "the request was stopped"), asked))
        raise
    finally:
        if isinstance(body, PipedUpload):
            body.close()
    return None


def _outgoing(effect: SendRequest, body: bytes | Upload) -> Outgoing:
    return Outgoing(
        method=effect.method,
        url=effect.url,
        headers=effect.headers,
        body=body,
        redirect=effect.redirect,
        credentials=effect.credentials,
        timeout_s=effect.timeout_s,
        cache=effect.cache,
        bypass_custom_protocol_handlers=effect.bypass_custom_protocol_handlers,
        resource_type=effect.resource_type,
        initiator=effect.initiator,
    )


def _told(error: NetError | RedirectRefused, asked: Outgoing) -> Exception:
    """The error with its request; or what the program's own code raised while it made the body."""
    if isinstance(asked.body, PipedUpload) and asked.body.failure is not None:
        return asked.body.failure
    error.request = request_of(NetworkRequest(asked.method, asked.url, asked.headers, asked.body))
    return error


async def _fetched(
    door: Door, asked: Outgoing, call: Call, *, streamed: bool
) -> tuple[NetworkResponse, PipeWriter] | None:
    monotonic = door.world.clock.monotonic
    began = monotonic()
    answer = await exchange(door, asked)
    last = answer.response
    body = _body_at_hand(answer)
    if body is None and streamed:
        await door.before_waiting()
        writer, reader = pipe(call.stop)
        response = response_of(answer, PipeStream(reader))
        response.elapsed = timedelta(seconds=monotonic() - began)
        call.resolve(response)
        return last, writer
    hints = hints_of_document(asked.initiator, asked.resource_type, answer.request.url, last.headers)
    try:
        if hints is not None or body is None:
            await door.before_waiting()
        if hints is not None:
            body = await read_document(door, hints, last.body(), body)
        elif body is None:
            body = b"".join([chunk async for chunk in last.body()])
    finally:
        await last.close()
    response = response_of(answer, body)
    response.elapsed = timedelta(seconds=monotonic() - began)
    call.resolve(response if streamed else response.as_read())
    return None


def _body_at_hand(answer: Answer) -> bytes | None:
    """The body, when nobody has to wait for it: there is none, or it came whole with the head."""
    if answer.request.method == "HEAD" or answer.response.status in NULL_BODY_STATUSES:
        return b""
    return answer.response.whole_body


def response_of(answer: Answer, body: bytes | AsyncByteStream) -> SessionResponse:
    """The answer in httpx's words, with the redirects that led to it."""
    last = answer.response
    return SessionResponse(
        answer.request,
        last,
        body,
        interim=last.interim,
        remote_address=last.remote_address,
        from_cache=answer.from_cache,
        history=[_response_of_hop(hop) for hop in answer.hops],
    )


def _response_of_hop(hop: Hop) -> SessionResponse:
    return SessionResponse(hop.request, hop, b"").as_read()


CARRIERS: Final[Carriers] = {SendRequest: Prompt(send_request)}
