"""How a batch of turns, a snapshot or a single turn becomes bytes, and back.

A batch is one value: a fixed header, then its turns in one array of array-like msgpack, encoded in a single call::

    format (1) | number of turns (4) | digest of the batch before (16) | digest (16) | payload

The digest is xxh3-128 over ``key | format | number | digest before | payload``: one hash is the checksum of the batch and
its link in the chain. (A checksum a turn would cost half of the reading speed.)

A ``Secret`` is msgpack extension 1: sealed by the partition's keys, opened only when it is revealed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol, cast

import msgspec
from msgspec.msgpack import Decoder, Encoder, Ext
from xxhash import xxh3_128

from partita.events.errors import LogDamaged, UnknownTag
from partita.events.secret import Secret, Unsealer
from partita.events.turn import Turn
from partita.events.types import Effect, Event, Message
from partita.store import decoding
from partita.store.environment import Buffer
from partita.store.upcasting import Upcaster, misfit, upcast

RecordedTurn = Turn[Message, Event, Effect]
FoldingTurn = Turn[msgspec.Raw, Event, Effect]

BATCH_FORMAT: Final = 1
DIGEST_BYTES: Final = 16
SECRET_CODE: Final = 1

_HEADER: Final = struct.Struct(">BI16s16s")
_HASHED: Final = struct.Struct(">QBI16s")
_KEY: Final = struct.Struct(">Q")
HEADER_BYTES: Final = _HEADER.size


class Vocabulary(Protocol):
    """What the codec must know of the types: the module :mod:`partita.events.vocabulary`, or a test's own."""

    MessageUnion: Any
    EventUnion: Any
    EffectUnion: Any
    StateUnion: Any
    UPCASTERS: Mapping[str, Upcaster]
    TAGS: frozenset[str]
    FINGERPRINT: str


def default_vocabulary() -> Vocabulary:
    """All types of partita."""
    from partita.events import vocabulary  # noqa: PLC0415  it imports every capability: only who decodes needs it

    return cast("Vocabulary", vocabulary)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the log holds it: positions ``first`` to ``last``, the payload still encoded."""

    first: int
    count: int
    previous: bytes
    digest: bytes
    payload: memoryview

    @property
    def last(self) -> int:
        """The position of its last turn."""
        return self.first + self.count - 1


class TurnHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The beginning of a turn: what can be told of it without knowing its types."""

    position: int
    time: int
    actor: str


_heads: Final = Decoder(list[TurnHead])


def heads(payload: Buffer, position: int) -> list[TurnHead]:
    """The beginnings of the turns of a batch. Raises :class:`LogDamaged` when it does not hold turns."""
    try:
        return _heads.decode(payload)
    except msgspec.MsgspecError as error:
        raise LogDamaged(f"the batch at position {position} does not hold turns: {error}", position=position) from error


def position_key(position: int) -> bytes:
    """A position as a key: 8 bytes, big endian, so that keys are in the order of positions."""
    return _KEY.pack(position)


def key_position(key: bytes) -> int:
    """The position of a key. Raises :class:`LogDamaged` when it is none."""
    if len(key) != _KEY.size:
        raise LogDamaged(f"the key {key.hex()} is no position", position=0)
    return int.from_bytes(key, "big")


def digest_of(first: int, count: int, previous: bytes, payload: Buffer) -> bytes:
    """The checksum of a batch and its link in the chain."""
    hasher = xxh3_128(_HASHED.pack(first, BATCH_FORMAT, count, previous))
    hasher.update(payload)
    return hasher.digest()


def wrapped(first: int, count: int, previous: bytes, payload: bytes) -> tuple[bytes, bytes]:
    """A batch's value around a payload that is already encoded, and its digest."""
    digest = digest_of(first, count, previous, payload)
    return _HEADER.pack(BATCH_FORMAT, count, previous, digest) + payload, digest


def unwrapped(first: int, value: bytes, *, check: bool = True) -> Batch:
    """A batch's header. Raises :class:`LogDamaged` when the value is not what was written under this position."""
    if len(value) < HEADER_BYTES:
        raise LogDamaged(f"the batch at position {first} is cut off: {len(value)} bytes", position=first)
    batch_format, count, previous, digest = _HEADER.unpack_from(value)
    payload = memoryview(value)[HEADER_BYTES:]
    if batch_format != BATCH_FORMAT or not count:
        raise LogDamaged(f"the batch at position {first} does not begin as a batch does", position=first)
    if check and digest_of(first, count, previous, payload) != digest:
        raise LogDamaged(f"the batch at position {first} is not what was written: its digest differs", position=first)
    return Batch(first, count, previous, digest, payload)


def _refuse(value: object) -> object:
    raise NotImplementedError(f"a log cannot hold {type(value).__name__}")


class Codec:
    """Encodes and decodes what the log holds.

    ``seal`` gives the form of a secret that is written, ``unseal`` opens one that was read (:mod:`partita.store.keys`).
    One thread encodes at a time; any may decode.
    """

    def __init__(self, seal: Callable[[Secret], bytes], unseal: Unsealer, vocabulary: Vocabulary | None = None) -> None:
        self._given = vocabulary
        self._unseal = unseal
        self._buffer = bytearray()

        def encoded(value: object) -> object:
            return Ext(SECRET_CODE, seal(value)) if isinstance(value, Secret) else _refuse(value)

        self._encoder = Encoder(enc_hook=encoded)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The types that may occur."""
        return default_vocabulary() if self._given is None else self._given

    def batch(self, turns: Sequence[RecordedTurn], previous: bytes) -> tuple[bytearray, bytes]:
        """A batch's value, and its digest. The value is overwritten by the next call."""
        buffer = self._buffer
        first, count = turns[0].position, len(turns)
        self._encoder.encode_into(turns, buffer, HEADER_BYTES)
        with memoryview(buffer) as view:
            digest = digest_of(first, count, previous, view[HEADER_BYTES:])
        _HEADER.pack_into(buffer, 0, BATCH_FORMAT, count, previous, digest)
        return buffer, digest

    def encode(self, value: object) -> bytes:
        """Anything of the vocabulary, or a list of it."""
        return self._encoder.encode(value)

    def turns(self, batch: Batch) -> list[RecordedTurn]:
        """All of a batch. Raises :class:`UnknownTag` when it holds a type that this version does not know."""
        return cast("list[RecordedTurn]", self._decoded(batch.first, batch.payload, self._full))

    def folding_turns(self, batch: Batch) -> list[FoldingTurn]:
        """All of a batch but its messages, which stay encoded: what folding needs, in half of the time."""
        return cast("list[FoldingTurn]", self._decoded(batch.first, batch.payload, self._folding))

    def decoder(self, kind: Any) -> Decoder[Any]:
        """A decoder of any other type, whose secrets this codec opens."""
        return decoding.decoder(kind, ext_hook=self._extension)

    def decoded(self, position: int, payload: Buffer, decoder: Decoder[Any]) -> object:
        """Decode what was written at a position, with older versions made today's."""
        return self._decoded(position, payload, decoder)

    @cached_property
    def _full(self) -> Decoder[Any]:
        types = self.vocabulary
        return self.decoder(list[Turn[types.MessageUnion, types.EventUnion, types.EffectUnion]])  # type: ignore[name-defined]

    @cached_property
    def _folding(self) -> Decoder[Any]:
        types = self.vocabulary
        return self.decoder(list[Turn[msgspec.Raw, types.EventUnion, types.EffectUnion]])  # type: ignore[name-defined]

    def _extension(self, code: int, data: memoryview) -> object:
        if code == SECRET_CODE:
            return Secret.from_sealed(bytes(data), self._unseal)
        raise NotImplementedError(f"a log has no extension {code}")

    def _decoded(self, position: int, payload: Buffer, decoder: Decoder[Any]) -> object:
        try:
            return decoder.decode(payload)
        except msgspec.ValidationError:
            pass
        except (msgspec.DecodeError, NotImplementedError) as error:
            raise LogDamaged(
                f"what was written at position {position} does not decode: {error}", position=position
            ) from error
        newer = upcast(payload, self.vocabulary.UPCASTERS, position)
        try:
            return decoder.decode(newer)
        except msgspec.ValidationError as error:
            tag, text = misfit(newer, self.vocabulary.TAGS, position, str(error))
            raise UnknownTag(text, tag=tag) from error
