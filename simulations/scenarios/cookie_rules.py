"""Hosts of several sites set all kinds of cookies, over redirects between them; users set, import and export cookies as well.

Each cookie's value is a ticket: a number under which the world remembers who said what of it. So a host that is sent a cookie
can be asked, by the RFC's words and not by ours, whether it may have it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlencode

from partita.actors.network.http import Request, Response
from partita.events.cookies import PersistSessionCookies
from partita.events.errors import CookieError, CookieFileError, StoreError, UsageError
from partita.simulations.checkers.cookie_tickets import CookiesGoWhereTheyMay, Seen, Ticket
from partita.simulations.scenario import Scenario, User

if TYPE_CHECKING:
    from partita.actors.kernel.context import Random
    from partita.simulations.world import World

HOSTS: Final = ("shop.test", "www.shop.test", "pay.test", "cdn.pay.test")
NAMES: Final = ("sid", "n", "", "__Host-h", "__Secure-s", "__Http-x", "__Host-Http-y")
PATHS: Final = ("/", "/a/", "/a/b", "/ab")
ATTRIBUTES: Final = (
    *("Secure", "Secure", "Secure", "HttpOnly", "Partitioned", "Path=/", "Path=/", "Path=/a", "Path=/a/b"),
    *("Domain=shop.test", "Domain=.pay.test", "Domain=www.shop.test", "Domain=test", "Domain="),
    *("SameSite=None", "SameSite=Lax", "SameSite=Strict", "SameSite", "Priority=Low"),
    *("Max-Age=0", "Max-Age=30", "Max-Age=600", "Max-Age=99999999999", "Max-Age=-1", "Max-Age=soon"),
    *("Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=Fri, 01-Jan-2100 00:00:00 GMT", "Expires=never"),
)
FILES: Final = ("/jar/cookies.txt", "/jar/state.json")


def hosts(world: World) -> None:
    """All behave the same: what they are to set, and where they are to send people, stands in the query."""

    def app(request: Request) -> Response:
        asked = parse_qs(request.url.query.decode("ascii"), keep_blank_values=True)
        url, lines, by = str(request.url), asked.get("line", []), asked.get("by", [""])[0]
        seen = world.memory.setdefault("cookies seen", [])
        seen.append(Seen(url, request.method, request.headers.get("cookie", ""), tuple(lines), by))
        fields = [("Set-Cookie", line) for line in lines]
        if "to" in asked:
            return Response(302, headers=[*fields, ("Location", asked["to"][0])])
        return Response(200, headers=fields, content=url.encode())

    for host in HOSTS:
        world.internet.host(host, app)


def ticketed(world: World, url: str, pattern: str) -> tuple[str, str]:
    """A value that no other cookie has, and the line that ``pattern`` makes of it; both are remembered."""
    tickets: dict[str, Ticket] = world.memory.setdefault("tickets", {})
    value = f"t{len(tickets) + 1}"
    tickets[value] = Ticket(url, pattern.format(value))
    return value, tickets[value].line


def drawn_line(user: User, random: Random, url: str) -> str:
    """A ``Set-Cookie`` line for a response from there."""
    name = random.choice(NAMES)
    attributes = [random.choice(ATTRIBUTES) for _ in range(random.below(6))]
    _, line = ticketed(user.world, url, "; ".join((f"{name}={{}}" if name else "{}", *attributes)))
    return line


def drawn_base(random: Random) -> str:
    return f"{random.choice(['https', 'https', 'http'])}://{random.choice(HOSTS)}{random.choice(PATHS)}"


def drawn_way(user: User, random: Random, by: str = "") -> str:
    """One to four hosts, each of which sets cookies and sends the user on. ``by`` says what the requests come from."""
    url = ""
    for _ in range(1 + random.below(4)):  # from the last to the first
        base = drawn_base(random)
        query = [("line", drawn_line(user, random, base)) for _ in range(random.below(4))]
        query += [("by", by)] if by else []
        url = f"{base}?{urlencode([*query, ('to', url)] if url else query)}"
    return url


async def visit(user: User, random: Random) -> None:
    """Without a page: everything is of the site that it goes to."""
    url = drawn_way(user, random)
    credentials = random.choice(["include", "include", "include", "omit"])
    await user.session.fetch(url, timeout=20.0, credentials=credentials)


async def look_from_a_page(user: User, random: Random) -> None:
    """A document's images and scripts, of its own site and of others."""
    page_url = drawn_base(random)
    page = user.session.new_page(page_url)
    url = drawn_way(user, random, f"fetch {page_url}")
    credentials = random.choice(["include", "include", "same-origin"])
    with suppress(UsageError):  # the page has gone: its opening was undone, or failed
        await page.fetch(url, mode="no-cors", credentials=credentials, timeout=20.0)
    page.close()


async def follow_a_link(user: User, random: Random) -> None:
    """A document leads elsewhere, by a link or by a form that is sent."""
    page_url = drawn_base(random)
    page = user.session.new_page(page_url)
    url = drawn_way(user, random, f"navigate {page_url}")
    method = random.choice(["GET", "POST"])
    with suppress(UsageError):
        await page.main_frame.navigate(url, method=method, timeout=20.0)
    page.close()


async def set_a_cookie(user: User, random: Random) -> None:
    """By the API, with details that may not fit together."""
    url, name = drawn_base(random), random.choice(NAMES)
    domain, path = random.choice(["", "", "shop.test", ".pay.test", "test"]), random.choice(["", "/", "/a"])
    secure, http_only = random.choice([None, True]), bool(random.below(2))
    same_site = random.choice(["unspecified", "no_restriction", "lax", "strict"])
    key = random.choice([None, None, "https://shop.test", "https://www.pay.test/page"])
    said = [*(["Secure"] if secure or (secure is None and same_site == "no_restriction") else [])]
    said += [*([f"Domain={domain}"] if domain else []), *([f"Path={path}"] if path else [])]
    said += ["SameSite=None" if same_site == "no_restriction" else f"SameSite={same_site}"]
    value, _ = ticketed(user.world, url, "; ".join((f"{name}={{}}", *said)))
    expires = user.world.clock.now_us() / 1e6 + random.choice([-5.0, 60.0, 1e9]) if random.below(2) else None
    try:
        await user.session.cookies.set(
            url=url,
            name=name,
            value=value,
            domain=domain,
            path=path,
            secure=secure,
            http_only=http_only,
            same_site=same_site,
            expiration_date=expires,
            partition_key=key,
        )
    except CookieError:
        return


async def remove_a_cookie(user: User, random: Random) -> None:
    """All of that name that would be sent there, whatever partition they are in."""
    url, name = drawn_base(random), random.choice(NAMES)
    await user.session.cookies.remove(url, name)


async def read_cookies(user: User, random: Random) -> None:
    """Looking removes what has expired."""
    await user.session.cookies.get(url=random.choice([None, drawn_base(random)]))


async def export_the_jar(user: User, random: Random) -> None:
    """Several may write the same file at once: it is always one of theirs, and whole."""
    try:
        await user.session.cookies.export_cookies(random.choice(FILES))
    except StoreError:
        raise
    except OSError:
        return  # the disk has failed: the file is the one of before


async def import_a_jar(user: User, random: Random) -> None:
    """What was exported can be imported, all of it."""
    path = random.choice(FILES)
    if path.endswith(".txt"):
        user.world.memory["same-site lost"] = True  # cookies.txt has no word for it
    try:
        await user.session.cookies.import_cookies(path)
    except StoreError:
        raise
    except OSError:
        return
    except CookieFileError:
        if not user.world.disk.lied:  # a file that lost its end with the power is the disk's fault
            raise


async def choose_persistence(user: User, random: Random) -> None:
    """Whether session cookies are to outlive the process: what the option of ``from_partition`` tells the jar."""
    await user.session._partition.ask(PersistSessionCookies(bool(random.below(3))))  # noqa: SLF001  # it is open already


async def wait_a_while(user: User, random: Random) -> None:
    """Cookies grow old."""
    await user.sleep(random.choice([1.0, 40.0, 130.0, 700.0]))


cookie_rules: Final = Scenario(
    name="cookie_rules",
    summary="hosts set all kinds of cookies over redirects between sites; users set, import and export some, too",
    hosts=hosts,
    steps={
        "visit": visit,
        "visit_more": visit,
        "look": look_from_a_page,
        "follow": follow_a_link,
        "set": set_a_cookie,
        "remove": remove_a_cookie,
        "read": read_cookies,
        "export": export_the_jar,
        "import": import_a_jar,
        "persist": choose_persistence,
        "wait": wait_a_while,
    },
    checkers=(CookiesGoWhereTheyMay,),
    users=3,
    steps_each=(8, 20),
)
