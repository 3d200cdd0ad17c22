"""A stretch of a log as a text of its own: the states before, the turns, and what today's code makes of them.

A text is lines of JSON: what it is of; then a line for each actor (its name, state and effects in flight); then a line for each
turn, as the log has it: ``[position, time, actor, cause, message, events, effects]``. A secret is ``{"secret": text}``, bytes are
``{"bytes": hexadecimal}``, a mapping is ``{"map": [[key, value], ...]}``. Old versions of a type are read as a log's are.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple, Self, cast

from msgspec.msgpack import Decoder, Encoder, Ext

from partita.actors.kernel.context import Context
from partita.actors.kernel.fold import Behaviors, Fold, Image, Rules, fold, kind_of, pending_after
from partita.actors.kernel.turning import decide_turn
from partita.actors.replay.moment import Moment
from partita.actors.replay.query import Query
from partita.actors.replay.redecide import Divergence, judge
from partita.events.errors import InvalidPosition
from partita.events.secret import Secret
from partita.events.turn import Turn
from partita.events.types import AwaitedEffect
from partita.store.codec import SECRET_CODE, Codec
from partita.store.partition import PartitionStore

AnyTurn = Turn[Any, Any, Any]

FORMAT: Final = 1
_loosely: Final = Decoder().decode
_packed: Final = Encoder().encode


class Before(NamedTuple):
    """An actor before the first turn of a stretch."""

    name: str
    image: Image


class Stretch:
    """Some turns in a row, and the states before them. Made by :meth:`of` from a log, by :meth:`parse` from a text."""

    def __init__(
        self, partition: str, seed: bytes, before: tuple[Before, ...], turns: tuple[AnyTurn, ...], behaviors: Behaviors
    ) -> None:
        self.partition = partition
        self.seed = seed
        self.before = before
        self.turns = turns
        self._behaviors = behaviors
        self._verdicts: dict[int, Divergence | str | None] | None = None

    @classmethod
    def of(cls, store: PartitionStore, behaviors: Behaviors, first: int, last: int) -> Self:
        """The turns ``first`` to ``last`` of a log. Raises :class:`InvalidPosition`."""
        if not store.first_position <= first <= last <= store.position:
            raise InvalidPosition(
                f"{store.name}: no stretch from {first} to {last}: its log goes from {store.first_position} to {store.position}"
            )
        folded = fold(store, behaviors, first - 1)
        before = tuple(Before(name, image) for name, image in folded.images.items())
        return cls(store.name, store.seed, before, tuple(store.turns(first, last)), behaviors)

    # -- as a text ----------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The stretch as lines. Its secrets are in it in clear: see :mod:`partita.actors.replay.stand_ins`."""
        head = {"stretch": FORMAT, "partition": self.partition, "seed": self.seed.hex(), "actors": len(self.before)}
        lines = [json.dumps(head)]
        for name, (state, pending) in self.before:
            lines.append(_line([name, state, list(pending.values())]))
        lines += map(_line, self.turns)
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str, behaviors: Behaviors) -> Self:
        """The stretch of such a text. Raises :class:`ValueError` for what is none, and :class:`UnknownTag`."""
        lines = text.strip().splitlines()
        head = json.loads(lines[0])
        if head.get("stretch") != FORMAT:
            raise ValueError(f"a stretch begins with its format, {FORMAT}; this is {lines[0][:80]!r}")
        codec = _codec()
        types = codec.vocabulary
        state_of = codec.decoder(tuple[str, types.StateUnion, list[types.EffectUnion]])  # type: ignore[name-defined]
        turn_of = codec.decoder(Turn[types.MessageUnion, types.EventUnion, types.EffectUnion])  # type: ignore[name-defined]
        end = 1 + int(head["actors"])
        before = []
        for line in lines[1:end]:
            name, state, pending = cast("Any", codec.decoded(0, _payload(line), state_of))
            before.append(Before(name, (state, {effect.id: effect for effect in pending})))
        turns = tuple(cast("AnyTurn", codec.decoded(0, _payload(line), turn_of)) for line in lines[end:])
        return cls(head["partition"], bytes.fromhex(head["seed"]), tuple(before), turns, behaviors)

    # -- what today's code makes of it --------------------------------------------------------------------------------

    @property
    def positions(self) -> list[int]:
        """Those of its turns."""
        return [turn.position for turn in self.turns]

    def verdict(self, position: int) -> Divergence | str | None:
        """What becomes of a turn that is decided again on the recorded state: None when it agrees; ``"erased"``."""
        if self._verdicts is None:
            self._verdicts = dict(self._judged())
        return self._verdicts[position]

    def _judged(self) -> list[tuple[int, Divergence | str | None]]:
        states = self._fold()
        context = Context(seed=self.seed)
        judged: list[tuple[int, Divergence | str | None]] = []
        turn_before: AnyTurn | None = None
        for turn in self.turns:
            judged.append((turn.position, judge(states, self._behaviors, context, turn, turn_before)))
            states.run((turn,))
            turn_before = turn
        return judged

    def check(self, position: int) -> None:
        """Raise :class:`AssertionError` when today's code decides that turn otherwise, with both sides of it."""
        found = self.verdict(position)
        if found is not None and not isinstance(found, str):
            lines = [f"turn {position} of {found.turn.actor} is decided otherwise, by {found.function}"]
            if found.raised is not None:
                lines.append(f"  it raises {found.raised}")
            lines += [f"  {one.path}: {one.left!r} was recorded, {one.right!r} is decided" for one in found.differences]
            raise AssertionError("\n".join(lines))

    def run(self) -> After:
        """Have today's code take all of the messages, one after the other, on the states that it makes itself.

        What decide raises is raised.
        """
        rules = {kind: Rules.of(behavior) for kind, behavior in self._behaviors.items()}
        images = dict(self.before)
        context = Context(seed=self.seed)
        for turn in self.turns:
            table = rules[kind_of(turn.actor)]
            state, pending = images.get(turn.actor) or (table.initial(), dict[str, AwaitedEffect]())
            context.begin(turn.position, turn.time, turn.actor)
            decision = decide_turn(table.decide, state, pending, turn.message, context)
            if decision is None:
                continue
            for event in decision.events:
                state = table.evolve[type(event)](state, event)
            images[turn.actor] = state, pending_after(pending, decision.events, decision.effects)
        return After(self.turns[-1], images)

    def _fold(self) -> Fold:
        folded = Fold(self._behaviors)
        folded.position = self.turns[0].position - 1
        folded.images = dict(self.before)
        return folded


class After:
    """The states after a stretch, as today's code makes them."""

    def __init__(self, last: AnyTurn, images: dict[str, Image]) -> None:
        self._last = last
        self._images = images

    def holds(self, query: str) -> bool:
        """Whether a predicate on the states holds: ``session.cookies.count == 2``, ``state.phase == "completed"``."""
        moment = Moment(self._last.position, self._last.time, None, self._images, of=self._last.actor)
        return Query(query).holds(moment)

    @property
    def states(self) -> dict[str, object]:
        """The state of every actor, by name."""
        return {name: state for name, (state, _) in self._images.items()}


# -- lines --------------------------------------------------------------------------------------------------------------


def _codec() -> Codec:
    """The log's own, with secrets in plain sight."""
    return Codec(seal=_sealed, unseal=_unsealed)


def _sealed(secret: Secret) -> bytes:
    if secret.erased:
        return b""
    value = secret.reveal()
    return b"t" + value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b"b" + value


def _unsealed(sealed: bytes) -> str | bytes | None:
    if not sealed:
        return None
    return sealed[1:].decode("utf-8", "surrogatepass") if sealed[:1] == b"t" else sealed[1:]


def _line(value: object) -> str:
    return json.dumps(_plain(_loosely(_codec().encode(value))))


def _payload(line: str) -> bytes:
    return _packed(_unplain(json.loads(line)))


def _plain(value: Any) -> Any:
    if isinstance(value, Ext):
        secret = _unsealed(bytes(value.data))
        if secret is None:
            return {"erased": True}
        return {"secret": secret} if isinstance(secret, str) else {"secret_bytes": secret.hex()}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {"map": [[_plain(key), _plain(item)] for key, item in value.items()]}
    return value


def _unplain(value: Any) -> Any:  # noqa: PLR0911  # a case a line
    if isinstance(value, list):
        return [_unplain(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "map":
            return {_key(_unplain(key)): _unplain(item) for key, item in content}
        case "bytes":
            return bytes.fromhex(content)
        case "secret":
            return Ext(SECRET_CODE, _sealed(Secret(content)))
        case "secret_bytes":
            return Ext(SECRET_CODE, _sealed(Secret(bytes.fromhex(content))))
        case "erased":
            return Ext(SECRET_CODE, b"")
    raise ValueError(f"a stretch has no {kind!r}")


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
