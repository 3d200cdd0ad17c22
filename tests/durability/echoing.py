"""A child that says ``seen POSITION`` as soon as another process's commit is in the log: ``echoing.py FOLDER LAST``."""

from __future__ import annotations

import sys

from durability.children import say

from partita.store.partition import PartitionStore

WAIT_S = 10.0


def main() -> None:
    folder, last = sys.argv[1], int(sys.argv[2])
    with PartitionStore.read(folder) as store:
        position = store.position
        say("seen", position)
        while position < last:
            found = store.wait_past(position, WAIT_S)
            assert found > position, f"nothing came after {position} in {WAIT_S} s"
            position = found
            say("seen", position)


if __name__ == "__main__":
    main()
