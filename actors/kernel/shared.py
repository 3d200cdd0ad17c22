"""What the effects of one process know of each other, and no log holds: it goes with the process."""

from __future__ import annotations

from typing import TypeVar, cast

T = TypeVar("T")


class Shared:
    """One of each kind, made when somebody first asks for it. On the kernel's thread."""

    def __init__(self) -> None:
        self._kinds: dict[type, object] = {}

    def of(self, kind: type[T]) -> T:
        """The only one of this class."""
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = kind()
        return cast("T", found)
