"""``session.log``, ``session.at(n)`` and ``partita.replay``: the log, for those who debug."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.actors.cookies.matching import select
from partita.actors.cookies.structures import Cookie
from partita.actors.kernel.fold import Fold, fold
from partita.actors.kernel.future import Future, resolved
from partita.actors.preferences.behavior import default_user_agent
from partita.actors.replay.redecide import Report, redecide
from partita.actors.session.behavior import BEHAVIORS
from partita.events.cookies import GetCookies
from partita.events.errors import InvalidPosition, UsageError
from partita.events.permissions import PermissionGrant
from partita.events.session import SessionState
from partita.events.turn import Turn
from partita.events.types import State
from partita.store.partition import PartitionStore

if TYPE_CHECKING:
    from partita.store.shareable import Shared
    from partita.store.verify import Verification

AnyTurn = Turn[Any, Any, Any]


class Log:
    """A partition's log, read only."""

    def __init__(self, store: PartitionStore) -> None:
        self._store = store

    @property
    def position(self) -> int:
        """The last durable position; 0 when nothing has happened."""
        return self._store.position

    @property
    def first_position(self) -> int:
        """Where history starts: 1, or what retention has left."""
        return self._store.first_position

    def turns(self, start: int = 0, actor: str | None = None) -> Iterator[AnyTurn]:
        """The durable turns from ``start`` on, oldest first; of one actor only, when it is named."""
        return self._store.turns(max(start, self._store.first_position), None, actor)

    def verify(self) -> Verification:
        """Walk every checksum and the chain."""
        return self._store.verify()

    def export(self, path: str | Path, *, include_keys: bool = False) -> None:
        """Write the whole log as one file. Secrets stay encrypted; without ``include_keys`` nobody can read them there."""
        if Path(path).exists():
            raise UsageError(f"{path} exists already: nothing is written over")
        self._store.export(Path(path), include_keys=include_keys)

    def export_shareable(self, path: str | Path, *, with_bodies: bool = False, hide_users: bool = False) -> Shared:
        """Write the whole log as one file without any secret in it, and check that there is none.

        Bodies are left out unless ``with_bodies``; ``hide_users`` takes the names of users out of paths. Raises
        :class:`SecretLeft`, and then there is no file, when the value of a secret stands in clear somewhere in the log.
        """
        if Path(path).exists():
            raise UsageError(f"{path} exists already: nothing is written over")
        return self._store.export_shareable(path, with_bodies=with_bodies, hide_users=hide_users)


class SessionAt:
    """A session as it was at a position: read only, every getter works. Made by ``session.at(n)``."""

    def __init__(self, name: str, persistent: bool, storage_path: str | None, folded: Fold, now_us: int) -> None:
        self.partition = name
        self.position = folded.position
        self._persistent = persistent
        self._storage_path = storage_path
        self._folded = folded
        self._now_us = now_us

    @property
    def states(self) -> dict[str, State]:
        """The state of every actor, by name."""
        return {name: state for name, (state, _) in self._folded.images.items()}

    @property
    def state(self) -> SessionState:
        """The session's own state."""
        image = self._folded.images.get("session")
        state = SessionState() if image is None else image[0]
        assert isinstance(state, SessionState)
        return state

    @property
    def cookies(self) -> CookiesAt:
        """The jar as it was."""
        return CookiesAt(self.state, self._now_us)

    def get_user_agent(self) -> str:
        """See :meth:`partita.Session.get_user_agent`."""
        return self.state.preferences.user_agent or default_user_agent()

    def permission_grants(self) -> list[PermissionGrant]:
        """See :meth:`partita.Session.permission_grants`."""
        return list(self.state.permissions.grants)

    def is_persistent(self) -> bool:
        """See :meth:`partita.Session.is_persistent`."""
        return self._persistent

    def get_storage_path(self) -> str | None:
        """See :meth:`partita.Session.get_storage_path`."""
        return self._storage_path

    @property
    def storage_path(self) -> str | None:
        """See :meth:`partita.Session.get_storage_path`."""
        return self._storage_path


class CookiesAt:
    """The jar as it was at a position."""

    def __init__(self, state: SessionState, now_us: int) -> None:
        self._state = state
        self._now_us = now_us

    def get(self, **filters: Any) -> Future[list[Cookie]]:
        """See :meth:`partita.Cookies.get`; what had expired by the time of that turn is left out."""
        found = select(self._state.cookies, GetCookies(**filters), self._now_us)
        return resolved([Cookie.from_stored(cookie) for cookie in found])


def state_at(store: PartitionStore, position: int) -> Fold:
    """All states as of ``position``. Raises :class:`InvalidPosition` when the log has none such."""
    if not isinstance(position, int):
        raise TypeError(f"a position is an int, not {type(position).__name__}")
    if not store.first_position - 1 <= position <= store.position or position < 0:
        raise InvalidPosition(
            f"{store.name}: no position {position}: the log goes from {store.first_position} to {store.position}"
        )
    return fold(store, BEHAVIORS, position)


def replay(path: str | Path) -> Report:
    """Decide every turn of a log again, and compare: whether today's code agrees with what happened.

    ``path``: a partition's folder, or an exported log.
    """
    store = PartitionStore.read(Path(path))
    try:
        return redecide(store, BEHAVIORS)
    finally:
        store.close()
