"""``Vary``: which of several stored responses a request chooses (RFC 9111 4.1)."""

from __future__ import annotations

import pytest
from cache.serving import Bench, field, fresh

from partita.actors.cache.behavior import VARIANTS


def test_variants_are_kept_beside_each_other() -> None:
    bench = Bench()
    for name in (b"one", b"two"):
        bench.says = fresh(("Vary", "X-Name"), body=name)
        bench.get(("X-Name", name.decode()))
    for name in (b"one", b"two"):
        got = bench.get(("X-Name", name.decode()))
        assert got is not None
        assert got.body == name
    assert len(bench.asked) == 2
    assert bench.was_asked()
    assert bench.was_asked(("X-Name", "three"))


def test_only_so_many_are_kept() -> None:
    bench = Bench()
    bench.says = fresh(("Vary", "X-Name"))
    for number in range(VARIANTS + 2):
        bench.get(("X-Name", str(number)))
    assert bench.client.state.count == VARIANTS
    assert not bench.was_asked(("X-Name", str(VARIANTS + 1)))
    assert bench.was_asked(("X-Name", "0"))


def test_a_variant_is_replaced_by_its_own_successor_only() -> None:
    bench = Bench()
    bench.says = fresh(("Vary", "X-Name"))
    bench.get(("X-Name", "one"))
    bench.get(("X-Name", "two"))
    bench.get(("X-Name", "one"), mode="reload")
    assert bench.client.state.count == 2


def test_a_server_that_stops_varying_is_believed() -> None:
    bench = Bench()
    bench.says = fresh(("Vary", "X-Name"), body=b"varied")
    bench.get(("X-Name", "one"))
    bench.says = fresh(body=b"plain")
    bench.get(("X-Name", "one"), mode="reload")
    got = bench.get(("X-Name", "one"))
    assert got is not None
    assert (got.body, bench.client.state.count) == (b"plain", 1)


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("X", ("a, b",), ("a,b",), True),
        ("X", ("a", "b"), ("a, b",), True),
        ("X", ("a, b",), ("b, a",), False),
        ("X", ("a",), ("A",), False),
        ("X", (), ("",), False),
        ("Accept-Language", ("en, de",), ("de, EN",), True),
        ("Accept-Language", ("en;q=0.5, de",), ("de, en;q=0.5",), True),
        ("Accept-Language", ("en;q=0.5, de",), ("en, de;q=0.5",), False),
        ("Accept-Language", ("en;q=nan",), ("en",), True),
    ],
)
def test_values_that_mean_the_same_are_the_same(
    name: str, one: tuple[str, ...], other: tuple[str, ...], same: bool
) -> None:
    bench = Bench()
    bench.says = fresh(("Vary", name))
    bench.get(*((name, value) for value in one))
    assert bench.was_asked(*((name, value) for value in other)) != same


def test_the_language_that_a_request_prefers_to_all_others_is_taken_from_what_is_there() -> None:
    bench = Bench()
    bench.says = fresh(("Vary", "Accept-Language"), ("Content-Language", "de"))
    bench.get(("Accept-Language", "en, de"))
    assert not bench.was_asked(("Accept-Language", "fr;q=0.5, de"))
    assert bench.was_asked(("Accept-Language", "fr, de"))
    bench.says = fresh(("Vary", "Accept-Language"), ("Content-Language", "fr"))
    got = bench.get(("Accept-Language", "fr"))
    assert field(got, "Content-Language") == "fr"


def test_values_of_the_request_are_nowhere_in_clear() -> None:
    bench = Bench()
    bench.says = fresh(("Vary", "Authorization"))
    bench.get(("Authorization", "Bearer hush"))
    assert "hush" not in repr(bench.client.state)
    assert not bench.was_asked(("Authorization", "Bearer hush"))
    assert bench.was_asked(("Authorization", "Bearer other"))
