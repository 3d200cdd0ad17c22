"""A log that can be given away: one file in which no secret is, and that is searched for them before it counts.

Every secret becomes one that was erased, so whoever reads the file finds "erased" where it stood. Bodies are left out, and so
are their digests (a short body could be found by trying); ``with_bodies`` takes them along, under a key that lies in the file.
Positions, times, ids and the seed stay: today's code can decide its turns again, but those that need a secret.

A value can also stand where no secret was expected, in a URL say. So the file is read back raw and searched for every value
that the log's own keys could open, as it is and in the encodings that it travels in; when one is there, the file is deleted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, quote_plus

import msgspec
from msgspec.msgpack import Decoder, Encoder, Ext

from partita.events.errors import KeyMissing, LogDamaged, SecretLeft
from partita.store.blobs import opened
from partita.store.codec import DIGEST_BYTES, HEADER_BYTES, SECRET_CODE, heads, key_position, position_key, wrapped
from partita.store.environment import reading
from partita.store.identity import genesis
from partita.store.index import index_entries
from partita.store.keys import KEY_ID_BYTES, NONCE_BYTES, Keyring, RandomBytes
from partita.store.reader import Reader
from partita.store.snapshots import is_good, resealed
from partita.store.transfer import Record, write_file

SHORTEST: Final = 5
"""A value of fewer characters is found everywhere, and says nothing."""

FEWEST_DIFFERENT: Final = 4
"""So is a value that is no text and has fewer different bytes: it is padding."""

GONE: Final = b"\xee" * KEY_ID_BYTES
"""The id of the key that all secrets of such a file were sealed under; nobody has ever had it."""

_ERASED: Final = Ext(SECRET_CODE, GONE + bytes(NONCE_BYTES) + bytes(16))
_HOMES: Final = re.compile(r"((?:/home/|/Users/|[A-Za-z]:\\+Users\\+))([^/\\]+)")
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_decode: Final = Decoder().decode
_encode: Final = Encoder().encode


class Shared(NamedTuple):
    """What was written: turns; secrets removed; the values that were searched for, and those too short to be."""

    turns: int
    secrets: int
    searched: int
    too_short: int
    bodies: int


def without_users(text: str) -> str:
    """A path in somebody's home, in that of nobody in particular."""
    return _HOMES.sub(r"\1user", text)


class _Cleaner:
    """Takes secrets out of decoded records, and remembers what they were."""

    def __init__(self, keyring: Keyring, salt: bytes, *, keep_digests: bool, hide_users: bool) -> None:
        self._keyring = keyring
        self._salt = salt
        self._keep_digests = keep_digests
        self._hide_users = hide_users
        self.secrets = 0
        self.values: set[bytes] = set()

    def clean(self, value: Any) -> Any:
        """The same without secrets."""
        if isinstance(value, Ext):
            if value.code != SECRET_CODE:
                return value
            self._remember(bytes(value.data))
            return _ERASED
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.clean(item) for item in value]
        if isinstance(value, dict):
            return {self.clean(key): self.clean(item) for key, item in value.items()}
        return value

    def _text(self, text: str) -> str:
        if not self._keep_digests and _DIGEST.fullmatch(text):
            return hashlib.sha256(self._salt + text.encode()).hexdigest()
        return without_users(text) if self._hide_users else text

    def _remember(self, sealed: bytes) -> None:
        self.secrets += 1
        try:
            value = self._keyring.unseal(sealed)
        except KeyMissing:
            return
        if value is not None:
            self.values.add(value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass"))


def export_shareable(
    reader: Reader, keyring: Keyring, path: Path, *, random_bytes: RandomBytes, with_bodies: bool, hide_users: bool
) -> Shared:
    """Write such a file, replacing what is there. Raises :class:`SecretLeft` and leaves no file when a secret is in it."""
    salt = random_bytes(32)
    cleaner = _Cleaner(keyring, salt, keep_digests=with_bodies, hide_users=hide_users)
    own = Keyring({}, erased=frozenset({GONE}))
    own.renew(random_bytes)
    own.epoch = 1
    own.at(1)
    identity = reader.identity
    name = str(cleaner.clean(identity.name))
    first = reader.first_position
    before = genesis(name, identity.seed, None) if first == 1 else salt[:DIGEST_BYTES]
    identity = msgspec.structs.replace(
        identity, name=name, parent=None, before=before, sealed_under=(own.current,) if with_bodies else ()
    )
    bodies = dict(_bodies(reader, keyring)) if with_bodies else {}
    turns = list(_turns(reader, cleaner, before))
    content = [*turns, *_snapshots(reader, cleaner)]
    content += [Record("blobs", digest, own.seal(body)) for digest, body in bodies.items()]
    write_file(path, identity, content, keys=_keys(own, with_bodies=with_bodies))
    wanted = parts_of(cleaner.values)
    searched = {value for value in wanted if can_be_searched(value)}
    try:
        _search(path.read_bytes(), searched, turns)
        _search_bodies(bodies, searched)
    except BaseException:
        path.unlink()
        raise
    count = reader.position - first + 1
    return Shared(count, cleaner.secrets, len(searched), len(wanted) - len(searched), len(bodies))


def _turns(reader: Reader, cleaner: _Cleaner, previous: bytes) -> Iterator[Record]:
    for batch in reader.batches(reader.first_position, reader.position):
        payload = _encode(cleaner.clean(_decode(batch.payload)))
        value, previous = wrapped(batch.first, batch.count, previous, payload)
        yield Record("turns", position_key(batch.first), value)
        for key, empty in index_entries({head.actor for head in heads(payload, batch.first)}, batch.first):
            yield Record("actors", key, empty)


def _snapshots(reader: Reader, cleaner: _Cleaner) -> Iterator[Record]:
    """Only the one that history begins with, where its beginning was given up."""
    if reader.first_position == 1:
        return
    key = position_key(reader.first_position - 1)
    with reading(reader.environment) as transaction:
        value = transaction.get("snapshots", key)
    if value is None or not is_good(key, value):
        raise LogDamaged(
            f"the snapshot that history begins with, of position {key_position(key)}, is damaged",
            position=reader.first_position,
        )
    yield Record("snapshots", key, resealed(key, value, lambda actors: _encode(cleaner.clean(_decode(actors)))))


def _bodies(reader: Reader, keyring: Keyring) -> Iterator[tuple[bytes, bytes]]:
    with reading(reader.environment) as transaction:
        digests = list(transaction.keys("blobs"))
    for digest in digests:
        with reading(reader.environment) as transaction:
            sealed = transaction.get("blobs", digest)
        if sealed is not None:
            yield digest, opened(keyring, digest, sealed)


def _keys(own: Keyring, *, with_bodies: bool) -> bytes:
    """The keys of the file: that of its bodies, if it has any; and that the secrets' is gone."""
    if with_bodies:
        return own.content()
    return Keyring({}, current=GONE, erased=frozenset({GONE})).content()


# -- searching ----------------------------------------------------------------------------------------------------------


def parts_of(values: set[bytes]) -> set[bytes]:
    """The values, and what they are made of: the pairs of a ``Cookie`` field, the credentials of ``Authorization``."""
    parts = set(values)
    for value in values:
        for pair in value.split(b"; "):
            name, equals, rest = pair.partition(b"=")
            if equals and name.strip().lower() not in _ATTRIBUTES:
                parts.add(rest.strip())
        scheme, space, credentials = value.partition(b" ")
        if space and scheme.isalpha() and b" " not in credentials:
            parts.add(credentials)
    parts.discard(b"")
    return parts


_ATTRIBUTES: Final = frozenset({b"path", b"domain", b"expires", b"max-age", b"samesite", b"priority"})


def can_be_searched(value: bytes) -> bool:
    """Whether to find it says anything: it is not too short, and no padding (a report of a device that is mostly zeros)."""
    if len(value) < SHORTEST:
        return False
    return len(set(value)) >= FEWEST_DIFFERENT or value.decode("utf-8", "surrogateescape").isprintable()


def _forms(value: bytes) -> Iterator[bytes]:
    """The encodings that a value travels in."""
    yield value
    yield value.hex().encode()
    yield value.hex().upper().encode()
    yield quote(value, safe="").encode()
    yield quote_plus(value).encode()
    text = value.decode("utf-8", "replace")
    yield json.dumps(text)[1:-1].encode()
    yield text.encode("utf-16-le")
    for shift in range(3):  # a piece of a longer base64 text begins at any of three places
        shifted = base64.b64encode(bytes(shift) + value)
        whole = shifted[-(-shift * 8 // 6) : (len(value) + shift) * 8 // 6]
        if len(whole) >= SHORTEST:
            yield whole
            yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def found_in(content: bytes, values: set[bytes]) -> bytes | None:
    """The encoded form of a value that is there."""
    forms = {form for value in values for form in _forms(value)}
    return next((form for form in forms if form in content), None)


def _search(content: bytes, values: set[bytes], turns: list[Record]) -> None:
    form = found_in(content, values)
    if form is None:
        return
    for table, key, value in turns:
        if table == "turns" and form in value:
            position = key_position(key)
            batch = _decode(value[HEADER_BYTES:])
            for offset, turn in enumerate(batch):
                if form in _encode(turn):
                    raise SecretLeft(
                        f"turn {position + offset} ({turn[4][0]}) has the value of a secret in clear;"
                        " the file was deleted",
                        position=position + offset,
                    )
    raise SecretLeft("the value of a secret is in the file in clear; the file was deleted", position=0)


def _search_bodies(bodies: dict[bytes, bytes], values: set[bytes]) -> None:
    """They are sealed in the file, under a key that is there as well."""
    for digest, body in bodies.items():
        if found_in(body, values) is not None:
            raise SecretLeft(f"the body {digest.hex()} holds the value of a secret: leave the bodies out", position=0)
