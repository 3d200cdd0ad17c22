"""Which batches an actor has turns in: the table ``actors``, one empty record for each actor of a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from partita.store.codec import position_key
from partita.store.environment import Transaction

_LONGEST: Final = 400
_END: Final = b"\0"


@lru_cache(maxsize=8192)
def actor_prefix(actor: str) -> bytes:
    """What the keys of an actor begin with. A NUL ends it; in a name that has one, and in one too long, a hash stands in."""
    name = actor.encode("utf-8", "surrogatepass")
    if len(name) > _LONGEST or _END in name:
        return b"\x01" + hashlib.sha256(name).hexdigest().encode() + _END
    return name + _END


def index_entries(actors: Iterable[str], first: int) -> list[tuple[bytes, bytes]]:
    """The records of a batch, in the order of their keys."""
    key = position_key(first)
    return [(prefix + key, b"") for prefix in sorted(map(actor_prefix, actors))]


def batches_of(transaction: Transaction, actor: str, start: int) -> Iterator[int]:
    """The first positions of the batches, from ``start`` on, that the actor has turns in."""
    prefix = actor_prefix(actor)
    size = len(prefix)
    for key in transaction.keys("actors", prefix + position_key(start)):
        if key[:size] != prefix:
            return
        yield int.from_bytes(key[size:], "big")


def forget_before(transaction: Transaction, position: int) -> None:
    """Remove the records of all batches that begin before a position."""
    doomed: list[bytes] = []
    prefix = b""
    found = next(transaction.keys("actors"), None)
    while found is not None:
        prefix = found[:-8]
        for key in transaction.keys("actors", prefix):
            if key[:-8] != prefix or int.from_bytes(key[-8:], "big") >= position:
                break
            doomed.append(key)
        found = next(transaction.keys("actors", prefix[:-1] + b"\x01"), None)  # the next actor: its NUL made larger
    for key in doomed:
        transaction.delete("actors", key)
