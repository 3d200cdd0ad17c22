"""States of all actors at a position, stored in the transaction of the batch that ends there.

A snapshot only saves time: one that is damaged, missing, or of another fingerprint (some ``evolve`` has changed since) is
passed over for the one before it, or for the beginning. Only where history was given up is there no beginning: the snapshot
that it now starts from counts whatever its fingerprint, for nothing else can tell what was before.

A record is ``digest (16) | length of the fingerprint (1) | fingerprint | payload``, under the position; the digest is
xxh3-128 over the key and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import msgspec
from xxhash import xxh3_128

from partita.events.errors import LogDamaged, UnknownTag
from partita.events.points import reached
from partita.events.types import Effect, State
from partita.store.codec import DIGEST_BYTES, Codec, key_position, position_key
from partita.store.environment import Transaction

StateT = TypeVar("StateT")
EffectT = TypeVar("EffectT")

KEPT_IN_FULL: Final = 3
"""So many of the newest snapshots are all kept; of older ones ever fewer, the further back they lie."""


class ActorImage(msgspec.Struct, Generic[StateT, EffectT], frozen=True, array_like=True):
    """An actor as it is after a turn: its name, its kind, its state, its effects in flight."""

    name: str
    kind: str
    state: StateT
    pending: tuple[EffectT, ...] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """All actors after the turn at ``position``; ``fingerprint`` names the rules (``evolve``) that made the states."""

    position: int
    fingerprint: str
    actors: list[ActorImage[State, Effect]]


class Skipped(NamedTuple):
    """A snapshot that was passed over, and why."""

    position: int
    reason: str


class Found(NamedTuple):
    """The newest snapshot that can be used, and those that were passed over on the way."""

    snapshot: Snapshot | None
    skipped: list[Skipped]


def encoded(codec: Codec, snapshot: Snapshot) -> tuple[bytes, bytes]:
    """Key and value of a snapshot."""
    fingerprint = snapshot.fingerprint.encode()
    assert len(fingerprint) < 256, "a fingerprint is a short text"  # noqa: PLR2004  its length is one byte
    key = position_key(snapshot.position)
    body = bytes([len(fingerprint)]) + fingerprint + codec.encode(snapshot.actors)
    return key, _digest(key, body) + body


def is_good(key: bytes, value: bytes) -> bool:
    """Whether the record is what was written under this key."""
    return len(value) > DIGEST_BYTES and _digest(key, value[DIGEST_BYTES:]) == value[:DIGEST_BYTES]


def resealed(key: bytes, value: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A record that is good, with another payload."""
    start = DIGEST_BYTES + 1 + value[DIGEST_BYTES]
    body = value[DIGEST_BYTES:start] + change(value[start:])
    return _digest(key, body) + body


def fingerprint_of(value: bytes) -> str:
    """The fingerprint of a record that is good."""
    length = value[DIGEST_BYTES]
    return value[DIGEST_BYTES + 1 : DIGEST_BYTES + 1 + length].decode("utf-8", "replace")


def decoded(codec: Codec, key: bytes, value: bytes) -> Snapshot:
    """A record that is good. Raises :class:`UnknownTag`, :class:`LogDamaged`."""
    types = codec.vocabulary
    kind: Any = list[ActorImage[types.StateUnion, types.EffectUnion]]  # type: ignore[name-defined]
    position = key_position(key)
    payload = memoryview(value)[DIGEST_BYTES + 1 + value[DIGEST_BYTES] :]
    actors = codec.decoded(position, payload, codec.decoder(kind))
    return Snapshot(position, fingerprint_of(value), cast("list[ActorImage[State, Effect]]", actors))


def newest(
    transaction: Transaction, codec: Codec, *, at_or_before: int, fingerprint: str | None, first_position: int
) -> Found:
    """The newest snapshot of this fingerprint (None: of any) that can be used at or before a position."""
    skipped: list[Skipped] = []
    for key, value in transaction.range("snapshots", position_key(at_or_before), backward=True):
        position = int.from_bytes(key, "big")
        if position < first_position - 1:
            break
        is_base = first_position > 1 and position == first_position - 1
        if not is_good(key, value):
            skipped.append(Skipped(position, "it is not what was written"))
        elif fingerprint is not None and fingerprint_of(value) != fingerprint and not is_base:
            reached("snapshot.of_other_rules")
            skipped.append(Skipped(position, f"it was made under other rules ({fingerprint_of(value)})"))
        else:
            try:
                return Found(decoded(codec, key, value), skipped)
            except (UnknownTag, LogDamaged) as error:
                skipped.append(Skipped(position, str(error)))
    return Found(None, skipped)


def newest_good_position(transaction: Transaction, at_or_before: int) -> int:
    """The position of the newest snapshot that is what was written, of whatever fingerprint; 0 when there is none."""
    for key, value in transaction.range("snapshots", position_key(at_or_before), backward=True):
        if is_good(key, value):
            return int.from_bytes(key, "big")
    return 0


def superseded(positions: Sequence[int]) -> list[int]:
    """Which of these snapshots, newest first, need not be kept.

    The distance to the newest about doubles from one to the next, so that their number grows with the logarithm of the
    log. The oldest stays: history may begin there.
    """
    doomed: list[int] = []
    if len(positions) <= KEPT_IN_FULL:
        return doomed
    head = positions[0]
    kept = positions[KEPT_IN_FULL - 1]
    for position, older in zip(positions[KEPT_IN_FULL:-1], positions[KEPT_IN_FULL + 1 :], strict=True):
        if head - older <= 2 * (head - kept):
            doomed.append(position)
        else:
            kept = position
    return doomed


def _digest(key: bytes, body: bytes) -> bytes:
    hasher = xxh3_128(key)
    hasher.update(body)
    return hasher.digest()
