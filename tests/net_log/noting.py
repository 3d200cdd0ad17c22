"""A process that has what it needs in memory, and for each line that it hears becomes one more that logs until it is killed.

``PATH MODE LIMIT SEED``; each says its process id, then ``open`` when its log is.
"""

from __future__ import annotations

import itertools
import os
import random
import tempfile

from durability.children import heard, say

import partita.system  # now, and not once in each


def log(path: str, mode: str, limit: int, seed: int) -> None:
    chance = random.Random(seed)
    system = partita.system.System(data_dir=tempfile.gettempdir())
    session = system.from_partition("memory")
    session.net_log.start_logging(path, capture_mode=mode, max_file_size=limit or None).get()
    partition = session._partition

    async def happen() -> None:
        for count in itertools.count(1):
            trace = partition.world.net_logs.trace(partition.key, "SOCKET")
            assert trace is not None
            (size,) = chance.choices((10, 300, 3000, 9000), (20, 20, 3, 1))
            headers = ["X: y"] * (size // 10)
            trace.note("SOCKET_BYTES_SENT", "none", {"number": count, "bytes": b"x" * size, "headers": headers})
            if not chance.randrange(20):
                await partition.world.clock.sleep(
                    chance.choice((0, 0.001))
                )  # a loop that never waits may starve threads

    say("open")
    partition.kernel.call_soon(lambda: partition.kernel.carry_out(happen, "noting"))
    system._thread.join()


def main() -> None:
    while line := heard():
        path, mode, limit, seed = line.split()
        pid = os.fork()
        if not pid:
            say(os.getpid())
            log(path, mode, int(limit), int(seed))
            os._exit(1)
        os.waitpid(pid, 0)
        say("gone")


if __name__ == "__main__":
    main()
