"""A child for strace: ``syncing.py DATA_DIR THREADS ASKS``; an acknowledgement is a line, written as soon as it is there.

``begin`` and ``end`` enclose the asks: what was opened before is on the disk at ``begin``, what was asked at ``end``.
A failed ask is said as ``failed THREAD COUNTER ERROR``.
"""

from __future__ import annotations

import sys
import threading

from durability.children import say

from partita.events.errors import StoreFailed
from partita.session import Session
from partita.system import System


def ask(session: Session, thread: int, asks: int) -> None:
    for counter in range(asks):
        name = f"{thread}-{counter}"
        try:
            session.cookies.set(url="https://sync.example/", name=name, value="v").get(60)
        except StoreFailed as error:
            say("failed", thread, counter, f"{type(error).__name__}: {error}")
        else:
            say("acknowledged", thread, counter)


def main() -> None:
    data_dir, threads, asks = sys.argv[1:]
    with System(data_dir=data_dir) as system:
        session = system.from_partition("persist:sync")
        session.flush().get(60)
        say("begin", session.log.position, session._partition.store.epoch)
        asking = [threading.Thread(target=ask, args=(session, number, int(asks))) for number in range(int(threads))]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        session.flush().get(60)
        say("end", session.log.position, session._partition.store.epoch)


if __name__ == "__main__":
    main()
