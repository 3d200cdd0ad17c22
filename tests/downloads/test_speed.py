"""How fast a download comes, from looks at it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from partita.download_speed import WINDOW_S, SpeedMeter


def test_it_is_what_came_since_the_first_look() -> None:
    meter = SpeedMeter(100.0, 500)
    assert meter.look(100.0, 500) == 0
    assert meter.look(102.0, 2500) == 1000
    assert meter.look(104.0, 2500) == 500


def test_only_the_last_ten_seconds_count() -> None:
    meter = SpeedMeter(0.0, 0)
    for second in range(1, 31):
        assert meter.look(float(second), second * 1000) == 1000
    for second in range(31, 31 + int(WINDOW_S)):
        last = meter.look(float(second), 30_000)
    assert last == 0


def test_one_that_begins_again_has_no_speed_yet() -> None:
    meter = SpeedMeter(0.0, 5000)
    assert meter.look(1.0, 0) == 0
    assert meter.look(2.0, 700) == 700


def test_looks_that_lie_close_together_do_not_add_up() -> None:
    meter = SpeedMeter(0.0, 0)
    for number in range(1, 10_001):
        meter.look(number / 1000, number)
    assert len(meter._looks) < 2 * WINDOW_S / 0.1


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 1 << 30))))
def test_it_is_never_less_than_nothing(steps: list[tuple[float, int]]) -> None:
    now, meter = 0.0, SpeedMeter(0.0, 0)
    for passed, received in steps:
        now += passed
        assert meter.look(now, received) >= 0
