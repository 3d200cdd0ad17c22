"""Carries out ``AskHandler`` and ``StopAsking``, over the handlers port and the door only."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from partita.actors.kernel.raised import failure_of
from partita.actors.kernel.world import Carriers, Door
from partita.events.permissions import (
    AskHandler,
    ChosenStreams,
    HandlerAnswered,
    PermissionHandlerKind,
    Question,
    StopAsking,
)


class HandlerQuestion(Struct, frozen=True):
    """What the handlers port is asked: the question, and which handler it is for."""

    handler: int
    question: Question


class HandlerAnswer(Struct, frozen=True):
    """What it answers: ``streams`` of a display, when it was asked for these. ``failure``: why it is no answer."""

    granted: bool
    streams: ChosenStreams | None = None
    failure: str = ""


def handler_name(kind: PermissionHandlerKind) -> str:
    """The name under which the handlers port is asked."""
    return f"permissions/{kind}"


async def ask_handler(effect: AskHandler, door: Door) -> HandlerAnswered:
    """Ask; one that raises, is late or is gone has refused (API.md, rule 5). Who runs the handler has reported it."""
    asked = HandlerQuestion(effect.handler, effect.question)
    try:
        said = await door.world.handlers.ask(door.partition, handler_name(effect.kind), asked)
    except Exception as error:  # noqa: BLE001  # whatever the program's own code raises
        return HandlerAnswered(effect.id, granted=False, failure=failure_of(error))
    if not isinstance(said, HandlerAnswer):
        return HandlerAnswered(effect.id, granted=False, failure="the handler is gone")
    return HandlerAnswered(effect.id, said.granted, said.failure, said.streams)


async def stop_asking(effect: StopAsking, door: Door) -> None:
    """What the handlers say now is nobody's business."""
    for effect_id in effect.effect_ids:
        door.stop(effect_id)


CARRIERS: Final[Carriers] = {AskHandler: ask_handler, StopAsking: stop_asking}
