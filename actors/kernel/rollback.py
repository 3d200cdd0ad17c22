"""What is undone when a commit fails, and how the partition goes on (DESIGN, 8).

Everything that was not durable is taken back: its callers are told, the states are folded again from the log, messages that
undone turns had sent are taken out of the mailboxes. What is left is what nobody would say again: the answers of the world,
the messages of durable turns, an opening's first words. They are set aside and taken again, before the next message that
comes, or after a pause that grows: a full disk is not tried in a circle. One that no log can hold is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from partita.actors.kernel.future import Future
from partita.actors.kernel.mailbox import Envelope
from partita.actors.kernel.raised import writable
from partita.actors.kernel.replies import Barrier, Reply
from partita.events.errors import PartitaError, StoreError, StoreFailed, SystemClosed, TurnUnwritable
from partita.events.points import reached
from partita.events.system import EffectLost
from partita.events.turn import External, Turn
from partita.events.types import Message, Outcome

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.kernel import CarriedOut
    from partita.actors.kernel.partition import Partition
    from partita.actors.kernel.replies import Entry

FIRST_RETRY_S: Final = 0.05
LAST_RETRY_S: Final = 30.0


class Rollback:
    """The failed commits of one partition, and who waits for what they undid. It is called on the kernel's thread."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._again: list[tuple[str, Envelope]] = []
        self._retry: CarriedOut | None = None
        self._rests = False  # no commit is tried before the next message, or the end of a pause
        self._undone: PartitaError | None = None
        self._unreadable: StoreError | None = None
        self._failed_at = -1
        self._pause_s = FIRST_RETRY_S
        self._ignored: list[tuple[int, str, Envelope]] = []  # with the position that memory had reached
        self._waiting: list[Future[None]] = []  # until what was set aside is durable

    def undo(self, entries: list[Entry], error: PartitaError) -> None:
        """Back to the last durable turn; ``entries`` are those that the committer gave back."""
        partition = self._partition
        lost = [reply for _, reply, _, _ in entries]
        turns = [turn for turn, _, _, _ in entries if turn is not None]
        if not partition.stopped:
            if turns:
                lost += self._take_back(turns, error)
            else:  # what failed was a barrier, or blobs that no turn names yet: those are still queued
                self._note_failure(partition.store.position)
                self._rests = True
                partition.take = self._take_after_failure
                self._try_again_later()
            for turn, reply, _, _ in entries:
                if isinstance(reply, Barrier):
                    self._undone = None  # it fails, and so tells
                elif turn is not None and reply is None and _is_a_call(turn):
                    self._undone = error
        for reply in lost:
            if reply is not None:
                reply.set_exception(StoreFailed(f"{partition.name}: not made durable, and undone: {error}"))

    def _take_back(self, turns: list[Turn[Any, Any, Any]], error: PartitaError) -> list[Reply | None]:
        """Undo these; who had asked in mailboxes for what is now undone."""
        partition = self._partition
        partition.resume_commits()
        self._rewind()
        durable = partition.store.position
        lost: list[Reply | None] = []
        for actor in list(partition.actors.values()):
            lost += [envelope[2] for envelope in actor.actor_inbox.drop_caused_after(durable)]
        self._set_aside(turns, durable, error)
        ignored, self._ignored = self._ignored, []
        again = [(name, envelope) for position, name, envelope in ignored if position > durable]
        for name, envelope in again:
            partition.actor(name).actor_inbox.put_internal(envelope)
        return lost

    def note_ignored(self, actor: str, envelope: Envelope) -> None:
        """An outcome that nobody waits for: should the turn that settled its effect be undone, it counts again."""
        partition = self._partition
        durable = partition.store.position
        self._ignored = [ignored for ignored in self._ignored if ignored[0] > durable]
        if partition.position > durable:
            self._ignored.append((partition.position, actor, envelope))

    def untold(self) -> StoreFailed | None:
        """What was said with nobody waiting, and then undone: the next barrier says so, once."""
        error, self._undone = self._undone, None
        if error is None:
            return None
        return StoreFailed(f"{self._partition.name}: what was said before was not made durable, and undone: {error}")

    @property
    def has_more_to_do(self) -> bool:
        """Whether something was undone and has not been taken again yet."""
        return bool(self._again) or self._unreadable is not None

    def tell_when_committed(self, done: Future[None]) -> None:
        """Complete it when all that was taken is durable, also what was undone and is taken again; fail it at the end."""
        if self.has_more_to_do or self._partition.stopped:
            self._wait(done)
        else:
            self._partition.submit((None, _Patient(done, self._wait), None, ()))

    def _wait(self, done: Future[None]) -> None:
        partition = self._partition
        if partition.stopped or partition.kernel.ended:
            done.set_exception(self._closed_before())
            return
        self._waiting.append(done)
        partition.take = self._take_after_failure
        self._try_again_later()

    def stop(self) -> None:
        """Try nothing again. Who was to be asked again, and who waits, is told that it is over."""
        if self._retry is not None:
            self._retry.stop()
        again, self._again = self._again, []
        for _, envelope in again:
            if envelope[2] is not None:
                envelope[2].set_exception(self._closed_before())
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.set_exception(self._closed_before())

    def _closed_before(self) -> SystemClosed:
        return SystemClosed(f"{self._partition.name} was closed before the answer came")

    def _set_aside(self, turns: list[Turn[Any, Any, Any]], durable: int, error: PartitaError) -> None:
        """What is taken again, and who waits, to ask again: behind the turns that they had asked behind, before their answers."""
        partition = self._partition
        unwritable = error.position if isinstance(error, TurnUnwritable) else None
        waiting = partition.replies.give_back()
        aside: list[tuple[int, str, Envelope]] = []
        for turn in turns:
            cause = turn.cause
            if (cause <= durable) if isinstance(cause, int) else cause.kind == "system":
                message = turn.message if turn.position != unwritable else self._in_place_of(turn.message, error)
                if message is not None:
                    aside.append((turn.position, turn.actor, (message, cause, None, False)))
        if aside or self._again:
            in_order = sorted([*aside, *waiting], key=lambda one: one[0])
            self._again += [(actor, envelope) for _, actor, envelope in in_order]
        else:
            for _, actor, envelope in reversed(waiting):  # their answers may be in the mailbox
                partition.actor(actor).actor_inbox.put_back(envelope)
        self._note_failure(durable)
        if self._again or self._waiting:
            partition.take = self._take_after_failure
            self._try_again_later()

    def _in_place_of(self, message: Message, error: PartitaError) -> Message | None:
        """No log can hold what became of it, however often it is taken: the effect that said it is lost, if one did."""
        reached("rollback.unwritable")
        if isinstance(message, EffectLost):
            self._undone = error
            return None
        if isinstance(message, Outcome):
            return EffectLost(message.effect_id, writable(str(error)))
        if message.said_by:
            self._partition.carrying.stop(message.said_by)
            return EffectLost(message.said_by, writable(str(error)))
        self._undone = error
        return None

    def _note_failure(self, durable: int) -> None:
        """The pause begins anew when something has been written since the last failure."""
        if durable > self._failed_at:
            self._failed_at, self._pause_s = durable, FIRST_RETRY_S
            if self._retry is not None:  # it may sleep for long, after failures that are over
                self._retry.stop()
                self._retry = None

    def _try_again_later(self) -> None:
        partition = self._partition
        if self._retry is None and not partition.kernel.ended:
            self._retry = partition.kernel.carry_out(self._retry_later, f"{partition.name} tries again")

    async def _retry_later(self) -> None:
        partition = self._partition
        while (self._again or self._waiting or self._rests) and not partition.stopped:
            await partition.world.clock.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LAST_RETRY_S)
            self._take_again()
        self._retry = None

    def _take_again(self) -> bool:
        """Whether turns can be taken; what was set aside has been, then."""
        partition = self._partition
        if self._rests or self._unreadable is not None:
            partition.resume_commits()
            self._rests = False
        if self._unreadable is not None and not self._rewind():
            return False
        partition.take = partition.take_turn
        again, self._again = self._again, []
        if again:
            reached("rollback.taken_again")
        for name, envelope in again:
            partition.take_turn(partition.actor(name), envelope)
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            self.tell_when_committed(done)
        return True

    def _rewind(self) -> bool:
        """States as of the last durable turn; while the log cannot even be read, no turn is taken, and each tries again."""
        partition = self._partition
        try:
            partition.restore()
        except StoreError as error:
            reached("rollback.log_unreadable")
            self._unreadable = error
            partition.take = self._take_after_failure
            return False
        self._unreadable = None
        partition.take = self._take_after_failure if self._again else partition.take_turn
        return True

    def _take_after_failure(self, actor: Actor, envelope: Envelope) -> None:
        _, cause, reply, _ = envelope
        if self._take_again():
            self._partition.take_turn(actor, envelope)
        elif reply is not None:
            reply.set_exception(StoreFailed(f"{self._partition.name}: its log cannot be read: {self._unreadable}"))
        elif isinstance(cause, int):
            self._again.append((actor.name, envelope))


class _Patient:
    """The reply of a barrier that fails only with the partition's end: ``wait`` has it tried again. Set on the commit thread."""

    __slots__ = ("_done", "_wait")

    def __init__(self, done: Future[None], wait: Callable[[Future[None]], None]) -> None:
        self._done = done
        self._wait = wait

    def set(self, value: None) -> None:
        """All before it is durable."""
        self._done.set(value)

    def set_exception(self, error: BaseException) -> None:  # noqa: ARG002  # what it was is told to who made the calls
        """Something before it is not."""
        self._wait(self._done)


def _is_a_call(turn: Turn[Any, Any, Any]) -> bool:
    return isinstance(turn.cause, External) and turn.cause.kind == "api"
