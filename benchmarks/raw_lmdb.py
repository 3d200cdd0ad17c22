"""The measure of all durable rows: LMDB as bare as it goes. No encoding, no thread, no chain; keys and records are ready."""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import lmdb

RECORD: Final = b"x" * 150
BATCH: Final = 1_000

_KEY: Final = struct.Struct(">Q")


class RawLog:
    """``putmulti`` of pre-encoded records of 150 bytes in the order of their keys; each commit is fsynced."""

    def __init__(self, directory: Path) -> None:
        self._environment = lmdb.open(str(directory), map_size=1 << 36, max_dbs=1)
        self._database = self._environment.open_db(b"log")
        self._position = 0

    def records(self, count: int) -> list[tuple[bytes, bytes]]:
        """The next ones."""
        first = self._position + 1
        self._position += count
        return [(_KEY.pack(position), RECORD) for position in range(first, first + count)]

    def commit(self, records: list[tuple[bytes, bytes]]) -> None:
        """One transaction. Durable when it comes back."""
        with self._environment.begin(write=True, db=self._database) as transaction:
            transaction.cursor().putmulti(records, append=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._environment.close()
