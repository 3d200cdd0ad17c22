"""Asking whether a stored response still holds, and what the answer changes (RFC 9111 3.2, 4.3; RFC 5861)."""

from __future__ import annotations

import pytest
from cache.serving import URL, Bench, at, field, fresh, response

STALE = 61


def stored(*headers: tuple[str, str], body: bytes = b"old") -> Bench:
    """A bench whose response is stale by now."""
    bench = Bench()
    bench.says = fresh(*headers, body=body)
    bench.get()
    bench.wait(STALE)
    return bench


def test_validators_go_along_as_they_came() -> None:
    bench = stored(("ETag", 'W/"a"'), ("Last-Modified", at(-100)))
    bench.get()
    assert bench.sent == (("If-None-Match", 'W/"a"'), ("If-Modified-Since", at(-100)))


def test_a_304_brings_the_stored_response_up_to_date() -> None:
    bench = stored(("ETag", '"1"'), ("X-A", "1"), ("X-B", "1"), ("Age", "3"), ("Content-Type", "text/plain"))
    bench.says = fresh(
        ("ETag", '"1"'), ("X-A", "2"), ("Content-Length", "0"), ("Content-Encoding", "br"), status=304, body=b""
    )
    got = bench.get()
    assert got is not None
    assert (got.status, got.body) == (200, b"old")
    assert (field(got, "X-A"), field(got, "X-B"), field(got, "Age"), field(got, "Content-Encoding")) == (
        "2",
        "1",
        None,
        None,
    )
    bench.wait(59)
    got = bench.get()
    assert (len(bench.asked), field(got, "X-A"), field(got, "Age")) == (2, "2", "59")


def test_a_304_that_speaks_of_other_bytes_is_not_believed() -> None:
    bench = stored(("ETag", '"1"'))
    answers = [fresh(("ETag", '"2"'), status=304, body=b""), fresh(("ETag", '"2"'), body=b"new")]
    bench.client.server = lambda method, url, headers: (bench.asked.append((method, url, headers)), answers.pop(0))[1]
    got = bench.get()
    assert got is not None
    assert (got.body, bench.sent) == (b"new", ())


def test_a_new_response_takes_the_place_of_the_old_one() -> None:
    bench = stored(("ETag", '"1"'))
    bench.says = fresh(("ETag", '"2"'), body=b"new")
    bench.get()
    got = bench.get()
    assert got is not None
    assert (got.body, bench.client.state.count, len(bench.client.blobs)) == (b"new", 1, 1)


@pytest.mark.parametrize(("status", "is_kept"), [(404, False), (302, False), (500, True), (503, True), (429, True)])
def test_what_is_outdated_goes_also_when_the_new_one_is_not_stored(status: int, is_kept: bool) -> None:
    bench = stored(("ETag", '"1"'))
    bench.says = response(("Cache-Control", "no-store"), status=status)
    got = bench.get()
    assert got is not None
    assert (got.status, bench.client.state.count) == (status, is_kept)


def test_a_304_that_forbids_storing_leaves_what_is_stored_as_it_was() -> None:
    bench = stored(("ETag", '"1"'), ("X-A", "old"))
    bench.says = response(("Cache-Control", "no-store"), ("X-A", "new"), status=304)
    got = bench.get()
    assert got is not None
    assert (got.body, field(got, "X-A")) == (b"old", "new")
    assert field(bench.get(mode="only-if-cached"), "X-A") == "old"


# -- while it is validated, and when that fails -------------------------------------------------------------------------


def test_stale_while_revalidate_answers_at_once_and_asks_beside_it() -> None:
    bench = Bench()
    bench.says = response(("Cache-Control", "max-age=60, stale-while-revalidate=100"), ("ETag", '"1"'), body=b"old")
    bench.get()
    bench.wait(STALE)
    bench.says = fresh(("ETag", '"2"'), body=b"new")
    got = bench.get()
    assert got is not None
    assert (bench.verdict, got.body, bench.sent) == ("use_and_revalidate", b"old", (("If-None-Match", '"1"'),))
    got = bench.get()
    assert got is not None
    assert (got.body, len(bench.asked)) == (b"new", 2)


@pytest.mark.parametrize(
    ("directive", "waited_s"),
    [
        ("stale-while-revalidate=10", 71),
        ("stale-while-revalidate=100, must-revalidate", STALE),
        ("stale-while-revalidate=100, no-cache", STALE),
        ("stale-while-revalidate=junk", STALE),
    ],
)
def test_stale_while_revalidate_has_its_limits(directive: str, waited_s: int) -> None:
    bench = Bench()
    bench.says = response(("Cache-Control", f"max-age=60, {directive}"), ("ETag", '"1"'))
    bench.get()
    bench.wait(waited_s)
    bench.get()
    assert bench.verdict == "validate"


@pytest.mark.parametrize(
    ("directive", "request_fields", "is_used"),
    [
        ("stale-if-error=100", (), True),
        ("stale-if-error=10", (), True),
        ("stale-if-error=5", (), False),
        ("private", (("Cache-Control", "stale-if-error=100"),), True),
        ("stale-if-error=100, must-revalidate", (), False),
        ("stale-if-error=100", (("Cache-Control", "no-cache"),), False),
        ("private", (), False),
    ],
)
@pytest.mark.parametrize("trouble", [None, 500, 502, 503, 504])
def test_stale_if_error_stands_in_for_a_server_in_trouble(
    directive: str, request_fields: tuple[tuple[str, str], ...], is_used: bool, trouble: int | None
) -> None:
    bench = Bench()
    bench.says = response(("Cache-Control", f"max-age=60, {directive}"), body=b"old")
    bench.get()
    bench.wait(69)
    bench.says = None if trouble is None else response(status=trouble, body=b"trouble")
    got = bench.get(*request_fields)
    if is_used:
        assert got is not None
        assert (got.status, got.body, field(got, "Age")) == (200, b"old", "69")
    else:
        assert (got and got.body) == (trouble and b"trouble")


# -- conditions of the request ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "is_known"),
    [
        (("If-None-Match", '"1"'), True),
        (("If-None-Match", 'W/"1"'), True),
        (("If-None-Match", '"0", "1"'), True),
        (("If-None-Match", "*"), True),
        (("If-None-Match", '"2"'), False),
        (("If-Modified-Since", at(-100)), True),
        (("If-Modified-Since", at(-50)), True),
        (("If-Modified-Since", at(-101)), False),
        (("If-Modified-Since", "junk"), False),
        (("If-Match", '"1"'), False),
        (("If-Unmodified-Since", at(0)), False),
    ],
)
def test_a_fresh_response_tells_who_has_it_already_and_others_go_past_the_cache(
    condition: tuple[str, str], is_known: bool
) -> None:
    bench = Bench()
    bench.says = fresh(("ETag", '"1"'), ("Last-Modified", at(-100)), ("X-A", "1"), body=b"old")
    bench.get()
    bench.says = fresh(body=b"new")
    got = bench.get(condition)
    assert got is not None
    if is_known:
        assert (got.status, got.body, field(got, "ETag"), field(got, "X-A")) == (304, b"", '"1"', None)
    else:
        assert (got.status, bench.sent[0]) == (200, condition)
        plain = bench.get()
        assert plain is not None
        assert plain.body == b"old"  # as with no-store: the cache is left alone


def test_a_stale_response_does_not_answer_the_conditions_of_a_request() -> None:
    bench = stored(("ETag", '"1"'))
    bench.says = response(status=304)
    got = bench.get(("If-None-Match", '"1"'))
    assert got is not None
    assert (got.status, len(bench.asked)) == (304, 2)


# -- HEAD, and unsafe methods -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "survives"),
    [
        ((("ETag", '"1"'),), True),
        ((("Content-Length", "3"),), True),
        ((), True),
        ((("ETag", '"2"'),), False),
        ((("Last-Modified", at(-1)),), False),
        ((("Content-Length", "4"),), False),
    ],
)
def test_a_head_brings_up_to_date_or_shows_what_is_outdated(
    headers: tuple[tuple[str, str], ...], survives: bool
) -> None:
    bench = stored(("ETag", '"1"'))
    bench.says = fresh(("X-A", "new"), *headers, body=b"")
    bench.get(method="HEAD")
    assert bench.client.state.count == survives
    if survives:
        got = bench.get()
        assert (len(bench.asked), field(got, "X-A")) == (2, "new")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "BREW"])
def test_an_unsafe_request_that_succeeds_invalidates(method: str) -> None:
    bench = Bench()
    bench.says = fresh()
    for site in ("", "https://one.test"):
        bench.get(site=site)
    bench.get(url="http://a.test/y")
    bench.get(url="http://b.test/z")
    bench.says = response(("Location", "/y"), ("Content-Location", "http://b.test/z"), status=201)
    bench.get(method=method, mode="no-store")
    assert [bench.was_asked(site=site) for site in ("", "https://one.test")] == [True, True]
    assert bench.was_asked(url="http://a.test/y")
    assert not bench.was_asked(url="http://b.test/z")  # another origin's


@pytest.mark.parametrize(("method", "status"), [("POST", 500), ("POST", 404), ("OPTIONS", 200), ("PROPFIND", 207)])
def test_what_fails_or_is_safe_invalidates_nothing(method: str, status: int) -> None:
    bench = Bench()
    bench.says = fresh()
    bench.get()
    bench.says = response(status=status)
    bench.get(method=method)
    assert not bench.was_asked()


def test_what_was_asked_for_before_it_was_invalidated_does_not_come_in_after() -> None:
    from partita.actors.cache import rules

    bench = Bench()
    bench.says = fresh()
    bench.get(url="http://a.test/other")
    client = bench.client
    query = rules.CacheQuery(method="GET", url=URL, headers=(), mode="default", site="")
    found = rules.look_up(client.state, query, client.now_us)
    requested_us = client.now_us
    bench.wait(1)
    bench.get(method="POST")
    bench.wait(1)
    verdict = rules.judge(
        client.state,
        query,
        found,
        200,
        "OK",
        "HTTP/1.1",
        fresh().headers,
        requested_us=requested_us,
        received_us=client.now_us,
    )
    assert verdict.store is not None
    client.store(verdict.store, b"from before")
    assert not client.state.entries(URL)
    assert len(client.blobs) == 1
