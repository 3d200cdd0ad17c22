"""What a seed settles: streams, knobs, faults, entropy, the clock."""

from __future__ import annotations

import pytest

from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.simulations.clock import FARTHEST_S, SimulatedClock
from partita.simulations.entropy import SimulatedEntropy
from partita.simulations.faults import Fault, Faults
from partita.simulations.knobs import Knobs, drawn
from partita.simulations.streams import key_of, numbered, stream_of
from partita.simulations.world import FAULTS, SETTINGS, World

# -- streams ------------------------------------------------------------------------------------------------------------


def test_a_stream_is_the_same_in_every_version() -> None:
    assert key_of(7, "faults", "network.reset") == 0x33859C82F7F0D6B9
    assert stream_of(7, "users").bits64() == 0x467F0EAFDDEEB3AD


def test_streams_of_other_seeds_and_names_are_others() -> None:
    keys = {key_of(seed, stream, name) for seed in range(50) for stream in ("schedule", "faults") for name in ("", "a")}
    assert len(keys) == 200


def test_the_numbered_things_of_a_key_have_numbers_of_their_own() -> None:
    key = key_of(1, "users", "steps")
    firsts = [numbered(key, number).random() for number in range(1, 1001)]
    assert len(set(firsts)) == 1000
    assert sum(firsts) / 1000 == pytest.approx(0.5, abs=0.05)
    assert numbered(key, 500).random() == firsts[499]  # without having drawn those before


# -- faults -------------------------------------------------------------------------------------------------------------


def struck(faults: Faults, name: str, times: int = 200) -> list[int]:
    return [number for number in range(1, times + 1) if faults.strikes(name) is not None]


def test_a_fault_strikes_as_often_as_its_odds_say() -> None:
    faults = Faults(1, {"a": 0.25, "never": 0.0})
    assert 30 < len(struck(faults, "a")) < 70
    assert not struck(faults, "never")
    assert not struck(faults, "unheard.of")


def test_whether_a_fault_strikes_depends_on_no_other() -> None:
    alone, among = Faults(3, {"a": 0.3}), Faults(3, {"a": 0.3, "b": 0.9})
    for _ in range(77):
        among.strikes("b")
    assert struck(alone, "a") == struck(among, "a")


def test_what_struck_is_kept_in_order_and_can_be_all_that_strikes() -> None:
    faults = Faults(5, {"a": 0.3, "b": 0.3})
    particulars = {}
    for _ in range(50):
        for name in ("a", "b"):
            if (random := faults.strikes(name)) is not None:
                particulars[faults.struck[-1]] = random.bits64()
    chosen = frozenset(faults.struck[::3])
    again = Faults(5, {"a": 0.3, "b": 0.3}, only=chosen)
    seen = {}
    for _ in range(50):
        for name in ("a", "b"):
            if (random := again.strikes(name)) is not None:
                seen[again.struck[-1]] = random.bits64()
    assert seen == {fault: particulars[fault] for fault in faults.struck if fault in chosen}
    assert not struck(Faults(5, {"a": 1.0}, only=frozenset()), "a")
    assert struck(Faults(5, {"a": 1.0}, only=frozenset({Fault("a", 7)})), "a") == [7]
    assert struck(Faults(5, {"a": 1e-9}, only=frozenset({Fault("a", 7)})), "a") == [7], "whatever the odds"


def test_faults_are_held_released_spared_and_healed() -> None:
    faults = Faults(1, {"crash.a": 1.0, "crash.b": 1.0, "disk": 1.0})

    def striking() -> list[str]:
        return [name for name in ("crash.a", "crash.b", "disk") if faults.strikes(name) is not None]

    faults.hold("crash.")
    assert striking() == ["disk"]
    faults.release()
    assert striking() == ["crash.a", "crash.b", "disk"]
    faults.spare("crash.b")
    assert striking() == ["crash.a", "disk"]
    faults.hold("")
    assert striking() == []
    faults.release()
    assert striking() == ["crash.a", "disk"]
    faults.hold("disk")
    faults.heal()
    faults.release()
    assert striking() == []


# -- knobs --------------------------------------------------------------------------------------------------------------


def test_half_of_the_faults_are_off_in_a_run_and_none_exceeds_its_highest_odds() -> None:
    runs = [drawn(seed, FAULTS, SETTINGS) for seed in range(200)]
    off = sum(not odds for run in runs for odds in run.odds.values())
    assert off / (200 * len(FAULTS)) == pytest.approx(0.5, abs=0.05)
    for run in runs:
        assert all(not odds or FAULTS[name] / 100 <= odds <= FAULTS[name] for name, odds in run.odds.items())
        assert all(value in SETTINGS[name] for name, value in run.settings.items())


def test_every_fault_and_every_value_of_a_setting_is_on_in_some_run() -> None:
    runs = [drawn(seed, FAULTS, SETTINGS) for seed in range(200)]
    assert all(any(run.odds[name] for run in runs) for name in FAULTS)
    assert all({run.settings[name] for run in runs} == set(values) for name, values in SETTINGS.items())


def test_one_fault_more_changes_no_other_knob() -> None:
    before, after = drawn(9, FAULTS, SETTINGS), drawn(9, {**FAULTS, "another": 0.5}, {**SETTINGS, "one": (1, 2)})
    assert {name: after.odds[name] for name in FAULTS} == before.odds
    assert {name: after.settings[name] for name in SETTINGS} == before.settings


def test_knobs_are_told_on_one_line() -> None:
    assert (
        Knobs({"b": 0.25, "off": 0.0, "a": 0.123456}, {"latency_s": 0.25}).told()
        == "faults: a 0.123, b 0.25; latency_s=0.25"
    )
    assert Knobs({"off": 0.0}, {}).told() == "faults: none; "


def test_faults_can_be_left_out_by_the_beginnings_of_their_names() -> None:
    world = World(4, without=("crash.", "disk."))
    assert world.knobs.odds
    assert not [name for name in world.knobs.odds if name.startswith(("crash.", "disk."))]
    world.close()


# -- entropy ------------------------------------------------------------------------------------------------------------


def test_entropy_is_drawn_again_by_an_equal_seed_and_repeats_itself_never() -> None:
    one, other = SimulatedEntropy(1), SimulatedEntropy(1)
    draws = [one.random_bytes(16) for _ in range(100)]
    assert draws == [other.random_bytes(16) for _ in range(100)]
    assert len(set(draws)) == 100
    assert [len(one.random_bytes(count)) for count in (0, 1, 33)] == [0, 1, 33]
    assert SimulatedEntropy(2).random_bytes(16) not in draws


# -- the clock ----------------------------------------------------------------------------------------------------------


def clocks(odds: dict[str, float], **settings: float) -> tuple[SimulatedDispatcher, SimulatedClock]:
    kernel = SimulatedDispatcher(1)
    named = {name.replace("__", "."): value for name, value in settings.items()}
    return kernel, SimulatedClock(kernel.clock, Faults(1, odds), named)


def test_the_clock_may_be_wrong_and_drift_while_monotonic_time_does_neither() -> None:
    kernel, clock = clocks({}, clock__skew_s=3600, clock__drift_ppm=5000)
    try:
        assert clock.now_us() - kernel.now_us == 3_600_000_000
        kernel.run_for(1000)
        assert clock.monotonic() == 1000
        assert clock.now_us() - kernel.now_us == 3_600_000_000 + 5_000_000
    finally:
        kernel.close()


@pytest.mark.parametrize(("name", "sign"), [("clock.forward", 1), ("clock.back", -1)])
def test_the_clock_jumps_when_somebody_sleeps(name: str, sign: int) -> None:
    kernel, clock = clocks({name: 1.0})

    async def sleep() -> None:
        await clock.sleep(10)

    try:
        kernel.carry_out(sleep, "sleeper")
        kernel.run_for(10)
        jumped_s = (clock.now_us() - kernel.now_us) / 1e6 * sign
        assert 0 < jumped_s <= FARTHEST_S
        assert clock.monotonic() == 10
    finally:
        kernel.close()
