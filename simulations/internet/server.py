"""The host's end of a line: HTTP/1.1 by h11, answered by the same apps as on the simulation kernel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import h11
import trio

from partita.actors.network.http import URL, Request
from partita.simulations.internet.answers import Answer, InterimAnswer
from partita.simulations.internet.deliveries import GARBAGE, Delivery
from partita.simulations.internet.hosts import KEEP_ALIVE_S, Internet

if TYPE_CHECKING:
    from partita.simulations.internet.streams import Line

_READ_BYTES: Final = 65_536


async def serve(internet: Internet, line: Line) -> None:
    """Answer request after request until one of the two hangs up. What an app raises is raised here."""
    connection = line.connection
    http = h11.Connection(h11.SERVER)
    try:
        while (request := await _next_request(http, line)) is not None and not internet.tires(connection):
            internet.answering(connection, str(request.url))
            delivery = await internet.answer(connection, request)
            if not await _said(http, line, delivery, internet.chunk_bytes):
                break
            line.to_client.when_drained(partial(internet.answered, connection))
    finally:
        line.to_client.end()
        internet.hang_up(connection)


async def _next_request(http: h11.Connection, line: Line) -> Request | None:
    """None when the connection has ended, or was idle for too long."""
    with trio.move_on_after(KEEP_ALIVE_S):
        try:
            return await _received(http, line)
        except (OSError, h11.RemoteProtocolError):
            return None
    return None


async def _received(http: h11.Connection, line: Line) -> Request | None:
    head: h11.Request | None = None
    body: list[bytes] = []
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await line.to_host.receive(_READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _request(head, b"".join(body), "https" if line.connection.tls else "http")
        else:
            return None


def _request(head: h11.Request, body: bytes, scheme: str) -> Request:
    host = next(value for name, value in head.headers if name == b"host")  # h11 refuses a request without one
    url = URL(f"{scheme}://{host.decode('ascii')}{head.target.decode('ascii')}")
    return Request(head.method.decode("ascii"), url, headers=head.headers.raw_items(), content=body)


async def _said(http: h11.Connection, line: Line, delivery: Delivery, chunk_bytes: int) -> bool:
    """Send the answer; whether the connection can be used again."""
    try:
        await _send(http, line, delivery, chunk_bytes)
    except trio.BrokenResourceError:
        return False
    if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
        return False
    http.start_next_cycle()
    return True


async def _send(http: h11.Connection, line: Line, delivery: Delivery, chunk_bytes: int) -> None:
    pipe = line.to_client
    if delivery.garbage:
        await pipe.send(GARBAGE)
        return
    answer = delivery.answer
    waiting = b"".join(
        _bytes(http, h11.InformationalResponse(status_code=interim.status, **_fields(interim)))
        for interim in answer.interim
    )
    waiting += _bytes(http, h11.Response(status_code=answer.status, **_fields(answer)))
    pipe.expect(delivery, len(waiting))
    body = answer.body
    for start in range(0, len(body), chunk_bytes):
        piece = bytes(body[start : start + chunk_bytes])
        if start:
            await pipe.send(waiting)
            waiting = b""
        # h11 would not let a server lie about its length
        waiting += piece if delivery.lies else _bytes(http, h11.Data(data=piece))
    if not delivery.lies:
        waiting += _bytes(http, h11.EndOfMessage())
    await pipe.send(waiting)


def _fields(answer: Answer | InterimAnswer) -> dict[str, Any]:
    fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers]
    return {"headers": fields, "reason": answer.reason.encode()}


def _bytes(http: h11.Connection, event: h11.Event) -> bytes:
    data = http.send(event)
    assert data is not None, "only ConnectionClosed has none"
    return data
