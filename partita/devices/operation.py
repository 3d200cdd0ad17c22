"""What is done with an open device, as a future: the web's result, or the web's exception."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from partita.actors.kernel.future import Future
from partita.devices.errors import error_of
from partita.events.device_facts import DeviceKind
from partita.events.device_transfers import TransferResult
from partita.events.errors import AbortError, DeviceError

if TYPE_CHECKING:
    from partita.actors.kernel.carrying import Carrying

T = TypeVar("T")


class OperationFuture(Future[T]):
    """The result of one operation.

    :meth:`cancel` gives it up, and so does a task that is cancelled while it awaits: a transfer that waits for data is
    stopped then. ``get(timeout)`` does not: one may ask again.
    """

    __slots__ = ("_carrying", "_kind", "_make", "_number")

    def __init__(self, carrying: Carrying, number: int, kind: DeviceKind, make: Callable[[TransferResult], T]) -> None:
        """``number``: of the call that it is the answer to; ``make``: what its result is, of the port's."""
        super().__init__()
        self._carrying = carrying
        self._number = number
        self._kind: DeviceKind = kind
        self._make = make

    def set(self, value: Any = None) -> None:
        """The port's result."""
        try:
            made = self._make(value)
        except Exception as error:  # noqa: BLE001  # whatever it is, whoever asked is told
            super().set_exception(error)
        else:
            super().set(made)

    def set_exception(self, exc_info: Any = None) -> None:
        """Why there is none."""
        if isinstance(exc_info, DeviceError):
            exc_info = error_of(exc_info.failure, str(exc_info), self._kind)
        super().set_exception(exc_info)

    def cancel(self) -> None:
        """Give it up: it fails with :class:`AbortError`. Nothing happens when it is done. What has reached the device is done."""
        if not self.done:
            error = AbortError("the operation was cancelled by the program")
            self._carrying.abandon_call(self._number, error)

    def __await__(self) -> Generator[Any, None, T]:
        try:
            return (yield from super().__await__())
        except BaseException:
            self.cancel()
            raise
