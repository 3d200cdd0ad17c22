"""The ways into a store: a folder to write, memory, a folder or a file to read, a copy of another log.

Each takes what it needs in order, and lets go of all of it when a later step fails.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from partita.events.errors import StoreUnavailable
from partita.store.codec import Codec
from partita.store.environment import Environment
from partita.store.folder import Folder
from partita.store.folders import readable
from partita.store.keys import Keyring, RandomBytes
from partita.store.memory_environment import MemoryEnvironment
from partita.store.opening import (
    StoreOptions,
    begin_epoch,
    check_not_lost,
    keys_to_write,
    new_identity,
    read_or_new,
)
from partita.store.reader import Reader
from partita.store.transfer import Source, damaged, fill
from partita.store.verify import verify


class Opened(NamedTuple):
    """A log that can be read, or written if it is a :class:`Log`; its keys; and what lets go of them."""

    reader: Reader
    keyring: Keyring
    closing: ExitStack


class Origin(NamedTuple):
    """What a log is made with, when it is not there: a name, or a copy of another; and where random bytes come from."""

    name: str
    random_bytes: RandomBytes
    options: StoreOptions
    source: Source | None = None


def opened_to_write(folder: Folder, origin: Origin) -> Opened:
    """Lock a folder, and open what is in it or make it."""
    folder.prepare()
    where = str(folder.directory)
    with ExitStack() as undo:
        undo.callback(folder.lock().release)
        check_not_lost(folder)
        environment = folder.environment(map_bytes=origin.options.map_bytes)
        undo.callback(environment.close)
        identity, is_new = read_or_new(environment, where, new_identity(origin.name, origin.random_bytes))
        key_file = folder.keys()
        if origin.source is None:
            keyring = keys_to_write(identity, key_file, origin.random_bytes, is_new=is_new)
        elif is_new:
            keyring = Keyring.created(origin.random_bytes, file=key_file, parent=origin.source.keyring)
        else:
            raise StoreUnavailable(f"{where} holds a partition already: name another folder")
        return _taken(environment, keyring, where, origin, undo)


def opened_in_memory(environment: Environment, origin: Origin, keyring: Keyring | None = None) -> Opened:
    """The same without a folder, on any environment; without a keyring of one's own, under new keys."""
    with ExitStack() as undo:
        undo.callback(environment.close)
        if keyring is None:
            keyring = Keyring.created(origin.random_bytes, parent=origin.source.keyring if origin.source else None)
        return _taken(environment, keyring, f"the partition {origin.name!r}", origin, undo)


def _taken(environment: Environment, keyring: Keyring, where: str, origin: Origin, undo: ExitStack) -> Opened:
    """The last steps: copy what is to be copied, check the tail, begin an epoch."""
    options, source = origin.options, origin.source
    if source is not None:
        fill(environment, source, all_blobs=source.is_whole)
    identity, _ = read_or_new(environment, where, new_identity(origin.name, origin.random_bytes))
    codec = Codec(keyring.sealed, keyring.unseal, options.vocabulary)
    log = begin_epoch(environment, identity, keyring, codec, where=where, retain_bytes=options.retain_bytes)
    return Opened(log, keyring, undo.pop_all())


def opened_to_read(path: Path, through: int | None, options: StoreOptions) -> Opened:
    """A folder or an exported file. Without ``through``, its tail is checked."""
    with ExitStack() as undo:
        environment, keyring, problem = readable(path, options)
        undo.callback(environment.close)
        codec = Codec(keyring.sealed, keyring.unseal, options.vocabulary)
        reader = Reader(environment, codec, where=str(path), through=through)
        if through is None:
            if problem is not None:
                first_bad = verify(environment, codec, keyring, reader.identity, None).first_bad_position
                raise damaged(path, problem, first_bad)
            reader.check_tail()
        return Opened(reader, keyring, undo.pop_all())


def opened_copy(folder: Folder | None, origin: Origin) -> Opened:
    """A copy of ``origin.source``, in a new folder or in memory. When it fails, no folder is left behind."""
    if folder is None:
        return opened_in_memory(MemoryEnvironment(), origin)
    was_empty = folder.is_empty()
    try:
        return opened_to_write(folder, origin)
    except (Exception, KeyboardInterrupt):
        if was_empty:
            folder.give_up()
        raise
