"""Users log in, follow redirects and fetch pages, over a network that loses, cuts and delays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from partita.actors.network.http import Request, Response
from partita.simulations.checkers.mixing import note_body
from partita.simulations.scenario import Scenario, User

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.simulations.world import World

PAGES: Final = 5


def hosts(world: World) -> None:
    """A shop that knows its customers by a cookie, and a host that sends everybody there."""

    def shop(request: Request) -> Response:
        path = request.url.path
        if path.startswith("/login/"):
            name = path.removeprefix("/login/")
            fields = [("Location", "/account"), ("Set-Cookie", f"sid={name}; Path=/; Max-Age=86400; Secure; HttpOnly")]
            return Response(302, headers=fields)
        if path == "/logout":
            return Response(200, headers=[("Set-Cookie", "sid=; Max-Age=0; Path=/")], content=b"bye")
        if path == "/account":
            return Response(200, content=f"account of {request.headers.get('cookie', 'nobody')}".encode())
        if path == "/echo":
            return Response(200, content=request.content)
        body = f"{path} ".encode() * 200
        fields = [("Set-Cookie", f"seen={path.rpartition('/')[2]}; Max-Age=600")]
        return Response(200, headers=fields, content=body)

    def elsewhere(request: Request) -> Response:
        return Response(307, headers=[("Location", f"https://shop.test{request.url.raw_path.decode()}")])

    world.internet.host("shop.test", shop)
    world.internet.host("elsewhere.test", elsewhere)


def note(user: User, response: Any, sent: bytes = b"") -> None:
    """For the checker of bodies."""
    note_body(user.world, str(response.url), response.content, sent=sent)


async def log_in(user: User, random: Random) -> None:
    """The cookie that a redirect sets goes along to where it leads."""
    name = f"u{user.number}-{random.below(1000)}"
    response = await user.session.fetch(f"https://shop.test/login/{name}", timeout=20.0)
    if response.status_code == 200:  # noqa: PLR2004
        note(user, response)


async def log_out(user: User, random: Random) -> None:  # noqa: ARG001
    """The server takes the cookie away."""
    await user.session.fetch("https://shop.test/logout", timeout=20.0)


async def look_at_a_page(user: User, random: Random) -> None:
    """Its body is the one of its URL, whatever went on beside it."""
    path = f"/page/{random.below(PAGES)}"
    response = await user.session.fetch(f"https://shop.test{path}", timeout=20.0)
    if response.status_code == 200:  # noqa: PLR2004
        note(user, response)


async def post(user: User, random: Random) -> None:
    """A body goes there and comes back, also through a redirect that keeps the method (307)."""
    host = random.choice(["shop.test", "elsewhere.test"])
    sent = f"{random.bits64():x}" * (1 + random.below(300))
    response = await user.session.fetch(f"https://{host}/echo", method="POST", content=sent, timeout=20.0)
    if response.status_code == 200:  # noqa: PLR2004
        note(user, response, sent.encode())


async def look_without_cookies(user: User, random: Random) -> None:
    """With ``credentials="omit"`` nothing is sent, and nothing kept."""
    path = f"/page/{random.below(PAGES)}"
    await user.session.fetch(f"https://shop.test{path}", credentials="omit", timeout=20.0)


async def read_cookies(user: User, random: Random) -> None:  # noqa: ARG001
    """What the network told is visible at once."""
    await user.session.cookies.get(url="https://shop.test/")


async def wait_a_while(user: User, random: Random) -> None:
    """Cookies grow old."""
    await user.sleep(random.random() * 900)


async def flush_cookies(user: User, random: Random) -> None:  # noqa: ARG001
    """What the network told is durable after this."""
    await user.session.cookies.flush_store()


browsing: Final = Scenario(
    name="browsing",
    summary="users log in, follow redirects and fetch pages over a bad network",
    hosts=hosts,
    steps={
        "log_in": log_in,
        "log_out": log_out,
        "page": look_at_a_page,
        "post": post,
        "no_cookies": look_without_cookies,
        "read": read_cookies,
        "wait": wait_a_while,
        "flush": flush_cookies,
    },
    users=4,
    steps_each=(10, 20),
)
