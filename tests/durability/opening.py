"""A child that opens a partition, says ``open``, and ends: ``opening.py DATA_DIR PARTITION``."""

from __future__ import annotations

import sys

from durability.children import say

from partita.system import System


def main() -> None:
    data_dir, name = sys.argv[1:]
    with System(data_dir=data_dir) as system:
        system.from_partition(name)
        say("open")


if __name__ == "__main__":
    main()
