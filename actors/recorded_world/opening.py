"""What a log has recorded, opening by opening.

An opening goes from its ``system.recover`` turn to the turn before the next one: one run of an application, or one of several
times that it opened the partition.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeGuard

from msgspec import Struct

from partita.events.device_connections import PairingAnswered
from partita.events.downloads import ChooseTarget
from partita.events.errors import LogDamaged, RecordingIncomplete, SecretErased
from partita.events.exchanges import BeginExchange, NoteBody, NoteContinuation, NoteRequest, Word
from partita.events.pages import OpenPage
from partita.events.permissions import HandlerAnswered
from partita.events.system import Recover, ShutDown
from partita.events.turn import Cause, External, Turn
from partita.events.types import Message
from partita.store.partition import PartitionStore

AnyTurn = Turn[Any, Any, Any]


class Stretch(Struct, frozen=True):
    """Where an opening lies in the log, and the number that it had."""

    first: int
    last: int
    epoch: int


def openings(store: PartitionStore) -> tuple[Stretch, ...]:
    """All openings that the log has whole, oldest first. What a fork has from its parent is the parent's."""
    since = store.first_position if store.parent is None else max(store.first_position, store.parent.position + 1)
    found = [
        (turn.position, turn.message.epoch)
        for turn in store.turns(store.first_position, None, "session")
        if turn.position >= since and isinstance(turn.message, Recover)
    ]
    ends = [position - 1 for position, _ in found[1:]] + [store.position]
    return tuple(Stretch(first, last, epoch) for (first, epoch), last in zip(found, ends, strict=True))


class Opening:
    """The turns of one opening, and what can be asked of them."""

    def __init__(self, store: PartitionStore, stretch: Stretch) -> None:
        self.store = store
        self.first, self.last, self.epoch = stretch.first, stretch.last, stretch.epoch
        self.turns: tuple[AnyTurn, ...] = tuple(store.turns(self.first, self.last))
        self._of_type: dict[tuple[str, type[Message]], list[AnyTurn]] = defaultdict(list)
        self._of_call: dict[int, list[AnyTurn]] = defaultdict(list)
        self._words: dict[str, list[AnyTurn]] = defaultdict(list)
        self._by_effect: dict[str, str] = {}
        self._chosen: dict[str, list[ChooseTarget]] = defaultdict(list)
        self._answers: dict[str, AnyTurn] = {}
        self._answered: dict[int, list[str]] = defaultdict(list)
        for turn in self.turns:
            self._of_type[turn.actor, type(turn.message)].append(turn)
            if is_call(turn.cause):
                self._of_call[turn.cause.call_id].append(turn)
            if isinstance(turn.message, Word):
                self._words[turn.message.exchange].append(turn)
                if isinstance(turn.message, NoteContinuation):
                    self._answered[turn.message.answered_at].append(turn.message.exchange)
            elif isinstance(turn.message, BeginExchange) and turn.message.effect_id and turn.events:
                self._by_effect[turn.message.effect_id] = turn.events[0].exchange
            elif isinstance(turn.message, ChooseTarget):
                self._chosen[turn.message.effect_id].append(turn.message)
            elif isinstance(turn.message, HandlerAnswered | PairingAnswered):
                self._answers[turn.message.effect_id] = turn

    @property
    def has_exchanges(self) -> bool:
        """Whether any exchange with a server was recorded."""
        return bool(self._of_type.get(("session", BeginExchange)))

    @property
    def last_word(self) -> int:
        """The last position before what the closing of the partition itself led to."""
        for turn in self.turns:
            if isinstance(turn.message, ShutDown):
                return turn.position - 1
        return self.last

    def at(self, position: int) -> AnyTurn | None:
        """The turn of a position; None beyond the end."""
        return self.turns[position - self.first] if self.first <= position <= self.last else None

    def alike(self, actor: str, kind: type[Message], after: int) -> Iterator[AnyTurn]:
        """The turns beyond a position in which that actor took a message of that type."""
        return (turn for turn in self._of_type.get((actor, kind), ()) if turn.position > after)

    def of_call(self, call_id: int) -> list[AnyTurn]:
        """The turns that a call of the application led to, by its number."""
        return self._of_call.get(call_id, [])

    def words(self, exchange: str) -> list[AnyTurn]:
        """The words of an exchange, in order."""
        return self._words.get(exchange, [])

    def last_word_of(self, effect_id: str) -> int:
        """The position of the last word that what carried out this effect said; 0 when it said none."""
        words = self.words(self._by_effect.get(effect_id, ""))
        return words[-1].position if words else 0

    def answer_of(self, effect_id: str) -> AnyTurn | None:
        """The turn in which a handler's answer came; None when none did."""
        return self._answers.get(effect_id)

    def waits(self, exchange: str, position: int) -> bool:
        """Whether what the exchange says next, beyond a position, is that it has waited for the very next turn.

        It may have begun to wait before: the turns in between have not answered it.
        """
        words = self.words(exchange)
        index = bisect_right(words, position, key=lambda turn: turn.position)
        message = words[index].message if index < len(words) else None
        return isinstance(message, NoteContinuation) and message.answered_at in (position + 1, 0)  # 0: nobody knows

    def answered_at(self, position: int) -> list[str]:
        """The exchanges that waited for something, and that this turn answered."""
        return self._answered.get(position, [])

    def choices(self, effect_id: str) -> list[ChooseTarget]:
        """The names that this effect chose for its file, in order: each but the last was another program's in the end."""
        return self._chosen.get(effect_id, [])

    def content(self, digest: str, position: int) -> bytes:
        """A body. Raises :class:`RecordingIncomplete` when it is gone."""
        if not digest:
            return b""
        try:
            content = self.store.blob(bytes.fromhex(digest))
        except SecretErased as error:
            raise RecordingIncomplete(f"at position {position}: {error}", position=position) from error
        except LogDamaged as error:
            raise RecordingIncomplete(
                f"the body noted at position {position} is damaged: {error}", position=position
            ) from error
        if content is None:
            raise RecordingIncomplete(
                f"the body noted at position {position} is not in the recording: the blob {digest} is missing",
                position=position,
            )
        return content


def is_same(recorded: Message, said: Message) -> bool:
    """Whether a message is the one that was recorded.

    A request is known by its method, its URL and its body: what differs in its header fields is a difference, but no other
    request.
    """
    if isinstance(recorded, NoteRequest) and isinstance(said, NoteRequest):
        return (recorded.exchange, recorded.method, recorded.url, recorded.body) == (
            said.exchange,
            said.method,
            said.url,
            said.body,
        )
    if isinstance(recorded, NoteContinuation) and isinstance(said, NoteContinuation):
        return recorded.exchange == said.exchange  # what answered it has been seen to
    if isinstance(recorded, OpenPage) and isinstance(said, OpenPage):
        return recorded.url == said.url  # threads may have been numbered in another order
    return recorded == said


def chunks_of(body: NoteBody, content: bytes) -> list[bytes]:
    """A piece of a body as it came."""
    ends, at = [], 0
    for size in body.sizes:
        ends.append((at, at + size))
        at += size
    return [content[start:end] for start, end in ends]


def is_call(cause: Cause) -> TypeGuard[External]:
    """Whether the application itself said it."""
    return isinstance(cause, External) and cause.kind == "api"
