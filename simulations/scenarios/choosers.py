"""Who is asked to choose a device in the scenario of devices, and what is remembered of it.

Each request is known by a number, which stands in a filter of its own that matches nothing: whoever is asked finds in it what
he is to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.simulations.checkers.devices import number_of
from partita.simulations.processes import SimulatedDefectError

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.simulations.scenario import User
    from partita.simulations.world import World

PLANS: Final = (
    "choose",
    "choose",
    "choose",
    "choose",
    "nothing",
    "unknown",
    "twice",
    "ignore",
    "raise",
    "late",
    "never",
)
"""What may become of a chooser: the ``...`` answers come at once, but for the last two."""

UNKNOWN_ID: Final = "no such device"
EVENTS: Final = ("select-hid-device", "select-usb-device", "select-serial-port")
BLUETOOTH: Final = "select-bluetooth-device"


def planned(world: World, plan: str, random: Random) -> int:
    """A number for a request that this is to become of."""
    plans: list[tuple[str, int]] = world.memory["plans"]
    plans.append((plan, random.below(1000)))
    return len(plans)


def listen(user: User) -> None:
    """Have the session's choosers answered."""
    for name in EVENTS:
        user.session.on(name, lambda event: asked(user, event, number_of(event.filters)))


def asked(user: User, event: Any, number: int | None) -> None:
    """Somebody is asked to choose. Asked twice, something is wrong."""
    memory = user.world.memory
    assert number is not None, "each request has a number"
    plan, drawn = memory["plans"][number - 1]
    if number in memory["asked"]:
        memory["wrong"].append(f"the chooser of request {number} is shown twice")
    memory["asked"][number] = event
    user.world.reached(f"devices.chooser.{plan}")
    match plan:
        case "choose" | "twice":
            event.prevent_default()
            say(user, event, number, chosen(event, drawn))
            if plan == "twice":
                event.callback(chosen(event, drawn + 1))
                event.callback("")
        case "nothing":
            event.prevent_default()
            say(user, event, number, "")
        case "unknown":
            event.prevent_default()
            say(user, event, number, UNKNOWN_ID)
        case "raise":
            say(user, event, number, "", is_default=True)
            raise SimulatedDefectError(f"the listener of request {number}")
        case "ignore":
            say(user, event, number, "", is_default=True)
        case _:
            event.prevent_default()


def asked_again(user: User, event: Any, number: int) -> None:
    """A Bluetooth chooser is shown each time that its list changes: it is answered when there is something in it."""
    memory = user.world.memory
    if number in memory["asked"]:
        return
    if event.device_list or memory["plans"][number - 1][0] in ("ignore", "raise"):
        asked(user, event, number)
    else:
        event.prevent_default()
        memory["empty"][number] = event


def found_nothing(user: User, number: int) -> None:
    """Nothing was near for a while."""
    event = user.world.memory["empty"].pop(number, None)
    if event is not None and number not in user.world.memory["asked"]:
        asked(user, event, number)


def say(user: User, event: Any, number: int, device_id: str, *, is_default: bool = False) -> None:
    """The first answer, which counts. ``is_default``: nobody says it."""
    if not event.answered:  # by the closing of the session
        user.world.memory["said"][number] = device_id
    if not is_default:
        event.callback(device_id)


def chosen(event: Any, drawn: int) -> str:
    """One of the list, if there is one."""
    listed = getattr(event, "port_list", None) or getattr(event, "device_list", None) or ()
    if not listed:
        return ""
    one = listed[drawn % len(listed)]
    return str(getattr(one, "device_id", None) or one.port_id)
