"""Which folder or file a PARTITION of the command line is, and opening it for reading."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from partita.command.ending import WrongUsage
from partita.store.lmdb_environment import DATA_FILE
from partita.store.names import DEFAULT_FOLDER, folder_name
from partita.store.partition import PartitionStore
from partita.system import PERSIST, default_data_dir

if TYPE_CHECKING:
    from collections.abc import Iterator


def data_dir_of(data_dir: Path | None) -> Path:
    """The data directory of the command line, else the default one; absolute."""
    return default_data_dir() if data_dir is None else data_dir.absolute()


def looks_like_a_path(partition: str) -> bool:
    """Whether it names a folder or a file, and not a partition of the data directory or of memory."""
    if partition == "" or partition.startswith(PERSIST):
        return False
    separators = {os.sep, os.altsep or os.sep}
    return partition.startswith((".", "~")) or any(sign in partition for sign in separators) or Path(partition).exists()


def path_of(partition: str, data_dir: Path | None) -> Path:
    """The folder or exported log that a PARTITION means. Raises :class:`WrongUsage` when there is none."""
    if looks_like_a_path(partition):
        path = Path(partition).expanduser().absolute()
        if not path.exists():
            raise WrongUsage(f"{path} does not exist: give a partition's name, its folder, or an exported log")
        return path
    if partition and not partition.startswith(PERSIST):
        raise WrongUsage(
            f"no partition {partition!r} is kept: only those named {PERSIST}NAME are, or give the path of one"
            f" (did you mean {PERSIST}{partition}?)"
        )
    name = partition.removeprefix(PERSIST)
    root = data_dir_of(data_dir) / "Partitions"
    path = root / (folder_name(name) if name else DEFAULT_FOLDER)
    if not path.is_dir():
        called = f"partition {partition!r}" if name else "default session"
        raise WrongUsage(f"there is no {called} in {root.parent}: `partita partitions` lists those that are")
    return path


def check_kept(partition: str, data_dir: Path | None, *, must_exist: bool) -> None:
    """Raises :class:`WrongUsage` for a PARTITION that lives in memory only, and for one that is not there yet."""
    is_name = not looks_like_a_path(partition)
    if must_exist or (is_name and partition and not partition.startswith(PERSIST)):
        path = path_of(partition, data_dir)
        if not (path / DATA_FILE).exists():
            raise WrongUsage(f"{path} is no partition's folder")


@contextmanager
def reading(partition: str, data_dir: Path | None, *, through: int | None = None) -> Iterator[PartitionStore]:
    """The log that a PARTITION means, open for reading; ``through`` hides what comes after that position."""
    store = PartitionStore.read(path_of(partition, data_dir), through=through)
    try:
        yield store
    except KeyboardInterrupt:
        raise  # perhaps from the middle of a transaction, which closing would wait for: the process ends it
    except BaseException:
        store.close()
        raise
    store.close()
