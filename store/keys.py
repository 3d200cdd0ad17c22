"""The keys that a partition's secrets, snapshots and blobs are encrypted with, and how that is done.

A sealed value is ``key id (8) | nonce (12) | ciphertext and tag``, AES-256-GCM (NIST SP 800-38D). A nonce must never be used
twice under a key, so none is drawn: it is made of what never comes again (DESIGN, 10)::

    writer epoch (4) | first position of the batch (5) | number of the field within it (3)

Every opening for writing, and every failed commit, raises the epoch and has that on the disk before anything is sealed;
within an epoch positions only go up; and the count of fields goes on when a snapshot or a blob is written between batches.
A fork or an import takes the keys along to read by, and writes under one of its own.

The key file lies beside the environment, not in it: LMDB keeps old pages, and an erased key must be gone. It is rewritten
whole, never appended to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from partita.events.errors import KeyMissing, SecretErased, StoreFailed
from partita.events.secret import Secret, Unsealer
from partita.store.folder import KeyFile

KEY_ID_BYTES: Final = 8
NONCE_BYTES: Final = 12
OVERHEAD_BYTES: Final = KEY_ID_BYTES + NONCE_BYTES + 16
_HEAD: Final = KEY_ID_BYTES + NONCE_BYTES
_TEXT: Final = b"t"
_BYTES: Final = b"b"
_FIELDS: Final = 1 << 24

RandomBytes = Callable[[int], bytes]


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the key file says; ids and keys are in hexadecimal. ``check`` is a SHA-256 over the rest."""

    format: int
    current: str
    keys: dict[str, str]
    erased: tuple[str, ...]
    check: str = ""

    def checked(self) -> KeyRecord:
        """The same with its ``check``."""
        bare = msgspec.structs.replace(self, check="")
        return msgspec.structs.replace(bare, check=hashlib.sha256(msgspec.json.encode(bare)).hexdigest())


class Opener:
    """Opens what was sealed. It knows the keys and nothing else: each :class:`Secret` of a log keeps its opener alive.

    Secrets lie in states, which the collector of cycles does not look into. So nothing here may lead back to them.
    """

    __slots__ = ("ciphers", "erased", "missing")

    def __init__(self, keys: Mapping[bytes, bytes], erased: frozenset[bytes], missing: str | None) -> None:
        self.ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.erased = erased
        self.missing = missing

    def open(self, sealed: bytes) -> bytes | None:
        """Decrypt; None when the key has been erased. Raises :class:`KeyMissing` when it is lost or does not fit."""
        key_id = sealed[:KEY_ID_BYTES]
        cipher = self.ciphers.get(key_id)
        if cipher is None:
            if key_id in self.erased:
                return None
            reason = self.missing or f"the key {key_id.hex()} is not among the partition's keys"
            raise KeyMissing(f"{reason}: this value cannot be read without it")
        try:
            return cipher.decrypt(sealed[KEY_ID_BYTES:_HEAD], sealed[_HEAD:], None)
        except (InvalidTag, ValueError) as error:
            raise KeyMissing(f"the key {key_id.hex()} does not fit what was sealed under it") from error

    def unseal(self, sealed: bytes) -> str | bytes | None:
        """What :meth:`Keyring.sealed` had sealed: a :data:`partita.events.secret.Unsealer`."""
        plaintext = self.open(sealed)
        if plaintext is None:
            return None
        return plaintext[1:].decode("utf-8", "surrogatepass") if plaintext[:1] == _TEXT else plaintext[1:]


class Keyring:
    """A partition's keys: seals under the current one, opens with any of them.

    ``missing`` says why there are none, when the key file is lost or unreadable: then nothing can be sealed or opened.
    """

    def __init__(
        self,
        keys: Mapping[bytes, bytes],
        *,
        current: bytes = b"",
        erased: frozenset[bytes] = frozenset(),
        file: KeyFile | None = None,
        missing: str | None = None,
    ) -> None:
        self._keys = dict(keys)
        self._opener = Opener(keys, erased, missing)
        self._file = file
        self._prefix = b""
        self._field = 0
        self.current = current
        self.epoch = 0
        self.has_sealed = False  # under the current key, since it was loaded

    @property
    def erased(self) -> frozenset[bytes]:
        """The keys that were given up."""
        return self._opener.erased

    @property
    def missing(self) -> str | None:
        """Why there are no keys; None when there are."""
        return self._opener.missing

    @classmethod
    def created(
        cls, random_bytes: RandomBytes, *, file: KeyFile | None = None, parent: Keyring | None = None
    ) -> Keyring:
        """A ring with a new key to write under, and the keys of ``parent`` to read by; written to ``file`` if there is one."""
        ring = cls({}, file=file) if parent is None else parent.copied(file)
        ring.renew(random_bytes)
        ring.save()
        return ring

    def copied(self, file: KeyFile | None) -> Keyring:
        """The same keys for another partition, which has none to write under yet."""
        return Keyring(self._keys, erased=self.erased, file=file)

    def renew(self, random_bytes: RandomBytes) -> None:
        """Write under a new key from here on."""
        key_id = random_bytes(KEY_ID_BYTES)
        while key_id in self._keys or key_id in self.erased:  # a draw that repeats itself, under simulation
            key_id = random_bytes(KEY_ID_BYTES)
        self._keys[key_id] = random_bytes(32)
        self._opener.ciphers[key_id] = AESGCM(self._keys[key_id])
        self.current = key_id
        self.has_sealed = False

    @classmethod
    def load(cls, file: KeyFile) -> Keyring:
        """The ring of a key file; an empty one that says why, when the file is lost or is not what was written."""
        try:
            content = file.read()
        except OSError as error:
            return cls({}, missing=f"the key file {file} cannot be read ({error.strerror})", file=file)
        return cls.parsed(content, file=file, origin=str(file))

    @classmethod
    def parsed(cls, content: bytes, *, origin: str, file: KeyFile | None = None) -> Keyring:
        """The ring that :meth:`content` wrote; ``origin`` names it in errors."""
        try:
            data = msgspec.json.decode(content, type=KeyRecord)
            if data.checked() != data:
                return cls({}, missing=f"the keys in {origin} are not what was written there", file=file)
            keys = {bytes.fromhex(key_id): bytes.fromhex(key) for key_id, key in data.keys.items()}
            erased = frozenset(map(bytes.fromhex, data.erased))
            return cls(keys, current=bytes.fromhex(data.current), erased=erased, file=file)
        except ValueError as error:
            return cls({}, missing=f"{origin} holds no keys ({error})", file=file)

    def content(self) -> bytes:
        """The ring as the key file holds it."""
        return msgspec.json.encode(
            KeyRecord(
                format=1,
                current=self.current.hex(),
                keys={key_id.hex(): key.hex() for key_id, key in sorted(self._keys.items())},
                erased=tuple(sorted(key_id.hex() for key_id in self.erased)),
            ).checked()
        )

    def save(self) -> None:
        """Rewrite the key file, if there is one. Raises :class:`StoreFailed` if not: it is the old or the new one then."""
        if self._file is not None:
            try:
                self._file.rewrite(self.content())
            except OSError as error:
                raise StoreFailed(f"the key file {self._file} could not be written: {error.strerror}") from error

    def erase(self, key_id: bytes, random_bytes: RandomBytes) -> None:
        """Give up a key: what was sealed under it can never be opened again. The current one gets a successor first.

        Values that this process has opened stay readable to whoever holds them. Not while something is being sealed.
        """
        if key_id not in self._keys:
            raise KeyMissing(f"the partition has no key {key_id.hex()} to erase")
        if key_id == self.current:  # in a step of its own: a rewriting that fails may have put the new file in place,
            successor = Keyring(self._keys, current=key_id, erased=self.erased, file=self._file)
            successor.renew(random_bytes)
            successor.save()
            self._adopt(successor)  # and whichever is there now, it holds the key that is written under
        after = Keyring(
            {known: key for known, key in self._keys.items() if known != key_id},
            current=self.current,
            erased=self.erased | {key_id},
            file=self._file,
        )
        after.save()
        self._adopt(after)

    def _adopt(self, other: Keyring) -> None:
        self.has_sealed = self.has_sealed and self.current == other.current
        self._keys, self.current = other._keys, other.current
        self._opener.ciphers, self._opener.erased = (
            other._opener.ciphers,
            other.erased,
        )  # for every secret that was read

    def at(self, position: int) -> None:
        """What is sealed from here on belongs to the batch that begins at this position."""
        prefix = self.epoch.to_bytes(4, "big") + position.to_bytes(5, "big")
        if prefix != self._prefix:
            self._prefix = prefix
            self._field = 0

    def seal(self, plaintext: bytes) -> bytes:
        """Encrypt under the current key. Raises :class:`KeyMissing` when there is none."""
        if self.missing is not None:
            raise KeyMissing(f"{self.missing}: nothing secret can be written without a key")
        assert self._prefix, "sealing before the log said for which position"
        field = self._field
        assert field < _FIELDS, "a batch may hold 16 million secrets"
        self._field = field + 1
        self.has_sealed = True
        nonce = self._prefix + field.to_bytes(3, "big")
        return self.current + nonce + self._opener.ciphers[self.current].encrypt(nonce, plaintext, None)

    def open(self, sealed: bytes) -> bytes | None:
        """See :meth:`Opener.open`."""
        return self._opener.open(sealed)

    @property
    def unseal(self) -> Unsealer:
        """See :meth:`Opener.unseal`."""
        return self._opener.unseal

    @property
    def ids(self) -> tuple[bytes, ...]:
        """The keys at hand, that which is written under last."""
        return (*sorted(key_id for key_id in self._keys if key_id != self.current), self.current)[: len(self._keys)]

    def knows(self, sealed: bytes) -> bool:
        """Whether the key that something says it was sealed under is at hand."""
        return sealed[:KEY_ID_BYTES] in self._keys

    def sealed(self, secret: Secret) -> bytes:
        """The form of a secret that the log holds. One sealed under the current key, or erased, stays as it is."""
        sealed = secret.sealed
        if sealed is not None and (sealed.startswith(self.current) or sealed[:KEY_ID_BYTES] in self.erased):
            return sealed
        try:
            value = secret.reveal()
        except SecretErased:
            assert sealed is not None
            return sealed
        plaintext = _TEXT + value.encode("utf-8", "surrogatepass") if isinstance(value, str) else _BYTES + value
        sealed = self.seal(plaintext)
        secret.remember_sealed(sealed)
        return sealed
