"""What pages of the scenario of devices do with a device that they have, and how its plug is pulled meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.events.errors import NotFoundError
from partita.simulations.scenarios.peripherals import OPEN_REPORT, PROTECTED_REPORT, is_keyboard

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.kernel.future import Future
    from partita.simulations.scenario import User
    from partita.simulations.world import World

PATIENCE_S: Final = 600.0


def has_defects(user: User) -> bool:
    """Whether a turn was dropped: nobody hears what it would have said."""
    return any(fault.name.startswith("defect.") for fault in user.world.faults.struck)


async def told(user: User, future: Future[Any], about: str) -> Any:
    """What comes of it; that nothing does has only a defect for a reason."""
    if not await user.within(PATIENCE_S, future):
        if not has_defects(user):
            user.world.memory["wrong"].append(f"nobody was told what came of {about}")
        return None
    return await future


async def use(user: User, device: Any, random: Random) -> None:
    """Open a device, do something with it, and leave it in one of all ways."""
    opening = device.gatt.connect() if hasattr(device, "gatt") else opened(device)
    if not random.below(5):
        await pull(user, device, random)
    await told(user, opening, f"opening {device}")
    if hasattr(device, "send_report"):
        device.once("inputreport", lambda event: reported(user, device, event))
    for _ in range(1 + random.below(3)):
        under_way = operation(device, random)
        if not random.below(4):
            await pull(user, device, random)
        await told(user, under_way, f"an operation on {device}")
    match random.below(3):
        case 0 if hasattr(device, "gatt"):
            device.gatt.disconnect()
        case 0:
            await told(user, device.close(), f"closing {device}")
        case 1 if hasattr(device, "forget"):
            try:
                await told(user, device.forget(), f"forgetting {device}")
            except NotFoundError:
                user.world.memory["wrong"].append(f"{device} could not be given back")
        case _:
            pass


def reported(user: User, device: Any, event: Any) -> None:
    """What a keyboard sends, no page may see."""
    if event.report_id == PROTECTED_REPORT and is_keyboard(device._attachment.device.facts):  # noqa: SLF001  # what it says
        user.world.memory["wrong"].append(f"{device} was heard to say a protected report")


def opened(device: Any) -> Future[None]:
    """Open what is no Bluetooth device."""
    opening: Future[None] = device.open(baud_rate=9600) if hasattr(device, "get_info") else device.open()
    return opening


def operation(device: Any, random: Random) -> Future[Any]:
    """Something that can be done with it, or that it does not let anybody do."""
    if hasattr(device, "gatt"):
        services: Future[Any] = device.gatt.get_primary_services()
        return services
    if hasattr(device, "get_info"):
        writable = device.writable  # None when another user has closed it meanwhile
        written: Future[Any] = device.get_signals() if writable is None or random.below(2) else writable.write(b"on")
        return written
    if hasattr(device, "configurations"):
        claimed: Future[Any] = device.claim_interface(0)
        return claimed
    match random.below(4):
        case 0:
            made = device.receive_feature_report(OPEN_REPORT)
        case 1:
            made = device.send_feature_report(OPEN_REPORT, b"feature")
        case 2:
            made = device.send_report(PROTECTED_REPORT, b"letters")
        case _:
            made = device.send_report(OPEN_REPORT, b"report")
    result: Future[Any] = made
    return result


async def pull(user: User, device: Any, random: Random) -> None:
    """Pull the plug, at some moment, and put it back at another."""
    await user.sleep(random.random() * 0.1)
    pulled = user.world.bus.unplug(device._attachment.device.key)  # noqa: SLF001  # the hand that holds the cable
    if pulled is not None and random.below(2):
        await user.sleep(random.random() * 10)
        put_back(user.world, pulled)


def put_back(world: World, device: Any) -> None:
    """Plug it in, unless it was meanwhile."""
    if device.key not in world.bus.plugged:
        world.bus.plug(device)
