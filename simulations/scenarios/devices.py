"""Pages choose, open, use, forget devices, while these are plugged in and out, and pages, handlers and processes come and go.

Most are HID devices (:mod:`partita.simulations.scenarios.peripherals`); choosers are answered as
:mod:`partita.simulations.scenarios.choosers` says. Some runs have 200 devices and 50 pages.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from partita.events.devices import ConfigureBroker
from partita.events.errors import DOMException, UsageError
from partita.simulations.checkers.devices import MARK, DevicesAreGranted
from partita.simulations.processes import SimulatedDefectError
from partita.simulations.scenario import Scenario, Step, User
from partita.simulations.scenarios import choosers
from partita.simulations.scenarios.device_use import PATIENCE_S, put_back, told, use
from partita.simulations.scenarios.peripherals import (
    LAST,
    OPEN_REPORT,
    VENDOR_ID,
    Peripheral,
    peripheral,
)
from partita.simulations.streams import key_of, numbered

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.kernel.future import Future
    from partita.simulations.world import World

HOME: Final = "https://home.test"
ORIGINS: Final = (HOME, "https://other.test", "https://third.test:8443")
TIMEOUT_S: Final = 90.0
KINDS: Final = ("hid", "hid", "hid", "hid", "usb", "serial", "bluetooth")
MEMORY: Final = ("plans", "pages", "wrong", "hearings")


def hosts(world: World) -> None:
    """Documents, and what is plugged in as the run begins."""
    memory = world.memory
    memory.update({name: [] for name in MEMORY}, asked={}, empty={}, said={}, verdicts=set())
    for origin in ORIGINS:
        world.internet.host(origin.removeprefix("https://"), lambda _: b"<p>a document</p>")
    key = key_of(world.seed, "users", "peripherals")
    count = int(world.knobs.settings["devices.count"])
    memory["devices"] = [peripheral(number, numbered(key, number)) for number in range(count)]
    memory["keeps"] = bool(world.knobs.settings["devices.keeps_grants"])
    for device in memory["devices"]:
        world.bus.plug(device)


# -- handlers -----------------------------------------------------------------------------------------------------------


async def listen(user: User) -> None:
    """Each process has its listeners anew."""
    system, session = user.system, user.session
    system.handlers.limit(TIMEOUT_S, lambda: system.kernel, system.world.clock)
    for kind in ("hid", "usb", "serial", "bluetooth"):
        message = ConfigureBroker(keeps_grants=user.world.memory["keeps"])
        session._partition.call(message, to=f"broker/{kind}")  # noqa: SLF001  # the option, where it is open already
    if user.world.memory.get("listens") != user.world.life_number:  # what could not be made durable is said again
        user.world.memory["listens"] = user.world.life_number
        choosers.listen(user)
    session.set_bluetooth_pairing_handler(pair)
    await session.flush()


async def pair(pairing: Any) -> object:
    """Confirms; some pins are missing."""
    return {"confirmed": True, "pin": "1234" if pairing.pairing_kind == "providePin" else None}


def permit(user: User, request: Any) -> object:
    """A device permission handler: all for :data:`HOME`; for others now and then nonsense."""
    if request.origin == HOME:
        device = request.device
        user.world.memory["verdicts"].add((request.origin, getattr(device, "device_id", None) or device.port_id))
        return True
    if request.origin == ORIGINS[1]:
        raise SimulatedDefectError(f"the device permission handler, asked by {request.origin}")
    return False


# -- users --------------------------------------------------------------------------------------------------------------


def unless_refused(step: Step) -> Step:
    """What the web says no with is as it should be, and so is a page that another user has closed."""

    @wraps(step)
    async def tolerant(user: User, random: Random) -> None:
        try:
            await step(user, random)
        except DOMException as error:
            user.world.reached(f"devices.{error.name}")
        except UsageError:
            user.world.reached("devices.page_gone")

    return tolerant


def pages_of(user: User) -> list[Any]:
    """Those of this process that are open."""
    life = user.world.life_number
    pages = [page for born, page in user.world.memory["pages"] if born == life and not page.session.closed]
    return [page for page in pages if not page.is_destroyed()]


def some_page(user: User, random: Random) -> Any:
    """One that is open, or a new one."""
    pages = pages_of(user)
    if pages and (len(pages) >= user.world.knobs.settings["devices.pages"] or random.below(3)):
        return random.choice(pages)
    return new_page(user, random.choice(ORIGINS))


def new_page(user: User, origin: str) -> Any:
    """A new one."""
    page = user.session.new_page(f"{origin}/index")
    user.world.memory["pages"].append((user.world.life_number, page))
    return page


def request(user: User, page: Any, kind: str, plan: str, random: Random) -> tuple[int, Future[Any]]:
    """Ask for a device: the number of the request, and what will come of it."""
    number = choosers.planned(user.world, plan, random)
    navigator = page.navigator
    if kind == "bluetooth":
        page.on(choosers.BLUETOOTH, lambda event: choosers.asked_again(user, event, number))
        return number, navigator.bluetooth.request_device(accept_all_devices=True)
    mark = {"vendor_id": MARK, "product_id": number}
    match kind:
        case "hid":
            return number, navigator.hid.request_device([{"vendor_id": VENDOR_ID}, mark])
        case "usb":
            return number, navigator.usb.request_device([{"vendor_id": VENDOR_ID}, mark])
        case _:
            marks = {f"usb_{name}": value for name, value in mark.items()}
            return number, navigator.serial.request_port([{"usb_vendor_id": VENDOR_ID}, marks])


async def chosen(user: User, page: Any, kind: str, plan: str, random: Random) -> list[Any]:
    """Ask for a device, and wait for it."""
    if kind == "bluetooth":  # whose chooser is shown to the page, without a number
        page = new_page(user, random.choice(ORIGINS))
    number, asked = request(user, page, kind, plan, random)
    if kind == "bluetooth":
        await user.sleep(2)
        choosers.found_nothing(user, number)
    if plan in ("late", "never"):
        await user.sleep(random.random() * 60)
        if plan == "never":
            page.close()
        while plan == "late" and not asked.done:
            event = user.world.memory["asked"].get(number)
            if event is not None:
                choosers.say(user, event, number, choosers.chosen(event, number))
                break
            await user.sleep(5)  # the log takes its time
    found = await told(user, asked, f"request {number} for a {kind} device, {plan}")
    return found if isinstance(found, list) else [] if found is None else [found]


# -- steps --------------------------------------------------------------------------------------------------------------


async def choose(user: User, random: Random) -> None:
    """A page asks for a device, and uses what is chosen."""
    page, kind = some_page(user, random), random.choice(KINDS)
    for device in await chosen(user, page, kind, random.choice(choosers.PLANS), random):
        await use(user, device, random)


async def list_granted(user: User, random: Random) -> None:
    """A page uses what it was granted before."""
    page = some_page(user, random)
    navigator = page.navigator
    listing = random.choice(
        [navigator.hid.get_devices, navigator.hid.get_devices, navigator.usb.get_devices, navigator.serial.get_ports]
    )
    found = await told(user, listing(), "a list of devices")
    for device in (found or [])[:2]:
        await use(user, device, random)


async def listen_in(user: User, random: Random) -> None:
    """A page hears of HID devices that come and go."""
    page = some_page(user, random)
    hid = page.navigator.hid
    if hid.listener_count("disconnect"):
        return
    hearing: dict[str, Any] = {
        "life": user.world.life_number,
        "page": page,
        "origin": page.main_frame.origin,
        "since": user.session._partition.position,  # noqa: SLF001  # what comes after it is heard
        "heard": [],
    }
    for name in ("connect", "disconnect"):
        hid.on(name, lambda event, name=name: hearing["heard"].append((name, event.device._attachment.id)))  # noqa: SLF001
    user.world.memory["hearings"].append(hearing)


async def plug(user: User, random: Random) -> None:
    """Some devices are unplugged, and plugged in again later; one that is out is put back."""
    world = user.world
    devices: list[Peripheral] = world.memory["devices"]
    out = [device for device in devices if device.key not in world.bus.plugged]
    if out:
        put_back(world, random.choice(out))
    for _ in range(1 + random.below(4)):
        device = random.choice(devices)
        if world.bus.unplug(device.key) is not None:
            await user.sleep(random.random() * 20)
            if random.below(4):
                put_back(world, device)


async def shake(user: User, random: Random) -> None:
    """A plug that does not sit tight."""
    world = user.world
    device = random.choice(world.memory["devices"])
    for _ in range(10):
        world.bus.unplug(device.key)
        if random.below(2):
            await user.sleep(0.0001)
        put_back(world, device)


async def leave(user: User, random: Random) -> None:
    """A page is closed while it has a device open, and a chooser."""
    page = new_page(user, random.choice(ORIGINS))
    for device in await chosen(user, page, "hid", "choose", random):
        opening = device.open()
        if random.below(2):
            await told(user, opening, f"opening {device}")
            under_way = device.send_report(OPEN_REPORT, b"the last")
        else:
            under_way = opening
        _, asked = request(user, page, "hid", "never", random)
        if random.below(2):
            await user.sleep(random.random())
        page.close()
        for future, about in ((asked, "a chooser"), (under_way, "what was under way")):
            try:
                await told(user, future, f"{about} of a page that is closed")
            except DOMException as error:
                user.world.reached(f"devices.left.{error.name}")


async def navigate(user: User, random: Random) -> None:
    """Another document, of another origin perhaps."""
    page = some_page(user, random)
    loading = page.load_url(f"{random.choice(ORIGINS)}/index")
    await user.within(PATIENCE_S, loading)
    if loading.done:
        await loading


async def crowd(user: User, random: Random) -> None:
    """Ten documents ask at once."""
    asking = [
        (page, *request(user, page, "hid", "choose", random))
        for page in (new_page(user, random.choice(ORIGINS)) for _ in range(10))
    ]
    for page, number, asked in asking:
        for device in await told(user, asked, f"request {number} of ten") or []:
            if not random.below(4):
                await use(user, device, random)
        page.close()


async def decide(user: User, random: Random) -> None:
    """For a while a handler says who may have what."""
    user.session.set_device_permission_handler(lambda request: permit(user, request))
    try:
        await list_granted(user, random)
        await user.sleep(random.random() * 30)
    finally:
        user.session.set_device_permission_handler(None)


async def forbid(user: User, random: Random) -> None:
    """A check that says no: nobody is asked, and nothing is chosen."""
    page = new_page(user, random.choice(ORIGINS))
    user.session.set_permission_check_handler(lambda _: False)
    try:
        is_set = "check" in user.session._desk.state.handlers  # noqa: SLF001  # another user may have cleared it by now
        number, asked = request(user, page, "hid", "choose", random)
    finally:
        user.session.set_permission_check_handler(None)
    found = await told(user, asked, f"request {number}, which is not permitted")
    if is_set and (found or number in user.world.memory["asked"]):
        user.world.memory["wrong"].append(f"a check has said no to request {number}, and it was put to somebody")
    page.close()


async def reopen(user: User, random: Random) -> None:
    """The session is closed in order, and opened again: nothing of it is left but what is to be kept."""
    if random.below(3):
        return
    user.session.close()
    for hearing in user.world.memory["hearings"]:
        hearing["life"] = 0
    user.world.memory["listens"] = 0
    await listen(user)


async def finish(user: User) -> None:
    """Nothing goes wrong any more: a page chooses a device and uses it. Then all pages are closed."""
    world = user.world
    for page in pages_of(user):
        page.close()
    world.bus.plug(Peripheral("/dev/hidraw-last", "9-9", LAST))
    page = new_page(user, HOME)
    number = choosers.planned(world, "choose", numbered(key_of(world.seed, "users", "finish"), 1))
    mark = {"vendor_id": MARK, "product_id": number}
    asked = page.navigator.hid.request_device([{"vendor_id": LAST.vendor_id, "product_id": LAST.product_id}, mark])
    for device in await told(user, asked, "the last request") or []:
        await told(user, device.open(), "the last opening")
        await told(user, device.send_report(OPEN_REPORT, b"the last"), "the last report")
        world.reached("devices.last_used")
    page.close()


devices: Final = Scenario(
    name="devices",
    summary="pages choose, open, use and forget devices, which are plugged in and out, while pages and handlers go",
    hosts=hosts,
    steps={
        step.__name__: unless_refused(step)
        for step in (choose, list_granted, listen_in, plug, shake, leave, navigate, crowd, decide, forbid, reopen)
    },
    opened=listen,
    finish=finish,
    checkers=(DevicesAreGranted,),
    users=4,
    steps_each=(4, 10),
    settings={
        "devices.count": (3, 5, 5, 9, 9, 20, 20, 200),
        "devices.pages": (2, 4, 8, 50),
        "devices.keeps_grants": (0, 1),
    },
)
