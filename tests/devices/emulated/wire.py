"""What the preloaded library of umockdev asks whoever plays the kernel, over a socket for each device node.

The program under test opens a node; the library connects to the socket of that name. From then on it sends each ioctl, read and
write as three 64-bit words, and does as it is told until it is told the result: it lets the player see and change the memory of
the program (``umockdev-ioctl-base.vala``, ``remote_emulate`` in ``libumockdev-preload.c``).

    program ──ioctl, read, write──▶   player
            ◀──READ_MEM, WRITE_MEM──
            ◀──RUN── (do it yourself) ──result, errno──▶
            ◀──DONE, result, errno──
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

IOCTL = 1
DONE = 3
RUN = 4
READ_MEM = 5
WRITE_MEM = 6
READ = 7
WRITE = 8

WORDS = struct.Struct("=QQQ")


class Program:
    """One opening of a node, and the memory of the program that did so."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def ask(self) -> tuple[int, int, int] | None:
        """The next request, or None when the node has been closed."""
        words = self._receive(WORDS.size)
        return WORDS.unpack(words) if words else None

    def peek(self, address: int, size: int) -> bytes:
        """Memory of the program."""
        if not size:
            return b""
        self._line.sendall(WORDS.pack(READ_MEM, address, size))
        return self._receive(size)

    def poke(self, address: int, data: bytes) -> None:
        """Change it."""
        if data:
            self._line.sendall(WORDS.pack(WRITE_MEM, address, len(data)))
            self._line.sendall(data)

    def answer(self, result: int, number: int = 0) -> None:
        """The result of what was asked, and its ``errno``."""
        self._line.sendall(WORDS.pack(DONE, result & (1 << 64) - 1, number))

    def run(self) -> int:
        """Have the program do itself what it asked; the result. Raises ``OSError`` as the system has."""
        self._line.sendall(WORDS.pack(RUN, 0, 0))
        _, result, number = WORDS.unpack(self._receive(WORDS.size))
        if result >> 63:
            raise OSError(number, os.strerror(number))
        return int(result)

    def _receive(self, size: int) -> bytes:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            count = self._line.recv_into(view)
            if not count:
                return b""
            view = view[count:]
        return bytes(buffer)


class Node(Protocol):
    """A device node. What it raises as ``OSError`` the program gets as ``errno``."""

    def opened(self, program: Program) -> None: ...
    def closed(self, program: Program) -> None: ...
    def ioctl(self, program: Program, request: int, argument: int) -> int: ...
    def read(self, program: Program, address: int, size: int) -> int: ...
    def write(self, program: Program, data: bytes) -> int: ...


class Player:
    """Plays the kernel for one node: a thread for each time that it is open."""

    def __init__(self, path: Path, node: Node) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._node = node
        self._path = path
        self._threads: list[threading.Thread] = []
        self._lines: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.fspath(path))
        self._listener.listen(16)
        self._start(self._listen)

    def stop_listening(self) -> None:
        """The node cannot be opened any more; who has it open is still heard."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hear nobody any more, and wait until all threads have ended."""
        self.stop_listening()
        for line in [self._listener, *self._lines]:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "each of them only waits for its line"
        for line in [self._listener, *self._lines]:
            line.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._lines.append(line)
            self._start(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        program = Program(line)
        self._node.opened(program)
        try:
            while (asked := program.ask()) is not None:
                try:
                    result, number = self._result(program, *asked), 0
                except OSError as error:
                    result, number = -1, error.errno or errno.EIO
                program.answer(result, number)
        except OSError:
            pass  # the program has ended in the middle of a word
        finally:
            self._node.closed(program)
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _result(self, program: Program, request: int, first: int, second: int) -> int:
        if request == IOCTL:
            return self._node.ioctl(program, first, second)
        if request == READ:
            return self._node.read(program, first, second)
        if request == WRITE:
            return self._node.write(program, program.peek(first, second))
        raise OSError(errno.EINVAL, "no such request")
