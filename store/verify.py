"""Walking a whole log, to tell whether it is what was written.

Keys, digests, the chain, positions, whether every turn decodes, the index, snapshots and blobs. A file is read page by page
without LMDB (:mod:`partita.store.lmdb_pages`), so a damaged one cannot end the process, and LMDB's own offline verifier has a
word on how its pages fit together. The walk does not end at the first damage: what lies behind it is checked as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from partita.events.errors import KeyMissing, LogDamaged, SecretErased, StoreError, UnknownTag
from partita.store import snapshots
from partita.store.blobs import opened
from partita.store.codec import Batch, Codec, RecordedTurn, TurnHead, heads, key_position, unwrapped
from partita.store.environment import Environment, Table, reading
from partita.store.identity import Identity
from partita.store.index import index_entries
from partita.store.keys import Keyring
from partita.store.lmdb_file import structural_problems
from partita.store.lmdb_pages import Item, Pages, Torn, has_known_pages

DAMAGES = 1000
"""So many are listed; the log is not worth more words."""


class Damage(NamedTuple):
    """Something that is not what was written, and the first turn that cannot be trusted for it (0: no turn is touched)."""

    position: int
    what: str


@dataclass(slots=True)
class Verification:
    """What verification found.

    ``turns`` counts those that are good; ``damage`` is in the order of positions, and last comes what touches no turn.
    """

    turns: int = 0
    batches: int = 0
    snapshots: int = 0
    blobs: int = 0
    first_position: int = 1
    last_position: int = 0
    damage: list[Damage] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all of it is what was written."""
        return not self.damage

    @property
    def first_bad_position(self) -> int:
        """The first turn that cannot be trusted; the one after the last when all can."""
        return next((damage.position for damage in self.damage if damage.position), self.last_position + 1)

    def note(self, position: int, what: str) -> None:
        """Add a damage."""
        if len(self.damage) < DAMAGES:
            self.damage.append(Damage(position, what))


Items = Callable[[Table], Iterator[Item | Torn]]


def verify(
    environment: Environment, codec: Codec, keyring: Keyring, identity: Identity, data_file: Path | None
) -> Verification:
    """Walk a log that is open; its ``data_file`` if it is on the disk."""
    with ExitStack() as stack:
        # A file may be written to meanwhile: as long as this transaction lives, none of the pages it sees is used again.
        transaction = stack.enter_context(reading(environment))
        if data_file is None or not has_known_pages(data_file):
            return _verified(transaction.range, codec, keyring, identity, [])
        return verify_file(data_file, codec, keyring, identity)


def verify_file(data_file: Path, codec: Codec, keyring: Keyring, identity: Identity) -> Verification:
    """Walk a data file that nobody writes to, or whose pages are held."""
    pages = Pages(data_file)
    try:
        return _verified(pages.items, codec, keyring, identity, structural_problems(data_file))
    finally:
        pages.close()


def _verified(items: Items, codec: Codec, keyring: Keyring, identity: Identity, problems: list[str]) -> Verification:
    report = Verification(first_position=identity.first_position)
    index = _verify_turns(items("turns"), codec, identity, report)
    _verify_index(items("actors"), index, report)
    _verify_snapshots(items("snapshots"), codec, report)
    _verify_blobs(items("blobs"), keyring, report)
    for item in items("meta"):
        if isinstance(item, Torn):
            report.note(0, f"meta: {item.what}")
    if problems and not report.damage:
        for problem in problems:
            report.note(0, f"the pages of the file do not fit together: {problem}")
    report.damage.sort(key=lambda damage: (not damage.position, damage.position))
    return report


class _Sum:
    """A sum over keys that does not depend on their order: two sets of keys are the same when their sums are."""

    def __init__(self) -> None:
        self.value = 0
        self.count = 0

    def add(self, key: bytes) -> None:
        self.value = (self.value + xxh3_64_intdigest(key)) % (1 << 64)
        self.count += 1


def _verify_turns(items: Iterator[Item | Torn], codec: Codec, identity: Identity, report: Verification) -> _Sum:
    expected, previous = identity.first_position, identity.before
    index = _Sum()
    for item in items:
        if isinstance(item, Torn):
            report.note(expected, f"turns: {item.what}")
            previous = b""
            continue
        try:
            first = key_position(item[0])
        except LogDamaged as error:
            report.note(expected, str(error))
            continue
        if first != expected:
            report.note(min(first, expected), f"position {expected} should come next, and {first} does")
            previous = b""
        try:
            batch = unwrapped(first, item[1])
        except LogDamaged as error:
            report.note(first, str(error))
            expected, previous = first + _count_of(item[1]), b""
            continue
        if previous and batch.previous != previous:
            report.note(first, f"the batch at position {first} does not follow the one before it")
        _verify_batch(batch, codec, index, report)
        expected, previous = batch.last + 1, batch.digest
        report.last_position = max(report.last_position, batch.last)
    report.last_position = max(report.last_position, identity.first_position - 1)
    return index


def _count_of(value: bytes) -> int:
    """How many turns a damaged batch says it has: a guess at where the next begins."""
    try:
        return unwrapped(0, value, check=False).count
    except LogDamaged:
        return 1


def _verify_batch(batch: Batch, codec: Codec, index: _Sum, report: Verification) -> None:
    report.batches += 1
    try:
        turns = _read(batch, codec, report)
    except LogDamaged as error:
        report.note(batch.first, str(error))
        return
    if [turn.position for turn in turns] != list(range(batch.first, batch.last + 1)):
        report.note(batch.first, f"the batch at position {batch.first} holds turns of other positions")
    for key, _ in index_entries({turn.actor for turn in turns}, batch.first):
        index.add(key)


def _read(batch: Batch, codec: Codec, report: Verification) -> Sequence[RecordedTurn | TurnHead]:
    """The turns of a batch; of one that this version does not know whole, their beginnings."""
    try:
        turns = codec.turns(batch)
    except UnknownTag as error:
        report.note(batch.first, str(error))
        return heads(batch.payload, batch.first)
    report.turns += len(turns)
    return turns


def _verify_index(items: Iterator[Item | Torn], index: _Sum, report: Verification) -> None:
    found = _Sum()
    for item in items:
        if isinstance(item, Torn):
            report.note(0, f"index of actors: {item.what}")
        else:
            found.add(item[0])
    if (found.value, found.count) != (index.value, index.count) and not report.damage:
        report.note(0, f"the index of actors does not fit the turns: {found.count} records, {index.count} expected")


def _verify_snapshots(items: Iterator[Item | Torn], codec: Codec, report: Verification) -> None:
    for item in items:
        if isinstance(item, Torn):
            report.note(0, f"snapshots: {item.what}")
            continue
        key, value = item
        report.snapshots += 1
        if not snapshots.is_good(key, value):
            report.note(0, f"the snapshot of position {int.from_bytes(key, 'big')} is not what was written")
            continue
        position = key_position(key)
        try:
            snapshots.decoded(codec, key, value)
        except UnknownTag:
            pass  # another version's states: passed over when it is looked for, and no damage
        except StoreError as error:
            report.note(0, str(error))
        if not report.first_position - 1 <= position <= report.last_position:
            report.note(0, f"there is a snapshot of position {position}, which the log does not have")


def _verify_blobs(items: Iterator[Item | Torn], keyring: Keyring, report: Verification) -> None:
    for item in items:
        if isinstance(item, Torn):
            report.note(0, f"blobs: {item.what}")
            continue
        report.blobs += 1
        try:
            opened(keyring, *item)
        except LogDamaged as error:
            report.note(0, str(error))
        except (KeyMissing, SecretErased):
            pass  # whether it is what was written cannot be told without the key
