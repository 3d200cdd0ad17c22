"""Nothing comes out of the cache that RFC 9111 forbids: a small model of it, which knows nothing of the one that is used.

Hosts put down what they serve (:class:`Served`), users what they get (:class:`Got`), both with the wall clock of the machine
and with virtual time: where the clock was set in between, nobody can tell how old a response is, and only its bytes count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.simulations.life import CrashKind

OK: Final = 200
PARTIAL: Final = 206
TICKET: Final = "X-Ticket"
"""A field of each response with a body: the number under which the host put it down."""
CHECKED: Final = "X-Checked"
"""A field of each 304: the same of it."""
NO_CLOCK_IS_SO_WRONG_S: Final = 2.0

_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/\d+")
_FROM_ANYWHERE: Final = frozenset({"force-cache", "only-if-cached"})
_NEVER: Final = frozenset({"no-store", "reload", "no-cache"})


class Moment(Struct, frozen=True):
    """``wall_us``: as the machine believes; ``at_s``: virtual seconds."""

    wall_us: int
    at_s: float


class Served(Struct, frozen=True):
    """A response as its host made it. ``body``: the whole representation, also where a range of it was sent.

    ``version`` counts the successful changes of the URL; ``site`` and ``varied`` are what the request said.
    """

    url: str
    moment: Moment
    body: bytes
    version: int
    site: str
    cache_control: frozenset[str]
    vary: str
    varied: str | None

    def allowed_s(self, name: str) -> int | None:
        """What ``name=seconds`` says."""
        for directive in self.cache_control:
            key, _, seconds = directive.partition("=")
            if key == name:
                return int(seconds)
        return None


class Got(Struct, frozen=True):
    """A response as a user got it. ``floor``: the version that an unsafe request had made when this one began."""

    url: str
    began: Moment
    method: str
    mode: str
    site: str
    varied: str | None
    is_ranged: bool
    status: int
    headers: dict[str, str]
    body: bytes
    from_cache: bool
    floor: int
    cleared_s: float


class CacheObeysTheRfc(Checker):
    """Looks at what hosts and users of the scenario remember."""

    name = "cache_oracle"

    def crashed(self, kind: CrashKind) -> None:  # noqa: ARG002
        """What was told and was not durable is undone: no version is known to be outdated any more.

        Where the disk lied, the clearing of the cache may be undone as well.
        """
        self.world.memory.setdefault("floors", {}).clear()
        if self.world.disk.lied:
            self.world.memory.pop("cleared_s", None)

    def ended(self, partition: Partition) -> None:  # noqa: ARG002
        memory = self.world.memory
        for what in memory.get("wrong", ()):
            raise Broken(what)
        served: dict[str, Served] = memory.get("served", {})
        for got in memory.get("got", ()):
            self._check(got, served)

    def _check(self, got: Got, served: dict[str, Served]) -> None:
        ticket = got.headers.get(TICKET.lower())
        if ticket is None:
            if got.from_cache and got.status in (OK, PARTIAL):
                raise Broken(f"{got.url} came from the cache, and no host ever sent it")
            return  # a server in trouble has no tickets
        origin = served[ticket]
        if origin.url != got.url:
            raise Broken(f"the answer to {got.url} is that of {origin.url}")
        _same_bytes(got, origin)
        if got.from_cache:
            checked = served.get(got.headers.get(CHECKED.lower(), ""), origin)
            _may_be_stored(got, origin)
            _is_young_enough(got, origin, checked)


def _same_bytes(got: Got, origin: Served) -> None:
    """What came is what was sent; where the server lied about the length, as much of it as it announced."""
    if got.method == "HEAD":
        return
    start = 0
    if got.status == PARTIAL:
        if not got.is_ranged:
            raise Broken(f"all of {got.url} was asked for, and {got.headers.get('content-range')} came")
        match = _CONTENT_RANGE.fullmatch(got.headers.get("content-range", ""))
        if match is None:
            raise Broken(f"a part of {got.url} does not say of which bytes: {got.headers}")
        start = int(match[1])
        if int(match[2]) - start + 1 < len(got.body):
            raise Broken(f"a part of {got.url} is longer than it says: {got.headers['content-range']}")
    if origin.body[start : start + len(got.body)] != got.body:
        raise Broken(
            f"{got.status} {got.url}: {len(got.body)} bytes that are not those of its version {origin.version}"
        )
    if (
        got.status == OK
        and len(got.body) < len(origin.body)
        and got.headers.get("content-length") != str(len(got.body))
    ):
        raise Broken(f"{got.url}: {len(got.body)} of {len(origin.body)} bytes were taken for the whole")


def _may_be_stored(got: Got, origin: Served) -> None:
    if "no-store" in origin.cache_control:
        raise Broken(f"{got.url} came from the cache and was not to be stored")
    if origin.site != got.site:
        raise Broken(f"{got.url} came from the cache of {origin.site!r} to {got.site!r}")
    if origin.vary and origin.varied != got.varied:
        raise Broken(f"{got.url} is of the variant {origin.varied!r}, and {got.varied!r} was asked for")
    if got.mode in _NEVER:
        raise Broken(f"{got.url} came from the cache in the mode {got.mode}")
    if origin.version < got.floor:
        raise Broken(f"{got.url}: version {origin.version}, and {got.floor} was there before it was asked for")
    if origin.moment.at_s < got.cleared_s:
        raise Broken(f"{got.url} came from a cache that had been cleared since")


def _is_young_enough(got: Got, origin: Served, checked: Served) -> None:
    """RFC 9111 4.2.4, RFC 5861. A 304 makes it as new as itself."""
    if got.mode in _FROM_ANYWHERE:
        return
    if "no-cache" in origin.cache_control:
        raise Broken(f"{got.url} has to be asked for each time, and was not")
    newest = checked if checked.moment.at_s > origin.moment.at_s else origin
    elapsed_s = got.began.at_s - newest.moment.at_s
    believed_s = (got.began.wall_us - newest.moment.wall_us) / 1e6
    if abs(believed_s - elapsed_s) > NO_CLOCK_IS_SO_WRONG_S + elapsed_s / 100:
        return
    lifetime_s = origin.allowed_s("max-age")
    if lifetime_s is None:
        return
    stale_s = 0
    if "must-revalidate" not in origin.cache_control:
        stale_s = max(origin.allowed_s("stale-while-revalidate") or 0, origin.allowed_s("stale-if-error") or 0)
    if elapsed_s > lifetime_s + stale_s + NO_CLOCK_IS_SO_WRONG_S + elapsed_s / 100:
        raise Broken(
            f"{got.url} was {elapsed_s:.1f} s old, is fresh for {lifetime_s} s and may be {stale_s} s stale:"
            f" {sorted(origin.cache_control)}"
        )
