"""What a scenario is: hosts, what users do, and what is checked besides what always is. A file each, in ``scenarios/``.

Its users' steps are drawn one by one, each with random numbers of its own, so that any of them can be left out when a failing
run is shrunk. Steps are written against the public API alone; the same scenario runs at both levels.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from partita.actors.kernel.context import Random
from partita.actors.kernel.fold import Behaviors
from partita.actors.kernel.future import Future
from partita.simulations.checker import Checker

if TYPE_CHECKING:
    from partita.simulations.world import World

MAIN = "persist:main"
"""The partition that every scenario uses; its log is the run's."""


class User:
    """One user in one process: what a step is given.

    ``number`` counts the users from 0. ``system`` is a ``partita.System`` of the simulated world, ``session`` its partition
    :data:`MAIN`; ``another_system`` is one as a second process at the same time would have it; ``within(seconds, future)`` waits
    for a future, but so long at most, and says whether it came.
    """

    def __init__(
        self,
        number: int,
        system: Any,
        world: World,
        *,
        another_system: Callable[[], Any],
        within: Callable[[float, Future[Any]], Awaitable[bool]],
    ) -> None:
        self.number = number
        self.system = system
        self.world = world
        self.another_system = another_system
        self.within = within

    @property
    def session(self) -> Any:
        """The session of the main partition."""
        return self.system.from_partition(MAIN)

    async def sleep(self, seconds: float) -> None:
        """Do nothing for so many virtual seconds. The clocks may be set meanwhile."""
        await self.world.clock.sleep(seconds)


Step = Callable[[User, Random], Awaitable[None]]


class Scenario(Struct, frozen=True, kw_only=True):
    """A scenario.

    ``hosts`` puts up the servers; ``opened`` is called for each process, before its users begin (listeners, say); ``steps``
    are what users do, by name: which of them a run has is drawn; ``finish`` is what has to come to its end once nothing goes
    wrong any more. ``steps_each``: the least and the most steps of a user. ``settings``: swarm settings of its own.
    ``before``: the rules of an older version, in which the first process runs when the knob ``version.old`` says so.
    """

    name: str
    summary: str
    steps: Mapping[str, Step]
    hosts: Callable[[World], None] | None = None
    opened: Callable[[User], Awaitable[None]] | None = None
    finish: Callable[[User], Awaitable[None]] | None = None
    checkers: Sequence[Callable[[World], Checker]] = ()
    users: int = 3
    steps_each: tuple[int, int] = (5, 15)
    settings: Mapping[str, Sequence[float]] = {}
    before: Behaviors | None = None


def scenarios() -> dict[str, Scenario]:
    """All of them, by name, in the order of their names."""
    from partita.simulations.scenarios import ALL  # noqa: PLC0415  # they are written against this module

    return {scenario.name: scenario for scenario in sorted(ALL, key=lambda scenario: scenario.name)}
