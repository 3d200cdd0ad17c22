"""A log's digest: the same for the same turns, wherever and however they are stored.

It goes over the turns decoded one by one, secrets by their values; where batches were cut, under which epoch and keys
something was sealed, versions and paths leave no trace in it. So a failed turn counts without its traceback, which names
files and lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from msgspec.msgpack import Encoder, Ext

from partita.events.errors import SecretErased
from partita.events.secret import Secret
from partita.events.system import TurnFailed
from partita.store.codec import RecordedTurn

_TEXT, _BYTES, _ERASED = 1, 2, 3


def _plain(value: object) -> object:
    if not isinstance(value, Secret):
        raise NotImplementedError(f"a log cannot hold {type(value).__name__}")
    try:
        content = value.reveal()
    except SecretErased:
        return Ext(_ERASED, b"")
    if isinstance(content, str):
        return Ext(_TEXT, content.encode("utf-8", "surrogatepass"))
    return Ext(_BYTES, content)


def _anywhere(turn: RecordedTurn) -> RecordedTurn:
    """The turn as it would be on every machine."""
    if not turn.events or type(turn.events[0]) is not TurnFailed:
        return turn
    failed = msgspec.structs.replace(turn.events[0], traceback="")
    return msgspec.structs.replace(turn, events=(failed, *turn.events[1:]))


def digest_of_turns(turns: Iterable[RecordedTurn]) -> str:
    """SHA-256 over the turns, in hexadecimal. Raises :class:`KeyMissing` when a secret's key is not at hand."""
    encode = Encoder(enc_hook=_plain).encode
    hasher = hashlib.sha256()
    for turn in turns:
        hasher.update(encode(_anywhere(turn)))
    return hasher.hexdigest()
