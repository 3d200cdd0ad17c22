"""Some users change things, others follow the log: every change is told once, in order, without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.simulations.checker import Broken, Checker
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.cookies import STEPS

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.kernel.partition import Partition
    from partita.simulations.world import World


class ToldInOrder(Checker):
    """What followers and listeners were told is what the log says, turn by turn, from where they began."""

    name = "following"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._first: int | None = None

    def opened(self, partition: Partition) -> None:
        self.world.memory["told"] = []
        self._first = partition.store.position

    def ended(self, partition: Partition) -> None:
        log = {turn.position: turn for turn in partition.store.turns(partition.store.first_position)}
        for start, told in self.world.memory["told"]:
            positions = [turn.position for turn in told]
            if positions != list(range(start, start + len(positions))):
                raise Broken(f"a follower from {start} was told of {positions[:10]}")
            for turn in told:
                if log.get(turn.position) != turn:
                    raise Broken("a follower was told of a turn that the log does not have", turn.position)


async def follow(user: User, random: Random) -> None:
    """Follow from somewhere in the past, for a while."""
    session = user.session
    last = session.log.position
    start = session.log.first_position + random.below(max(1, last - session.log.first_position + 1))
    told: list[Any] = []
    changes = session.changes(start)
    wanted = max(0, last - start + 1)
    while len(told) < wanted:
        told.append(await anext(changes))
    changes.close()
    user.world.memory["told"].append((start, told))


async def listen(user: User, random: Random) -> None:
    """Listen to changes of cookies, for a while."""
    seen: list[Any] = []
    user.session.cookies.on("changed", seen.append)
    await user.sleep(random.random() * 10)
    user.session.cookies.off("changed", seen.append)


async def look_back(user: User, random: Random) -> None:
    """The session as it was: every getter works."""
    session = user.session
    first, last = session.log.first_position, session.log.position
    then = session.at(first - 1 + random.below(last - first + 2))
    then.get_user_agent()
    await then.cookies.get()


following: Final = Scenario(
    name="following",
    summary="followers and listeners are told of every change once, in order",
    steps={**STEPS, "follow": follow, "listen": listen, "look_back": look_back},
    checkers=(ToldInOrder,),
    users=4,
    steps_each=(6, 14),
)
