"""Who answers in the scenario :mod:`partita.simulations.scenarios.streaming`: two hosts, and a handler for each of five schemes.

What a URL stands for is in its path; each body is like no other, so that a byte of another one would be seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from partita.actors.network.http import Request, Response
from partita.simulations.checkers.exchanges import note_arrival, note_wrong
from partita.simulations.checkers.mixing import note_made
from partita.simulations.streams import stream_of

if TYPE_CHECKING:
    from partita.simulations.scenario import User
    from partita.simulations.world import World

HERE: Final = "https://files.test"
THERE: Final = "https://other.test"
ITEMS: Final = 6
FOREVER_S: Final = 86_400.0
VERSION_S: Final = 40.0
"""After so long a cacheable item is another one."""

ID: Final = "X-Id"
NO_COOKIES: Final = "X-No-Cookies"
SEEN_BYTES: Final = "X-Seen-Bytes"
SEEN_COOKIES: Final = "X-Seen-Cookies"
"""What arrived: how long the body was, which cookies. The body of the answer may be cut short."""


def content(seed: int, path: str, version: int = 0) -> bytes:
    """The bytes of a URL are its own: some kilobytes, or some hundred."""
    random = stream_of(seed, "users", f"{path} {version}")
    line = f"{path} version {version} {random.bits64():x}\n".encode()
    return line * (20 + random.below(3000))


# -- hosts --------------------------------------------------------------------------------------------------------------


NO_STORE: Final = ("Cache-Control", "no-store")


def led_away(world: World, request: Request) -> Response:  # noqa: ARG001  # those who answer have one shape
    """To the same on the other host, whatever the method."""
    return Response(307, headers=[NO_STORE, ("Location", request.url.path.replace("/away", THERE, 1))])


def setting(world: World, request: Request) -> Response:  # noqa: ARG001
    """A cookie, for where it leads."""
    name = request.url.path.rpartition("/")[2]
    cookie = f"c{name}={name}; Max-Age=86400; Path=/seen/{name}"
    return Response(302, headers=[NO_STORE, ("Location", f"/seen/{name}"), ("Set-Cookie", cookie)])


def seen(world: World, request: Request) -> Response:  # noqa: ARG001
    """The cookies that came along."""
    cookies = request.headers.get("cookie", "")
    return Response(200, headers=[NO_STORE, (SEEN_COOKIES, cookies)], content=cookies.encode())


def echo(world: World, request: Request) -> Response:  # noqa: ARG001
    """What was sent."""
    return Response(200, headers=[NO_STORE, (SEEN_BYTES, str(len(request.content)))], content=request.content)


def cookied(world: World, request: Request) -> Response:  # noqa: ARG001
    """It may be stored, with its cookie."""
    name = request.url.path.rpartition("/")[2]
    fields = [("Cache-Control", "max-age=3600"), ("Set-Cookie", f"k{name}=1; Max-Age=86400; Path=/")]
    return Response(200, headers=fields, content=name.encode())


def kept(world: World, request: Request) -> Response:
    """It may be stored, and is another one before long."""
    path, version = request.url.path, int(world.clock.monotonic() // VERSION_S)
    fields = [("Cache-Control", "max-age=30, stale-while-revalidate=30"), ("ETag", f'"{path} {version}"')]
    return Response(200, headers=fields, content=content(world.seed, path, version))


def page(world: World, request: Request) -> Response:
    """A document that will want something of the other host."""
    fields = [NO_STORE, ("Content-Type", "text/html"), ("Link", f"<{THERE}>; rel=preconnect")]
    return Response(200, headers=fields, content=content(world.seed, f"{request.url.host}{request.url.path}"))


def item(world: World, request: Request) -> Response:
    """Of known length, or in chunks."""
    path = request.url.path
    body = content(world.seed, f"{request.url.host}{path}")
    return Response(200, headers=[NO_STORE], content=iter((body,)) if path.endswith(("1", "3", "5")) else body)


ANSWERS: Final[Mapping[str, Callable[[World, Request], Response]]] = {
    "away": led_away,
    "set": setting,
    "seen": seen,
    "echo": echo,
    "cookied": cookied,
    "kept": kept,
    "page": page,
    "item": item,
}
"""Who answers, by how a path begins."""


def hosts(world: World) -> None:
    """Both serve the same; whoever is led from one to the other loses his credentials."""

    def app(request: Request) -> Response:
        look_at(world, request)
        return ANSWERS[request.url.path.split("/")[1]](world, request)

    world.internet.host("files.test", app)
    world.internet.host("other.test", app)
    for number in range(ITEMS):
        document = content(world.seed, f"doc {number}")
        world.disk.put(f"/documents/{number}", document)
        note_made(world, f"doc://here/item/{number}", document)


def look_at(world: World, request: Request) -> None:
    """What must never arrive."""
    host, path = request.url.host, request.url.path
    if host == "other.test" and "authorization" in request.headers:
        note_wrong(world, f"{path} came to {host} with the credentials that were for another origin")
    if NO_COOKIES in request.headers and "cookie" in request.headers:
        note_wrong(world, f"{path} came with cookies, and was to have none")
    if ID in request.headers and not path.startswith(("/kept/", "/cookied/")):
        note_arrival(world, f"{host}{path}", request.headers[ID])


# -- handlers -----------------------------------------------------------------------------------------------------------


async def handle(user: User) -> None:
    """Each process sets its handlers anew."""
    seed = user.world.seed

    def number(request: Any) -> int:
        return int(str(request.url).rpartition("/")[2])

    async def app(request: Request) -> Response:
        if request.url.path.startswith("/never/"):
            await user.sleep(FOREVER_S)
        if request.method == "POST":
            note_made(user.world, str(request.url), await request.aread())
            return Response(200, content=request.content)
        return Response(200, content=pieces(user, content(seed, f"app {number(request)}")))

    protocol = user.session.protocol
    handlers: Mapping[str, Callable[[], object]] = {
        "app": lambda: protocol.handle("app", app),
        "text": lambda: protocol.register_string_protocol(
            "text", lambda request: content(seed, f"text {number(request)}").decode()
        ),
        "doc": lambda: protocol.register_file_protocol("doc", lambda request: f"/documents/{number(request)}"),
        "far": lambda: protocol.register_http_protocol(
            "far", lambda request: {"url": f"{HERE}/item/{number(request)}"}
        ),
        "live": lambda: protocol.register_stream_protocol(
            "live", lambda request: iter((content(seed, f"live {number(request)}"),) * 3)
        ),
    }
    for scheme, register in handlers.items():
        if not protocol.is_protocol_handled(scheme):
            register()
    for one in range(ITEMS):
        for scheme, times in (("app", 1), ("text", 1), ("live", 3)):
            note_made(user.world, f"{scheme}://here/item/{one}", content(seed, f"{scheme} {one}") * times)


async def pieces(user: User, body: bytes) -> AsyncIterator[bytes]:
    """A body in the making."""
    half = len(body) // 2
    yield body[:half]
    await user.sleep(0.05)
    yield body[half:]
