"""A child that writes into a partition from four threads until it is killed.

    writing.py DATA_DIR PARTITION WINDOW RETAIN_BYTES START...

It says ``opening``, then ``open``, then ``acknowledged WRITER COUNTER`` for every durable ask. Each writer has at most WINDOW
of them in flight.
"""

from __future__ import annotations

import sys
import threading
from collections import deque

from durability.children import say
from durability.jar_writers import begin

from partita.actors.kernel.future import Future
from partita.session import Session
from partita.system import System

SNAPSHOT_EVERY_TURNS = 150


def write(session: Session, writer: int, start: int, window: int) -> None:
    in_flight: deque[tuple[int, Future[None]]] = deque()
    counter = start
    while True:
        while len(in_flight) < window:
            in_flight.append((counter, begin(session, writer, counter)))
            counter += 1
        acknowledged, future = in_flight.popleft()
        future.get()
        say("acknowledged", writer, acknowledged)


def main() -> None:
    data_dir, name, window, retain_bytes, *starts = sys.argv[1:]
    say("opening")
    system = System(
        data_dir=data_dir, snapshot_every_turns=SNAPSHOT_EVERY_TURNS, retain_bytes=int(retain_bytes) or None
    )
    session = system.from_partition(name)
    say("open")
    for writer, start in enumerate(starts):
        threading.Thread(target=write, args=(session, writer, int(start), int(window)), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
