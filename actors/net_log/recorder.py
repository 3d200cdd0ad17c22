"""What is noted while a net log is written: from the places that note, to what writes the file.

Noting costs no wait: an entry goes into a queue in memory. Behind a disk that does not keep up, the oldest entries in the queue
are dropped, and the log says how many (as Chromium's ``FileNetLogObserver`` does, which says nothing). All of it happens on the
kernel's thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Clock
from partita.actors.net_log.constants import UNKNOWN_SOURCE, constants
from partita.actors.net_log.entries import Capture, SourceId, encoded
from partita.events.net_log import CaptureMode

MOST_WAITING_BYTES: Final = 16 << 20
"""What may wait in memory for the disk."""

AT_ONCE_BYTES: Final = 1 << 20
"""What is handed to the file at once."""


class Recorder:
    """One net log that is being written."""

    def __init__(self, clock: Clock, capture_mode: CaptureMode, client_info: Mapping[str, object]) -> None:
        self._clock = clock
        self.capture: Final = Capture.of(capture_mode)
        self._sources = 0
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._untold = 0
        self._wake: Future[None] | None = None
        self.dropped = 0
        """Entries that never got to the file."""
        self.ended = False
        """Whether it takes no more."""
        tick_ms = self._tick()
        told = constants(
            time_tick_offset_ms=clock.now_us() // 1000 - tick_ms, capture_mode=capture_mode, client_info=client_info
        )
        self.head: Final = b'{"constants":' + msgspec.json.encode(told) + b',\n"events":[\n'
        """What stands in the file before the first entry."""

    def source(self, kind: str, depends_on: SourceId | None = None) -> SourceTrace:
        """A new source."""
        self._sources += 1
        return SourceTrace(self, SourceId(self._sources, kind, self._tick()), depends_on)

    def note(self, source: SourceId, event: str, phase: str, parameters: Mapping[str, object] | None) -> None:
        """Something happened."""
        if self.ended:
            return
        for entry in encoded(source, event, phase, self._tick(), parameters=parameters, capture=self.capture):
            self._waiting.append(entry)
            self._waiting_bytes += len(entry)
        while self._waiting_bytes > MOST_WAITING_BYTES:
            self._waiting_bytes -= len(self._waiting.popleft())
            self.dropped += 1
            self._untold += 1
        self._go_on()

    def end(self) -> None:
        """Take no more; what waits is still to be written."""
        self.ended = True
        self._go_on()

    async def entries(self) -> list[bytes]:
        """What is to be written next, as soon as there is something; nothing when it has ended."""
        if not self._waiting and not self.ended:
            self._wake = Future()
            await self._wake
        return self.next_entries()

    def next_entries(self) -> list[bytes]:
        """What waits, or the first of it."""
        taken: list[bytes] = []
        size = 0
        if self._untold:
            dropped, self._untold = self._untold, 0
            tick = self._tick()
            source, told = SourceId(0, UNKNOWN_SOURCE, tick), {"count": dropped}
            taken += encoded(source, "NET_LOG_DROPPED_EVENTS", "none", tick, parameters=told, capture=self.capture)
        while self._waiting and size < AT_ONCE_BYTES:
            entry = self._waiting.popleft()
            size += len(entry)
            taken.append(entry)
        self._waiting_bytes -= size
        return taken

    def _go_on(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.set(None)

    def _tick(self) -> int:
        return int(self._clock.monotonic() * 1000)


class SourceTrace:
    """One source of a running log: :class:`partita.actors.kernel.world.Trace`. Of a log that has ended, it notes nothing.

    Readers pair what begins with what ends. So with the first event of a source, whatever else has begun ends as well: where
    something fails, not every place that has noted a beginning comes to note the end. An end of nothing is only a moment.
    """

    __slots__ = ("_begun", "_depends_on", "_id", "_recorder", "octets", "sensitive")

    def __init__(self, recorder: Recorder, source: SourceId, depends_on: SourceId | None) -> None:
        self._recorder = recorder
        self._id = source
        self._depends_on = depends_on
        self._begun: list[str] = []
        self.sensitive = recorder.capture.sensitive
        self.octets = recorder.capture.octets

    def note(self, event: str, phase: str = "none", parameters: Mapping[str, object] | None = None) -> None:
        """See :class:`partita.actors.kernel.world.Trace`. The first event says what the source depends on."""
        depends_on, self._depends_on = self._depends_on, None
        if depends_on is not None:
            parameters = {"source_dependency": depends_on.reference(), **(parameters or {})}
        if phase == "begin":
            self._begun.append(event)
        elif phase == "end":
            phase = self._ended(event)
        self._recorder.note(self._id, event, phase, parameters)

    def source(self, kind: str) -> SourceTrace:
        """See :class:`partita.actors.kernel.world.Trace`."""
        return self._recorder.source(kind, self._id)

    def _ended(self, event: str) -> str:
        """The phase that this end is, once what had to end before it has."""
        begun = self._begun
        if event not in begun:
            return "none"
        if begun[0] == event and begun.count(event) == 1:
            for other in reversed(begun[1:]):
                self._recorder.note(self._id, other, "end", None)
            begun.clear()
        else:
            begun.reverse()
            begun.remove(event)  # the newest of that name
            begun.reverse()
        return "end"
