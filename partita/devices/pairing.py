"""A Bluetooth device wants to be paired: the session's handler is asked, where it was registered (FEATURES F19)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from partita.actors.devices.carriers import PairingRequest, PairingSaid
from partita.actors.kernel.future import Future, resolved
from partita.actors.kernel.raised import failure_of
from partita.devices.requests import BluetoothPairing, PairingResponse

if TYPE_CHECKING:
    from partita.permissions import PermissionDesk


class PairingDesk:
    """Where pairings come by."""

    def __init__(self, permissions: PermissionDesk) -> None:
        self._permissions = permissions
        self._pending: list[tuple[int, Future[PairingSaid]]] = []
        self._lock = threading.Lock()

    def ask(self, request: object) -> Future[PairingSaid]:
        """The handlers port asks. Without a handler, nothing is confirmed. The future never fails."""
        assert isinstance(request, PairingRequest)
        number = self._permissions.state.handlers.get("pairing")
        handler = None if number is None else self._permissions.handler(number)
        if handler is None or number is None:
            return resolved(PairingSaid(confirmed=False))
        page = self._permissions.page_of(request.asker.page)
        told = BluetoothPairing(
            device_id=request.device_id,
            pairing_kind=request.kind,
            frame=None if page is None else page.frame(request.asker.frame),
            pin=request.pin or None,
        )
        answer: Future[PairingSaid] = Future()
        with self._lock:
            self._pending.append((number, answer))

        def on_ran(ran: Future[Any]) -> None:
            error = ran.failure()
            if error is None:
                try:
                    response = response_of(ran.outcome())
                except TypeError as wrong:
                    error = wrong
                else:
                    self._settle(answer, PairingSaid(response.confirmed, response.pin or "", number))
                    return
            self._settle(answer, PairingSaid(confirmed=False, handler=number, failure=failure_of(error)))
            self._permissions.report("pairing", request.kind, request.asker.requesting_origin, error)  # may be an error

        handler.run((told,), on_ran)
        return answer

    def cleared(self) -> None:
        """The handler was taken away: what it was asked is refused."""
        for number, answer in tuple(self._pending):
            self._settle(answer, PairingSaid(confirmed=False, handler=number, failure="the handler was cleared"))

    def _settle(self, answer: Future[PairingSaid], said: PairingSaid) -> None:
        with self._lock:
            self._pending = [(number, other) for number, other in self._pending if other is not answer]
        answer.settle(said)


def response_of(said: object) -> PairingResponse:
    """What a handler has answered, a :class:`PairingResponse` or a mapping. Raises :class:`TypeError` for what is neither."""
    confirmed: object
    pin: object
    if isinstance(said, PairingResponse):
        confirmed, pin = said.confirmed, said.pin
    elif isinstance(said, Mapping):
        confirmed, pin = said.get("confirmed"), said.get("pin")
    else:
        raise TypeError(f"a pairing handler answers a PairingResponse, or a mapping, not {said!r:.200}")
    if not isinstance(confirmed, bool) or not isinstance(pin, str | None):
        raise TypeError("a pairing response has a bool 'confirmed', and a str 'pin' where there is one")
    return PairingResponse(confirmed, pin)
