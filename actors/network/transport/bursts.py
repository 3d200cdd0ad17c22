"""A socket in the hands of a thread, which takes the rest of a sized body from it while data flows fast.

The socket stays one that blocks nobody. The thread waits for some milliseconds at a time and looks whether it is to stop:
so nobody has to wake it, which for TLS could not be done (``SSLSocket.shutdown`` would have it read what is still encrypted).
"""

from __future__ import annotations

import select
import socket
import ssl
import sys
from typing import Final

DRY_MS: Final = 10
"""Nothing has come for so long: it is the loop that waits on."""


class SocketSource:
    """See :class:`~partita.actors.kernel.file_ports.BodySource`. Other attributes are for the loop, once the thread has ended.

    ``left_bytes`` of the body have not been taken. ``ended``: the server has closed its side. ``error``: what the socket
    failed with; it is kept here, so that what the thread raises is never the network's. ``is_closing``: it is to be closed.
    """

    def __init__(self, lent: socket.socket, left_bytes: int) -> None:
        self.left_bytes = left_bytes
        self.ended = False
        self.error: OSError | None = None
        self.is_closing = False
        self._socket = lent
        self._stopped = False

    def receive_into(self, buffer: memoryview) -> int:
        """See :class:`~partita.actors.kernel.file_ports.BodySource`. What lies behind the body is left where it is."""
        buffer = buffer[: self.left_bytes]
        filled = 0
        while filled < len(buffer) and not self._stopped:
            try:
                size = self._socket.recv_into(buffer[filled:])
            except (BlockingIOError, ssl.SSLWantReadError):
                if filled or not self._wait():
                    break
            except OSError as error:
                self.error = error
                break
            else:
                if not size:
                    self.ended = True
                    break
                filled += size
        self.left_bytes -= filled
        return filled

    def stop(self) -> None:
        """See :class:`~partita.actors.kernel.file_ports.BodySource`."""
        self._stopped = True

    def _wait(self) -> bool:
        if sys.platform == "win32":
            return bool(select.select([self._socket], [], [], DRY_MS / 1000)[0])
        poll = select.poll()  # unlike select, it takes any descriptor
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(DRY_MS))
