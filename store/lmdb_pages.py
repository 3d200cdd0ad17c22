"""LMDB's trees, read from the file without LMDB: what verification walks.

LMDB trusts its pages; one flipped bit in the wrong place and it ends the process. Here every offset is held against the page
it lies in. What cannot be read is a :class:`Torn` between the items around it, so the walk goes on behind it.

The format is that of LMDB 0.9 on 64-bit machines (``mdb.c``: MDB_page, MDB_node, MDB_db, MDB_meta), native byte order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from partita.store.environment import Table

_MAGIC: Final = struct.pack("=I", 0xBEEFC0DE)
_PAGE: Final = struct.Struct("=QHHHH")
_NODE: Final = struct.Struct("=HHHH")
_META_DBS: Final = 16 + 24
_DB: Final = struct.Struct("=IHHQQQQQ")
_PGNO: Final = struct.Struct("=Q")
_OVERFLOW_PAGES: Final = struct.Struct("=I")
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_BIG, _SUB = 1, 2
_DEEPEST: Final = 32

_NO_PAGE: Final = (1 << 64) - 1


class Torn(NamedTuple):
    """Where items should be and cannot be read."""

    what: str


Item = tuple[bytes, bytes]


def has_known_pages(path: Path) -> bool:
    """Whether the file has the format that is read here; LMDB 1.0 has another."""
    with path.open("rb") as file:
        return file.read(20)[16:] == _MAGIC


class Pages:
    """The trees of a data file as of its last committed transaction.

    The file must not be written to meanwhile, or the pages of that transaction be held by a read transaction of LMDB.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        head = self._file.read(1 << 17)
        (self._page_bytes,) = struct.unpack_from("=I", head, _META_DBS)
        metas = [head[at : at + 16 + 160] for at in (0, self._page_bytes)]
        newest = max(metas, key=lambda meta: int(struct.unpack_from("=Q", meta, _META_DBS + 2 * _DB.size + 8)[0]))
        self._root = int(_DB.unpack_from(newest, _META_DBS + _DB.size)[7])
        self._last = int(struct.unpack_from("=Q", newest, _META_DBS + 2 * _DB.size)[0])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def items(self, table: Table) -> Iterator[Item | Torn]:
        """The items of a table in the order of their keys, with a :class:`Torn` wherever some cannot be read."""
        name = table.encode()
        lost: Torn | None = None
        for item in self._walk(self._root, 0, set(), sub=True):
            if isinstance(item, Torn):
                lost = item
            elif item[0] == name:
                if len(item[1]) != _DB.size:
                    yield Torn(f"the table {table} is not described as a table is")
                else:
                    yield from self._walk(int(_DB.unpack(item[1])[7]), 0, set(), sub=False)
                return
        yield lost or Torn(f"the table {table} is not there")

    def _walk(self, number: int, depth: int, seen: set[int], *, sub: bool) -> Iterator[Item | Torn]:
        if number == _NO_PAGE:
            return
        page = self._page(number)
        if page is None or number in seen or depth > _DEEPEST:
            yield Torn(f"page {number} cannot be where the tree says it is")
            return
        seen.add(number)
        own, _, flags, lower, upper = _PAGE.unpack_from(page)
        if own != number or not flags & (_BRANCH | _LEAF) or not _PAGE.size <= lower <= upper <= len(page):
            yield Torn(f"page {number} does not begin as a page does")
            return
        for at in range(_PAGE.size, lower - 1, 2):
            (start,) = struct.unpack_from("=H", page, at)
            if not upper <= start <= len(page) - _NODE.size:
                yield Torn(f"page {number} points outside of itself")
            elif flags & _BRANCH:
                low, high, top, _ = _NODE.unpack_from(page, start)
                yield from self._walk(low | high << 16 | top << 32, depth + 1, seen, sub=sub)
            else:
                yield self._leaf(page, number, start, sub=sub)

    def _leaf(self, page: bytes, number: int, start: int, *, sub: bool) -> Item | Torn:
        low, high, flags, key_size = _NODE.unpack_from(page, start)
        size = low | high << 16
        body = start + _NODE.size + key_size
        key = page[start + _NODE.size : body]
        wrong = f"page {number} has an item that does not fit into it"
        if len(key) != key_size or flags & ~_BIG != (_SUB if sub else 0):
            return Torn(wrong)
        if not flags & _BIG:
            return (key, page[body : body + size]) if body + size <= len(page) else Torn(wrong)
        if body + _PGNO.size > len(page):
            return Torn(wrong)
        value = self._overflow(int(_PGNO.unpack_from(page, body)[0]), size)
        return (key, value) if isinstance(value, bytes) else value

    def _overflow(self, number: int, size: int) -> bytes | Torn:
        page = self._page(number)
        pages = (_PAGE.size + size + self._page_bytes - 1) // self._page_bytes
        if page is None or number + pages - 1 > self._last:
            return Torn(f"page {number}, where a long value should begin, is not in the file")
        own, _, flags, _, _ = _PAGE.unpack_from(page)
        (count,) = _OVERFLOW_PAGES.unpack_from(page, 12)
        if own != number or flags != _OVERFLOW or count != pages:
            return Torn(f"page {number} does not begin a long value")
        self._file.seek(number * self._page_bytes + _PAGE.size)
        value = self._file.read(size)
        return value if len(value) == size else Torn(f"the file ends within the long value on page {number}")

    def _page(self, number: int) -> bytes | None:
        if not 2 <= number <= self._last:  # noqa: PLR2004  the first two are the meta pages
            return None
        self._file.seek(number * self._page_bytes)
        page = self._file.read(self._page_bytes)
        return page if len(page) == self._page_bytes else None
