"""The actors of one partition, and the order of their turns.

A turn, in :meth:`Partition.take_turn`: decide, evolve, hand the turn to the committer. Memory runs ahead of the disk: the next
turn builds on this one at once. What the outside sees of it (the reply of a durable ask, effects, subscribers) is released
by :meth:`Partition._durable`, after the batch's fsync, on the commit thread.

When a commit fails, the committer stops; :mod:`partita.actors.kernel.rollback`, on the kernel's thread, fails every turn that
was not durable yet, folds the states again from the log and lets it go on (DESIGN, 8).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from partita.actors.kernel.actor import NO_EFFECTS, Actor
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.bodies import Bodies
from partita.actors.kernel.carrying import Carrying
from partita.actors.kernel.context import Context
from partita.actors.kernel.fold import Behaviors, Rules, fold, kind_of, pending_after
from partita.actors.kernel.future import Future
from partita.actors.kernel.lifetime import Lifetime
from partita.actors.kernel.mailbox import Envelope
from partita.actors.kernel.replies import Barrier, Entry, Rejection, Replies, Reply, settle
from partita.actors.kernel.rollback import Rollback
from partita.actors.kernel.snapshotting import Snapshotting
from partita.actors.kernel.supervision import turn_failed
from partita.actors.kernel.turning import decide_turn
from partita.events.errors import PartitaError, SystemClosed, WouldDeadlock
from partita.events.system import EffectSettled, Flush, Tell
from partita.events.turn import Cause, External, Turn
from partita.events.types import Effect, Message, State

if TYPE_CHECKING:
    from partita.actors.kernel.kernel import Kernel
    from partita.actors.kernel.world import Carriers, World
    from partita.store.partition import PartitionStore

AnyTurn = Turn[Any, Any, Any]

SNAPSHOT_EVERY_TURNS: Final = 10_000
BACKLOG_LIMIT: Final = 65_536
"""Turns taken and not yet durable at which no more are taken until the disk has caught up."""


class PartitionStatistics(Struct, frozen=True):
    """What is under way in a partition: effects, callers held back, turns not yet durable, messages not yet taken."""

    effects: int
    waiting: int
    backlog: int
    messages: int


class Partition:
    """One open partition: its store, its actors, its place in a kernel."""

    def __init__(
        self,
        store: PartitionStore,
        *,
        behaviors: Behaviors,
        carriers: Carriers,
        kernel: Kernel,
        world: World,
        snapshot_every_turns: int = SNAPSHOT_EVERY_TURNS,
    ) -> None:
        self.store = store
        self.name = store.name
        self.key = store.name if store.directory is None else f"persist:{store.name}"  # `x` and `persist:x` are two
        self.kernel = kernel
        self.world = world
        self.behaviors = behaviors
        self.actors: dict[str, Actor] = {}
        self.closed = False
        self.position = 0
        self.time_us = 0
        self.carrying = Carrying(self, carriers)
        self.take = self.take_turn
        self.stopped = False
        self._subscribing = threading.Lock()
        self.subscribers: tuple[Callable[[int], None], ...] = ()
        self._rules = {kind: Rules.of(behavior) for kind, behavior in behaviors.items()}
        self._context = Context(seed=store.seed)
        self._now_us = world.clock.now_us
        self._call_ids = itertools.count(1)
        self.snapshots = Snapshotting(self, behaviors, snapshot_every_turns)
        self.committer = store.committer(self._durable, self._failed)
        self._submit = self.committer.submit
        self.bodies = Bodies(store, self.committer)
        self.replies = Replies(self._submit)
        self.rollback = Rollback(self)
        self._lifetime = Lifetime(self)
        self.restore()
        kernel.drive(self.committer)
        self._lifetime.begin()  # before anybody else can send a message; from here on, getters show the partition as opened

    @property
    def is_kept(self) -> bool:
        """Whether it outlives its process. One that is played back in memory is what it was then."""
        return self.key.startswith("persist:")

    # -- opening and closing ----------------------------------------------------------------------------------------

    def restore(self) -> None:
        """States as of the last durable turn."""
        folded = fold(self.store, self.behaviors)
        for name in [name for name in self.actors if name not in folded.images]:
            actor = self.actors[name]
            actor.state, actor.pending = actor.rules.initial(), NO_EFFECTS
        for name, (state, pending) in folded.images.items():
            actor = self.actor(name)
            actor.state, actor.pending = state, pending
        self.position = folded.position
        self.time_us = folded.time_us
        self.snapshots.begin_behind(self.position)

    def close(self) -> None:
        """Stop what is under way, make everything taken so far durable, let go of the store. Blocks.

        On a live kernel's own thread it cannot wait for effects to clean up behind them; they do so a little later.
        """
        self._lifetime.close()

    # -- from outside -----------------------------------------------------------------------------------------------

    def actor(self, name: str) -> Actor:
        """The actor of this name, made when there is none yet. Its kind must be one that the partition knows."""
        actor = self.actors.get(name)
        if actor is None:
            actor = self.actors.setdefault(name, Actor(self, name, self._rules[kind_of(name)]))
            if self.stopped:
                actor.stop(self._was_closed)
        return actor

    def forget(self, actor: Actor) -> None:
        """Let go of an actor; a message that names it again makes it anew, from its initial state."""
        self.actors.pop(actor.name, None)
        actor.stop()

    def stop_actors(self) -> None:
        """On the kernel's thread, so that no turn is being taken; an actor that is named later is born stopped."""
        self.stopped = True
        self.rollback.stop()
        for actor in list(self.actors.values()):
            actor.stop(self._was_closed)

    def _was_closed(self) -> SystemClosed:
        return SystemClosed(f"{self.name} has been closed; open it again with from_partition()")

    def ask(
        self,
        message: Message,
        *,
        to: str = "session",
        durable: bool = True,
        kind: str = "api",
        future: Future[Any] | None = None,
    ) -> Future[Any]:
        """A call from outside. The future completes when the turn is durable, or with ``durable=False`` when it is taken.

        ``future``: the one to complete, in place of a new one.
        """
        if future is None:
            future = Future()
        if self.closed:
            future.set_exception(self._was_closed())
            return future
        cause = External(kind, next(self._call_ids))
        self.actor(to).actor_inbox.put((message, cause, cast("Future[object]", future), durable))
        return future

    def tell(self, message: Message, *, to: str = "session", kind: str = "api") -> None:
        """A message from outside that nobody waits for."""
        if self.closed:
            raise self._was_closed()
        self.actor(to).actor_inbox.put((message, External(kind, next(self._call_ids)), None, False))

    def follow_up(self, message: Message, *, to: str, cause: int) -> None:
        """What somebody says who was told of the durable turn ``cause``, and will not say it again.

        As an effect's outcome it is taken again when its commit fails.
        """
        if self.closed:
            raise self._was_closed()
        self.actor(to).actor_inbox.put_internal((message, cause, None, False))

    def call(self, message: Message, *, to: str = "session") -> Any:
        """A synchronous member: comes back when the turn is taken, on any thread but inside a turn (DESIGN, 7)."""
        kernel = self.kernel
        own_thread = kernel.on_own_thread()
        if own_thread and kernel.turning:
            raise WouldDeadlock("a synchronous member was called from inside a turn: send a message instead")
        future = self.ask(message, to=to, durable=False)
        if own_thread:
            kernel.run_until(future)
        return future.get()

    def flush(self) -> Future[None]:
        """Done when all turns taken before it are durable."""
        return self.ask(Flush())

    def committed(self) -> Future[None] | None:
        """What to wait for until all turns taken so far are durable, or undone for good; None when they are.

        For effects, on the kernel's thread: what they have said is taken again when its commit fails, and so waited for.
        """
        if not self.committer.backlog and not self.rollback.has_more_to_do:
            return None
        done: Future[None] = Future()
        done.when_done(done.failure)  # who waits may be stopped meanwhile
        self.rollback.tell_when_committed(done)
        return done

    def statistics(self) -> PartitionStatistics:
        """Counts, as of now."""
        return PartitionStatistics(
            effects=self.carrying.under_way,
            waiting=self.replies.waiting,
            backlog=self.committer.backlog,
            messages=sum(len(actor.actor_inbox.queue) for actor in list(self.actors.values())),
        )

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call ``listener(position)`` on the commit thread after each batch; returns what ends it."""
        with self._subscribing:
            self.subscribers = (*self.subscribers, listener)

        def unsubscribe() -> None:
            with self._subscribing:
                self.subscribers = tuple(other for other in self.subscribers if other is not listener)

        return unsubscribe

    def before_closing(self, words: Callable[[], Iterable[tuple[str, Message]]]) -> None:
        """Have this said, to an actor each, when the partition begins to close and is still whole."""
        self._lifetime.last_words.append(words)

    def on_close(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` as the partition closes, or now if it has; returns what takes it back.

        All that was taken is durable by then, and the log can still be read.
        """
        return self._lifetime.on_close(callback)

    # -- the turn ---------------------------------------------------------------------------------------------------

    def take_turn(self, actor: Actor, envelope: Envelope) -> None:  # noqa: C901  # every call more is paid by every turn
        """One message handled by one actor."""
        message = envelope[0]
        now = self._now_us()
        if now < self.time_us:  # noqa: PLR1730  # max() is a call more for every turn
            now = self.time_us
        position = self.position + 1
        context = self._context
        context.begin(position, now, actor.name)
        rules = actor.rules
        try:
            decide = rules.ordinary.get(type(message))
            if decide is not None:
                decision = decide(actor.state, message, context)
            elif (settled := decide_turn(rules.decide, actor.state, actor.pending, message, context)) is not None:
                decision = settled
            else:
                self.rollback.note_ignored(actor.name, envelope)
                return
            events = decision.events
            if not events and not context.drew:
                self._answer_unrecorded(actor, decision, envelope)
                return
            state: State = actor.state
            evolve = rules.evolve
            for event in events:
                state = evolve[type(event)](state, event)
            effects = self._deliver(decision.effects, position) if decision.effects else decision.effects
        except Exception as error:  # noqa: BLE001  # a defect of the behavior: supervision (DESIGN, Actors)
            turn_failed(self, actor, envelope, error)
            return
        actor.state = state
        turn: AnyTurn = Turn(position, now, actor.name, envelope[1], message, events, decision.effects)
        self.position = position
        self.time_us = now
        if effects or (actor.pending and events and type(events[-1]) is EffectSettled):
            actor.pending = pending_after(actor.pending, events, effects)
        reply: Reply | None = envelope[2]
        if reply is not None and (decision.waits is not None or decision.refusal is not None or not envelope[3]):
            reply = self.replies.kept_back(actor.name, decision, reply, envelope, position)
        self._submit((turn, reply, decision.reply, effects), message.lazy)
        if decision.answers:
            self.replies.answer(actor.name, decision, durable=True)
        if position >= self.snapshots.next_position:
            self.snapshots.take()

    def put_blob(self, content: bytes) -> bytes:
        """Have bytes stored in front of the next turn; their digest. Raises :class:`Overloaded` when the disk is far behind."""
        return self.bodies.put(content)

    def room(self) -> Future[None] | None:
        """What to wait for before more is recorded. Here nothing is."""
        return None

    def blob(self, digest: bytes) -> bytes | None:
        """The bytes of that name; None when they are not there, or cannot be read."""
        return self.bodies.get(digest)

    def drop_blobs(self, digests: Iterable[bytes]) -> None:
        """Have blobs removed that nothing names any more."""
        self.bodies.drop(tuple(digests))

    def sweep_blobs(self, is_named: Callable[[bytes], bool]) -> None:
        """Have all blobs removed that nothing names, but those that were used a moment ago."""
        self.bodies.sweep(is_named)

    def resume_commits(self) -> None:
        """Commit again, after a failure was taken back."""
        self.committer.resume()

    def look_at_backlog(self) -> None:
        """After some turns: whether the disk keeps up."""
        if self.committer.backlog > BACKLOG_LIMIT:
            self.kernel.congested(self.committer)

    def _deliver(self, effects: tuple[Effect, ...], cause: Cause) -> tuple[Effect, ...]:
        """Messages between actors go at once; what is left waits for the commit. Raises before any has gone."""
        told, rest = [], []
        for effect in effects:
            if type(effect) is Tell:
                told.append((self.actor(effect.to), effect.message))
            else:
                rest.append(effect)
        for actor, message in told:
            actor.actor_inbox.put_internal((message, cause, None, False))
        return tuple(rest)

    def _answer_unrecorded(self, actor: Actor, decision: Decision, envelope: Envelope) -> None:
        """A turn that changed nothing: no position, no wait; only a barrier waits for what came before it."""
        message, cause, reply, durable = envelope
        if type(message) is Flush and durable:
            if reply is not None:
                error = self.rollback.untold()
                barrier = Barrier(reply) if error is None else Rejection(reply, error)
                self.submit((None, barrier, None, ()))
            return
        if reply is not None:
            if decision.waits is not None:
                self.replies.hold(actor.name, decision.waits, envelope, self.position)
            elif durable and self.committer.backlog:  # what it saw may not be on the disk yet
                answer = reply if decision.refusal is None else Rejection(reply, decision.refusal)
                self._submit((None, answer, decision.reply, ()), False)
            else:
                settle(reply, decision)
        if decision.effects:
            rest = self._deliver(decision.effects, cause)
            for effect in rest:
                self.carrying.begin(actor.name, effect, cause)
        if decision.answers:
            self.replies.answer(actor.name, decision, durable=False)

    def next_place(self) -> tuple[int, int]:
        """Give the next turn its position and its time, and count it as taken."""
        self.position += 1
        self.time_us = max(self.time_us, self._now_us())
        return self.position, self.time_us

    def submit(self, entry: Entry) -> None:
        """Hand an entry to the committer: a turn, or a barrier, whose reply is told when all turns before it are durable."""
        self._submit(entry, False)

    def snapshot(self) -> Future[int]:
        """Store a snapshot now; the future gives its position once it is durable."""
        return self.snapshots.take_now()

    # -- after the commit -------------------------------------------------------------------------------------------

    def _durable(self, entries: list[Entry]) -> None:
        """On the commit thread: these are on the disk now."""
        released: list[Entry] | None = None
        position = 0
        for entry in entries:
            turn, reply, value, effects = entry
            if reply is not None:
                reply.set(value)
            if effects:
                released = [] if released is None else released
                released.append(entry)
            if turn is not None:
                position = turn.position
        if released is not None:
            self.kernel.call_soon(lambda: self._release(released))
        if position:
            for listener in self.subscribers:
                listener(position)

    def _release(self, entries: list[Entry]) -> None:
        for turn, _, _, effects in entries:
            assert turn is not None
            for effect in effects:
                self.carrying.begin(turn.actor, effect, turn.position)

    def _failed(self, error: PartitaError) -> None:
        """On the commit thread: a batch could not be written."""
        self.kernel.call_soon(lambda: self.rollback.undo(self.committer.take_failed(), error))
