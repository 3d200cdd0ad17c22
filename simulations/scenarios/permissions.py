"""Pages ask for permissions, and handlers grant, refuse, raise, answer late, never, or nonsense, while pages and processes end.

What a handler does with ``openExternal`` is in the URL: ``act:grant/7``. For what has no URL it looks at the origin. What it has
granted, and what users were told, is remembered by the same name (:func:`~partita.simulations.checkers.permissions.name_of`).
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from partita.events.errors import AbortError, NotAllowedError, NotSupportedError, UsageError
from partita.events.permissions import ConfigurePermissions
from partita.simulations.checkers.permissions import PermissionsAreAsked
from partita.simulations.processes import SimulatedDefectError
from partita.simulations.scenario import Scenario, Step, User

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.kernel.future import Future

HOME: Final = "https://home.test"
OTHERS: Final = ("https://other.test", "https://third.test:8443")
TIMEOUT_S: Final = 90.0
LATEST_S: Final = 120.0
FOREVER_S: Final = 86_400.0
PATIENCE_S: Final = 7_200.0
PLAYED: Final = SimulatedDefectError.__name__
"""No answer, and it says whose it is."""

KINDS: Final = ("grant", "grant", "deny", "raise", "never", "late", "nonsense")


# -- handlers -----------------------------------------------------------------------------------------------------------


def named(request: Any) -> str:
    """See :func:`~partita.simulations.checkers.permissions.name_of`."""
    about = getattr(request, "external_url", None) or f"{request.permission} for {request.requesting_origin}"
    return f"{about} in {request.embedding_origin}"


async def answer(user: User, request: Any) -> object:
    """What the URL asks for; without one, only :data:`HOME` is granted anything."""
    said: dict[str, None] = user.world.memory["said"]
    url: str = getattr(request, "external_url", "")
    kind = url.removeprefix("act:").partition("/")[0] if url else "origin"
    match kind:
        case "raise":
            raise SimulatedDefectError(f"the handler of {url}")
        case "never":
            await user.sleep(FOREVER_S)
        case "late":
            await user.sleep(LATEST_S * (len(url) % 4) / 3)
        case "nonsense":
            return PLAYED
        case _:
            pass
    granted = kind in ("grant", "late") or (kind == "origin" and request.requesting_origin == f"{HOME}/")
    if granted:
        said[named(request)] = None
    return granted


async def listen(user: User) -> None:
    """Each process sets its handlers anew, and keeps grants."""
    user.world.memory.setdefault("said", {})
    user.world.memory.setdefault("told", [])
    system, session = user.system, user.session
    system.handlers.limit(TIMEOUT_S, lambda: system.kernel, system.world.clock)
    session._partition.call(ConfigurePermissions(keeps_grants=True))  # noqa: SLF001  # the option, where it is open already
    ask_me(user)
    session.set_permission_check_handler(check)
    session.set_display_media_request_handler(lambda request: choose(user, request))
    await session.flush()


def ask_me(user: User) -> None:
    """Set the handler that :func:`answer` is."""

    async def handler(request: Any) -> Any:
        return await answer(user, request)

    user.session.set_permission_request_handler(handler)


def check(request: Any) -> bool:
    """A plain function."""
    if request.permission == "midi":
        raise SimulatedDefectError("the check handler")
    return bool(request.requesting_origin == f"{HOME}/")


def choose(user: User, request: Any) -> object:
    """For :data:`HOME` a screen; for others nothing, or what is no answer."""
    if request.security_origin == f"{HOME}/":
        user.world.memory["said"][f"display-capture for {HOME}/ in {HOME}/, streams"] = None
        return {"video": {"id": "screen:1", "name": "Screen 1"}}
    return None if request.security_origin == f"{OTHERS[0]}/" else {PLAYED: "no property of streams"}


# -- users --------------------------------------------------------------------------------------------------------------


def has_defects(user: User) -> bool:
    """Whether a turn was dropped: nobody hears what it would have said."""
    return any(fault.name.startswith("defect.") for fault in user.world.faults.struck)


def unless_undone(step: Step) -> Step:
    """The page may be gone that a step has opened: its turn could not be written, or was dropped."""

    @wraps(step)
    async def tolerant(user: User, random: Random) -> None:
        try:
            await step(user, random)
        except UsageError:
            if not (user.world.marks.get("commit.failed") or has_defects(user)):
                raise
            user.world.reached("permissions.page_undone")

    return tolerant


def opened(user: User, url: str) -> Any:
    """A new page."""
    page = user.session.new_page(url)
    user.world.memory.setdefault("pages", []).append((user.world.life_number, page))
    return page


def url_of(user: User, kind: str) -> str:
    """A URL that nobody has asked about."""
    count: list[int] = user.world.memory.setdefault("requests", [0])
    count[0] += 1
    return f"act:{kind}/{count[0]}"


async def told(user: User, future: Future[bool], name: str) -> bool | None:
    """What the user is told; None when it does not come, which only a defect may be the reason of."""
    if not await user.within(PATIENCE_S, future):
        if not has_defects(user):
            user.world.memory.setdefault("wrong", []).append(f"nobody answered {name}")
        return None
    granted = await future
    user.world.memory["told"].append((name, granted))
    return granted


async def request(user: User, random: Random) -> None:
    """One request, answered in one of all ways."""
    origin, url = random.choice([HOME, *OTHERS]), url_of(user, random.choice(KINDS))
    page = opened(user, f"{origin}/index")
    await told(user, page.request_permission("openExternal", external_url=url), f"{url} in {origin}/")
    if random.below(2):
        page.close()


async def locate(user: User, random: Random) -> None:
    """A document, or one within another: what is granted and kept is so for one origin within one other."""
    outer, inner = random.choice([HOME, *OTHERS]), random.choice([HOME, *OTHERS])
    page = opened(user, f"{outer}/index")
    frame = page.main_frame if inner == outer else page.new_frame(f"{inner}/map")
    for _ in range(1 + random.below(2)):
        name = f"geolocation for {inner}/ in {outer}/"
        granted = await told(user, frame.request_permission("geolocation"), name)
        if granted and inner != HOME:
            user.world.reached("permissions.default")  # there was no handler just then
    page.close()


async def leave(user: User, random: Random) -> None:
    """The page is closed while its questions wait: they are refused."""
    url = url_of(user, "never")
    page = opened(user, f"{HOME}/index")
    frame = page.new_frame(f"{OTHERS[0]}/ad") if random.below(2) else page.main_frame
    asked = frame.request_permission("openExternal", external_url=url)
    await user.sleep(random.random() * 5)
    page.close()
    await told(user, asked, f"{url} in {HOME}/")


async def clear(user: User, random: Random) -> None:
    """The handler is taken away while it is asked: that is refused. Then it is set again."""
    url = url_of(user, "never")
    page = opened(user, f"{HOME}/index")
    asked = page.request_permission("openExternal", external_url=url)
    await user.sleep(random.random() * 5)
    user.session.set_permission_request_handler(None)
    try:
        await told(user, asked, f"{url} in {HOME}/")
    finally:
        ask_me(user)


async def replace(user: User, random: Random) -> None:
    """Another handler is set while the one before is asked: that one may still answer."""
    url = url_of(user, random.choice(["late", "grant"]))
    page = opened(user, f"{HOME}/index")
    asked = page.request_permission("openExternal", external_url=url)
    await user.sleep(random.random() * 2)
    ask_me(user)
    await told(user, asked, f"{url} in {HOME}/")


async def revoke(user: User, random: Random) -> None:
    """What was granted is taken back."""
    origin = random.choice([HOME, *OTHERS])
    user.session.revoke_permission(origin, random.choice([None, "geolocation"]))
    await user.session.flush()


async def look(user: User, random: Random) -> None:
    """A check, which stands still for its handler."""
    page = opened(user, f"{random.choice([HOME, *OTHERS])}/index")
    for permission in ("hid", "midi", "notifications"):
        page.check_permission(permission)
    page.close()


async def show(user: User, random: Random) -> None:
    """Streams of a display, for whom the handler likes."""
    origin = random.choice([HOME, *OTHERS])
    page = opened(user, f"{origin}/index")
    streams = page.get_display_media()
    if not await user.within(PATIENCE_S, streams):
        await told(user, streams, f"streams for {origin}")
        return
    try:
        chosen = await streams
    except (AbortError, NotAllowedError, NotSupportedError) as error:
        user.world.reached(f"permissions.{error.name}")
    else:
        assert chosen.video.id == "screen:1", f"{origin} was given {chosen}"
        assert origin == HOME, f"{origin} was given streams that its handler refused: {chosen}"
    page.close()


async def finish(user: User) -> None:
    """Nothing goes wrong any more: whatever is asked is answered, and what nobody answers is given up in time."""
    url = url_of(user, "grant")
    page = opened(user, f"{HOME}/index")
    await told(user, page.request_permission("openExternal", external_url=url), f"{url} in {HOME}/")
    await user.sleep(2 * TIMEOUT_S)
    for life, page in user.world.memory["pages"]:
        if life == user.world.life_number and has_defects(user):
            page.close()  # what a dropped turn would have answered, is refused now


permissions: Final = Scenario(
    name="permissions",
    summary="pages ask, and handlers grant, refuse, raise, answer late, never or nonsense, while pages and handlers go",
    steps={step.__name__: unless_undone(step) for step in (request, locate, leave, clear, replace, revoke, look, show)},
    opened=listen,
    finish=finish,
    checkers=(PermissionsAreAsked,),
    users=4,
    steps_each=(5, 12),
)
