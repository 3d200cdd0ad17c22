"""A child that follows a log while another process writes it: ``tailing.py FOLDER START LAST_PATH``.

It says ``tailing POSITION`` when it has read what was there at first, and at the end ``end POSITION ROUNDS LARGEST``: how often
it came for more, and how many turns it got at most in one round. It asserts by itself that every turn comes once and in order.
"""

from __future__ import annotations

import sys

from durability.children import say

from partita.events.preferences import SetDownloadPath
from partita.store.partition import PartitionStore

WAIT_S = 30.0


def main() -> None:
    folder, start, last_path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with PartitionStore.read(folder) as store:
        position = start - 1
        number: int | None = None
        rounds = largest = 0
        while True:
            last = store.wait_past(position, WAIT_S)
            assert last > position, f"nothing came after {position} in {WAIT_S} s"
            rounds += 1
            largest = max(largest, last - position)
            for turn in store.turns(position + 1, last):
                assert turn.position == position + 1, f"{turn.position} came after {position}"
                position = turn.position
                if isinstance(turn.message, SetDownloadPath):
                    this = int(turn.message.path.removeprefix("/"))
                    assert number is None or this == number + 1, f"{this} came after {number}"
                    number = this
            if rounds == 1:
                say("tailing", position)
            if f"/{number}" == last_path:
                break
        assert store.refresh() == position, "there is more than was written"
        say("end", position, rounds, largest)


if __name__ == "__main__":
    main()
