"""One direction of a line between a client and a host, under trio in virtual time."""

from __future__ import annotations

import errno
import math
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from partita.simulations.internet.deliveries import SILENCE_S, Delivery, Ending

WINDOW_BYTES: Final = 256 * 1024
"""How much may be on its way in one direction before its sender is held back."""

_FAILURES: Final = {
    "ERR_NAME_NOT_RESOLVED": (socket.gaierror, socket.EAI_NONAME, "name or service not known"),
    "ERR_CONNECTION_REFUSED": (OSError, errno.ECONNREFUSED, "connection refused"),
    "ERR_CONNECTION_TIMED_OUT": (OSError, errno.ETIMEDOUT, "connection timed out"),
    "ERR_CONNECTION_RESET": (OSError, errno.ECONNRESET, "connection reset by peer"),
}


def os_error(name: str) -> OSError:
    """What the operating system raises where Chromium says ``name``."""
    kind, number, text = _FAILURES[name]
    return kind(number, text)


class Pipe:
    """One direction of a line.

    No task carries it: what is sent is put down with the moment at which it arrives (latency, bandwidth, stalls), and its
    receiver sleeps until then.
    """

    def __init__(self, latency_s: float, bandwidth: float) -> None:
        self._latency_s = latency_s
        self._bandwidth = bandwidth
        self._arriving: deque[tuple[float, bytes | OSError | None]] = deque()
        self._under_way = 0
        self._free_at = 0.0
        self._news = trio.Event()
        self._room = trio.Event()
        self._sent = 0
        self._break: tuple[int, Ending] | None = None
        self._stall: tuple[int, float] | None = None
        self._on_drained: Callable[[], object] = bool
        self.ended = False

    # -- its sender -----------------------------------------------------------------------------------------------------

    def expect(self, delivery: Delivery, head_bytes: int) -> None:
        """What happens to the bytes that are sent from here on: ``head_bytes`` of a head, then its body."""
        if delivery.ending is not None:
            self._break = (self._sent + delivery.ends_at, delivery.ending)
        if delivery.stall_s:
            self._stall = (self._sent + head_bytes + delivery.stall_at, delivery.stall_s)

    async def send(self, data: bytes) -> None:
        """Put it on the line. Raises ``BrokenResourceError`` when the line breaks with it, or is broken."""
        while self._under_way >= WINDOW_BYTES and not self.ended:
            self._room = trio.Event()
            await self._room.wait()
        if self.ended:
            raise trio.BrokenResourceError("the line is broken")
        if self._stall is not None and self._sent <= self._stall[0] < self._sent + len(data):
            at = self._stall[0] - self._sent
            seconds, self._stall = self._stall[1], None
            self._put(data[:at])
            data = data[at:]
            self._free_at = max(self._free_at, trio.current_time()) + seconds
        if self._break is not None and self._sent + len(data) > self._break[0]:
            at, ending = self._break
            self._put(data[: at - self._sent])
            await self._end_as(ending)
            raise trio.BrokenResourceError("the line broke")
        self._put(data)

    async def _end_as(self, ending: Ending) -> None:
        if ending == "silent":
            with trio.move_on_after(SILENCE_S):
                while not self.ended:  # the client may hang up before
                    self._room = trio.Event()
                    await self._room.wait()
            self.end(os_error("ERR_CONNECTION_TIMED_OUT"))
        else:
            self.end(os_error("ERR_CONNECTION_RESET") if ending == "reset" else None)

    def when_drained(self, call: Callable[[], object]) -> None:
        """Call it once all that was sent has been read."""
        if self._under_way:
            self._on_drained = call
        else:
            call()

    def end(self, error: OSError | None = None) -> None:
        """The last thing that comes: an orderly end, or an error."""
        if not self.ended:
            self._put(error)
            self.ended = True
            self._room.set()

    def break_off(self, error: OSError) -> None:
        """At once, and what is under way is lost."""
        self._arriving.clear()
        self._under_way = 0
        self._free_at = 0.0
        self.ended = False
        self.end(error)

    def _put(self, item: bytes | OSError | None) -> None:
        if item == b"":
            return
        size = len(item) if isinstance(item, bytes) else 0
        self._free_at = max(self._free_at, trio.current_time()) + size / self._bandwidth
        self._sent += size
        self._under_way += size
        self._arriving.append((self._free_at + self._latency_s, item))
        self._news.set()

    # -- its receiver ---------------------------------------------------------------------------------------------------

    async def receive(self, max_bytes: int) -> bytes:
        """What has arrived, ``b""`` at the end. Raises :class:`OSError`."""
        while not self.readable():
            self._news = trio.Event()
            until = self._arriving[0][0] if self._arriving else math.inf
            with trio.move_on_at(until):
                await self._news.wait()
        arrived, item = self._arriving[0]
        if isinstance(item, OSError):
            raise item
        if item is None:
            return b""
        self._arriving.popleft()
        if len(item) > max_bytes:
            self._arriving.appendleft((arrived, item[max_bytes:]))
            item = item[:max_bytes]
        self._under_way -= len(item)
        self._room.set()
        if not self._under_way:
            call, self._on_drained = self._on_drained, bool
            call()
        return item

    def readable(self) -> bool:
        """Whether something, or the end, has arrived."""
        return bool(self._arriving) and self._arriving[0][0] <= trio.current_time()
