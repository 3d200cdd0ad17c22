"""A partition that plays an opening back: its turns are taken in the recorded order.

What comes to an actor is looked at before it is taken. What would leave no turn is taken at once. What would leave one is taken
when it is the turn that the recording has next, and is held back until then: an answer of the network does not come earlier
than it came, and two threads of the application speak in the order in which they spoke.

When that turn does not come, :mod:`~partita.actors.recorded_world.watch` gives up after a while. From then on the partition
plays nothing back: calls fail with the error that says what was to come and what came, and it can be closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.actors.exchanges.partition import RecordingPartition
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.future import Future
from partita.actors.kernel.news import guard
from partita.actors.kernel.turning import decide_turn
from partita.actors.recorded_world.asking import Asking
from partita.actors.recorded_world.callers import Callers
from partita.actors.recorded_world.opening import is_same
from partita.actors.recorded_world.watch import PATIENCE_S, Watch
from partita.events.device_connections import PerformOperation
from partita.events.errors import ActorStopped, PlaybackError, RecordingEnded, SecretErased, StoreError
from partita.events.system import Tell
from partita.events.turn import Cause, Turn
from partita.events.types import Effect, Message

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.mailbox import Envelope
    from partita.actors.kernel.world import Clock
    from partita.actors.recorded_world.devices import PlayedDevices
    from partita.actors.recorded_world.opening import Opening
    from partita.actors.recorded_world.world import PlayedClock

AnyTurn = Turn[Any, Any, Any]
Held = tuple["Actor", "Envelope"]


class PlayedPartition(RecordingPartition):
    """``opening`` is played back at its own times; ``live`` is the clock for whatever has to wait.

    ``patience_s``: see :class:`~partita.actors.recorded_world.watch.Watch`.
    """

    def __init__(
        self,
        *arguments: Any,
        opening: Opening,
        clock: PlayedClock,
        live: Clock,
        devices: PlayedDevices,
        patience_s: float | None = PATIENCE_S,
        **options: Any,
    ) -> None:
        self.position = 0
        self.opening = opening
        self.recorded_in: Path | None = None
        self.error: PlaybackError | None = None
        self.said_instead: Message | None = None
        """What was said where the recording has something else."""
        self.callers = Callers(opening)
        self.ended: Future[None] = Future()
        """Done when every recorded turn has been taken, or none will be any more."""
        self.held: list[Held] = []
        """What waits for its turn, in the order in which it came."""
        self.asking = Asking(opening)
        self.watch = Watch(self, live, patience_s)
        self._told: dict[int, Message] = {}
        self._said: dict[int, Message] = {}
        self._waiting: list[tuple[int, Future[None]]] = []
        self._waiting_lock = guard()
        self._trial: Context | None = None
        self.devices = devices
        clock.follow(lambda: self.position)
        devices.follow(self)
        super().__init__(*arguments, **options)

    # -- who says it --------------------------------------------------------------------------------------------------

    def ask(
        self,
        message: Message,
        *,
        to: str = "session",
        durable: bool = True,
        kind: str = "api",
        future: Future[Any] | None = None,
    ) -> Future[Any]:
        """See :meth:`Partition.ask`."""
        self._said[id(message)] = message
        return super().ask(message, to=to, durable=durable, kind=kind, future=future)

    def tell(self, message: Message, *, to: str = "session", kind: str = "api") -> None:
        """See :meth:`Partition.tell`."""
        self._said[id(message)] = message
        super().tell(message, to=to, kind=kind)

    def is_said(self, envelope: Envelope) -> bool:
        """Whether the application says it. The words of what it fetches have the same cause."""
        return id(envelope[0]) in self._said

    # -- blobs --------------------------------------------------------------------------------------------------------

    def blob(self, digest: bytes) -> bytes | None:
        """Of its own, or what the recording had before the opening began."""
        content = super().blob(digest)
        if content is not None:
            return content
        try:
            return self.opening.store.blob(digest)
        except (StoreError, SecretErased):
            return None

    # -- what is taken, and when --------------------------------------------------------------------------------------

    def take_turn(self, actor: Actor, envelope: Envelope) -> None:
        """Take it now, or when it is due."""
        if self.error is not None:
            self._take_without_playing(actor, envelope)
            return
        self.held.append((actor, envelope))
        self.callers.look(actor.name, envelope[0], envelope[1], partial(self.would_be_recorded, actor, envelope))
        self.go_on()
        if self.held:
            self.watch.begin()

    def go_on(self) -> None:
        """Take what is due."""
        while self.error is None and (index := self._next()) is not None:
            actor, envelope = self.held.pop(index)
            self.watch.moved()
            self._told.pop(id(envelope[0]), None)
            self._said.pop(id(envelope[0]), None)
            if isinstance(envelope[0], PerformOperation):
                self._look_at_operation(actor, envelope[0])
            position = self.position
            super().take_turn(actor, envelope)
            if self.position > position and (recorded := self.opening.at(self.position)) is not None:
                self.callers.note_taken(envelope[1], recorded.cause)
            self.asking.note_taken(envelope[2])
            self._tell_positions()

    def _deliver(self, effects: tuple[Effect, ...], cause: Cause) -> tuple[Effect, ...]:
        rest = super()._deliver(effects, cause)
        self._told.update((id(effect.message), effect.message) for effect in effects if isinstance(effect, Tell))
        return rest

    @property
    def expected(self) -> AnyTurn | None:
        """The turn that the recording has next; None beyond its end."""
        return self.opening.at(self.position + 1)

    def _next(self) -> int | None:
        """Which of those held back is to be taken now."""
        expected = self.expected
        if expected is None:
            return self._next_beyond()
        speaking: set[str] = set()  # an actor's callers are heard in order, and after what other actors told it before
        others: list[int] = []
        unrecorded = None
        relieved = self.watch.is_relieved
        askers = [] if relieved else self.asking.missing(self.position + 1)
        waits = bool(askers) or self.devices.missing(self.position) is not None
        for index, (actor, envelope) in enumerate(self.held):
            message, cause = envelope[0], envelope[1]
            call = self.is_said(envelope)
            if actor.name == expected.actor and is_same(expected.message, message):
                if waits:
                    continue
                if self.callers.recorded(cause) == expected.cause:
                    return index
                others.append(index)
            elif not self.would_be_recorded(actor, envelope):
                if self._is_in_place(actor, envelope, speaking, askers):
                    return index
                unrecorded = index if unrecorded is None else unrecorded
            if call or id(message) in self._told:
                speaking.add(actor.name)
        if (stand_in := self._stand_in(others, expected.cause)) is not None:
            return stand_in
        return unrecorded if relieved else None

    def _stand_in(self, others: Sequence[int], recorded: Cause) -> int | None:
        """Of those that say what is to come, but by another call: the first that could be the recorded one."""
        if not (self.watch.is_relieved or self.callers.differ):
            return None
        return next((index for index in others if self.callers.may_be(self.held[index][1][1], recorded)), None)

    def _is_in_place(self, actor: Actor, envelope: Envelope, speaking: set[str], askers: Sequence[object]) -> bool:
        """Whether what leaves no turn may be taken now."""
        if envelope[2] is not None and envelope[2] in askers:
            return True
        if self.is_said(envelope) and actor.name in speaking:
            return False
        if self.asking.had_not_to_wait(envelope[2], self.position):
            decision = self._try(actor, envelope[0])
            if decision is not None and decision.waits is not None:
                return False
        return not self._is_to_come(actor, envelope)

    def _look_at_operation(self, actor: Actor, message: PerformOperation) -> None:
        decision = self._try(actor, message)
        if decision is not None and decision.effects:
            self.devices.asked(message.connection, message.operation)

    def _next_beyond(self) -> int | None:
        """The recording has ended: what changes nothing goes on, and so does closing; nothing else does."""
        for index, (actor, envelope) in enumerate(self.held):
            said = self.is_said(envelope)
            if not self.would_be_recorded(actor, envelope) or (self.closed and not said):
                return index
            if said:
                self.held.pop(index)
                self._refuse(
                    envelope,
                    RecordingEnded(
                        f"the recording of {self.name!r} ends at position {self.opening.last}:"
                        f" {actor.name} was never told what comes now",
                        position=self.opening.last + 1,
                    ),
                )
                return self._next_beyond()
        return None

    def would_be_recorded(self, actor: Actor, envelope: Envelope) -> bool:
        """Whether it would leave a turn: deciding is pure, so it can be tried."""
        try:
            decision = self._try(actor, envelope[0])
        except Exception:  # noqa: BLE001  # a failed turn is recorded as well
            return True
        assert self._trial is not None, "it has been tried"
        return decision is not None and (bool(decision.events) or self._trial.drew)

    def _try(self, actor: Actor, message: Message) -> Decision | None:
        """What would be decided, if it were taken now."""
        if self._trial is None:
            self._trial = Context(seed=self.store.seed)
        context = self._trial
        context.begin(self.position + 1, self.world.clock.now_us(), actor.name)
        return decide_turn(actor.rules.decide, actor.state, actor.pending, message, context)

    def _is_to_come(self, actor: Actor, envelope: Envelope) -> bool:
        """Whether this very word left a turn later on: then it came too early, not for nothing."""
        message, cause = envelope[0], envelope[1]
        recorded = self.callers.recorded(cause)
        is_anyones = self.is_said(envelope) and self.callers.has_the_number_of_another(actor.name, message, cause)
        return any(
            (turn.cause == recorded or (is_anyones and self.callers.may_be(cause, turn.cause)))
            and is_same(turn.message, message)
            for turn in self.opening.alike(actor.name, type(message), self.position)
        )

    # -- waiting for positions ----------------------------------------------------------------------------------------

    def reached(self, position: int) -> Future[None]:
        """Done when that turn has been taken, or never will be."""
        future: Future[None] = Future()
        with self._waiting_lock:
            if self.position < position and self.error is None:
                self._waiting.append((position, future))
                return future
        future.set(None)
        return future

    def _tell_positions(self) -> None:
        with self._waiting_lock:
            due = [future for position, future in self._waiting if position <= self.position or self.error is not None]
            self._waiting = [item for item in self._waiting if not item[1].done and item[1] not in due]
        for future in due:
            future.set(None)
        if not self.ended.done and (self.error is not None or self.position >= self.opening.last):
            self.ended.set(None)

    def finish(self) -> None:
        """Before it is closed: wait for what was recorded up to there. On the kernel's own thread it would wait for itself."""
        if self.kernel.ended or self.kernel.on_own_thread():
            return
        self.watch.finishing = True
        taken = self.reached(self.opening.last_word)
        self.kernel.call_soon(self.watch.begin)
        taken.get()

    # -- when it fails ------------------------------------------------------------------------------------------------

    def fail(self, error: PlaybackError) -> None:
        """Play nothing back from here on; who waits is told why. On the kernel's thread."""
        if self.error is not None:
            return
        self.error = error
        held, self.held = self.held, []
        for actor, envelope in held:
            self._take_without_playing(actor, envelope)
        for call in list(self.carrying.calls.values()):
            call.reject(error)
        self.replies.fail_all(error)
        self._tell_positions()

    def _take_without_playing(self, actor: Actor, envelope: Envelope) -> None:
        if self.is_said(envelope):
            assert self.error is not None
            self._refuse(envelope, self.error)
        else:
            super().take_turn(actor, envelope)

    def _refuse(self, envelope: Envelope, error: PlaybackError) -> None:
        self._said.pop(id(envelope[0]), None)
        reply = envelope[2]
        if reply is not None:
            reply.set_exception(error)
        call_id = getattr(envelope[0], "call_id", None)
        call = None if call_id is None else self.carrying.calls.get(call_id)
        if call is not None:
            call.reject(error)

    def stop_actors(self) -> None:
        """See :meth:`Partition.stop_actors`; what is held back is not taken any more."""
        super().stop_actors()
        held, self.held = self.held, []
        for _, envelope in held:
            if envelope[2] is not None:
                envelope[2].set_exception(ActorStopped("the playback was closed before this was taken"))
        with self._waiting_lock:
            waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            future.set(None)
        if not self.ended.done:
            self.ended.set(None)
