"""Header fields as listeners see them (WANTS 45)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

V = TypeVar("V")


class HeaderMap(dict[str, V]):
    """Header fields by name: found in any case, kept in the case that they came in (RFC 9110 5.1).

    It is a plain ``dict`` to whatever reads it: iterating and encoding give the names as they are. Setting a field that is
    there in another case replaces it. Each listener has one of its own, and may change it and give it back.
    """

    def __init__(self, fields: Mapping[str, V] | Iterable[tuple[str, V]] = ()) -> None:
        super().__init__()
        self._names: dict[str, str] = {}
        self.update(fields)

    def __setitem__(self, name: str, value: V) -> None:
        known = self._names.setdefault(name.lower(), name)
        if known != name:
            super().pop(known, None)
            self._names[name.lower()] = name
        super().__setitem__(name, value)

    def __getitem__(self, name: str) -> V:
        return super().__getitem__(self._names.get(name.lower(), name))

    def __delitem__(self, name: str) -> None:
        super().__delitem__(self._names.get(name.lower(), name))
        del self._names[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._names

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the field, in whatever case its name is; ``default`` when there is none."""
        return super().get(self._names.get(name.lower(), name), default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The value of the field, which is ``default`` from now on when there was none."""
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        """Take the field away."""
        known = self._names.pop(name.lower(), name)
        return super().pop(known, *default)

    def popitem(self) -> tuple[str, V]:
        """Take the last field away."""
        name, value = super().popitem()
        self._names.pop(name.lower(), None)
        return name, value

    def clear(self) -> None:
        """Take all fields away."""
        super().clear()
        self._names.clear()

    def update(self, *given: Any, **named: V) -> None:
        """Set each of them."""
        for name, value in dict(*given, **named).items():
            self[name] = value

    def copy(self) -> HeaderMap[V]:
        """The same fields, to be changed apart."""
        return HeaderMap(self)
