"""What is read of LMDB's data file before LMDB maps it: a file that is too short would end the process with SIGBUS.

Only the two meta pages at its beginning are looked at (``mdb.c``, "MDB_meta"): the page size, the committed transaction,
the last page in use. A file may rightly end a little before that page, when the last pages were freed in the transaction
that took them; so a short file is given to LMDB's own offline verifier, which follows every page without mapping any.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from pathlib import Path
from typing import Final, NamedTuple

from lmdb import verify as offline

from partita.events.errors import LogDamaged, StoreUnavailable

_MAGIC: Final = struct.pack("=I", 0xBEEFC0DE)
_HEADER_BYTES: Final = (16, 24)
"""The header of a page in LMDB 0.9 and in 1.0."""
_FREE_DB: Final = 24
_LAST_PAGE: Final = _FREE_DB + 2 * 48
_META_BYTES: Final = _LAST_PAGE + 16
_ATTEMPTS: Final = 5
_READER_BYTES: Final = 64
"""LMDB keeps a cache line for each reader."""
_PAGE_BYTES: Final = frozenset(1 << power for power in range(8, 17))


class Meta(NamedTuple):
    """A meta page: sizes in bytes, the last page in use, the number of the transaction that wrote it."""

    page_bytes: int
    last_page: int
    transaction: int


def check_data_file(path: Path) -> None:
    """Return when LMDB may map the file.

    Raises :class:`LogDamaged` when it was cut off or its first pages are not what was written, and
    :class:`StoreUnavailable` when it cannot be read or is no LMDB file.
    """
    first, second, size = _metas(path)
    for _ in range(_ATTEMPTS):  # a writer may be at work while the two are read
        if first and second and abs(first.transaction - second.transaction) <= 1:
            break
        first, second, size = _metas(path)
    else:
        raise _unusable(path, first, second, size)
    page_bytes = first.page_bytes
    if size < 2 * page_bytes:
        raise LogDamaged(f"{path} is truncated: {size} bytes are left of it", position=1)
    newest = max(first, second, key=lambda meta: meta.transaction)
    expected = (newest.last_page + 1) * page_bytes
    if size < expected:
        problems = structural_problems(path)
        if problems:
            raise LogDamaged(f"{path} is truncated: {size} of {expected} bytes are left ({problems[0]})", position=1)


def is_unborn(path: Path) -> bool:
    """Whether LMDB was interrupted while it made the file: less than its two meta pages are there.

    The first transaction comes after both, so no turn was ever in such a file.
    """
    try:
        first, _, size = _metas(path)
    except StoreUnavailable:
        return False
    return first is not None and size < 2 * first.page_bytes and first.transaction == 0


def structural_problems(path: Path) -> list[str]:
    """What LMDB's offline verifier has to say of a data file: nothing, when its pages fit together.

    It maps nothing and so cannot crash, and holds whatever the file says against bounds. It reads every page of the trees:
    about a second for 50,000 of them.
    """
    try:
        problems: list[str] = offline.verify(os.fspath(path), subdir=False)  # type: ignore[no-untyped-call]
    except offline.VerifyError as error:
        return [str(error)]
    return problems


def _metas(path: Path) -> tuple[Meta | None, Meta | None, int]:
    """Both meta pages, None for one that does not read as such; and the size of the file."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 17)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read: {error.strerror}") from error
    first = _meta(head, 0)
    return first, _meta(head, first.page_bytes if first else 4096), size


def _unusable(path: Path, first: Meta | None, second: Meta | None, size: int) -> LogDamaged | StoreUnavailable:
    if first is None and second is None:
        return StoreUnavailable(f"{path} is no LMDB file: it does not begin with a meta page")
    if first is None or second is None:
        if size < 2 * (first or second or Meta(4096, 0, 0)).page_bytes:
            return LogDamaged(f"{path} is truncated: {size} bytes are left of it", position=1)
        return LogDamaged(f"{path} is damaged: one of its two meta pages is not what was written", position=1)
    return LogDamaged(
        f"{path} is damaged: its meta pages are of transactions {first.transaction} and {second.transaction}, and those of"
        f" two in a row are kept",
        position=1,
    )


def _meta(head: bytes, offset: int) -> Meta | None:
    for header_bytes in _HEADER_BYTES:
        start = offset + header_bytes
        if head[start : start + 4] == _MAGIC and len(head) >= start + _META_BYTES:
            (page_bytes,) = struct.unpack_from("=I", head, start + _FREE_DB)
            if page_bytes in _PAGE_BYTES:
                return Meta(page_bytes, *struct.unpack_from("=QQ", head, start + _LAST_PAGE))
    return None


def reserve_lock_file(path: Path, *, readers: int) -> None:
    """Write LMDB's table of readers before LMDB makes it sparse and maps it: touching it on a full disk would be SIGBUS.

    Done only while the file is empty, so nobody has it open, this process least of all (closing a second descriptor would
    drop LMDB's own locks). Raises :class:`StoreUnavailable` when there is no room for it.
    """
    if sys.platform == "win32":  # LMDB locks the file itself there
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return  # a folder that cannot be written to: LMDB says so, or does without
    try:
        if os.fstat(descriptor).st_size == 0:
            _fill(descriptor, path, _READER_BYTES * (readers + 2))
    finally:
        os.close(descriptor)


def _fill(descriptor: int, path: Path, count: int) -> None:
    problem = errno.ENOSPC
    try:
        if os.write(descriptor, bytes(count)) == count:
            return
    except OSError as error:
        problem = error.errno or problem
    os.ftruncate(descriptor, 0)
    raise StoreUnavailable(f"the log in {path.parent} cannot be opened: {os.strerror(problem)}")
