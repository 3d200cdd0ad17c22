"""What handlers answered about permissions, from a recording.

The application's handler is asked as it was then, for what it says to its session has to be said again. But it is the recorded
answer that counts, when its turn has come: nobody has to press the button once more. A handler that now answers something else
ends the playback; one that fails, or does not answer, does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.actors.devices.carriers import ask_pairing_handler
from partita.actors.permissions.carriers import ask_handler
from partita.actors.recorded_world.source import never
from partita.events.device_connections import AskPairingHandler, PairingAnswered
from partita.events.errors import PlaybackDiverged
from partita.events.permissions import AskHandler, HandlerAnswered

if TYPE_CHECKING:
    from partita.actors.kernel.carrying import EffectDoor
    from partita.actors.recorded_world.opening import AnyTurn
    from partita.actors.recorded_world.partition import PlayedPartition


async def answer_as_recorded(effect: AskHandler, door: EffectDoor, host: PlayedPartition) -> HandlerAnswered:
    """The outcome that the recording has; where it has none, whoever waits is stopped in the end."""
    recorded = host.opening.answer_of(effect.id)

    async def ask() -> None:
        said = await ask_handler(effect, door)
        if recorded is not None and _differ(said, recorded):
            host.fail(
                PlaybackDiverged(
                    f"the handler of {effect.question.permission!r} answers {_shown(said)} now;"
                    f" the recording has {_shown(recorded.message)} at position {recorded.position}",
                    position=recorded.position,
                )
            )

    host.kernel.carry_out(ask, f"the handler of {effect.question.permission!r}")
    if recorded is None:
        await never()
    assert recorded is not None, "only who is stopped comes back from there"
    answer: HandlerAnswered = recorded.message
    return answer


def _differ(said: HandlerAnswered, recorded: AnyTurn) -> bool:
    then: HandlerAnswered = recorded.message
    return not said.failure and not then.failure and said != then


def _shown(answer: HandlerAnswered) -> str:
    return f"{'yes' if answer.granted else 'no'}{f' ({answer.streams})' if answer.streams is not None else ''}"


async def pair_as_recorded(effect: AskPairingHandler, door: EffectDoor, host: PlayedPartition) -> PairingAnswered:
    """The same, for a Bluetooth device that wants to be paired."""
    recorded = host.opening.answer_of(effect.id)

    async def ask() -> None:
        await ask_pairing_handler(effect, door)

    host.kernel.carry_out(ask, "the pairing handler")
    if recorded is None:
        await never()
    assert recorded is not None, "only who is stopped comes back from there"
    answer: PairingAnswered = recorded.message
    return answer
