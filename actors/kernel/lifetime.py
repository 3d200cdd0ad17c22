"""How a partition begins and how it ends: the first turns of an opening, and a closing in good order.

A closing takes what was said before it, and what others had to say for this moment, and waits until that is durable: what it asks
for begins, and may tidy up. It stops the effects and tells their actors, so that the next opening finds no crash; stops the
actors; commits what is left; then fails whoever still waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from partita.actors.kernel.future import Future, resolved
from partita.events.errors import StoreFailed, SystemClosed, WouldDeadlock
from partita.events.system import Flush, Recover, ShutDown
from partita.events.turn import External
from partita.events.types import Message

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class Lifetime:
    """Of one partition."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._let_go = False
        self._closing = threading.Lock()
        self._ended: Future[None] = Future()
        self._on_close: list[Callable[[], None]] = []
        self.last_words: list[Callable[[], Iterable[tuple[str, Message]]]] = []

    def begin(self) -> None:
        """The first turns of an opening settle what the last process left in flight."""
        partition = self._partition
        left = sorted(
            name
            for name, actor in partition.actors.items()
            if (actor.pending or actor.rules.recovers(actor.state)) and name != "session"
        )
        self._wait(self._say_to_all(Recover(partition.store.epoch), ["session", *left]))

    def close(self) -> None:
        """See :meth:`partita.actors.kernel.partition.Partition.close`."""
        partition = self._partition
        if partition.committer.on_own_thread():
            raise WouldDeadlock("a partition cannot be closed by what is told of a commit: close it on another thread")
        with self._closing:
            first, partition.closed = not partition.closed, True
        if not first:
            if not partition.kernel.on_own_thread():
                self._ended.get()
            return
        try:
            self._close()
        finally:
            self._ended.set(None)

    def _close(self) -> None:
        partition = self._partition
        kernel = partition.kernel
        if not kernel.ended:  # what was said before is taken before it ends
            if self.last_words:
                self._wait_until_durable()  # they are about what was asked for just now as well
            for words in self.last_words:
                self._wait(_settled(self._say(list(words()))))
            self._wait(_settled(self._say_to_all(Flush(), list(partition.actors))))
            for _ in range(2):  # a batch's effects begin after its answers: before those of the next
                self._wait_until_durable()
        self._end_effects()
        stopped: Future[None] = Future()
        kernel.call_soon(lambda: self._stop_actors(stopped))
        kernel.wait_if_possible(stopped)
        kernel.undrive(partition.committer)
        given_up: Future[None] = Future()
        kernel.call_soon(lambda: self._give_up_what_is_left(given_up))
        kernel.wait_if_possible(given_up)
        partition.replies.fail_all(SystemClosed(f"{partition.name} was closed before the answer came"))
        with self._closing:
            self._let_go = True
        with ExitStack() as closing:  # all of it is done, whatever raises
            closing.callback(partition.store.close)
            for callback in reversed(self._on_close):
                closing.callback(callback)

    def _wait_until_durable(self) -> None:
        self._partition.kernel.wait_if_possible(_settled(self._say([("session", Flush())], durable=True)))

    def _end_effects(self) -> None:
        """Stop them all; then their actors are told."""
        partition = self._partition
        kernel = partition.kernel
        stopped: Future[None] = Future()
        kernel.call_soon(lambda: partition.carrying.stop_all().when_done(lambda: stopped.set(None)))
        kernel.wait_if_possible(stopped)
        if not kernel.ended:
            pending = [name for name, actor in list(partition.actors.items()) if actor.pending]
            self._wait(_settled(self._say_to_all(ShutDown(), pending)))

    def _stop_actors(self, stopped: Future[None]) -> None:
        self._partition.stop_actors()
        stopped.set(None)

    def _give_up_what_is_left(self, done: Future[None]) -> None:
        """Whoever waits for a commit that never came is told so."""
        partition = self._partition
        partition.rollback.undo(
            partition.committer.take_failed(), StoreFailed("the partition was closed before it could be written")
        )
        done.set(None)

    def on_close(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See :meth:`partita.actors.kernel.partition.Partition.on_close`."""

        def take_back() -> None:
            with self._closing:
                if callback in self._on_close:
                    self._on_close.remove(callback)

        with self._closing:
            if not self._let_go:
                self._on_close.append(callback)
                return take_back
        callback()
        return take_back

    def _say_to_all(self, message: Message, names: list[str]) -> Future[list[object]]:
        """Tell the kernel's own message to these actors; done when all have taken it."""
        return self._say([(name, message) for name in names])

    def _say(self, words: list[tuple[str, Message]], *, durable: bool = False) -> Future[list[object]]:
        partition = self._partition
        cause = External("system", partition.store.epoch)
        taken = [Future[object]() for _ in words]
        for (name, message), reply in zip(words, taken, strict=True):
            partition.actor(name).actor_inbox.put_internal((message, cause, reply, durable))
            reply.when_done(reply.failure)  # of several that fail, the first one speaks for all
        return resolved(None).join(*taken)

    def _wait(self, taken: Future[Any]) -> None:
        kernel = self._partition.kernel
        if kernel.on_own_thread():
            kernel.run_until(taken)
        taken.get()


def _settled(future: Future[Any]) -> Future[None]:
    """Done when that is, however it came out: a log that cannot be read must not keep its partition from closing."""
    settled: Future[None] = Future()

    def on_done() -> None:
        future.failure()
        settled.set(None)

    future.when_done(on_done)
    return settled
