"""A value that every printed, exported or inspected form redacts, and that is encrypted at rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from partita.events.errors import SecretErased

REDACTED: Final = "•••"

Unsealer = Callable[[bytes], str | bytes | None]
"""Opens a sealed secret; None when its key has been erased."""


class Secret:
    """A text or bytes that only :meth:`reveal` shows.

    In memory it holds its value; in the log it is ``(key id, nonce, ciphertext)``, made by :mod:`partita.store.keys`. A
    secret that was read from a log stays sealed until it is revealed, so folding a long log opens none that nobody asks for.
    Two secrets are equal when their values are.
    """

    __slots__ = ("_sealed", "_unsealer", "_value")

    def __init__(self, value: str | bytes) -> None:
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"a Secret holds str or bytes, not {type(value).__name__}")
        self._value: str | bytes | None = value
        self._sealed: bytes | None = None
        self._unsealer: Unsealer | None = None

    @classmethod
    def from_sealed(cls, sealed: bytes, unsealer: Unsealer) -> Secret:
        """A secret as the log holds it; ``unsealer`` is asked when, and only when, the value is wanted."""
        secret = cls.__new__(cls)
        secret._value = None  # noqa: SLF001  # its own
        secret._sealed = sealed  # noqa: SLF001
        secret._unsealer = unsealer  # noqa: SLF001
        return secret

    @property
    def sealed(self) -> bytes | None:
        """The form that the log holds, once it has one: a secret is encrypted once however often it is written."""
        return self._sealed

    def remember_sealed(self, sealed: bytes) -> None:
        """Keep the form that was just written to a log."""
        self._sealed = sealed

    @property
    def erased(self) -> bool:
        """Whether the value was cleared, together with its key."""
        return self._open() is None

    def reveal(self) -> str | bytes:
        """The value. Raises :class:`SecretErased` when it was cleared."""
        value = self._open()
        if value is None:
            raise SecretErased("this value was cleared and its key erased; nothing can bring it back")
        return value

    def reveal_text(self) -> str:
        """The value as text (bytes are read as Latin-1, as HTTP header fields are)."""
        value = self.reveal()
        return value if isinstance(value, str) else value.decode("latin-1")

    def _open(self) -> str | bytes | None:
        if self._value is None and self._unsealer is not None and self._sealed is not None:
            self._value = self._unsealer(self._sealed)
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        if self is other:
            return True
        if self._sealed is not None and self._sealed == other._sealed:
            return True
        return self._open() == other._open()

    def __hash__(self) -> int:
        return hash(self._open())

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"
