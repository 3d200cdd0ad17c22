"""What users were promised: for each thing that only one user changes, the values that it may have now.

Before a change the new value becomes possible; an acknowledgement makes it the only one; a failure leaves both, for a change
that failed on its way may have been made. A crash settles it: what is found then, stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from partita.events.session import SessionState
from partita.simulations.checker import Broken

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

ABSENT: Final = None


class Promises:
    """Of the users of one run. A thing is a cookie, by its name (``host/name``)."""

    def __init__(self) -> None:
        self._possible: dict[str, list[str | None]] = {}

    def begin(self, thing: str, value: str | None) -> None:
        """A user asks for this value (None: that it goes)."""
        self._possible.setdefault(thing, [ABSENT]).append(value)

    def acknowledged(self, thing: str, value: str | None) -> None:
        """The user was told that it is so."""
        self._possible[thing] = [value]

    def seen(self, thing: str, value: str | None) -> None:
        """The user read it: what was read must be possible, and every later change starts from there."""
        possible = self._possible.get(thing, [ABSENT])
        if value not in possible:
            raise Broken(f"its user reads {value!r} of {thing}; it is {' or '.join(map(repr, possible))}")

    def broken(self, partition: Partition) -> Iterator[str]:
        """Every thing that has a value which it cannot have."""
        found = _cookies(partition)
        for thing, possible in self._possible.items():
            value = found.get(thing)
            if value not in possible:
                yield f"{thing} is {value!r}; by what its user was told it is {' or '.join(map(repr, possible))}"

    def look(self, partition: Partition) -> None:
        """After a crash: what is there now is what there is."""
        found = _cookies(partition)
        for thing in self._possible:
            self._possible[thing] = [found.get(thing)]


def _cookies(partition: Partition) -> Mapping[str, str | None]:
    state = partition.actor("session").state
    assert isinstance(state, SessionState)
    return {
        f"{cookie.domain}/{cookie.name}": cookie.value.reveal_text()
        for stem in state.cookies.stems.values()
        for cookie in stem.values()
    }
