"""A child whose data directory is mounted read-only, in a mount namespace of its own: ``read_only.py DATA_DIR``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from durability.children import say

from partita.errors import StoreUnavailable
from partita.log import replay
from partita.store.partition import PartitionStore
from partita.system import System


def main() -> None:
    folder = sys.argv[1]
    subprocess.run(["mount", "--bind", folder, folder], check=True, timeout=30)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True, timeout=30)
    with System(data_dir=folder) as system:
        for name in ("persist:kept", "persist:new"):
            try:
                system.from_partition(name)
            except StoreUnavailable as error:
                say("refused", error)
        say("listed", *system.stored_partitions())
        session = system.from_partition("in memory")
        session.set_user_agent("Memory/1")
        session.flush().get(30)
        say("memory", session.get_user_agent())
    kept = Path(folder) / "Partitions" / "kept"
    with PartitionStore.read(kept) as store:
        say("read", sum(1 for _ in store.turns()), store.verify().ok)
    say("replayed", replay(kept).turns)


if __name__ == "__main__":
    main()
