"""When a stored response is used, and when the server is asked (RFC 9111 3, 4.2, 5.2; Fetch standard 4.6)."""

from __future__ import annotations

import pytest
from cache.serving import URL, Bench, at, field, fresh, response


@pytest.mark.parametrize(
    ("fields", "lifetime_s"),
    [
        ((("Cache-Control", "max-age=60"),), 60),
        ((("Cache-Control", "max-age=60, s-maxage=1"),), 60),
        ((("Cache-Control", "s-maxage=60"), ("ETag", '"1"')), 0),
        ((("Cache-Control", "private, max-age=60"),), 60),
        ((("Expires", at(60)), ("Date", at(0))), 60),
        ((("Expires", at(60)),), 60),
        ((("Expires", "0"), ("ETag", '"1"')), 0),
        ((("Cache-Control", "max-age=60"), ("Expires", at(-1000))), 60),
        ((("Cache-Control", "max-age=60"), ("Age", "20")), 40),
        ((("Cache-Control", "max-age=60"), ("Age", "20, 50")), 40),
        ((("Cache-Control", "max-age=60"), ("Age", "junk")), 60),
        ((("Cache-Control", "max-age=60"), ("Age", "-5")), 60),
        ((("Cache-Control", "max-age=60"), ("Date", at(-20))), 40),
        ((("Cache-Control", "max-age=60"), ("Date", at(+20))), 60),  # a server whose clock is fast
        ((("Last-Modified", at(-1000)), ("Date", at(0))), 100),
        ((("Last-Modified", at(-1000)), ("Date", at(0)), ("Cache-Control", "must-revalidate")), 0),
        ((("Cache-Control", "no-cache, max-age=60"), ("ETag", '"1"')), 0),
        ((("Pragma", "no-cache"), ("Expires", at(60))), 0),
        ((("Pragma", "no-cache"), ("Cache-Control", "max-age=60")), 60),
    ],
)
def test_a_response_is_fresh_for_its_lifetime(fields: tuple[tuple[str, str], ...], lifetime_s: int) -> None:
    bench = Bench()
    bench.says = response(*fields)
    bench.get()
    if lifetime_s:
        bench.wait(lifetime_s - 1)
        assert not bench.was_asked()
        bench.wait(1)
    assert bench.was_asked()


@pytest.mark.parametrize(
    ("fields", "status", "is_stored"),
    [
        ((("Cache-Control", "max-age=60"),), 200, True),
        ((("Cache-Control", "max-age=60, no-store"),), 200, False),
        ((("Cache-Control", "max-age=60, no-store, must-understand"),), 200, True),
        ((("Cache-Control", "max-age=60, must-understand"),), 299, False),
        ((("Cache-Control", "max-age=60"),), 299, True),
        ((("Cache-Control", "max-age=60"),), 416, False),
        ((("Cache-Control", "max-age=60"),), 304, False),
        ((("Cache-Control", "max-age=60"), ("Vary", "A, *")), 200, False),
        ((("Cache-Control", "max-age=60"),), 206, False),  # of which bytes it does not say
        ((("Last-Modified", at(-1000)),), 201, False),
        ((("Last-Modified", at(-1000)), ("Cache-Control", "public")), 201, True),
        ((), 200, False),  # it would be of no use
        ((), 301, True),
        ((("Cache-Control", "no-store"),), 301, False),
    ],
)
def test_what_may_be_stored_is_stored(fields: tuple[tuple[str, str], ...], status: int, is_stored: bool) -> None:
    bench = Bench()
    bench.says = response(*fields, status=status)
    bench.get()
    assert bench.client.state.count == is_stored


def test_a_response_that_is_used_says_how_old_it_is() -> None:
    bench = Bench()
    bench.says = fresh(("Age", "7"), ("Date", at(0)))
    bench.get()
    bench.wait(5.5)
    got = bench.get()
    assert field(got, "Age") == "12"
    assert field(got, "Date") == at(0)


def test_the_time_that_a_response_took_counts_as_age() -> None:
    bench = Bench()
    bench.client.latency_us = 10_000_000
    bench.says = fresh(seconds=15)
    bench.get()
    bench.wait(4)
    assert field(bench.get(), "Age") == "14"
    bench.wait(1)
    assert bench.was_asked()


def test_a_clock_that_goes_back_makes_nothing_younger() -> None:
    bench = Bench()
    bench.says = fresh(("Age", "7"))
    bench.get()
    bench.wait(-1000)
    assert field(bench.get(), "Age") == "7"


@pytest.mark.parametrize(
    ("request_field", "waited_s", "asks"),
    [
        (("Cache-Control", "no-cache"), 0, True),
        (("Pragma", "no-cache"), 0, True),
        (("Cache-Control", "no-store"), 0, True),
        (("Cache-Control", "max-age=0"), 0, True),
        (("Cache-Control", "max-age=10"), 10, False),
        (("Cache-Control", "max-age=10"), 11, True),
        (("Cache-Control", "min-fresh=50"), 10, False),
        (("Cache-Control", "min-fresh=50"), 11, True),
        (("Cache-Control", "max-stale"), 1000, False),
        (("Cache-Control", "max-stale=10"), 70, False),
        (("Cache-Control", "max-stale=10"), 71, True),
        (("Cache-Control", "max-stale=junk"), 71, True),
        (("Cache-Control", "only-if-cached"), 59, False),
    ],
)
def test_a_request_says_what_it_wants(request_field: tuple[str, str], waited_s: int, asks: bool) -> None:
    bench = Bench()
    bench.says = fresh()
    bench.get()
    bench.wait(waited_s)
    assert bench.was_asked(request_field) == asks


@pytest.mark.parametrize("directive", ["must-revalidate", "no-cache"])
def test_what_must_be_validated_is_not_used_stale_whatever_the_request_says(directive: str) -> None:
    bench = Bench()
    bench.says = response(("Cache-Control", f"max-age=60, {directive}"), ("ETag", '"1"'))
    bench.get()
    bench.wait(100)
    assert bench.was_asked(("Cache-Control", "max-stale"))


def test_only_if_cached_in_a_header_gives_504_and_asks_nobody() -> None:
    bench = Bench()
    got = bench.get(("Cache-Control", "only-if-cached"))
    assert got is not None
    assert (got.status, bench.asked) == (504, [])


def test_what_is_immutable_is_not_asked_for_again_by_a_reload() -> None:
    bench = Bench()
    bench.says = response(("Cache-Control", "max-age=60, immutable"))
    bench.get()
    assert not bench.was_asked(("Cache-Control", "max-age=0"))
    bench.wait(61)
    assert bench.was_asked(("Cache-Control", "max-age=0"))


@pytest.mark.parametrize(
    ("mode", "waited_s", "verdict", "stores"),
    [
        ("default", 0, "use", False),
        ("default", 61, "validate", True),
        ("no-store", 0, "miss", False),
        ("reload", 0, "miss", True),
        ("no-cache", 0, "validate", True),
        ("force-cache", 61, "use", False),
        ("only-if-cached", 61, "use", False),
    ],
)
def test_fetchs_six_modes(mode: str, waited_s: int, verdict: str, stores: bool) -> None:
    bench = Bench()
    bench.says = fresh(("ETag", '"1"'), body=b"old")
    bench.get()
    bench.wait(waited_s)
    bench.says = fresh(("ETag", '"2"'), body=b"new")
    bench.get(mode=mode)
    assert bench.verdict == verdict
    got = bench.get(mode="only-if-cached")
    assert got is not None
    assert (got.body == b"new") == stores


def test_modes_tell_caches_on_the_way() -> None:
    bench = Bench()
    for mode in ("reload", "no-store"):
        bench.get(mode=mode)
        assert bench.sent == (("Pragma", "no-cache"), ("Cache-Control", "no-cache"))
        bench.get(("Cache-Control", "max-age=5"), mode=mode)
        assert bench.sent == (("Cache-Control", "max-age=5"), ("Pragma", "no-cache"))
    bench.get(mode="no-cache")
    assert bench.sent == (("Cache-Control", "max-age=0"),)
    bench.get(mode="force-cache")
    assert bench.sent == ()


def test_only_if_cached_as_a_mode_is_refused_when_nothing_is_there() -> None:
    bench = Bench()
    assert bench.get(mode="only-if-cached") is None
    assert (bench.verdict, bench.asked) == ("refuse", [])
    assert bench.get(method="POST", mode="only-if-cached") is None
    assert bench.asked == []


def test_force_cache_keeps_what_has_no_other_use() -> None:
    bench = Bench()
    bench.get(mode="force-cache")
    bench.wait(1000)
    assert not bench.was_asked(mode="force-cache")
    assert bench.was_asked()


def test_sites_do_not_see_what_others_have_stored() -> None:
    bench = Bench()
    bench.says = fresh()
    bench.get(site="https://one.test")
    assert bench.was_asked(site="https://two.test")
    assert bench.was_asked()
    assert not bench.was_asked(site="https://one.test")


def test_a_disabled_cache_neither_gives_nor_takes() -> None:
    from partita.events.cache import ConfigureCache

    bench = Bench()
    bench.says = fresh()
    bench.get()
    bench.client.tell(ConfigureCache(enabled=False))
    assert bench.was_asked()
    assert bench.get(mode="only-if-cached") is None
    bench.client.tell(ConfigureCache(enabled=True))
    assert not bench.was_asked()


def test_a_head_is_answered_by_a_stored_get_without_its_body() -> None:
    bench = Bench()
    bench.says = fresh(("X-A", "1"))
    bench.get()
    got = bench.get(method="HEAD")
    assert got is not None
    assert (got.status, got.body, field(got, "X-A"), len(bench.asked)) == (200, b"", "1", 1)


def test_a_get_is_not_answered_by_a_head() -> None:
    bench = Bench()
    bench.says = fresh(body=b"")
    bench.get(method="HEAD")
    assert bench.was_asked()


def test_no_cache_with_field_names_keeps_those_fields_back_until_they_are_validated() -> None:
    bench = Bench()
    bench.says = response(("Cache-Control", 'max-age=60, no-cache="X-A"'), ("X-A", "1"), ("X-B", "2"), ("ETag", '"1"'))
    bench.get()
    got = bench.get()
    assert (field(got, "X-A"), field(got, "X-B"), len(bench.asked)) == (None, "2", 1)
    bench.says = response(("ETag", '"1"'), status=304)
    assert field(bench.get(mode="no-cache"), "X-A") == "1"


def test_fields_of_the_connection_are_not_stored() -> None:
    bench = Bench()
    bench.says = fresh(("Connection", "X-A, close"), ("X-A", "1"), ("Keep-Alive", "5"), ("X-B", "2"))
    bench.get()
    got = bench.get()
    assert got is not None
    assert {name for name, _ in got.headers} == {"Cache-Control", "X-B", "Date", "Age"}


def test_cookies_of_a_stored_response_are_secrets() -> None:
    bench = Bench()
    bench.says = fresh(("Set-Cookie", "sid=hush"), ("X-Token", "hush"))
    bench.get()
    assert "hush" not in repr(bench.client.state)
    assert field(bench.get(), "Set-Cookie") == "sid=hush"


def test_a_response_to_a_post_answers_a_get_when_it_says_that_it_lies_there() -> None:
    bench = Bench()
    bench.says = fresh(("Content-Location", "/x"), body=b"made")
    bench.get(method="POST")
    got = bench.get()
    assert got is not None
    assert (got.body, len(bench.asked)) == (b"made", 1)
    bench.says = fresh(("Content-Location", "/elsewhere"))
    bench.get(method="POST")
    assert bench.was_asked()


def test_the_url_decides_with_its_query() -> None:
    bench = Bench()
    bench.says = fresh()
    bench.get(url=f"{URL}?a=1")
    assert bench.was_asked(url=f"{URL}?a=2")
    assert not bench.was_asked(url=f"{URL}?a=1")
