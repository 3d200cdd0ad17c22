"""The unit of the log: one message handled by one actor."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

MessageT = TypeVar("MessageT")
EventT = TypeVar("EventT")
EffectT = TypeVar("EffectT")


class External(Struct, frozen=True, array_like=True, gc=False, tag="external"):
    """Where a chain of causes begins: outside.

    ``kind``: ``"api"`` (a call), ``"network"``, ``"device"``, ``"timer"``, ``"system"``. ``call_id`` numbers the calls of a
    process, so that the turns of one call can be found again.
    """

    kind: str
    call_id: int = 0


Cause = int | External
"""The position of the nearest recorded turn that led here, or the outside."""


class Turn(Struct, Generic[MessageT, EventT, EffectT], frozen=True, array_like=True, gc=False):
    """One message handled by one actor, as the log keeps it.

    ``position`` counts a partition's recorded turns from 1, without a gap; ``time`` is in integer microseconds since 1970
    and never goes backwards; ``actor`` is the name that survives restarts (``session``, ``download/<id>``).
    """

    position: int
    time: int
    actor: str
    cause: Cause
    message: MessageT
    events: tuple[EventT, ...] = ()
    effects: tuple[EffectT, ...] = ()
