"""A test's side of the program under test: what it is asked to do, and what came of that."""

from __future__ import annotations

import contextlib
import ctypes.util
import itertools
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from devices.emulated import words
from devices.emulated.bench import Bench
from devices.emulated.program import SIZE
from msgspec import msgpack

from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import DONE, Incoming, OpenOptions, Operation, TransferResult
from partita.events.errors import DeviceError

WRAPPER = shutil.which("umockdev-wrapper")
LIBUSB = ctypes.util.find_library("usb-1.0")
PATIENCE_S = 30.0

needs_umockdev = pytest.mark.skipif(
    (WRAPPER is None or LIBUSB is None) and not os.environ.get("PARTITA_EXPECTS_DEVICES"),
    reason="umockdev, which lets devices be made up, or libusb is not installed (Debian: umockdev, libusb-1.0-0)",
)


class Pending:
    """What was asked and has not been answered yet."""

    def __init__(self, subject: Subject, number: int) -> None:
        self._subject = subject
        self.number = number
        self.answer: queue.SimpleQueue[words.Failed | words.Cancelled | words.Done | None] = queue.SimpleQueue()

    def get(self) -> words.Done:
        """What came of it. Raises what the program raised; :class:`InterruptedError` when it was cancelled."""
        came = self.answer.get(timeout=PATIENCE_S)
        if isinstance(came, words.Failed):
            raise DeviceError(came.failure, came.message)
        if isinstance(came, words.Cancelled):
            raise InterruptedError
        assert came is not None, "the program has ended"
        return came

    def result(self) -> TransferResult:
        return self.get().result or DONE

    def incoming(self) -> Incoming:
        came = self.get().incoming
        assert came is not None
        return came

    def failure(self) -> str:
        """Why it failed; it must have."""
        with pytest.raises(DeviceError) as raised:
            self.get()
        return raised.value.failure

    def cancel(self) -> None:
        self._subject.ask(words.Cancel(self.number)).get()

    @property
    def has_come(self) -> bool:
        return not self.answer.empty()


class Watched:
    def __init__(self, subject: Subject, name: str) -> None:
        self._subject = subject
        self._name = name

    def next(self) -> DeviceChange:
        change = self.next_soon().get().change
        assert change is not None
        return change

    def next_soon(self) -> Pending:
        return self._subject.ask(words.NextChange(self._name))

    def close(self) -> None:
        self._subject.ask(words.Unwatch(self._name)).get()


class Connection:
    def __init__(self, subject: Subject, name: str) -> None:
        self._subject = subject
        self._name = name

    def perform(self, operation: Operation, data: bytes = b"", timeout_s: float | None = 20.0) -> TransferResult:
        return self.begin(operation, data, timeout_s).result()

    def begin(self, operation: Operation, data: bytes = b"", timeout_s: float | None = None) -> Pending:
        return self._subject.ask(words.Perform(self._name, operation, data, timeout_s))

    def receive(self) -> Incoming:
        return self.receive_soon().incoming()

    def receive_soon(self) -> Pending:
        return self._subject.ask(words.Receive(self._name))

    def close(self) -> None:
        self.close_soon().get()

    def close_soon(self) -> Pending:
        return self._subject.ask(words.Close(self._name))


class Subject:
    """The program, begun in a testbed. ``arguments``: as it says itself."""

    def __init__(self, bed: Bench, *arguments: str) -> None:
        assert WRAPPER is not None, "umockdev is not installed, and PARTITA_EXPECTS_DEVICES says that it is"
        program = Path(__file__).with_name("program.py")
        tests = os.fspath(program.parents[2])
        paths = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [WRAPPER, sys.executable, program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "UMOCKDEV_DIR": os.fspath(bed.root), "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"},
        )
        self._names = itertools.count()
        self._pending: dict[int, Pending] = {}
        self._lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def close(self) -> int:
        """End it; its return code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            return self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._listener.join()
            self._process.stdout.close()

    def ask(self, wanted: object) -> Pending:
        assert self._process.stdin is not None
        pending = Pending(self, next(self._names))
        self._pending[pending.number] = pending
        body = msgpack.encode({"number": pending.number, "wanted": wanted})
        with self._lock:
            self._process.stdin.write(SIZE.pack(len(body)) + body)
            self._process.stdin.flush()
        return pending

    def watch(self, kind: DeviceKind) -> Watched:
        name = f"watch {next(self._names)}"
        self.ask(words.Watch(name, kind)).get()
        return Watched(self, name)

    def open(self, kind: DeviceKind, key: str, options: OpenOptions) -> Connection:
        name = f"connection {next(self._names)}"
        self.ask(words.Open(name, kind, key, options)).get()
        return Connection(self, name)

    def shows_life(self) -> None:
        """Wait until it takes requests."""
        self.ask(words.Close("what nobody opened")).get()

    def shut_down(self) -> None:
        self.ask(words.ShutDown()).get()

    def holds(self, *, sockets: bool = True) -> tuple[int, int]:
        """How many threads it has, and descriptors. umockdev leaves a socket open for each of udev's that is closed."""
        process = Path(f"/proc/{self._process.pid}")
        found = []
        for path in (process / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it has been closed in the meantime
                found.append(str(path.readlink()))
        threads = len(list((process / "task").iterdir()))
        return threads, len([name for name in found if sockets or not name.startswith("socket:")])

    def comes_down_to(self, held: tuple[int, int], *, sockets: bool = True) -> bool:
        """Whether it holds no more than that, as soon as the system has cleared away threads that have been joined."""
        until = time.monotonic() + PATIENCE_S
        while any(now > then for now, then in zip(self.holds(sockets=sockets), held, strict=True)):
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while len(head := stream.read(SIZE.size)) == SIZE.size:
            answer = msgpack.decode(stream.read(SIZE.unpack(head)[0]), type=words.Answer)
            self._pending.pop(answer.number).answer.put(answer.came)
        for pending in self._pending.values():
            pending.answer.put(None)
