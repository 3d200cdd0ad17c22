"""The effects of a partition that are under way."""

from __future__ import annotations

import itertools
import traceback
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from partita.actors.kernel.future import Future, resolved
from partita.actors.kernel.prompt import Prompt, task_wanted
from partita.events.errors import SystemClosed
from partita.events.points import reached
from partita.events.system import EffectLost
from partita.events.turn import Cause
from partita.events.types import AwaitedEffect, Effect, Message, Outcome

if TYPE_CHECKING:
    from partita.actors.kernel.kernel import CarriedOut
    from partita.actors.kernel.partition import Partition
    from partita.actors.kernel.world import Carriers, World


class EffectDefect(RuntimeWarning):
    """What carries out an effect raised: a defect of it."""


def when_taken(then: Callable[[], object] | None) -> Future[object] | None:
    """The reply of a message that nobody waits for: ``then`` is called when it comes, whatever it is."""
    if then is None:
        return None
    taken: Future[object] = Future()

    def on_taken() -> None:
        taken.failure()  # looked at: a turn that has failed is told in other ways
        then()

    taken.when_done(on_taken)
    return taken


def _nothing() -> None:
    """Nothing has begun that could be stopped."""


class Call:
    """What a call from outside has that no message carries: its body, and the future that its caller holds."""

    __slots__ = ("future", "payload", "stop")

    def __init__(self, payload: object, future: Future[Any] | None = None) -> None:
        self.payload = payload
        self.future: Future[Any] = Future() if future is None else future
        self.stop: Callable[[], object] = _nothing

    def resolve(self, value: object) -> None:
        """The call's result."""
        if not self.future.done:
            self.future.set(value)

    def reject(self, error: BaseException) -> None:
        """The call has failed."""
        if not self.future.done:
            self.future.set_exception(error)

    def abandon(self, error: BaseException) -> None:
        """The same, where nobody has to look at it."""
        self.reject(error)
        self.future.failure()


class EffectDoor:
    """The :class:`~partita.actors.kernel.world.Door` of one effect."""

    __slots__ = ("_carrying", "_has_task", "_key", "actor", "cause", "stopped")

    def __init__(self, carrying: Carrying, actor: str, cause: Cause, key: str = "", *, _has_task: bool = True) -> None:
        self._carrying = carrying
        self._has_task = _has_task
        self._key = key
        self.actor = actor
        self.cause = cause
        self.stopped = False

    @property
    def host(self) -> Partition:
        """The partition itself: for what records, or plays back, what its effects do."""
        return self._carrying.partition

    @property
    def world(self) -> World:
        """The ports."""
        return self._carrying.partition.world

    @property
    def partition(self) -> str:
        """What its handlers are set under: its name, and whether it is kept."""
        return self._carrying.partition.key

    def number(self) -> int:
        """See :meth:`partita.actors.kernel.world.Door.number`."""
        return self._carrying.number()

    async def before_waiting(self) -> None:
        """See :meth:`partita.actors.kernel.world.Door.before_waiting`."""
        if not self._has_task:
            self._has_task = True
            await task_wanted()

    def tell(self, message: Message, *, to: str | None = None, then: Callable[[], object] | None = None) -> None:
        """See :meth:`partita.actors.kernel.world.Door.tell`."""
        self.put(message, to, when_taken(then))

    async def ask(self, message: Message, *, to: str | None = None) -> object:
        """See :meth:`partita.actors.kernel.world.Door.ask`."""
        reply: Future[object] = Future()
        self.put(message, to, reply)
        return await reply

    async def durable(self) -> None:
        """See :meth:`partita.actors.kernel.world.Door.durable`."""
        committed = self._carrying.partition.committed()
        if committed is not None:
            await committed

    def put(self, message: Message, to: str | None, reply: Future[object] | None) -> None:
        """Either of them: ``reply`` is completed when the turn has been taken."""
        actor = self._carrying.partition.actor(to or self.actor)
        actor.actor_inbox.put_internal((message, self.cause, reply, False))

    def published(self, actor: str) -> object:
        """See :meth:`partita.actors.kernel.world.Door.published`."""
        known = self._carrying.partition.actors.get(actor)
        return None if known is None else known.state

    def put_blob(self, content: bytes) -> bytes:
        """See :meth:`partita.actors.kernel.world.Door.put_blob`; so for the rest."""
        return self._carrying.partition.put_blob(content)

    def room(self) -> Future[None] | None:
        return self._carrying.partition.room()

    async def blob(self, digest: bytes) -> bytes | None:
        return self._carrying.partition.blob(digest)

    def drop_blobs(self, digests: Iterable[bytes]) -> None:
        self._carrying.partition.drop_blobs(digests)

    def sweep_blobs(self, is_named: Callable[[bytes], bool]) -> None:
        self._carrying.partition.sweep_blobs(is_named)

    def hold_blobs(self, digests: Iterable[bytes]) -> None:
        self._carrying.partition.bodies.hold(tuple(digests))

    def let_go_of_blobs(self, digests: Iterable[bytes]) -> None:
        self._carrying.partition.bodies.let_go(tuple(digests))

    def call(self, call_id: int) -> Call | None:
        """The call of this number, which this effect answers; None when its caller is gone."""
        call = self._carrying.calls.get(call_id)
        if call is not None:
            call.stop = self._stop_itself
        return call

    def _stop_itself(self) -> None:
        """From any thread: its caller wants no more of it."""
        carrying, key = self._carrying, self._key
        carrying.partition.kernel.call_soon(lambda: carrying.stop(key))

    def stop(self, effect_id: str) -> None:
        """Cancel another effect of the partition; nothing happens when it has ended."""
        self._carrying.stop(effect_id)

    async def alone(self) -> None:
        """See :meth:`partita.actors.kernel.world.Door.alone`."""
        for ended in self._carrying.earlier(self._key):
            await ended

    def awaiting(self) -> Callable[[], bool]:
        """See :meth:`partita.actors.kernel.world.Door.awaiting`."""
        partition, name, key = weakref.ref(self._carrying.partition), self.actor, self._key

        def is_awaited() -> bool:
            host = partition()
            actor = None if host is None else host.actors.get(name)
            return actor is not None and key in actor.pending

        return is_awaited


class _Place:
    """An effect's place in a line: it begins when nobody stands before it any more."""

    __slots__ = ("_begin", "_forget", "_line", "_lines", "next", "stopped")

    def __init__(self, lines: dict[str, _Place], line: str) -> None:
        self._lines = lines
        self._line = line
        self._begin: Callable[[], object] = _nothing
        self._forget: Callable[[], object] = _nothing
        self.next: _Place | None = None
        self.stopped = False

    def wait(self, begin: Callable[[], object], forget: Callable[[], object]) -> None:
        """Begin when it is its turn; ``forget`` it when it is stopped before that."""
        self._begin = begin
        self._forget = forget

    def stop(self) -> None:
        """Who is stopped while he waits is passed by."""
        if not self.stopped:
            self.stopped = True
            self._forget()
            self._begin = self._forget = _nothing

    def leave(self) -> None:
        """The next one's turn has come."""
        self._begin = self._forget = _nothing  # they know this place: without them it is freed at once
        following = self.next
        while following is not None and following.stopped:
            following = following.next
        if following is not None:
            following._begin()  # noqa: SLF001  # its own kind
        elif self._lines.get(self._line) is not None:
            del self._lines[self._line]


class Carrying:
    """Begins effects, knows which are under way, and stops them."""

    def __init__(self, partition: Partition, carriers: Carriers) -> None:
        self.partition = partition
        self.calls: dict[int, Call] = {}
        self._carriers = carriers
        self._numbers = itertools.count(1)
        self._under_way: dict[str, tuple[CarriedOut, EffectDoor]] = {}
        self._ends: dict[str, Future[None]] = {}
        self._emptied: Future[None] | None = None
        self._ended = False
        self._lines: dict[str, _Place] = {}

    @property
    def under_way(self) -> int:
        """How many effects are being carried out."""
        return len(self._under_way)

    def number(self) -> int:
        """The next number; calls and effects that have no id are told apart by it."""
        return next(self._numbers)

    def open_call(
        self, payload: object, future: Future[Any] | None = None, number: int | None = None
    ) -> tuple[int, Call]:
        """A call whose effect will ask for it by number; it is forgotten when it is answered.

        ``future``: the one that its caller has; ``number``: from :meth:`number`.
        """
        named = next(self._numbers) if number is None else number
        call = self.calls[named] = Call(payload, future)
        call.future.when_done(lambda: self.calls.pop(named, None))
        return named, call

    def abandon_call(self, number: int, error: BaseException) -> None:
        """The caller goes away: unless it is answered by then, the call fails, and its effect stops. From any thread."""

        def abandon() -> None:
            call = self.calls.get(number)
            if call is not None:
                call.abandon(error)
                call.stop()

        self.partition.kernel.call_soon(abandon)

    def begin(self, actor: str, effect: Effect, cause: Cause) -> None:
        """Carry out an effect, on the kernel's thread. What was decided before the closing still begins: it may tidy up."""
        if self._ended:
            return
        key = effect.id if isinstance(effect, AwaitedEffect) else f"{actor}#{next(self._numbers)}"
        kernel = self.partition.kernel
        prompt = kernel.begins_promptly and type(self._carriers.get(type(effect))) is Prompt
        door = EffectDoor(self, actor, cause, key, _has_task=not prompt)
        place, is_first = self._placed(actor, effect.line)

        def work() -> Coroutine[object, object, None]:
            return self._carry_out(key, door, actor, effect, place)

        name = f"{type(effect).__name__} of {actor}"
        carry_out = kernel.carry_out_promptly if prompt else kernel.carry_out
        if place is None or is_first:
            self._under_way[key] = carry_out(work, name), door
            return

        def begin() -> None:
            if not self._ended:
                self._under_way[key] = carry_out(work, name), door

        self._under_way[key] = place, door
        place.wait(begin, lambda: self._under_way.pop(key, None))

    def _placed(self, actor: str, line: str) -> tuple[_Place | None, bool]:
        """A place behind the last one of the line, and whether it is the first; None for an effect that stands in none."""
        if not line:
            return None, True
        line = f"{actor} {line}"
        last = self._lines.get(line)
        place = self._lines[line] = _Place(self._lines, line)
        if last is not None:
            last.next = place
        return place, last is None

    async def _carry_out(
        self, key: str, door: EffectDoor, actor: str, effect: Effect, place: _Place | None = None
    ) -> None:
        try:
            outcome = await self._carriers[type(effect)](effect, door)
        except Exception as error:  # noqa: BLE001  # one effect's defect must not end the others
            warnings.warn(
                f"{self.partition.name}: carrying out {type(effect).__name__} of {actor} raised\n"
                + "".join(traceback.format_exception(error)),
                EffectDefect,
                stacklevel=1,
            )
            if isinstance(effect, AwaitedEffect):
                reached("effect.lost")
                door.tell(EffectLost(effect.id, f"{type(error).__name__}: {error}"))
        else:
            if outcome is not None:
                assert not isinstance(outcome, Outcome) or isinstance(effect, AwaitedEffect), "an outcome nobody awaits"
                door.tell(outcome)
            elif isinstance(
                effect, AwaitedEffect
            ):  # if its actor waits for it all the same, it must not do so for ever
                door.tell(EffectLost(effect.id, "it ended without an outcome"))
        finally:
            if place is not None:
                place.leave()
            self._under_way.pop(key, None)
            if (ended := self._ends.pop(key, None)) is not None:
                ended.set(None)
            if self._emptied is not None and not self._under_way:
                self._emptied.set(None)
                self._emptied = None

    def earlier(self, key: str) -> list[Future[None]]:
        """What its actor had begun before: each is done when that has ended."""
        actor = self._under_way[key][1].actor
        before = itertools.takewhile(lambda begun: begun[0] != key, self._under_way.items())
        keys = [other for other, (_, door) in before if door.actor == actor]
        return [self._ends.setdefault(other, Future()) for other in keys]

    def stop(self, effect_id: str) -> None:
        """Cancel the effect of this id, if it is under way."""
        under_way = self._under_way.get(effect_id)
        if under_way is not None:
            _stop(*under_way)

    def stop_all(self) -> Future[None]:
        """Cancel everything, on the kernel's thread; calls from outside fail. Done when all have cleaned up behind them.

        No effect begins after that.
        """
        self._ended = True
        for under_way in list(self._under_way.values()):
            _stop(*under_way)
        for call in list(self.calls.values()):
            call.reject(SystemClosed(f"{self.partition.name} was closed before the answer came"))
        if self._under_way:
            self._emptied = Future()
            return self._emptied
        return resolved(None)


def _stop(carried: CarriedOut, door: EffectDoor) -> None:
    door.stopped = True
    carried.stop()
