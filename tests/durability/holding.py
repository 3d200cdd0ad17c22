"""A child that holds a partition open until it is told to go, or killed: ``holding.py DATA_DIR PARTITION``."""

from __future__ import annotations

import os
import sys

from durability.children import heard, say

from partita.system import System


def main() -> None:
    data_dir, name = sys.argv[1:]
    with System(data_dir=data_dir) as system:
        session = system.from_partition(name)
        session.set_download_path("/held")
        session.flush().get(30)
        say("holding", os.getpid())
        heard()


if __name__ == "__main__":
    main()
