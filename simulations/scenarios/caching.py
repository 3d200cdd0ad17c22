"""Users fetch what may be cached, on pages of several sites, while others change it, clear the cache, and all goes wrong.

How a URL may be cached is in its path: ``/fresh/3`` is fresh for a while, ``/never/3`` must not be stored. Every response says
under which number its host put it down, so that the oracle can find it again, wherever it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from partita.actors.network.http import NetError, Request, Response
from partita.events.cache import ConfigureCache
from partita.events.errors import UsageError
from partita.simulations.checkers.cache_oracle import CHECKED, TICKET, CacheObeysTheRfc, Got, Moment, Served
from partita.simulations.internet import Entity, serve
from partita.simulations.scenario import Scenario, User
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.simulations.world import World

HOST: Final = "https://cached.test"
SITES: Final = ("", "https://one.test", "https://two.test")
NAMES: Final = ("ann", "bob")
URLS_EACH: Final = 2
MAX_SIZE_BYTES: Final = 130_000
TIMEOUT_S: Final = 20.0

KINDS: Final[Mapping[str, str]] = {
    "fresh": "max-age=60",
    "brief": "max-age=2",
    "must": "max-age=5, must-revalidate",
    "always": "no-cache, max-age=60",
    "never": "no-store, max-age=60",
    "varied": "max-age=60",
    "swr": "max-age=3, stale-while-revalidate=30",
    "strict": "max-age=3, stale-while-revalidate=30, must-revalidate",
    "sie": "max-age=3, stale-if-error=60",
    "big": "max-age=10",
    "weak": "max-age=3",
}
"""How each kind of URL may be cached."""

SIZES: Final[Mapping[str, int]] = {"big": 15_000}
USUAL_BYTES: Final = 6_000
FIELD: Final = "X-Name"
SITE: Final = "X-Site"


def moment(world: World) -> Moment:
    """Now."""
    return Moment(world.clock.now_us(), world.clock.monotonic())


def content(world: World, path: str, version: int, name: str | None) -> bytes:
    """The bytes of a version are its own."""
    kind = path.split("/")[1]
    size = SIZES.get(kind, USUAL_BYTES)
    random = stream_of(world.seed, "users", f"{path} {version} {name if kind == 'varied' else ''}")
    line = f"{path} version {version} {random.bits64():x}\n".encode()
    return (line * (size // len(line) + 1))[: size + version % 7]


def hosts(world: World) -> None:
    """A server whose URLs have versions; a POST makes a new one, and so does time for some."""
    versions: dict[str, int] = world.memory.setdefault("versions", {})
    served: dict[str, Served] = world.memory.setdefault("served", {})
    wrong: list[str] = world.memory.setdefault("wrong", [])

    def app(request: Request) -> Response:
        path = request.url.path
        kind = path.split("/")[1]
        if request.headers.get("X-Mode") == "only-if-cached":
            wrong.append(f"{path} was asked for, and only the cache was to be")
        if request.method == "POST":
            versions[path] = versions.get(path, 0) + 1
            return Response(200, headers=[("X-Version", str(versions[path]))], content=b"changed")
        version = versions.setdefault(path, 0)
        name = request.headers.get(FIELD)
        body = content(world, path, version, name)
        ticket = str(len(served) + 1)
        served[ticket] = Served(
            url=f"{HOST}{path}",
            moment=moment(world),
            body=body,
            version=version,
            site=request.headers.get(SITE, ""),
            cache_control=frozenset(KINDS[kind].split(", ")),
            vary=FIELD if kind == "varied" else "",
            varied=name,
        )
        tag = f'"{version}{name if kind == "varied" else ""}"'
        e_tag = f"W/{tag}" if kind == "weak" else tag
        fields = [("Cache-Control", KINDS[kind])]
        if kind == "varied":
            fields.append(("Vary", FIELD))
        if request.headers.get("If-None-Match") == e_tag:
            return Response(304, headers=[*fields, ("ETag", e_tag), (CHECKED, ticket)])
        answer = serve(request, Entity(body, e_tag=e_tag))
        for key, value in (*fields, (TICKET, ticket)):
            answer.headers[key] = value
        return answer

    world.internet.host("cached.test", app)


# -- users --------------------------------------------------------------------------------------------------------------


def some_url(random: Random, kind: str | None = None) -> str:
    """One of the URLs that there are."""
    return f"{HOST}/{kind or random.choice(list(KINDS))}/{random.below(URLS_EACH)}"


async def get(user: User, url: str, random: Random, *, mode: str = "default", **options: Any) -> Response | None:
    """Ask for it, and put down what came. None: only the cache was to be asked, and had nothing."""
    world = user.world
    site = options.pop("site", None)
    site = random.choice(SITES) if site is None else site
    name = random.choice(NAMES)
    headers = {FIELD: name, SITE: site, "X-Mode": mode, **options.pop("headers", {})}
    source = user.session if not site else user.session.new_page(site)
    began = moment(world)
    floor = world.memory.setdefault("floors", {}).get(url, 0)
    cleared_s = world.memory.get("cleared_s", 0.0)
    try:
        response: Response = await source.fetch(url, cache=mode, headers=headers, timeout=TIMEOUT_S, **options)
    except UsageError:  # a commit failed, and with it went the page
        return None
    except NetError as error:
        if error.name == "ERR_CACHE_MISS":
            return None
        raise
    fields = {key.lower(): value for key, value in response.headers.items()}
    world.memory.setdefault("got", []).append(
        Got(
            url=url,
            began=began,
            method=options.get("method", "GET"),
            mode=mode,
            site=site,
            varied=name,
            is_ranged="Range" in headers,
            status=response.status_code,
            headers=fields,
            body=response.content,
            from_cache=bool(response.extensions.get("from_cache")),
            floor=floor,
            cleared_s=cleared_s,
        )
    )
    return response


async def look(user: User, random: Random) -> None:
    """As most requests are."""
    await get(user, some_url(random), random)


async def look_again(user: User, random: Random) -> None:
    """The same a few times, with and without pauses: that is what caches are for."""
    url, site = some_url(random), random.choice(SITES)
    for _ in range(4):
        await get(user, url, random, site=site)
        await user.sleep(random.choice([0.0, 0.5, 4.0]))


async def in_a_mode(user: User, random: Random) -> None:
    """All six."""
    mode = random.choice(["no-store", "reload", "no-cache", "force-cache", "only-if-cached"])
    await get(user, some_url(random), random, mode=mode)


async def part(user: User, random: Random) -> None:
    """A range, of what may be there whole, in part or not at all."""
    start = random.choice([0, random.below(13_000)])
    wanted = random.choice([f"bytes={start}-{start + random.below(5_000)}", f"bytes={start}-", "bytes=-500"])
    await get(user, f"{HOST}/big/0", random, headers={"Range": wanted}, site="")


async def whole(user: User, random: Random) -> None:
    """What is there in part is completed."""
    await get(user, f"{HOST}/big/0", random, site="")


async def grow(user: User, random: Random) -> None:
    """The beginning, and then all of it, which may be another version by then."""
    url, site = f"{HOST}/big/1", random.choice(SITES)
    await get(user, url, random, headers={"Range": f"bytes=0-{random.below(13_000)}"}, site=site)
    if random.below(2):
        versions = user.world.memory["versions"]
        versions["/big/1"] = versions.get("/big/1", 0) + 1
    await get(user, url, random, site=site)


async def head(user: User, random: Random) -> None:
    """Only the head: it may be answered from a stored response, and brings that up to date."""
    await get(user, some_url(random), random, method="HEAD")


async def change(user: User, random: Random) -> None:
    """An unsafe request that succeeds: nothing older may come out of the cache after it."""
    world = user.world
    url, life = some_url(random), world.life_number
    is_in_use = await user.session.get_cache_size() > 0
    response = await user.session.fetch(url, method="POST", content=b"new", timeout=TIMEOUT_S)
    is_in_use = is_in_use and await user.session.get_cache_size() > 0  # an empty cache takes no note of it
    await user.session.flush()
    defects = any(fault.name.startswith("defect.") for fault in world.faults.struck)  # then it may not have been taken
    if response.status_code == 200 and is_in_use and not defects and world.life_number == life:  # noqa: PLR2004
        floors = world.memory.setdefault("floors", {})
        floors[url] = max(floors.get(url, 0), int(response.headers["X-Version"]))


async def change_elsewhere(user: User, random: Random) -> None:
    """Another client changes it: the cache cannot know, and may be behind as long as it is fresh."""
    path = some_url(random).removeprefix(HOST)
    versions = user.world.memory["versions"]
    versions[path] = versions.get(path, 0) + 1


async def clear(user: User, random: Random) -> None:  # noqa: ARG001
    """After it there is nothing older."""
    began_s = user.world.clock.monotonic()
    await user.session.clear_cache()
    memory = user.world.memory
    memory["cleared_s"] = max(memory.get("cleared_s", 0.0), began_s)


async def measure(user: User, random: Random) -> None:  # noqa: ARG001
    """It is never larger than it may be."""
    size = await user.session.get_cache_size()
    if not 0 <= size <= MAX_SIZE_BYTES:
        user.world.memory["wrong"].append(f"the cache holds {size} bytes of {MAX_SIZE_BYTES}")


async def wait(user: User, random: Random) -> None:
    """Responses grow stale."""
    await user.sleep(random.choice([1.0, 5.0, 40.0, 100.0]))


async def limit(user: User) -> None:
    """Each process says how large the cache may be; what is in it stays."""
    await user.session._partition.ask(ConfigureCache(max_size_bytes=MAX_SIZE_BYTES))  # noqa: SLF001  # as from_partition() does


async def finish(user: User) -> None:
    """Nothing goes wrong any more: each kind can be fetched, and a fresh one comes from the cache."""
    random = stream_of(user.world.seed, "users", "finish")
    for kind in KINDS:
        await get(user, some_url(random, kind), random)
    await user.sleep(1.0)  # what is thrown out is thrown out beside it


caching: Final = Scenario(
    name="caching",
    summary="what may be cached is fetched by several sites, changed, cleared and thrown out",
    hosts=hosts,
    steps={
        "look": look,
        "look_again": look_again,
        "in_a_mode": in_a_mode,
        "part": part,
        "whole": whole,
        "grow": grow,
        "head": head,
        "change": change,
        "change_elsewhere": change_elsewhere,
        "clear": clear,
        "measure": measure,
        "wait": wait,
    },
    opened=limit,
    finish=finish,
    checkers=(CacheObeysTheRfc,),
    users=4,
    steps_each=(8, 20),
)
