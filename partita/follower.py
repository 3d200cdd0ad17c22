"""Turns what the log says into what listeners are told, in the log's order, once it is durable.

One for each session that has listeners. It keeps a position and reads the log from there on the callback thread whenever
there is more, so a burst of turns queues nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from partita.actors.kernel.delivery import Callbacks
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.raised import report
from partita.events.turn import Turn
from partita.events.types import Event

Tell = Callable[[Turn[Any, Any, Any], Event], object]


class Follower:
    """Calls ``tell(turn, event)`` for each event of the types that somebody follows."""

    def __init__(self, partition: Partition, callbacks: Callbacks) -> None:
        self._partition = partition
        self._callbacks = callbacks
        self._tell: dict[type[Event], tuple[Tell, ...]] = {}
        self._position = 0
        self._since = 0
        self._epoch = 0
        self._following = False
        self._due = False
        self._lock = threading.Lock()
        self._reading = threading.Lock()

    def follow(self, types: tuple[type[Event], ...], tell: Tell) -> None:
        """From the newest turn on, tell of these; asking twice changes nothing."""
        with self._lock:
            for kind in types:
                known = self._tell.get(kind, ())
                if tell not in known:
                    self._tell[kind] = (*known, tell)
            if self._following:
                return
            self._following = True
            self._epoch = self._partition.store.epoch
            self._position = self._partition.store.position
            self._since = self._partition.position
            self._partition.subscribe(self._on_durable)
        self._partition.on_close(self._read)  # where it is closed already, it is called at once, and takes the lock

    def _on_durable(self, position: int) -> None:  # noqa: ARG002  # the log knows better
        with self._lock:
            if self._due:
                return
            self._due = True
        self._callbacks.run(self._read)

    def _read(self) -> None:
        with self._lock:
            self._due = False
        with self._reading:
            last = self._partition.store.position
            if last <= self._position:
                return
            if (
                self._partition.store.epoch != self._epoch
            ):  # a commit failed: what was taken by then may have been undone,
                self._since = 0  # and its positions are those of other turns
            for turn in self._partition.store.turns(self._position + 1, last):
                self._position = turn.position
                if turn.position <= self._since:
                    continue
                for event in turn.events:
                    for tell in self._tell.get(type(event), ()):
                        try:
                            tell(turn, event)
                        except Exception as error:  # noqa: BLE001  # a warning that is an error, say: the next are told
                            report(error)
