"""http-tests/cache-tests: the rules alone, and the same cases through a whole session in the simulated world.

A required case that is expected to fail is named with its reason, and has to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from cache.origin import PAUSE_S, Case, Fields, Origin, Response, problems, request_fields, url_for, value_of
from cache.rules_client import RulesClient
from cookies.jar import suite

import partita
from partita.actors.cache import dates
from partita.actors.network.http import NetError
from partita.actors.network.http import Request as HttpRequest
from partita.actors.network.http import Response as HttpResponse
from partita.simulations.internet.answers import HungUp

EXPECTED_TO_FAIL: Mapping[str, str] = {}
"""Required cases."""

NOT_OPTIMAL = {
    "partial-store-partial-reuse-partial-suffix": "the stored part says that it has a byte more than it has: which is the last?",
    "partial-store-partial-complete": "without a strong validator parts are not put together (RFC 9111 3.4)",
}

Run = Callable[[Case], list[str]]


def cases() -> list[Case]:
    """Those of a private cache that is no browser."""
    return [
        test
        for group in suite("http_cache.json")
        for test in group["tests"]
        if not test.get("cdn_only") and not test.get("browser_skip")
    ]


def through_the_rules(case: Case) -> list[str]:
    origin, number = Origin(case), 0
    client = RulesClient(lambda method, url, headers: origin.answer(number, method, url, headers, client.now_us))
    found: list[str] = []
    previous: Response | None = None
    for number, asked in enumerate(case["requests"], 1):
        got = client.fetch(
            asked.get("request_method", "GET"),
            url_for(case, asked),
            request_fields(asked, previous),
            mode=asked.get("cache", "default"),
        )
        found += [f"{number}: {problem}" for problem in problems(case, number, got, origin)]
        previous = got or previous
        if asked.get("pause_after"):
            client.now_us += PAUSE_S * 1_000_000
    return found


class Served:
    """The origin as a host of the simulated internet."""

    def __init__(self, case: Case, world: partita.World) -> None:
        self.origin = Origin(case)
        self.number = 0
        world.host("origin.test", self.answer)
        self._world = world

    def answer(self, request: HttpRequest) -> HttpResponse:
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        said = self.origin.answer(self.number, request.method, str(request.url), fields, self._world.clock.now_us())
        if said is None:
            raise HungUp
        extensions = {"interim_responses": list(said.interim)} if said.interim else {}
        headers = [(name, value) for name, value in said.headers if name.lower() != "transfer-encoding"]
        length = value_of(said.headers, "Content-Length")  # a client reads no further
        body = said.body if length is None else said.body[: int(length)]
        return HttpResponse(said.status, headers=headers, content=body, extensions=extensions)


def through_a_session(case: Case) -> list[str]:
    found: list[str] = []
    with partita.World(seed=1, quiet=True, settings={"network.latency_s": 0.0}) as world:
        served = Served(case, world)
        with world.system() as system:
            session = system.from_partition("cache")
            previous: Response | None = None
            for number, asked in enumerate(case["requests"], 1):
                served.number = number
                got = fetched(session, case, asked, previous)
                found += [f"{number}: {problem}" for problem in problems(case, number, got, served.origin)]
                previous = got or previous
                world.run_for(PAUSE_S if asked.get("pause_after") else 0)
        world.check()
    return found


def fetched(
    session: partita.Session, case: Case, asked: Mapping[str, Any], previous: Response | None
) -> Response | None:
    method = asked.get("request_method", "GET")
    try:
        got = session.fetch(
            url_for(case, asked),
            method=method,
            headers=list(request_fields(asked, previous)),
            content=asked.get("request_body"),
            redirect="manual",
            cache=asked.get("cache", "default"),
        ).get()
    except NetError:
        return None
    fields: Fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in got.headers.raw)
    return Response(got.status_code, got.reason_phrase, fields, got.content)


def failures(run: Run) -> tuple[Counter[str], dict[str, list[str]]]:
    """How many cases of each kind pass; and those that do not. A case whose set-up failed counts as one of them."""
    passed: Counter[str] = Counter()
    failed: dict[str, list[str]] = {}
    for case in cases():
        found = run(case)
        if found:
            failed[case["id"]] = found
        else:
            passed[case.get("kind", "required")] += 1
    return passed, failed


def check(run: Run, expected: Mapping[str, str], not_optimal: Mapping[str, str]) -> None:
    passed, failed = failures(run)
    kinds = {case["id"]: case.get("kind", "required") for case in cases()}
    required = {name: found for name, found in failed.items() if kinds[name] == "required"}
    optimal = {name: found for name, found in failed.items() if kinds[name] == "optimal"}
    assert required.keys() == expected.keys(), required
    assert optimal.keys() == not_optimal.keys(), optimal
    assert passed["required"] > 0


def test_the_rules_do_what_http_tests_requires_and_what_it_calls_optimal() -> None:
    check(through_the_rules, EXPECTED_TO_FAIL, NOT_OPTIMAL)


def test_a_session_does_so_too() -> None:
    check(through_a_session, EXPECTED_TO_FAIL, NOT_OPTIMAL)


def test_every_required_case_that_chrome_passes_is_passed() -> None:
    _, failed = failures(through_the_rules)
    assert not [case["id"] for case in cases() if case.get("chrome") == "pass" and case["id"] in failed]


def test_dates_of_the_origin_are_read_back() -> None:
    assert dates.parsed(dates.formatted(1_700_000_000_000_000)) == 1_700_000_000_000_000
