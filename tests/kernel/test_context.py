from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.kernel.context import Context, Random

PROGRAM = """
from partita.actors.kernel.context import Context
ctx = Context(seed=b"s" * 16, position=7, now_us=1, actor="session")
print(ctx.id(), ctx.random.bits64(), ctx.random.below(10), ctx.id())
"""


def test_the_same_turn_draws_the_same_in_another_process_with_another_hash_seed() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_splitmix64_gives_the_published_numbers() -> None:
    random = Random(1234567)
    assert [random.bits64() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_drawing_marks_the_turn_and_another_turn_draws_differently() -> None:
    ctx = Context(seed=b"0" * 16, position=1)
    assert not ctx.drew
    first = ctx.id()
    assert ctx.drew
    assert ctx.id() != first
    ctx.begin(2, 0, "session")
    assert not ctx.drew
    assert ctx.id() != first
    assert len(first) == 32


@given(st.integers(1, 2**64), st.integers(0, 2**64 - 1))
def test_below_stays_below(bound: int, seed: int) -> None:
    assert 0 <= Random(seed).below(bound) < bound


def test_below_is_even() -> None:
    random = Random(1)
    counts = Counter(random.below(6) for _ in range(60_000))
    assert all(abs(count - 10_000) < 500 for count in counts.values())


def test_a_bound_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Random(1).below(0)


@given(st.lists(st.integers()), st.integers(0, 2**64 - 1))
def test_a_shuffle_is_a_permutation_and_the_same_for_the_same_seed(items: list[int], seed: int) -> None:
    one, other = list(items), list(items)
    Random(seed).shuffle(one)
    Random(seed).shuffle(other)
    assert one == other
    assert Counter(one) == Counter(items)
