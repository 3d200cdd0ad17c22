"""How an answer comes over the line: whole, or with what goes wrong on its way. One place for both levels.

Every fault that could strike an exchange is asked for in it, whether or not another one has struck already: taking one away,
as shrinking does, leaves the numbers of the others as they were.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from msgspec import Struct, structs

from partita.actors.kernel.context import Random
from partita.actors.network.http import Request
from partita.simulations.faults import Faults
from partita.simulations.internet.answers import Answer, HungUp

FAULTS: Final[Mapping[str, float]] = {
    "network.slow": 0.1,  # a stall in the middle of a body
    "network.reset": 0.7,  # at any byte of head or body
    "network.truncated": 0.3,  # closed before all that was announced has come
    "network.silent": 0.03,  # no more bytes ever
    "server.error": 0.1,  # 503, and the app is not asked
    "server.wrong_range": 0.3,  # another range than was asked for; the server says so
    "server.short_range": 0.3,  # fewer bytes than were asked for; the server says so
    "server.ignores_range": 0.3,  # all of it in place of a range
    "server.lies_length": 0.03,  # more or fewer bytes than announced
    "server.garbage": 0.03,  # no HTTP at all
}

SILENCE_S: Final = 7200.0
"""How long a dead connection is waited for by who has no timeout (TCP keep-alive, RFC 1122 4.2.3.6): stalls must end."""

GARBAGE: Final = b"HTTQ/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"

_SHORTEST_STALL_S: Final = 0.5
_STALL_DOUBLINGS: Final = 7
_LONGEST_LIE: Final = 1000
_PARTIAL: Final = 206
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)

_OVERLOADED: Final = Answer(
    503,
    "Service Unavailable",
    (("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "1"), ("Content-Length", "8")),
    memoryview(b"too busy"),
)

Ending = Literal["reset", "closed", "silent"]


class Delivery(Struct, frozen=True):
    """An answer on its way.

    After ``ends_at`` bytes of head and body the connection ends as ``ending`` says; None: it goes on. For ``stall_s``
    nothing comes after ``stall_at`` bytes of the body. ``lies``: Content-Length is not the body's length.
    """

    answer: Answer
    head_bytes: int
    ending: Ending | None = None
    ends_at: int = 0
    stall_at: int = 0
    stall_s: float = 0.0
    lies: bool = False
    garbage: bool = False


async def delivered(request: Request, ask: Callable[[Request], Awaitable[Answer]], faults: Faults) -> Delivery:
    """Have the host answer, and let happen to the answer what happens on the way."""
    failing = faults.strikes("server.error")
    ignoring = faults.strikes("server.ignores_range") if _is_ranged(request) else None
    if failing is not None:
        answer = _OVERLOADED
        if request.method == "HEAD":
            answer = structs.replace(answer, body=memoryview(b""))
    else:
        try:
            answer = await ask(request if ignoring is None else without(request, b"range", b"if-range"))
        except HungUp:
            return Delivery(_OVERLOADED, _head_bytes(_OVERLOADED), "closed")
    return _on_its_way(answer, faults)


def _is_ranged(request: Request) -> bool:
    return any(name.lower() == b"range" for name, _ in request.headers.raw)


def without(request: Request, *names: bytes) -> Request:
    """The same without the header fields of these names (in lower case)."""
    fields = [(name, value) for name, value in request.headers.raw if name.lower() not in names]
    return Request(request.method, request.url, headers=fields, content=request.content)


def _on_its_way(answer: Answer, faults: Faults) -> Delivery:
    if answer.status == _PARTIAL and (random := faults.strikes("server.wrong_range")) is not None:
        answer = _another_range(answer, random)
    if answer.status == _PARTIAL and (random := faults.strikes("server.short_range")) is not None:
        answer = _shorter_range(answer, random)
    size = len(answer.body)
    lying = faults.strikes("server.lies_length") if size and answer.header("content-length") else None
    garbage = faults.strikes("server.garbage")
    slow = faults.strikes("network.slow") if size else None
    striking: tuple[tuple[Ending, Random | None], ...] = (
        ("reset", faults.strikes("network.reset")),
        ("closed", faults.strikes("network.truncated")),
        ("silent", faults.strikes("network.silent")),
    )
    endings: list[tuple[int, Ending]] = []
    if lying is not None:
        answer, short = _lying(answer, lying)
        if short:
            endings.append((_head_bytes(answer) + size, "closed"))
    head_bytes = _head_bytes(answer)
    endings.extend((random.below(head_bytes + size), kind) for kind, random in striking if random is not None)
    ends_at, ending = min(endings) if endings else (0, None)
    return Delivery(
        answer,
        head_bytes,
        ending,
        ends_at,
        stall_at=0 if slow is None else slow.below(size),
        stall_s=0.0 if slow is None else _SHORTEST_STALL_S * 2 ** (_STALL_DOUBLINGS * slow.random()),
        lies=lying is not None,
        garbage=garbage is not None,
    )


def _head_bytes(answer: Answer) -> int:
    """How long status lines and fields are on the wire, those of interim responses included."""
    heads = [(answer.reason, answer.headers), *((interim.reason, interim.headers) for interim in answer.interim)]
    return sum(
        len(f"HTTP/1.1 000 {reason}\r\n\r\n") + sum(len(name) + len(value) + 4 for name, value in headers)
        for reason, headers in heads
    )


def _another_range(answer: Answer, random: Random) -> Answer:
    """The bytes from somewhere behind those that were asked for, and no word of it but the right Content-Range."""
    match = _CONTENT_RANGE.fullmatch(answer.header("content-range"))
    size = len(answer.body)
    if match is None or size < 2:  # noqa: PLR2004  # a single byte has no other range in it
        return answer
    skipped = 1 + random.below(size - 1)
    content_range = f"bytes {int(match[1]) + skipped}-{match[2]}/{match[3]}"
    headers = _replaced(answer.headers, {"content-range": content_range, "content-length": str(size - skipped)})
    return structs.replace(answer, headers=headers, body=answer.body[skipped:])


def _shorter_range(answer: Answer, random: Random) -> Answer:
    """The first of the bytes that were asked for (RFC 9110 15.3.7 lets a server send less)."""
    match = _CONTENT_RANGE.fullmatch(answer.header("content-range"))
    size = len(answer.body)
    if match is None or size < 2:  # noqa: PLR2004  # of a single byte there is no less
        return answer
    kept = 1 + random.below(size - 1)
    content_range = f"bytes {match[1]}-{int(match[1]) + kept - 1}/{match[3]}"
    headers = _replaced(answer.headers, {"content-range": content_range, "content-length": str(kept)})
    return structs.replace(answer, headers=headers, body=answer.body[:kept])


def _lying(answer: Answer, random: Random) -> tuple[Answer, bool]:
    """With a false Content-Length; whether more was announced than will come."""
    size = len(answer.body)
    short = random.below(2) == 0
    announced = size + 1 + random.below(_LONGEST_LIE) if short else random.below(size)
    return structs.replace(answer, headers=_replaced(answer.headers, {"content-length": str(announced)})), short


def _replaced(headers: tuple[tuple[str, str], ...], values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, values.get(name.lower(), value)) for name, value in headers)
