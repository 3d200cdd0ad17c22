"""How many connections there may be, and how many there are."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """What a network may hold open. The defaults are a browser's.

    ``per_host``: connections to one origin of one pool. ``total``: connections in all. ``idle_s``: how long a connection is
    kept that nobody uses.
    """

    per_host: int = 6
    total: int = 256
    idle_s: float = 30.0

    def __post_init__(self) -> None:
        if self.per_host < 1 or self.total < 1:
            raise ValueError(f"a network needs at least one connection, not {min(self.per_host, self.total)}")
        if not self.idle_s >= 0:
            raise ValueError(f"idle_s is a number of seconds, not {self.idle_s}")


class Statistics(Struct, frozen=True, kw_only=True):
    """The connections of a network as of now, the requests that wait for one, and how many there ever were.

    ``opened`` counts connections, ``reused`` the requests that went out on one that had been used before.
    """

    dialing: int = 0
    in_use: int = 0
    idle: int = 0
    waiting: int = 0
    opened: int = 0
    reused: int = 0
