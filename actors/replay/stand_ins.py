"""Harmless values in the place of secrets: of the same length and shape, and the same for the same secret.

What decides by such a value (is it the same as before? which attributes has the line?) still decides so. ``Set-Cookie`` lines
and ``Cookie`` fields keep their names and attributes; only the values in them are replaced.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from partita.events.cookies import CookiesReceived
from partita.events.exchanges import RecordedField
from partita.events.secret import Secret
from partita.events.system import TurnFailed
from partita.store.shareable import without_users

_CLASSES: Final = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_MOST_TRIES: Final = 50


class StandIns:
    """``salt``: random bytes, so that nobody can try what a stand-in stands for."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._chosen: dict[str | bytes, str | bytes] = {}
        self._used: set[str | bytes] = set()

    @property
    def replaced(self) -> set[bytes]:
        """The values that have stand-ins."""
        return {value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass") for value in self._chosen}

    def disguised(self, value: Any) -> Any:  # noqa: PLR0911  # a case a line
        """Any message, event, effect, state or turn with stand-ins for its secrets; and users' names out of its paths."""
        if isinstance(value, Secret):
            return value if value.erased else Secret(self._of(value.reveal()))
        if isinstance(value, CookiesReceived):
            lines = tuple(_line(self, line) for line in value.headers)
            return msgspec.structs.replace(value, headers=lines, url=self.disguised(value.url))
        if isinstance(value, RecordedField) and value.secret is not None:
            name = value.name.lower()
            if name in ("cookie", "set-cookie"):
                return RecordedField(value.name, secret=_line(self, value.secret, only_first=name == "set-cookie"))
        if isinstance(value, TurnFailed):
            return TurnFailed(without_users(value.error), "")  # where the code lay is nobody's business
        if isinstance(value, msgspec.Struct):
            fields = {name: self.disguised(getattr(value, name)) for name in value.__struct_fields__}
            return type(value)(**fields)
        if isinstance(value, (tuple, list)):
            return type(value)([self.disguised(item) for item in value])
        if isinstance(value, dict):
            return {self.disguised(key): self.disguised(item) for key, item in value.items()}
        return without_users(value) if isinstance(value, str) else value

    def _of(self, value: str | bytes) -> str | bytes:
        chosen = self._chosen.get(value)
        if chosen is None:
            tries = (self._stand_in(value, attempt) for attempt in range(_MOST_TRIES))
            chosen = next((one for one in tries if one not in self._used and one != value), self._stand_in(value, 0))
            self._chosen[value] = chosen
            self._used.add(chosen)
        return chosen

    def text(self, value: str) -> str:
        """The stand-in of a text."""
        chosen = self._of(value)
        assert isinstance(chosen, str)
        return chosen

    def _stand_in(self, value: str | bytes, attempt: int) -> str | bytes:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        seed = hashlib.sha256(self._salt + attempt.to_bytes(2, "big") + text.encode("utf-8", "surrogatepass")).digest()
        drawn = "".join(map(_like, text, _numbers(seed)))
        return drawn.encode("latin-1") if isinstance(value, bytes) else drawn


def _like(char: str, number: int) -> str:
    """A character of the same class; signs stay: they are what gives a value its shape."""
    for kind in _CLASSES:
        if char in kind:
            return kind[number % len(kind)]
    return char


def _numbers(seed: bytes) -> Iterator[int]:
    while True:
        yield from seed
        seed = hashlib.sha256(seed).digest()


def _line(stand_ins: StandIns, secret: Secret, *, only_first: bool = True) -> Secret:
    """A ``Set-Cookie`` line, or all pairs of a ``Cookie`` field, with other values (RFC 6265bis 5.6, 5.8.3)."""
    if secret.erased:
        return secret
    value = secret.reveal()
    text = value if isinstance(value, str) else value.decode("latin-1")
    pairs = text.split(";")
    for index, pair in enumerate(pairs[:1] if only_first else pairs):
        name, equals, rest = pair.partition("=")
        content = (rest if equals else name).strip(" \t")
        if content:
            kept = f"{name}=" if equals else ""
            pairs[index] = kept + (rest if equals else name).replace(content, stand_ins.text(content), 1)
    joined = ";".join(pairs)
    return Secret(joined if isinstance(value, str) else joined.encode("latin-1"))
