"""The ``Cookie`` header of a URL, out of a jar with 10,000 cookies of 1,000 domains, beside other jars of Python's.

A tenth of the cookies is of each kind: host-only or of the domain, with a path or without, Secure or not. Every call asks for
a URL that was not asked for lately, so reading the URL is part of it.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar as StandardJar
from http.cookiejar import MozillaCookieJar
from importlib.util import find_spec
from pathlib import Path

from benchmarks.measuring import ABSENT, TIMES, Bench, Contender, Row, interleaved, median, not_installed, ratios
from partita.actors.cookies.behavior import behavior
from partita.actors.cookies.matching import cookies_for, header_of
from partita.actors.cookies.netscape import write_netscape
from partita.actors.kernel.context import Context
from partita.events.cookies import CookiesReceived, CookiesState
from partita.events.secret import Secret

DOMAINS = 1_000
COOKIES_EACH = 10
PATHS_EACH = 10
NOW_US = time.time_ns() // 1000
LINES = tuple(
    f"name{number}=value-of-{number}; Max-Age=86400"
    + ("; Domain=site{0}.example" if number % 2 else "")
    + ("; Path=/shop" if number % 5 == 4 else "; Path=/")
    + ("; Secure" if number % 3 else "")
    for number in range(COOKIES_EACH)
)


def rows(bench: Bench) -> list[Row]:
    """Our own figure, and how many times as fast as the others it is."""
    jar = filled_jar()
    urls = [f"https://www.site{site}.example/shop/{path}" for path in range(PATHS_EACH) for site in range(DOMAINS)]
    few = urls[:: max(1, len(urls) // 20)]  # the standard library's jar takes 20 ms for each
    standard = standard_jar(jar, bench.scratch)
    contenders: dict[str, Contender] = {
        "partita": lambda: _us_each(urls, lambda url: header_of(cookies_for(jar, url, NOW_US))),
        "http.cookiejar": lambda: _us_each(few, lambda url: standard.add_cookie_header(urllib.request.Request(url))),
    }
    if find_spec("aiohttp") is not None:
        contenders["aiohttp"] = of_aiohttp(urls)
    figures = interleaved(bench.sizes.rounds, contenders)
    ours = figures["partita"]
    first = Row(
        name="cookie-header",
        what=f"Cookie header for a URL, {DOMAINS * COOKIES_EACH:,} cookies in {DOMAINS:,} domains",
        ours=f"{median(ours):.1f} µs",
        peer=ABSENT,
        score=median(ours),
        unit="µs",
        better="lower",
        goal=50,
        rounds=ours,
    )
    return [first, *(_beside(peer, ours, figures.get(peer)) for peer in ("aiohttp", "http.cookiejar"))]


def _beside(peer: str, ours: list[float], theirs: list[float] | None) -> Row:
    name = f"cookie-header-{peer}"
    what = f"the same, times as fast as {peer}" + (" with the last 3,300 of them" if peer == "aiohttp" else "")
    if theirs is None:
        return not_installed(name, what)
    scores = ratios(theirs, ours)
    return Row(
        name=name,
        what=what,
        ours=f"{median(ours):.1f} µs",
        peer=f"{median(theirs):.1f} µs",
        score=median(scores),
        unit=TIMES,
        rounds=scores,
    )


def _us_each(urls: list[str], ask: Callable[[str], object]) -> float:
    began = time.perf_counter()
    for url in urls:
        ask(url)
    return (time.perf_counter() - began) / len(urls) * 1e6


def filled_jar() -> CookiesState:
    """By the messages that responses lead to."""
    state = behavior.initial()
    for site in range(DOMAINS):
        lines = tuple(Secret(line.format(site)) for line in LINES)
        message = CookiesReceived(f"https://www.site{site}.example/", lines)
        context = Context(seed=b"benchmark", position=site + 1, now_us=NOW_US, actor="session")
        for event in behavior.decide[CookiesReceived](state, message, context).events:
            state = behavior.evolve[type(event)](state, event)
    assert state.count == DOMAINS * COOKIES_EACH
    return state


def standard_jar(state: CookiesState, scratch: Path) -> StandardJar:
    """The same cookies, by way of a file."""
    path = scratch / "cookies.txt"
    content, count = write_netscape(cookie for bucket in state.stems.values() for cookie in bucket.values())
    assert count == DOMAINS * COOKIES_EACH
    path.write_bytes(content)
    jar = MozillaCookieJar(path)
    jar.load()
    return jar


def of_aiohttp(urls: list[str]) -> Contender:
    """The same cookies in aiohttp's jar, by way of responses. It keeps 3,300 of them at most."""
    import aiohttp
    from yarl import URL

    async def filled() -> aiohttp.CookieJar:
        jar = aiohttp.CookieJar()
        for site in range(DOMAINS):
            headers = [line.format(site) for line in LINES]
            jar.update_cookies_from_headers(headers, URL(f"https://www.site{site}.example/"))
        return jar

    jar = asyncio.run(filled())
    kept = [url for url in urls if len(jar.filter_cookies(URL(url))) == COOKIES_EACH]
    return lambda: _us_each(kept, lambda url: jar.filter_cookies(URL(url)).output(header="", sep=";"))
