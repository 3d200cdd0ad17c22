"""What goes wrong inside of a process, what the checkers are told, and what users were promised."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

import partita
from partita.actors.kernel.carrying import EffectDefect
from partita.events.points import buggify, reached
from partita.simulation import World
from partita.simulations.checker import Broken
from partita.simulations.knobs import Knobs
from partita.simulations.processes import SimulatedDefectError, was_played
from partita.simulations.promises import Promises
from partita.simulations.watch import Watch
from partita.simulations.world import World as InnerWorld


@pytest.mark.parametrize("fault", ["defect.raises", "defect.evolve"])
def test_a_defect_of_the_rules_drops_the_turn_whole_and_nobody_complains(fault: str) -> None:
    with World(3, faults={fault: 0.5}) as world, world.system() as system:
        session = system.from_partition("persist:shop")
        kept = []
        for number in range(20):
            name = f"c{number}"
            expires = world.clock.now_us() / 1e6 + 3600
            try:
                session.cookies.set(url="https://a.test/", name=name, value="1", expiration_date=expires).get()
            except Exception as error:
                assert was_played(f"{error!r}")
            else:
                kept.append(name)
        assert sorted(cookie.name for cookie in session.cookies.get().get()) == sorted(kept)
        assert 0 < len(kept) < 20
        world.check()


def test_only_what_the_simulation_plays_itself_counts_as_played() -> None:
    assert was_played(f"{SimulatedDefectError('on cookies.set/1')!r}")
    assert not was_played("ValueError: no teapots")


@pytest.mark.parametrize("fault", ["outcome.late", "outcome.twice", "outcome.again_later"])
def test_outcomes_that_come_late_or_twice_change_nothing_but_the_time(fault: str) -> None:
    with World(3, faults={fault: 1.0}) as world, world.system() as system:
        world.host("a.test", lambda request: b"file")
        session = system.from_partition("persist:shop")
        session.set_download_path("/downloads")
        for number in range(3):
            item = session.download_url(f"https://a.test/{number}.bin").get()
            item.finished().get()
            assert item.get_state() == "completed"
            assert world.disk.content(item.get_save_path()) == b"file"
        assert {struck.name for struck in world.faults.struck} == {fault}
        world.run_for(60)
        world.check()


# -- points in production code ------------------------------------------------------------------------------------------


def test_points_in_production_code_are_inert_outside_of_a_world() -> None:
    assert not buggify("anything")
    reached("nothing")
    inner = InnerWorld(1, knobs=Knobs({"buggify.commit.slow": 1.0}, {}))
    with Watch(inner, ()).looking():
        assert buggify("commit.slow")
        assert not buggify("another")
        reached("here")
        reached("here")
    assert not buggify("commit.slow")
    assert inner.marks == {"here": 2}
    assert [fault.name for fault in inner.faults.struck] == ["buggify.commit.slow"]
    inner.close()


# -- the watch ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def watch() -> Iterator[Watch]:
    inner = InnerWorld(1, knobs=Knobs({}, {}))
    inner.begin()
    yield Watch(inner, ())
    inner.close()


def test_the_same_complaint_twice_is_one(watch: Watch) -> None:
    for position in (1, 1, 2):
        watch.complain("fold", "wrong", position)
    assert [(found.checker, found.position) for found in watch.violations] == [("fold", 1), ("fold", 2)]


def test_a_defect_of_an_effect_is_a_complaint_unless_it_was_played_or_the_process_is_ending(watch: Watch) -> None:
    with watch.looking():
        warnings.warn("before anything is open", EffectDefect, stacklevel=1)
        watch._muted = False
        warnings.warn("a carrier raised", EffectDefect, stacklevel=1)
        warnings.warn("SimulatedDefectError: on it", EffectDefect, stacklevel=1)
        watch.mute()
        warnings.warn("at the end", EffectDefect, stacklevel=1)
    assert [(found.checker, found.what) for found in watch.violations] == [("defects", "a carrier raised")]


# -- promises -----------------------------------------------------------------------------------------------------------


def test_a_change_under_way_leaves_both_values_possible_and_an_acknowledgement_one() -> None:
    promises = Promises()
    promises.seen("a", None)
    promises.begin("a", "1")
    promises.seen("a", None)
    promises.seen("a", "1")
    promises.acknowledged("a", "1")
    with pytest.raises(Broken, match="its user reads None of a; it is '1'"):
        promises.seen("a", None)


def test_a_crash_settles_what_was_under_way() -> None:
    with World(1, quiet=True) as world, world.system() as system:
        session: partita.Session = system.from_partition("persist:shop")
        promises = Promises()
        promises.begin("a.test/sid", "1")
        expires = world.clock.now_us() / 1e6 + 3600
        session.cookies.set(url="https://a.test/", name="sid", value="1", expiration_date=expires).get()
        assert not list(promises.broken(session._partition))
        promises.look(session._partition)
        with pytest.raises(Broken):
            promises.seen("a.test/sid", None)
