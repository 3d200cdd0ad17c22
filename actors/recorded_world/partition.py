"""A partition that plays an opening back: its turns are taken in the recorded order.

What comes to an actor is looked at before it is taken. What would leave no turn is taken at once. What would leave one is taken
when it is the turn that the recording has next, and is held back until then: an answer of the network does not come earlier
than it came, and two threads of the application speak in the order in which they spoke.

It can be that the turn that is next never comes: the application does something else than it did. Then everything stands
still with something held back, and after a while :meth:`PlayedPartition._give_up` says what was to come and what came.
From then on the partition plays nothing back: calls fail with that error, and it can be closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from partita.actors.exchanges.partition import RecordingPartition
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.future import Future
from partita.actors.kernel.news import guard
from partita.actors.kernel.turning import decide_turn
from partita.actors.recorded_world.divergence import diverged
from partita.actors.recorded_world.opening import is_call, is_same
from partita.events.device_connections import PerformOperation
from partita.events.errors import ActorStopped, PlaybackError, RecordingEnded, SecretErased, StoreError
from partita.events.system import Tell
from partita.events.turn import Cause, External, Turn
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

TICK_S: Final = 0.05
RELIEF_S: Final = 0.25
"""When nothing moves for so long, who called is no longer looked at, what is not recorded is let through, and what never was
to come is no longer waited for."""

PATIENCE_S: Final = 10.0


class PlayedPartition(RecordingPartition):
    """``opening`` is played back at its own times; ``live`` is the clock for whatever has to wait.

    ``patience_s``: how long a caller may wait for its turn before that counts as a divergence; None is for ever.
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
        self.calls: dict[int, int] = {}
        """The application's calls whose numbers differ, with the recorded number of each."""
        self.ended: Future[None] = Future()
        """Done when every recorded turn has been taken, or none will be any more."""
        self._held: list[Held] = []
        self._live = live
        self._patience_s = patience_s
        self._quiet_s = 0.0
        self._numbers_differ = False
        self._told: set[int] = set()
        self._said: set[int] = set()
        self._progress = 0
        self._watching = False
        self._finishing = False
        self._waiting: list[tuple[int, Future[None]]] = []
        self._waiting_lock = guard()
        self._trial: Context | None = None
        self.devices = devices
        self._doubts: list[PlaybackError] = []
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
        self._said.add(id(message))
        return super().ask(message, to=to, durable=durable, kind=kind, future=future)

    def tell(self, message: Message, *, to: str = "session", kind: str = "api") -> None:
        """See :meth:`Partition.tell`."""
        self._said.add(id(message))
        super().tell(message, to=to, kind=kind)

    def _is_said(self, envelope: Envelope) -> bool:
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
        self._held.append((actor, envelope))
        self._look_at_number(actor, envelope)
        self._go_on()
        if self._held and not self._watching:
            self._watch()

    def _go_on(self) -> None:
        while self.error is None and (index := self._next()) is not None:
            actor, envelope = self._held.pop(index)
            self._progress += 1
            self._quiet_s = 0.0
            self._told.discard(id(envelope[0]))
            self._said.discard(id(envelope[0]))
            if isinstance(envelope[0], PerformOperation):
                self._look_at_operation(actor, envelope[0])
            super().take_turn(actor, envelope)
            self._tell_positions()

    def _deliver(self, effects: tuple[Effect, ...], cause: Cause) -> tuple[Effect, ...]:
        self._told.update(id(effect.message) for effect in effects if isinstance(effect, Tell))
        return super()._deliver(effects, cause)

    def _next(self) -> int | None:
        """Which of those held back is to be taken now."""
        expected = self.opening.at(self.position + 1)
        if expected is None:
            return self._next_beyond()
        speaking: set[str] = set()  # an actor's callers are heard in order, and after what other actors told it before
        other_caller = unrecorded = None
        waits = self.devices.missing(self.position) is not None
        for index, (actor, envelope) in enumerate(self._held):
            message, cause = envelope[0], envelope[1]
            call = self._is_said(envelope)
            if actor.name == expected.actor and is_same(expected.message, message):
                if waits:
                    continue
                if self._recorded(cause) == expected.cause:
                    return index
                other_caller = index if other_caller is None else other_caller
            elif not self._would_be_recorded(actor, envelope):
                if not (call and actor.name in speaking) and not self._is_to_come(actor, envelope):
                    return index
                unrecorded = index if unrecorded is None else unrecorded
            if call or id(message) in self._told:
                speaking.add(actor.name)
        relieved = self._quiet_s >= RELIEF_S
        if other_caller is not None and (relieved or self._numbers_differ):
            self._learn_call(self._held[other_caller][1][1], expected.cause)
            return other_caller
        return unrecorded if relieved else None

    def _look_at_operation(self, actor: Actor, message: PerformOperation) -> None:
        decision = self._try(actor, message)
        if decision is not None and decision.effects:
            self.devices.asked(message.connection, message.operation)

    def _next_beyond(self) -> int | None:
        """The recording has ended: what changes nothing goes on, and so does closing; nothing else does."""
        for index, (actor, envelope) in enumerate(self._held):
            said = self._is_said(envelope)
            if not self._would_be_recorded(actor, envelope) or (self.closed and not said):
                return index
            if said:
                self._held.pop(index)
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

    def _would_be_recorded(self, actor: Actor, envelope: Envelope) -> bool:
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
        message, cause = envelope[0], self._recorded(envelope[1])
        return any(
            turn.cause == cause and is_same(turn.message, message)
            for turn in self.opening.alike(actor.name, type(message), self.position)
        )

    # -- who called ---------------------------------------------------------------------------------------------------

    def _recorded(self, cause: Cause) -> Cause:
        """A cause as the recording has it: calls are numbered as they come, and may have come in another order."""
        if is_call(cause):
            return External(cause.kind, self.calls.get(cause.call_id, cause.call_id))
        return cause

    def _look_at_number(self, actor: Actor, envelope: Envelope) -> None:
        """Calls are numbered as they come: where one is not what was recorded under its number, threads came otherwise."""
        cause = envelope[1]
        if self._numbers_differ or not is_call(cause):
            return
        of_call = self.opening.of_call(cause.call_id)
        same = any(turn.actor == actor.name and is_same(turn.message, envelope[0]) for turn in of_call)
        if not same and self._would_be_recorded(actor, envelope):
            self._numbers_differ = True

    def _learn_call(self, said: Cause, recorded: Cause) -> None:
        if isinstance(said, External) and isinstance(recorded, External):
            self.calls[said.call_id] = recorded.call_id

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
        self._finishing = True
        taken = self.reached(self.opening.last_word)
        self.kernel.call_soon(self._watch)
        taken.get()

    # -- when nothing moves -------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        if not self._watching and not self.stopped:
            self._watching = True
            self.kernel.carry_out(self._watch_progress, f"playback of {self.name}")

    async def _watch_progress(self) -> None:
        seen = self._progress
        try:
            while self._is_waiting():
                await self._live.sleep(TICK_S)
                if self._progress != seen:
                    seen = self._progress
                    continue
                self._quiet_s += TICK_S
                self._go_on()
                if self._progress == seen and self._quiet_s >= RELIEF_S:
                    self._despair()
        finally:
            self._watching = False

    def _despair(self) -> None:
        """Nothing has moved for a while: give up, unless what is awaited may still come."""
        if (hopeless := self._hopeless()) is not None:
            self._give_up(hopeless)
        elif self._doubts and not self._finishing and self.opening.at(self.position + 1) is not None:
            self.fail(self._doubts[0])
        elif self._patience_s is not None and self._quiet_s >= self._patience_s and self._is_called():
            self._give_up(None)

    def _is_waiting(self) -> bool:
        finishing = self._finishing and self.position < self.opening.last_word
        return self.error is None and not self.stopped and (bool(self._held or self._doubts) or finishing)

    def _is_called(self) -> bool:
        """Whether somebody outside waits: else the application may just have nothing to say yet."""
        return self._finishing or any(self._is_said(envelope) for _, envelope in self._held)

    def _hopeless(self) -> Held | None:
        """The first of those held back that the recording does not have at all."""
        if self.opening.at(self.position + 1) is None:
            return None
        for actor, envelope in self._held:
            ahead = self.opening.alike(actor.name, type(envelope[0]), self.position)
            if self._would_be_recorded(actor, envelope) and not any(
                is_same(turn.message, envelope[0]) for turn in ahead
            ):
                if self._finishing and not self._is_said(envelope):
                    continue  # begun as it was closing: it may not have come so far then
                return actor, envelope
        return None

    @contextmanager
    def doubting(self, error: PlaybackError) -> Iterator[None]:
        """Somebody waits for what the recording may not have: when nothing else moves, ``error`` ends the playback."""
        self._doubts.append(error)
        self._watch()
        try:
            yield
        finally:
            self._doubts.remove(error)

    def _give_up(self, hopeless: Held | None) -> None:
        expected = self.opening.at(self.position + 1)
        assert expected is not None, "beyond the end nothing is waited for"
        held = [*([hopeless] if hopeless is not None else []), *self._held]
        missing = None if hopeless is not None else self.devices.missing(self.position)
        error, self.said_instead = diverged(self.opening, expected, held, missing, finishing=self._finishing)
        self.fail(error)

    def fail(self, error: PlaybackError) -> None:
        """Play nothing back from here on; who waits is told why. On the kernel's thread."""
        if self.error is not None:
            return
        self.error = error
        held, self._held = self._held, []
        for actor, envelope in held:
            self._take_without_playing(actor, envelope)
        for call in list(self.carrying.calls.values()):
            call.reject(error)
        self.replies.fail_all(error)
        self._tell_positions()

    def _take_without_playing(self, actor: Actor, envelope: Envelope) -> None:
        if self._is_said(envelope):
            assert self.error is not None
            self._refuse(envelope, self.error)
        else:
            super().take_turn(actor, envelope)

    def _refuse(self, envelope: Envelope, error: PlaybackError) -> None:
        self._said.discard(id(envelope[0]))
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
        for _, envelope in self._drop_held():
            if envelope[2] is not None:
                envelope[2].set_exception(ActorStopped("the playback was closed before this was taken"))
        with self._waiting_lock:
            waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            future.set(None)
        if not self.ended.done:
            self.ended.set(None)

    def _drop_held(self) -> Iterator[Held]:
        held, self._held = self._held, []
        return iter(held)
