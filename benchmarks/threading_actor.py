"""The peer of the actor rows: pykka's stock ``ThreadingActor`` doing the same work.

The same decide and evolve, the same turn in the same encoding, and the same group commit with its fsync (partita's own
committer on partita's own log), so that what differs is the actor: its thread, its inbox and its futures. A reply is a
``ThreadingFuture`` that is set when the batch is on the disk.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pykka

from benchmarks.workload import MESSAGE, decide, evolve, opened
from partita.actors.kernel.context import Context
from partita.events.preferences import PreferencesState, SetDownloadPath
from partita.events.turn import External, Turn
from partita.store.committer import Committer
from partita.store.partition import PartitionStore

Entry = tuple[Turn[Any, Any, Any] | None, "pykka.ThreadingFuture[Any] | None", object]


class ThreadingSession(pykka.ThreadingActor):
    """Takes ``(message, wants a reply)``, or None for a barrier."""

    use_daemon_thread = True

    def __init__(self, store: PartitionStore, committer: Committer[Entry]) -> None:
        super().__init__()
        self._committer = committer
        self._state = PreferencesState()
        self._position = store.position
        self._time_us = 0
        self._calls = 0
        self._context = Context(seed=store.seed)

    def on_receive(self, message: tuple[SetDownloadPath, bool] | None) -> Any:
        if message is None:
            barrier: pykka.ThreadingFuture[Any] = pykka.ThreadingFuture()
            self._committer.submit((None, barrier, None))
            return barrier
        asked, wants_reply = message
        position = self._position + 1
        now = max(self._time_us, time.time_ns() // 1000)
        self._context.begin(position, now, "session")
        decision = decide(self._state, asked, self._context)
        for event in decision.events:
            self._state = evolve(self._state, event)  # type: ignore[arg-type]  # it decides one event only
        self._position, self._time_us = position, now
        self._calls += 1
        turn: Turn[Any, Any, Any] = Turn(
            position, now, "session", External("api", self._calls), asked, decision.events, decision.effects
        )
        reply: pykka.ThreadingFuture[Any] | None = pykka.ThreadingFuture() if wants_reply else None
        self._committer.submit((turn, reply, decision.reply))
        return reply


class ThreadingPeer:
    """Tells and asks, durably."""

    def __init__(self, ref: pykka.ActorRef[ThreadingSession]) -> None:
        self._ref = ref

    def tell(self, count: int) -> None:
        """All of them are durable when this comes back."""
        tell = self._ref.tell
        for _ in range(count):
            tell((MESSAGE, False))
        self._ref.ask(None).get()

    def ask(self, count: int, in_flight: int) -> None:
        """A window of so many."""
        ask = self._ref.ask
        waiting: deque[Any] = deque()
        for _ in range(count):
            if len(waiting) >= in_flight:
                waiting.popleft().get().get()
            waiting.append(ask((MESSAGE, True), block=False))
        while waiting:
            waiting.popleft().get().get()

    def ask_alone(self) -> None:
        """One, and wait for it."""
        self._ref.ask((MESSAGE, True)).get()


@contextmanager
def threading_peer(directory: Path) -> Iterator[ThreadingPeer]:
    """An actor on a log of its own."""

    def durable(entries: list[Entry]) -> None:
        for _, reply, value in entries:
            if reply is not None:
                reply.set(value)

    def failed(error: Exception) -> None:
        raise error

    with opened(directory) as store:
        committer = store.committer(durable, failed)
        committer.start()
        ref = ThreadingSession.start(store, committer)
        try:
            yield ThreadingPeer(ref)
        finally:
            ref.stop()
            committer.stop()
