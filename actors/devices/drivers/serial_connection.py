"""A serial port that is open: one thread reads, another does what it is asked, in order.

    OS ──▶ reader ──▶ received (at most buffer_size bytes) ──▶ receive()
    perform() ──▶ waiting, urgent ──▶ operator ──▶ OS

Who receives slowly makes the reader stop: what comes then is kept by the system, whose flow control holds back the other side.
What is urgent (signals, throwing away) is done between two pieces of a write that is stuck. The first failure of the reader is
the end of the connection; the operator lets go of the port when both have ended.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import trio

from partita.actors.devices.drivers.serial_failures import operation_failed, unplugged
from partita.actors.devices.drivers.serial_ports import SLICE_S, write_some
from partita.actors.devices.drivers.threads import BackgroundCall, Bell
from partita.actors.kernel.future import Future
from partita.events.device_transfers import (
    DONE,
    DiscardSerial,
    DrainSerial,
    GetSignals,
    Incoming,
    InputSignals,
    Operation,
    SetSignals,
    TransferResult,
    WriteSerial,
)
from partita.events.errors import DeviceError

_DRAIN_POLL_S: Final = 0.01
_DOING: Final[dict[type, str]] = {
    WriteSerial: "take what is written",
    DrainSerial: "say when all has been sent",
    DiscardSerial: "throw away what it holds",
    SetSignals: "set these signals: it has no such lines",
    GetSignals: "say its signals: it has no such lines",
}
_URGENT: Final = (DiscardSerial, SetSignals, GetSignals)


class _Job:
    """An operation, and what comes of it. ``dropped``: nobody wants it done any more."""

    def __init__(self, operation: Operation, data: bytes) -> None:
        self.operation = operation
        self.data = memoryview(data)
        self.dropped = False
        self.outcome: Future[TransferResult] = Future()


class SerialConnection:
    """A :class:`~partita.actors.kernel.device_ports.DeviceConnection` over an open ``serial.Serial``, which is its own now."""

    def __init__(self, key: str, port: Any, buffer_size: int) -> None:
        self._key = key
        self._port = port
        self._buffer_size = max(1, buffer_size)
        self._bell = Bell()
        self._changed = threading.Condition()  # guards what follows
        self._received = bytearray()
        self._waiting: deque[_Job] = deque()
        self._urgent: deque[_Job] = deque()
        self._under_way: _Job | None = None
        self._end: DeviceError | None = None
        self._discards = 0  # of what came in, begun and ended: odd while one is under way
        self._reader = BackgroundCall(f"serial reader {key}", self._read)
        self._operator = BackgroundCall(f"serial operator {key}", self._operate)

    # -- on the loop ----------------------------------------------------------------------------------------------------

    async def perform(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.perform`. A write that is thrown away is done.

        Its ``bytes_written`` says then how much of it the system had taken. A write that is cancelled, or not done in time, may
        have been carried out in part.
        """
        if type(operation) not in _DOING:
            raise DeviceError("unsupported", f"{type(operation).__name__} is nothing for a serial port")
        await trio.lowlevel.checkpoint()
        job = _Job(operation, data)
        with self._changed:
            if self._end is not None:
                raise _again(self._end)
            (self._urgent if isinstance(operation, _URGENT) else self._waiting).append(job)
            self._changed.notify_all()
        self._interrupt_write()
        try:
            with trio.fail_after(float("inf") if timeout_s is None else timeout_s):
                return await job.outcome
        except trio.TooSlowError:
            late = f"{self._key} could not {_DOING[type(operation)]} within {timeout_s:g} s"
            raise DeviceError("timeout", late) from None
        finally:
            job.dropped = True
            job.outcome.when_done(job.outcome.failure)
            self._interrupt_write()

    async def receive(self) -> Incoming:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.receive`. What came before the end is given first."""
        await trio.lowlevel.checkpoint()
        while True:
            with self._changed:
                if self._received:
                    data = bytes(self._received)
                    self._received.clear()
                    self._changed.notify_all()
                    return Incoming(0, data)
                if self._end is not None:
                    raise _again(self._end)
            await self._bell.wait()

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.close`. What was not sent is thrown away."""
        self._finish(DeviceError("gone", f"{self._key} has been closed"))
        with self._changed:
            self._received.clear()
        with trio.CancelScope(shield=True):
            while not self._operator.outcome.done:
                self._interrupt_read()
                self._interrupt_write()
                with trio.move_on_after(SLICE_S):
                    await self._operator.ended()
            await self._operator.ended()
            await self._reader.ended()

    # -- on any thread --------------------------------------------------------------------------------------------------

    def _finish(self, end: DeviceError) -> None:
        with self._changed:
            if self._end is None:
                self._end = end
            self._changed.notify_all()
        self._bell.ring()

    def _interrupt_read(self) -> None:
        with suppress(Exception):  # it may be closed already
            self._port.cancel_read()

    def _interrupt_write(self) -> None:
        """Where a write blocks for longer than a slice (:func:`write_some`), have it come back."""
        if not hasattr(self._port, "fileno"):
            with suppress(Exception):
                self._port.cancel_write()

    # -- the reader -----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            while self._end is None:
                discards = self._discards
                try:
                    self._read_some()
                except Exception:
                    if discards == self._discards and not discards % 2:
                        raise
                    self._port.in_waiting  # noqa: B018  # what pyserial saw coming was thrown away; raises when it is gone
        except Exception as error:  # noqa: BLE001  # pyserial raises what the system gives it, of many kinds
            self._finish(unplugged(self._key, error))

    def _read_some(self) -> None:
        port = self._port
        if room := self._room():
            if self._take(port.read(1)) and room > 1 and (there := port.in_waiting):
                self._take(port.read(min(room - 1, there)))
        else:
            port.in_waiting  # noqa: B018  # raises when it was unplugged

    def _room(self) -> int:
        """How much may be read; 0 when there is no room after having waited for a slice."""
        with self._changed:
            if len(self._received) >= self._buffer_size and self._end is None:
                self._changed.wait(SLICE_S)
            return max(0, self._buffer_size - len(self._received))

    def _take(self, data: bytes) -> bool:
        if data:
            with self._changed:
                self._received += data
            self._bell.ring()
        return bool(data)

    # -- the operator ---------------------------------------------------------------------------------------------------

    def _operate(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._under_way = job
                self._carry_out(job)
                self._under_way = None
        finally:
            self._reader.join()
            with suppress(Exception):
                self._port.reset_output_buffer()  # else closing waits until it is sent
            with suppress(Exception):
                self._port.close()

    def _next(self) -> _Job | None:
        """What is to be done next; None at the end, and then nobody waits any more."""
        with self._changed:
            while self._end is None:
                if self._urgent:
                    return self._urgent.popleft()
                if self._waiting:
                    return self._waiting.popleft()
                self._changed.wait()
            for job in (*self._urgent, *self._waiting):
                job.outcome.set_exception(_again(self._end))
            self._urgent.clear()
            self._waiting.clear()
            return None

    def _carry_out(self, job: _Job) -> None:
        try:
            result = DONE if job.dropped else self._result_of(job)
        except DeviceError as error:
            job.outcome.set_exception(error)
        except Exception as error:  # noqa: BLE001  # see _read
            failure = operation_failed(self._key, _DOING[type(job.operation)], error)
            if failure.failure == "gone":
                self._finish(failure)
            job.outcome.set_exception(failure)
        else:
            job.outcome.set(result)

    def _result_of(self, job: _Job) -> TransferResult:
        port = self._port
        match job.operation:
            case WriteSerial():
                return self._written(job)
            case DrainSerial():
                self._drain(job)
            case DiscardSerial("out"):
                self._drop_writes()
                port.reset_output_buffer()
            case DiscardSerial():
                self._discards += 1
                try:
                    port.reset_input_buffer()
                finally:
                    self._discards += 1
                with self._changed:
                    self._received.clear()
                    self._changed.notify_all()
            case SetSignals() as signals:
                _set_signals(port, signals)
            case GetSignals():
                return TransferResult(signals=InputSignals(port.cd, port.cts, port.ri, port.dsr))
        return DONE

    def _written(self, job: _Job) -> TransferResult:
        written = 0
        while written < len(job.data) and self._goes_on(job):
            written += write_some(self._port, job.data[written:])
        return TransferResult(bytes_written=written)

    def _drain(self, job: _Job) -> None:
        while self._port.out_waiting and self._goes_on(job):
            with self._changed:
                if not self._urgent and self._end is None:
                    self._changed.wait(_DRAIN_POLL_S)
        if not job.dropped:
            self._port.flush()  # what the hardware holds: soon sent, or the driver gives up

    def _goes_on(self, job: _Job) -> bool:
        """Do what is urgent; whether the job is still wanted after that. Raises ``DeviceError`` at the end."""
        while self._end is None and self._urgent:
            self._carry_out(self._urgent.popleft())
        if self._end is not None:
            raise _again(self._end)
        return not job.dropped

    def _drop_writes(self) -> None:
        with self._changed:
            kept = [job for job in self._waiting if not isinstance(job.operation, WriteSerial)]
            dropped = [job for job in self._waiting if isinstance(job.operation, WriteSerial)]
            self._waiting = deque(kept)
        if self._under_way is not None and isinstance(self._under_way.operation, WriteSerial):
            self._under_way.dropped = True
        for job in dropped:
            job.outcome.set(DONE)


def _set_signals(port: Any, signals: SetSignals) -> None:
    setting: tuple[tuple[bool | None, Callable[[bool], None]], ...] = (
        (signals.data_terminal_ready, lambda on: setattr(port, "dtr", on)),
        (signals.request_to_send, lambda on: setattr(port, "rts", on)),
        (signals.break_, lambda on: setattr(port, "break_condition", on)),
    )
    for value, set_to in setting:
        if value is not None:
            set_to(value)


def _again(error: DeviceError) -> DeviceError:
    """One of its own for each who is told."""
    return DeviceError(error.failure, str(error))
