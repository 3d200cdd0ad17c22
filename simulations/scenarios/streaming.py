"""Users stream in both directions, leave early, read slowly and give up, over pages, handlers, the cache and the network.

Meanwhile connections are made ahead and closed at the worst moment, the cache is cleared, and a net log is written. Who answers
is in :mod:`partita.simulations.scenarios.streaming_hosts`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from partita.actors.network.http import NetError, Response
from partita.events.errors import NetLogRefused, StoreError, UsageError
from partita.simulations.checkers.exchanges import ExchangesAreSound, note_call, note_wrong
from partita.simulations.checkers.mixing import note_body
from partita.simulations.processes import SimulatedDefectError
from partita.simulations.scenario import Scenario, User
from partita.simulations.scenarios.streaming_hosts import (
    HERE,
    ID,
    ITEMS,
    NO_COOKIES,
    SEEN_BYTES,
    SEEN_COOKIES,
    THERE,
    handle,
    hosts,
)
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random

TIMEOUT_S: Final = 20.0

_PLACES: Final = (
    f"{HERE}/item/%d",
    f"{HERE}/item/%d",
    f"{HERE}/kept/%d",
    f"{HERE}/away/item/%d",
    "app://here/item/%d",
    "text://here/item/%d",
    "doc://here/item/%d",
    "far://here/item/%d",
    "live://here/item/%d",
)
NO_ANSWERS: Final = ("ERR_INVALID_HTTP_RESPONSE", "ERR_INVALID_CHUNKED_ENCODING")
_HARMLESS: Final = ("network.", "server.", "dns.", "connect.", "crash.")
"""Faults that cannot keep a cookie out of the jar. Others can, and for long: a disk may have become read-only."""


# -- users --------------------------------------------------------------------------------------------------------------


def some_url(random: Random) -> str:
    """Of what any of them stands for, there is a body to compare with."""
    return random.choice(_PLACES) % random.below(ITEMS)


def number_of(user: User) -> int:
    """A number that no request had."""
    count: list[int] = user.world.memory.setdefault("numbers", [0])
    count[0] += 1
    return count[0]


def begin(user: User, url: str, source: Any = None, **options: Any) -> Any:
    """Send a request; what becomes of it is noted."""
    headers = {ID: str(number_of(user)), **options.pop("headers", {})}
    call = (source or user.session).fetch(url, headers=headers, timeout=TIMEOUT_S, **options)
    note_call(user.world, call)
    return call


async def answer(user: User, call: Any, *, sent: bytes = b"", again: bool = True) -> Response:
    """Wait for it, and note its body. ``again``: what is sent can be sent again."""
    try:
        response: Response = await call
    except NetError as error:
        look_at(user, error, again=again)
        raise
    if response.status_code == HTTPStatus.OK:
        note_body(user.world, served_at(response), response.content, sent=sent)
        if response.headers.get(SEEN_BYTES, str(len(sent))) != str(len(sent)):
            note_wrong(user.world, f"{len(sent)} bytes were sent, and {response.headers[SEEN_BYTES]} have arrived")
    return response


def look_at(user: User, error: NetError, *, again: bool = True) -> None:
    """Not everything may be put down to the network."""
    world = user.world
    if again and error.stale_connection:
        note_wrong(world, f"a dead connection was to blame, and nobody tried again: {error!r}")
    if error.name == "ERR_CACHE_READ_FAILURE":  # what is read whole is there, or it is asked for
        note_wrong(world, "a stored body was missing, and nobody asked the network")
    if error.name in NO_ANSWERS and not any(fault.name == "server.garbage" for fault in world.faults.struck):
        note_wrong(world, f"what came was no answer ({error!r}), and no host has said it")


def served_at(response: Response) -> str:
    """The URL whose host, or handler, has made the body."""
    return str(response.url).replace("far://here", HERE)


async def fetch(user: User, random: Random) -> None:
    """One."""
    await answer(user, begin(user, some_url(random)))


async def several(user: User, random: Random) -> None:
    """All at once, and connections are closed, or the cache is cleared, or they are given up, in the middle of it."""
    calls = [begin(user, some_url(random)) for _ in range(2 + random.below(6))]
    await user.sleep(random.random() * random.choice([0.01, 0.2, 2.0]))
    beside: list[Any] = []
    match random.below(4):
        case 0:
            beside.append(user.session.close_all_connections())
        case 1:
            beside.append(user.session.clear_cache())
        case 2:
            random.choice(calls).cancel()
        case _:
            pass
    for call in beside:
        note_call(user.world, call)
    calls.append(begin(user, some_url(random)))
    for call in calls:
        with suppress(NetError):
            await answer(user, call)
    for call in beside:  # it ends in this step, not in the middle of what comes after
        await call


async def stream(user: User, random: Random) -> None:
    """Read a body as it comes: at once, slowly, or not to its end."""
    url = some_url(random)
    try:
        await read(user, url, random.choice([0.0, 0.0, 0.3, 8.0]), random.choice([0, 1, 2, 1000, 1000]))
    except NetError as error:
        look_at(user, error)
        raise


async def read(user: User, url: str, pause_s: float, leaves_after: int) -> None:
    """So many chunks of it, with pauses."""
    received, whole = b"", False
    async with user.session.stream(url, headers={ID: str(number_of(user))}, timeout=TIMEOUT_S) as response:
        try:
            async with aclosing(response.aiter_raw()) as chunks:
                count = 0
                while count < leaves_after:
                    chunk = await anext(chunks, None)
                    if chunk is None:
                        whole = True
                        break
                    received += chunk
                    count += 1
                    await user.sleep(pause_s)
        finally:
            if response.status_code == HTTPStatus.OK:
                note_body(user.world, served_at(response), received, whole=whole)


class _MakerGone(Exception):
    """What makes an upload has failed."""


async def upload(user: User, random: Random) -> None:
    """A body that is made while it is sent; it may lead elsewhere, and what makes it may fail."""
    url = random.choice([f"{HERE}/echo", f"{HERE}/echo", f"{HERE}/away/echo", "app://here/echo"])
    sent = [f"{random.bits64():x} ".encode() * (1 + random.below(2000)) for _ in range(1 + random.below(4))]
    fails_at = random.below(8)
    pause_s = random.choice([0.0, 0.1, 3.0])

    def made() -> Iterator[bytes]:
        for number, chunk in enumerate(sent):
            if number == fails_at:
                raise _MakerGone
            yield chunk

    async def slowly() -> AsyncIterator[bytes]:
        for chunk in made():
            await user.sleep(pause_s)
            yield chunk

    source = slowly() if random.below(2) else made()
    with suppress(_MakerGone):
        await answer(user, begin(user, url, method="POST", content=source), sent=b"".join(sent), again=False)


async def post(user: User, random: Random) -> None:
    """A body that can be sent again: where a connection has died, and where a redirect asks for it."""
    sent = f"{random.bits64():x}".encode() * (1 + random.below(2000))
    url = random.choice([f"{HERE}/echo", f"{HERE}/away/echo", "app://here/echo"])
    await answer(user, begin(user, url, method="POST", content=sent), sent=sent)


async def give_up(user: User, random: Random) -> None:
    """Before the answer, in the middle of it, or too late."""
    call = begin(user, random.choice([some_url(random), "app://here/never/1"]))
    await user.sleep(random.random() * random.choice([0.001, 0.1, 1.0]))
    call.cancel()
    await answer(user, call)


async def browse(user: User, random: Random) -> None:
    """A page, what it fetches, a frame in it, and where it leads."""
    with suppress(UsageError):  # a commit failed, and with it went the page
        page = user.session.new_page(f"{HERE}/page/{random.below(3)}")
        frame = page.new_frame(f"{THERE}/page/1")
        calls = [begin(user, f"/item/{random.below(ITEMS)}", page), begin(user, f"{HERE}/kept/1", frame)]
        if random.below(2):
            loads = page.load_url(f"{HERE}/page/{random.below(3)}", timeout=TIMEOUT_S)
        else:
            loads = frame.navigate(f"/page/{random.below(3)}", timeout=TIMEOUT_S)
        note_call(user.world, loads)
        for call in (*calls, loads):
            with suppress(NetError):
                await answer(user, call)
        page.close()


async def authorize(user: User, random: Random) -> None:  # noqa: ARG001
    """Credentials are for one origin, also in a URL."""
    await answer(user, begin(user, f"{HERE}/away/item/1", headers={"Authorization": "Basic YTpi"}))
    await answer(user, begin(user, f"{HERE.replace('//', '//ann:secret@')}/away/item/2"))


async def be_known(user: User, random: Random) -> None:
    """What a redirect sets goes along to where it leads; who wants no cookies sends and keeps none."""
    world, number = user.world, number_of(user)
    if random.below(3) == 0:
        await answer(user, begin(user, f"{HERE}/set/{number}", credentials="omit", headers={NO_COOKIES: "1"}))
        if await user.session.cookies.get(name=f"c{number}"):
            note_wrong(world, f"the cookie c{number} was kept, and none was wanted")
        return
    struck, life = len(world.faults.struck) if world.healed else 0, world.life_number
    response = await answer(user, begin(user, f"{HERE}/set/{number}"))
    harmless = all(fault.name.startswith(_HARMLESS) for fault in world.faults.struck[struck:])
    cookies = response.headers.get(SEEN_COOKIES)
    if cookies is not None and harmless and life == world.life_number and f"c{number}={number}" not in cookies:
        note_wrong(world, f"a redirect set c{number}, and it did not go along: {cookies!r}")


async def forget(user: User, random: Random) -> None:  # noqa: ARG001
    """A cookie that came with a response stays away once it is removed: that the response is stored is no reason."""
    number = number_of(user)
    url, cookies = f"{HERE}/cookied/{number}", user.session.cookies
    await begin(user, url)
    await cookies.remove(url, f"k{number}")
    again = await begin(user, url)
    if again.extensions.get("from_cache") and await cookies.get(name=f"k{number}"):
        note_wrong(user.world, f"k{number} had been removed, and came back with a stored response")


async def connect(user: User, random: Random) -> None:
    """Connections ahead of time, used or not."""
    user.session.preconnect(url=random.choice([HERE, THERE]), num_sockets=1 + random.below(6))
    if random.below(2):
        await fetch(user, random)


async def clear(user: User, random: Random) -> None:  # noqa: ARG001
    """The cache is empty; what is being read out of it is read to its end."""
    await user.session.clear_cache()


async def log_net(user: User, random: Random) -> None:
    """A net log begins, or ends; it may be that it has begun already, or that its file cannot be written."""
    net_log = user.session.net_log
    with suppress(NetLogRefused, TypeError, OSError):
        if net_log.currently_logging:
            await net_log.stop_logging()
        else:
            mode = random.choice(["default", "includeSensitive", "everything"])
            await net_log.start_logging(f"/net/{user.number}.json", capture_mode=mode, max_file_size=100_000)


async def close_and_open(user: User, random: Random) -> None:
    """Close the partition under everybody, whatever is under way, and open it again."""
    user.session.close()
    await user.sleep(random.random())
    await handle(user)


async def wait(user: User, random: Random) -> None:
    """Idle connections are closed, responses grow stale."""
    await user.sleep(random.choice([1.0, 14.9, 20.0, 40.0]))


async def finish(user: User) -> None:
    """Nothing goes wrong any more: everything there is answers, and what is made along the way is gone afterwards."""
    with suppress(StoreError):  # what could not be written has been undone after this, handlers among it
        await user.session.flush()
    with suppress(SimulatedDefectError):
        await handle(user)
    random = stream_of(user.world.seed, "users", "finish")
    for place in dict.fromkeys(_PLACES):
        response = await answer(user, begin(user, place % 1))
        assert response.status_code == HTTPStatus.OK, f"{place % 1} says {response.status_code}"
    await stream(user, random)
    await be_known(user, random)
    await forget(user, random)
    if user.session.net_log.currently_logging:
        with suppress(OSError):  # its file could not be written, before
            await user.session.net_log.stop_logging()
    await user.sleep(200.0)  # connections that were made ahead of time have come about, or not


STEPS: Final[Mapping[str, Any]] = {
    "fetch": fetch,
    "several": several,
    "stream": stream,
    "upload": upload,
    "post": post,
    "give_up": give_up,
    "browse": browse,
    "authorize": authorize,
    "be_known": be_known,
    "forget": forget,
    "connect": connect,
    "clear": clear,
    "log_net": log_net,
    "close_and_open": close_and_open,
    "wait": wait,
}

streaming: Final = Scenario(
    name="streaming",
    summary="users stream, upload, give up and browse, over pages, handlers, the cache and the network",
    hosts=hosts,
    steps=STEPS,
    opened=handle,
    finish=finish,
    checkers=(ExchangesAreSound,),
    users=4,
    steps_each=(6, 14),
)
