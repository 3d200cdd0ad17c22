"""Listeners of webRequest cancel, redirect, rewrite, raise, answer late or never, while the network and the disk fail.

What becomes of a request is in its path: ``/cancel/7`` is cancelled, ``/mark/7`` has a field of its header replaced. So a host
knows what must never have reached it, and a user what has to come back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from partita.actors.network.http import NetError, Request, Response
from partita.simulations.checkers.listeners import LETTERS, ListenersAreObeyed
from partita.simulations.processes import SimulatedDefectError
from partita.simulations.scenario import Scenario, User

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.actors.web_request.details import Details
    from partita.simulations.world import World

HERE: Final = "https://shop.test"
THERE: Final = "https://elsewhere.test"
TIMEOUT_S: Final = 90.0
LATEST_S: Final = 60.0
FOREVER_S: Final = 86_400.0
FIELD: Final = "X-Mark"
ALSO: Final = ", and another"
"""What a second listener adds to what the first has made of :data:`FIELD`."""
STOPPED: Final = ("cancel", "raise", "never", "redirect")
"""Kinds of requests that must not reach the host that they are for."""


def hosts(world: World) -> None:
    """Both keep an eye on what arrives."""
    wrong: list[str] = world.memory.setdefault("wrong", [])
    forbidden: dict[str, None] = world.memory.setdefault("forbidden", {})

    def app(request: Request) -> Response:
        path = request.url.path
        kind, _, number = path.removeprefix("/").partition("/")
        if kind in STOPPED or path in forbidden:
            wrong.append(f"{path} reached {request.url.host}, and its listener had stopped it")
        if kind == "mark" and request.headers.get_list(FIELD) != [f"listener {number}{ALSO}"]:
            wrong.append(f"{path} came with {FIELD}: {request.headers.get_list(FIELD)}")
        if kind == "upload" and request.content != f"replaced {number}".encode():
            wrong.append(f"{path} came with the body {request.content!r}")
        fields = [("Cache-Control", "no-store"), ("X-Kind", kind)]
        if kind == "moved":
            return Response(302, headers=[*fields, ("Location", f"{THERE}/landed/{number}")])
        return Response(200, headers=fields, content=f"{kind} {number}".encode())

    world.internet.host("shop.test", app)
    world.internet.host("elsewhere.test", app)


# -- listeners ----------------------------------------------------------------------------------------------------------


async def before_request(user: User, details: Details, kind: str, number: str) -> object:  # noqa: ARG001
    """What the path asks for."""
    match kind:
        case "cancel":
            return {"cancel": True}
        case "redirect":
            return {"redirectURL": f"{THERE}/landed/{number}"}
        case "raise":
            raise SimulatedDefectError(f"the listener of /raise/{number}")
        case "never":
            await user.sleep(FOREVER_S)
        case "late":
            await user.sleep(LATEST_S * (int(number) % 10) / 10)
        case "upload":
            return {"uploadData": f"replaced {number}"}
        case _:
            pass
    return None


async def before_send_headers(user: User, details: Details, kind: str, number: str) -> object:  # noqa: ARG001
    """The whole set is replaced by itself, with one field changed."""
    if kind != "mark":
        return None
    assert details.request_headers is not None
    return {"requestHeaders": {**details.request_headers, FIELD: f"listener {number}"}}


async def mark_again(details: Details) -> object:
    """Asked second, it sees what the first has said. It may be there twice, where :func:`listen` had to try again."""
    assert details.request_headers is not None
    said = details.request_headers.get(FIELD, "").removesuffix(ALSO)
    return {"requestHeaders": {**details.request_headers, FIELD: f"{said}{ALSO}"}}


async def headers_received(user: User, details: Details, kind: str, number: str) -> object:  # noqa: ARG001
    """The response is hidden, or has another head."""
    if kind == "hide":
        return {"cancel": True}
    if kind == "status":
        return {"responseHeaders": {FIELD: [f"listener {number}"]}, "statusLine": "HTTP/1.1 203 Changed"}
    return None


async def response_body(user: User, details: Details, kind: str, number: str) -> object:  # noqa: ARG001
    """Another body."""
    return f"rewritten {number}" if kind == "rewrite" else None


async def look_on(user: User, details: Details, kind: str, number: str) -> None:
    """Nobody waits for an answer."""


Act = Callable[[User, "Details", str, str], Awaitable[object]]

ACTS: Final[Mapping[str, Act]] = {
    **dict.fromkeys(LETTERS, look_on),
    "before_request": before_request,
    "before_send_headers": before_send_headers,
    "headers_received": headers_received,
    "response_body": response_body,
}


async def listen(user: User) -> None:
    """Each process sets its listeners anew. They count once that is durable: what is not could be undone."""
    memory, life = user.world.memory, user.world.life_number
    memory["forbidden"].clear()
    stages: dict[tuple[int, int], list[str]] = memory.setdefault("stages", {})
    web_request, system = user.session.web_request, user.system
    system.handlers.limit(TIMEOUT_S, lambda: system.kernel, system.world.clock)
    for stage, act in ACTS.items():

        async def listener(details: Details, stage: str = stage, act: Act = act) -> object:
            stages.setdefault((life, details.id), []).append(LETTERS[stage])
            kind, _, number = details.url.split("/", 3)[3].partition("/")
            return await act(user, details, kind, number)

        getattr(web_request, f"on_{stage}")(listener)
    web_request.add_before_send_headers({"urls": ["*://*/mark/*"]}, mark_again)
    await user.session.flush()


# -- users --------------------------------------------------------------------------------------------------------------


def number_of(user: User) -> int:
    """A number that no request had."""
    count: list[int] = user.world.memory.setdefault("requests", [0])
    count[0] += 1
    return count[0]


async def outcome(user: User, kind: str, number: int, **options: Any) -> Response | str:
    """The response, or the name of the error: that of a network that fails is the user's to be told."""
    try:
        response: Response = await user.session.fetch(f"{HERE}/{kind}/{number}", timeout=20.0, **options)
    except NetError as error:
        if error.name != "ERR_BLOCKED_BY_CLIENT":
            raise
        return error.name
    return response


async def stopped(user: User, random: Random) -> None:
    """Cancelled, refused by raising, or never answered: it is all one to the request."""
    kind = random.choice(["cancel", "raise", "never"])
    said = await outcome(user, kind, number_of(user))
    assert said == "ERR_BLOCKED_BY_CLIENT", f"a request of the kind {kind} was answered: {said}"


async def hidden(user: User, random: Random) -> None:  # noqa: ARG001
    """The host has answered, and nobody may see it."""
    said = await outcome(user, "hide", number_of(user))
    assert said == "ERR_BLOCKED_BY_CLIENT", f"a response that a listener cancelled came: {said}"


async def let_through(user: User, random: Random) -> None:
    """Sent as it is, or elsewhere, or later: what comes back is what was served. A server that fails says 503."""
    number = number_of(user)
    kind = random.choice(["plain", "late", "mark", "upload", "redirect", "moved"])
    options = {"method": "POST", "content": f"sent {number}"} if kind == "upload" else {"headers": {FIELD: "user"}}
    said = await outcome(user, kind, number, **options)
    assert isinstance(said, Response), f"/{kind}/{number} was stopped: {said}"
    served = f"{'landed' if kind in ('redirect', 'moved') else kind} {number}"
    came = said.status_code == HTTPStatus.OK and served.startswith(said.text)  # it may have lied about the length
    assert came or said.status_code == HTTPStatus.SERVICE_UNAVAILABLE, f"/{kind}/{number}: {said} {said.text[:80]!r}"


async def changed(user: User, random: Random) -> None:
    """Whatever was served, a response has the head or the body that its listener gave it."""
    number = number_of(user)
    if random.below(2):
        said = await outcome(user, "rewrite", number)
        assert isinstance(said, Response), f"/rewrite/{number} was stopped: {said}"
        assert said.text == f"rewritten {number}", f"/rewrite/{number}: {said.text[:80]!r}"
    else:
        said = await outcome(user, "status", number)
        assert isinstance(said, Response), f"/status/{number} was stopped: {said}"
        head = (said.status_code, said.headers.get(FIELD), said.headers.get("X-Kind"))
        expected = (HTTPStatus.NON_AUTHORITATIVE_INFORMATION, f"listener {number}", None)
        assert head == expected, f"/status/{number}: {said} {dict(said.headers)}"


async def forbid(user: User, random: Random) -> None:  # noqa: ARG001
    """A listener is added: what is asked for from then on goes nowhere. Taken away, it is let through again."""
    world, number, life = user.world, number_of(user), user.world.life_number
    path, failed = f"/forbidden/{number}", user.world.marks.get("commit.failed")

    async def refuse(details: Details) -> dict[str, bool]:  # noqa: ARG001
        return {"cancel": True}

    added = user.session.web_request.add_before_request({"urls": [f"*://shop.test{path}"]}, refuse)
    await user.session.flush()  # what is not durable could be undone
    forbidden: dict[str, None] = world.memory["forbidden"]
    if world.life_number != life or world.marks.get("commit.failed") != failed:
        return  # it may be undone, and another user's flush have been told
    forbidden[path] = None
    said = await outcome(user, "forbidden", number)
    assert said == "ERR_BLOCKED_BY_CLIENT", f"{path} was answered: {said}"
    forbidden.pop(path, None)
    added.remove()
    await user.session.flush()
    assert isinstance(await outcome(user, "forbidden", number), Response), f"{path} is still forbidden"


async def finish(user: User) -> None:
    """Nothing goes wrong any more: each kind of request comes to its end."""
    said = await outcome(user, "plain", number_of(user))
    assert isinstance(said, Response), f"it was stopped: {said}"
    await user.sleep(1.0)  # those who look on are told beside it


web_requests: Final = Scenario(
    name="web_requests",
    summary="listeners cancel, redirect, rewrite, raise, answer late or never",
    hosts=hosts,
    steps={"let_through": let_through, "changed": changed, "stopped": stopped, "hidden": hidden, "forbid": forbid},
    opened=listen,
    finish=finish,
    checkers=(ListenersAreObeyed,),
    users=4,
    steps_each=(6, 14),
)
