"""Another process wants the same partition: it is told who has it, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.events.errors import PartitionInUse
from partita.simulations.scenario import MAIN, Scenario, User
from partita.simulations.scenarios.cookies import STEPS

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random


async def intrude(user: User, random: Random) -> None:  # noqa: ARG001
    """Open it as a second process would."""
    rival = user.another_system()
    try:
        rival.from_partition(MAIN)
    except PartitionInUse:
        user.world.reached("rival.refused")
    else:
        if user.system.partitions:  # its own process may have closed it just now
            raise AssertionError("two processes have the partition open for writing")
    finally:
        rival.close()


async def close_and_open(user: User, random: Random) -> None:
    """Close the partition under everybody, and open it again."""
    user.session.close()
    await user.sleep(random.random())
    user.session.get_user_agent()


rivals: Final = Scenario(
    name="rivals",
    summary="a second process wants the same partition, and sessions are closed and opened again",
    steps={**STEPS, "intrude": intrude, "close_and_open": close_and_open},
    users=3,
    steps_each=(6, 12),
)
