"""A partition small enough to read, for tests of what carries out effects: real behaviors, real carriers, no log.

It takes turns at once, on the caller's own trio, and begins effects in a nursery of the test. What the kernel adds
(commit, recovery, supervision) is tested where the kernel is.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from partita.actors.downloads.carriers import CARRIERS as DOWNLOAD_CARRIERS
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.world import World
from partita.actors.session.behavior import BEHAVIORS
from partita.events.system import EffectSettled, Tell
from partita.events.types import AwaitedEffect, Effect, Event, Message, Outcome

SESSION = BEHAVIORS["session"]
NAME = "persist:test"


@dataclass
class Call:
    payload: object = b""
    value: Any = None
    error: BaseException | None = None
    stop: Callable[[], object] = lambda: None

    def resolve(self, value: object) -> None:
        self.value = value

    def reject(self, error: BaseException) -> None:
        self.error = error

    abandon = reject


@dataclass
class ScriptedHandlers:
    """The callbacks of the program around: by name, each a function of the request."""

    named: dict[str, Callable[[Any], object]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def ask(self, partition: str, name: str, request: object) -> object:
        assert partition == NAME
        self.asked.append((name, request))
        await trio.lowlevel.checkpoint()
        handler = self.named.get(name)
        return None if handler is None else handler(request)

    def notify(self, partition: str, name: str, request: object) -> None:
        assert partition == NAME
        self.asked.append((name, request))


class SmallPartition:
    """Actors by name, and the effects that are under way."""

    def __init__(self, world: World, nursery: trio.Nursery) -> None:
        self.world = world
        self.states: dict[str, Any] = {"session": SESSION.initial()}
        self.turns: list[tuple[str, Message, tuple[Event, ...]]] = []
        self.calls: dict[int, Call] = {}
        self.numbers = itertools.count(1)
        self.blobs: dict[bytes, bytes] = {}
        self.pending: set[str] = set()
        self.under_way: dict[str, trio.CancelScope] = {}
        self.begun: dict[str, str] = {}
        self._waiting: dict[tuple[str, str], list[Callable[[object], None]]] = {}
        self._nursery = nursery
        self._changed = trio.Event()

    def door(self, actor: str = "session") -> SmallDoor:
        return SmallDoor(self, actor)

    def events(self, actor: str) -> list[Event]:
        return [event for name, _, events in self.turns for event in events if name == actor]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Come back when a turn has made it so."""
        with trio.fail_after(30):
            while not reached():
                await self._changed.wait()

    def take(self, actor: str, message: Message, answer: Callable[[object], None] | None = None) -> None:
        """One message handled by one actor, and whatever that leads to at once."""
        behavior = BEHAVIORS[actor.partition("/")[0]]
        state = self.states.get(actor)
        state = behavior.initial() if state is None else state
        now = self.world.clock.now_us()
        ctx = Context(seed=b"s" * 16, position=len(self.turns) + 1, now_us=now, actor=actor)
        decision = behavior.decide[type(message)](state, message, ctx)
        if isinstance(message, Outcome):
            if message.effect_id not in self.pending:
                return
            self.pending.discard(message.effect_id)
        for event in decision.events:
            if isinstance(event, EffectSettled):
                self.pending.discard(event.effect_id)
            else:
                state = behavior.evolve[type(event)](state, event)
        self.states[actor] = state
        self.turns.append((actor, message, decision.events))
        self._changed.set()
        self._changed = trio.Event()
        self._answer(actor, decision, answer)
        for effect in decision.effects:
            if isinstance(effect, Tell):
                self.take(effect.to, effect.message)
            else:
                self.begin(actor, effect)

    def _answer(self, actor: str, decision: Decision, answer: Callable[[object], None] | None) -> None:
        if answer is not None:
            if decision.waits is not None:
                self._waiting.setdefault((actor, decision.waits), []).append(answer)
            else:
                answer(decision.reply if decision.refusal is None else decision.refusal)
        for key, value in decision.answers:
            for waiting in self._waiting.pop((actor, key), ()):
                waiting(value)

    async def ask(self, actor: str, message: Message) -> Any:
        """Take a turn, and wait for the answer; one that is an exception is raised."""
        answered = trio.Event()
        values: list[object] = []

        def answer(value: object) -> None:
            values.append(value)
            answered.set()

        self.take(actor, message, answer)
        await answered.wait()
        if isinstance(values[0], BaseException):
            raise values[0]
        return values[0]

    def begin(self, actor: str, effect: Effect) -> None:
        key = effect.id if isinstance(effect, AwaitedEffect) else f"{len(self.turns)}"
        if isinstance(effect, AwaitedEffect):
            self.pending.add(key)
        self.begun[key] = actor
        self._nursery.start_soon(self._carry_out, key, actor, effect)

    async def _carry_out(self, key: str, actor: str, effect: Effect) -> None:
        with trio.CancelScope() as scope:
            self.under_way[key] = scope
            try:
                outcome = await DOWNLOAD_CARRIERS[type(effect)](effect, SmallDoor(self, actor, key))
                if outcome is not None:
                    self.take(actor, outcome)
            finally:
                del self.under_way[key], self.begun[key]
                self._changed.set()
                self._changed = trio.Event()


class SmallDoor:
    """What carries out an effect sees of it."""

    stopped = False

    def __init__(self, partition: SmallPartition, actor: str, key: str = "") -> None:
        self._partition = partition
        self._key = key
        self.actor = actor
        self.world = partition.world
        self.partition = NAME

    def number(self) -> int:
        return next(self._partition.numbers)

    async def before_waiting(self) -> None:
        """Its effects have tasks."""

    def tell(self, message: Message, *, to: str | None = None) -> None:
        self._partition.take(to or self.actor, message)

    async def ask(self, message: Message, *, to: str | None = None) -> object:
        return await self._partition.ask(to or self.actor, message)

    async def durable(self) -> None:
        """Nothing is written here."""

    def published(self, actor: str) -> object:
        return self._partition.states.get(actor)

    def put_blob(self, content: bytes) -> bytes:
        digest = hashlib.sha256(content).digest()
        self._partition.blobs[digest] = content
        return digest

    async def blob(self, digest: bytes) -> bytes | None:
        return self._partition.blobs.get(digest)

    def drop_blobs(self, digests: Iterable[bytes]) -> None:
        for digest in digests:
            self._partition.blobs.pop(digest, None)

    def sweep_blobs(self, is_named: Callable[[bytes], bool]) -> None:
        self.drop_blobs([digest for digest in self._partition.blobs if not is_named(digest)])

    def hold_blobs(self, digests: Iterable[bytes]) -> None:
        """Nothing is dropped here while it is read."""

    def let_go_of_blobs(self, digests: Iterable[bytes]) -> None:
        """See above."""

    def call(self, call_id: int) -> Call | None:
        return self._partition.calls.get(call_id)

    def stop(self, effect_id: str) -> None:
        scope = self._partition.under_way.get(effect_id)
        if scope is not None:
            scope.cancel()

    async def alone(self) -> None:
        begun = self._partition.begun
        before = itertools.takewhile(lambda other: other != self._key, begun)
        earlier = [key for key in before if begun[key] == self.actor]
        await self._partition.until(lambda: not any(key in begun for key in earlier))

    def awaiting(self) -> Callable[[], bool]:
        return lambda: self._key in self._partition.pending


@asynccontextmanager
async def small_partition(world: World) -> AsyncIterator[SmallPartition]:
    """A partition whose effects end with the block."""
    async with trio.open_nursery() as nursery:
        yield SmallPartition(world, nursery)
        nursery.cancel_scope.cancel()
    await world.network.close()
