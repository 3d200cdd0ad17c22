"""The phases of a run, and what it complains of by itself; shown by small scenarios that are made wrong on purpose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from partita.actors.kernel.context import Random
from partita.actors.kernel.future import Future
from partita.actors.kernel.partition import Partition
from partita.events.errors import LogDamaged
from partita.simulations.checker import Broken, Checker
from partita.simulations.faults import Fault
from partita.simulations.knobs import drawn
from partita.simulations.life import Crash, Dead, Life
from partita.simulations.outcome import Level, Outcome, Plan
from partita.simulations.run import Run
from partita.simulations.run import run as run_by_name
from partita.simulations.scenario import Scenario, User, scenarios
from partita.simulations.stage import KernelStage, Stage, Stuck
from partita.simulations.trio_stage import TrioStage
from partita.simulations.world import FAULTS, SETTINGS
from partita.system import System

LEVELS: tuple[Level, ...] = ("kernel", "trio")
NO_FAULTS = Plan(faults=())
Step = Callable[[User, Random], Awaitable[None]]


async def change(user: User, random: Random) -> None:
    await user.session.cookies.set(url="https://a.test/", name=f"{random.bits64():x}", value="1")


def played(
    step: Step = change, *, level: Level = "kernel", seed: int = 1, plan: Plan = NO_FAULTS, **options: Any
) -> Outcome:
    options = {"users": 2, "steps_each": (3, 3), **options}
    scenario = Scenario(name="made_wrong", summary="", steps={"step": step}, **options)
    return Run(scenario, seed, System, level=level, plan=plan).go()


def complaints(outcome: Outcome) -> list[str]:
    return [f"{violation.checker}: {violation.what}" for violation in outcome.violations]


# -- what a run says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_a_run_in_which_nothing_goes_wrong_takes_every_step(level: Level) -> None:
    outcome = played(level=level)
    assert outcome.ok
    assert outcome.steps and sorted(outcome.steps) == [1, 2, 3, 4, 5, 6]
    assert (outcome.crashes, outcome.faults, outcome.level) == (0, (), level)
    assert len(outcome.last_turns) == min(12, outcome.turns)
    assert any("cookies.set/" in turn for turn in outcome.last_turns)


@pytest.mark.parametrize("level", LEVELS)
def test_what_no_user_should_be_told_is_a_complaint(level: Level) -> None:
    async def stumble(user: User, random: Random) -> None:
        raise LookupError("no teapots")

    found = complaints(played(stumble, level=level, users=1, steps_each=(1, 1)))
    assert found == ["users: step 1 (stumble) raised LookupError: no teapots"]


async def wait_for_ever(user: User, random: Random) -> None:
    await Future[None]()


@pytest.mark.parametrize("level", LEVELS)
def test_a_user_who_waits_for_ever_is_a_complaint(level: Level) -> None:
    (found,) = complaints(played(wait_for_ever, level=level))
    assert found.startswith("liveness: users [0, 1] wait for what does not come")


@pytest.mark.parametrize("level", LEVELS)
def test_a_finish_that_never_comes_or_raises_is_a_complaint(level: Level) -> None:
    async def never(user: User) -> None:
        await Future[None]()

    async def stumble(user: User) -> None:
        raise LookupError("no teapots")

    assert complaints(played(level=level, finish=never))[0].startswith("liveness: what has to come to its end does not")
    assert complaints(played(level=level, finish=stumble)) == ["liveness: finishing raised LookupError: no teapots"]


def test_damage_that_nothing_did_is_a_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    class Suspicious(System):
        def from_partition(self, partition: str, *, cache: bool = True) -> Any:
            raise LogDamaged("so it seems", position=3)

    scenario = Scenario(name="made_wrong", summary="", steps={"step": change})
    found = complaints(Run(scenario, 1, Suspicious, plan=NO_FAULTS).go())
    assert found[0].startswith("damage: the partition is said to be damaged, and nothing damaged it: so it seems")


def test_an_unknown_scenario_is_an_error() -> None:
    with pytest.raises(KeyError):
        run_by_name("no_such_thing", 1, System)


# -- less of it ---------------------------------------------------------------------------------------------------------


def whole(name: str = "cookies") -> Outcome:
    """A run of some faults and crashes."""
    for seed in range(50):
        outcome = run_by_name(name, seed, System)
        if outcome.crashes and len(outcome.faults) > 3:
            return outcome
    raise AssertionError("nothing ever goes wrong")


def test_a_run_with_all_that_struck_is_the_same_run() -> None:
    outcome = whole()
    again = run_by_name(
        "cookies", outcome.seed, System, plan=Plan(faults=outcome.faults, steps=tuple(sorted(outcome.steps)))
    )
    assert (again.digest, again.faults, again.steps) == (outcome.digest, outcome.faults, outcome.steps)


def test_faults_are_taken_away_one_by_one() -> None:
    outcome = whole()
    kept = outcome.faults[::2]
    fewer = run_by_name("cookies", outcome.seed, System, plan=Plan(faults=kept))
    assert set(fewer.faults) <= set(kept)
    none = run_by_name("cookies", outcome.seed, System, plan=Plan(faults=()))
    assert (none.faults, none.crashes) == ((), 0)
    assert sorted(none.steps) == list(range(1, len(none.steps) + 1)), "users take all their steps"


def test_steps_are_taken_away_and_the_others_stay_as_they_were() -> None:
    drawn: dict[int, int] = {}

    async def note(user: User, random: Random) -> None:
        drawn[len(drawn)] = random.bits64()

    played(note)
    all_of_them = set(drawn.values())
    drawn.clear()
    outcome = played(note, plan=Plan(faults=(), steps=(2, 5)))
    assert sorted(outcome.steps) == [2, 5]
    assert set(drawn.values()) < all_of_them
    assert played(note, plan=Plan(faults=(), steps=())).steps == ()


class AtTheThirdTurn(Checker):
    name = "third"

    def told(self, partition: Partition, position: int) -> None:
        if position >= 3:
            raise Broken("the third turn has come", 3)


@pytest.mark.parametrize("level", LEVELS)
def test_a_run_can_end_where_a_checker_first_complains(level: Level) -> None:
    checkers = (AtTheThirdTurn,)
    whole = played(level=level, checkers=checkers)
    cut = played(level=level, checkers=checkers, plan=Plan(faults=(), until_complaint=True))
    assert complaints(cut) == complaints(whole)[:1] == ["third: the third turn has come"]
    assert 3 <= cut.turns < whole.turns
    assert cut.crashes == 0
    assert len(cut.steps) <= len(whole.steps)
    assert played(level=level, plan=Plan(faults=(), until_complaint=True)).digest == played(level=level).digest


@pytest.mark.parametrize("level", LEVELS)
def test_a_schedule_that_draws_nothing_is_another_order_of_the_same_steps(level: Level) -> None:
    drawn = played(level=level, users=4)
    plain = played(level=level, users=4, plan=Plan(faults=(), schedule=0))
    assert drawn.draws > 0
    assert sorted(plain.steps) == sorted(drawn.steps)
    assert plain.ok
    assert played(level=level, users=4, plan=Plan(faults=(), schedule=drawn.draws)).digest == drawn.digest


# -- processes that crash -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_users_go_on_in_the_next_process_after_a_crash(level: Level) -> None:
    lives = []

    async def crash_once(user: User, random: Random) -> None:
        lives.append(user.world.life.number)
        await change(user, random)
        if user.world.crashes < 2:
            raise user.world.life.end(Crash("kill", "here"))

    outcome = played(crash_once, level=level)
    assert outcome.ok, outcome.violations
    assert outcome.crashes == 2
    assert lives == sorted(lives) and lives[0] == 1 and lives[-1] == 3
    assert len(outcome.steps) == 6, "the step that a crash ended is not taken again"


def test_nothing_goes_wrong_any_more_once_the_users_are_done() -> None:
    healed = []

    async def look(user: User) -> None:
        healed.append((user.world.healed, user.world.faults.strikes("network.reset")))

    played(finish=look, plan=Plan())
    assert healed == [(True, None)]


def test_an_older_version_s_snapshots_are_not_believed() -> None:
    cookies = scenarios()["cookies"]
    assert cookies.before is not None
    settings = {**SETTINGS, **cookies.settings}
    seeds = [seed for seed in range(40) if drawn(seed, FAULTS, settings).settings["version.old"]]
    outcomes = [run_by_name("cookies", seed, System) for seed in seeds[:4]]
    assert len(outcomes) == 4
    assert all(outcome.ok for outcome in outcomes)


# -- the stage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[KernelStage, TrioStage], ids=LEVELS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage: Stage = request.param(1)
    yield stage
    stage.close()


def test_a_process_that_waits_for_what_cannot_come_is_stuck(stage: Stage) -> None:
    async def program(kernel: object) -> None:
        await Future[None]()

    with pytest.raises(Stuck, match="can never come"):
        stage.live(program)


@pytest.mark.parametrize(
    "ending", [Crash("power", "here"), Dead(), LookupError("a defect")], ids=lambda error: type(error).__name__
)
def test_how_a_process_ends_comes_out_and_time_goes_on_in_the_next(stage: Stage, ending: BaseException) -> None:
    before_s = stage.clock.monotonic()

    async def first(kernel: object) -> None:
        await stage.clock.sleep(10)
        raise ending

    async def second(kernel: object) -> None:
        await stage.clock.sleep(5)

    with pytest.raises(type(ending)):
        stage.live(first)
    stage.live(second)
    assert stage.clock.monotonic() - before_s == pytest.approx(15)


def test_a_life_remembers_its_first_crash_and_is_dead_from_then_on() -> None:
    life = Life(1)
    life.check()
    first = life.end(Crash("kill", "a commit"))
    assert life.end(Crash("power", "later")) is first
    assert str(first) == "kill at a commit"
    with pytest.raises(Dead):
        life.check()
    assert not issubclass(Crash, Exception)


def test_a_fault_is_a_name_and_a_number() -> None:
    assert Fault("disk.full", 2) == ("disk.full", 2)
