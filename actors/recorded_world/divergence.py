"""What to say when a playback diverges: what was to come, and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.actors.recorded_world.opening import is_call
from partita.actors.replay.divergence import differences
from partita.events.errors import PlaybackDiverged, RecordingIncomplete, SecretErased
from partita.events.exchanges import BeginExchange, NoteRequest
from partita.events.secret import REDACTED, Secret
from partita.events.types import Message, tag_of

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.mailbox import Envelope
    from partita.actors.recorded_world.opening import AnyTurn, Opening
    from partita.events.errors import PlaybackError

MOST_DIFFERENCES = 5


def diverged(
    opening: Opening,
    expected: AnyTurn,
    held: list[tuple[Actor, Envelope]],
    missing: AnyTurn | None,
    *,
    finishing: bool,
) -> tuple[PlaybackError, Message | None]:
    """The error for a playback that stands still before ``expected``, and what was said in its place, if anything was.

    ``held`` are the messages that were held back; ``missing`` is what the application had asked of a device by then.
    """
    if (hole := _hole(expected)) is not None:
        return hole, None
    position = expected.position
    if missing is not None:
        text = (
            f"before position {position} the application had asked a device for {missing.message.operation}"
            f" (noted at position {missing.position}); it does not ask now"
        )
        return PlaybackDiverged(text, position=position), None
    if not held:
        assert finishing
        text = f"the application closes the partition at position {position - 1}; the recording goes on with {_told(expected)}"
        return PlaybackDiverged(text, position=position), None
    actor, envelope = _nearest(expected, held)
    message = envelope[0]
    if isinstance(message, (BeginExchange, NoteRequest)):
        return PlaybackDiverged(_about_request(opening, expected, message), position=position), message
    speaker = "the application" if is_call(envelope[1]) else "the world"
    text = (
        f"at position {position} the recording has {_told(expected)}; {speaker} says {_words(message)} to {actor.name}"
    )
    if type(message) is type(expected.message) and actor.name == expected.actor:
        found = list(differences(expected.message, message))[:MOST_DIFFERENCES]
        parts = [f"{one.path}: {_shown(one.left)} was recorded, {_shown(one.right)} is said" for one in found]
        text = "; ".join([text, *parts])
    return PlaybackDiverged(text, position=position), message


def _nearest(expected: AnyTurn, held: list[tuple[Actor, Envelope]]) -> tuple[Actor, Envelope]:
    """What most likely stands in the place of the one expected."""
    for actor, envelope in held:
        if actor.name == expected.actor and type(envelope[0]) is type(expected.message):
            return actor, envelope
    return held[0]


def _about_request(opening: Opening, expected: AnyTurn, asked: BeginExchange | NoteRequest) -> str:
    """The question that the recording cannot answer, and what it has instead."""
    question = f"the application asks {_words(asked)} before position {expected.position}"
    if not opening.has_exchanges:
        return f'{question}; the recording has no exchanges: only a log of System(record="exchanges") can answer'
    following = next(
        (turn for turn in opening.turns if turn.position >= expected.position and type(turn.message) is type(asked)),
        None,
    )
    if following is None:
        return f"{question}; the recording has no request after position {expected.position - 1}"
    return f"{question}; the recording has {_words(following.message)} instead, at position {following.position}"


def _hole(expected: AnyTurn) -> RecordingIncomplete | None:
    if not any(_has_erased(getattr(expected.message, field)) for field in expected.message.__struct_fields__):
        return None
    text = f"turn {expected.position} ({_words(expected.message)}) holds a value that was cleared, and its key erased"
    return RecordingIncomplete(text, position=expected.position)


def _has_erased(value: Any) -> bool:
    if isinstance(value, Secret):
        return value.erased
    if isinstance(value, (tuple, list)):
        return any(map(_has_erased, value))
    fields = getattr(value, "__struct_fields__", ())
    return any(_has_erased(getattr(value, field)) for field in fields)


def _told(turn: AnyTurn) -> str:
    return f"{_words(turn.message)} to {turn.actor}"


def _words(message: Message) -> str:
    """A message by its name; a request by what is asked."""
    if isinstance(message, (BeginExchange, NoteRequest)):
        body = f" with the body {message.body[:12]}…" if message.body else ""
        return f"{message.method} {message.url}{body}"
    return tag_of(message).rpartition("/")[0]


def _shown(value: object) -> str:
    if isinstance(value, Secret):
        try:
            value.reveal()
        except SecretErased:
            return "(erased)"
        return REDACTED
    text = repr(value)
    return text if len(text) <= 200 else text[:199] + "…"  # noqa: PLR2004  # a line of text
