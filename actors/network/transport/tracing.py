"""What a net log is told of a request on the wire, in Chromium's words. What of it is kept is the net log's to say."""

from __future__ import annotations

from collections.abc import Mapping

from partita.actors.kernel.world import NetworkRequest, Trace
from partita.actors.network.transport.http1 import Head


def request_headers(head: bytes) -> Mapping[str, object]:
    """The request line and the fields."""
    line, _, fields = head.decode("latin-1").rstrip("\r\n").partition("\r\n")
    return {"line": line + "\r\n", "headers": fields.split("\r\n")}


def request_body(request: NetworkRequest, *, merged: bool) -> Mapping[str, object]:
    """How long the body is that goes out; ``merged``: in one piece with the head."""
    body = request.body
    size = len(body) if isinstance(body, bytes) else body.size_bytes
    return {"length": size or 0, "is_chunked": size is None, "did_merge": merged}


def response_headers(head: Head) -> Mapping[str, object]:
    """The status line and the fields."""
    fields = [f"{name}: {value}" for name, value in head.headers]
    return {"headers": [f"{head.http_version} {head.status} {head.reason}".rstrip(), *fields]}


def octets(trace: Trace, data: bytes | memoryview) -> Mapping[str, object]:
    """How many bytes went over a socket, and which, if the net log wants to know."""
    if trace.octets:
        return {"byte_count": len(data), "bytes": bytes(data)}
    return {"byte_count": len(data)}
