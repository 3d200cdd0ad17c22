"""``partita simulate``: one seed, many seeds, and what a failure leaves in the hands of its finder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toys import simulated
from typer.testing import CliRunner

from partita.command import sweeping
from partita.command.app import app
from partita.simulations import failures
from partita.simulations import sweep as sweeps
from partita.simulations.code import Mark
from partita.simulations.outcome import Plan
from partita.simulations.plans import plan_text

SHRUNK = "faults=disk.full:1,network.reset:3/steps=5+17/schedule=37"


class Inline(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Simulate:
    """``partita simulate`` over work of which the tests know what comes of it."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self.plays(simulated.flawed)

    def plays(self, work: sweeps.Work) -> None:
        scenarios = [("shop", "A client fills a basket."), ("downloads", "Files come and go.")]
        stand_in = SimpleNamespace(run_seed=work, scenario_names=lambda: scenarios)
        self._monkeypatch.setitem(sys.modules, "partita.simulation", stand_in)  # type: ignore[arg-type]

    def __call__(self, *arguments: object, status: int) -> SimpleNamespace:
        result = CliRunner().invoke(app, ["simulate", *map(str, arguments), "--data-dir", str(self.home)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return SimpleNamespace(out=result.stdout, err=result.stderr, lines=result.stdout.splitlines())


@pytest.fixture
def simulate(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulate]:
    monkeypatch.setattr(sweeping, "processes", lambda _: Inline())
    yield Simulate(home, monkeypatch)


# -- names --------------------------------------------------------------------------------------------------------------


def test_the_list_names_the_scenarios_one_a_line(simulate: Simulate) -> None:
    assert simulate("--list", status=0).lines == ["shop", "downloads"]


def test_the_list_says_what_they_are_about_when_asked(simulate: Simulate) -> None:
    assert simulate("--list", "-v", status=0).lines == [
        "shop       A client fills a basket.",
        "downloads  Files come and go.",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "which scenario? one of shop, downloads"),
        (["download"], "did you mean downloads?"),
        (["xyz"], "there are shop, downloads"),
        (["shop", "--level", "asyncio"], "--level is kernel or trio"),
        (["shop", "--seed", "1", "--seeds", "3"], "--seed runs one"),
        (["shop", "--seed", "1", "--start", "3"], "--seed runs one"),
        (["shop", "--seed", "1", "--plan", "steps"], "is no plan"),
        (["shop", "--seeds", "3", "--plan", "steps=1"], "--plan and --out go with --seed"),
        (["shop", "--seeds", "3", "--out", "log"], "--plan and --out go with --seed"),
    ],
)
def test_wrong_usage_is_told_in_one_line(simulate: Simulate, arguments: list[str], told: str) -> None:
    done = simulate(*arguments, status=2)
    assert told in done.err
    assert len(done.err.splitlines()) == 1
    assert not done.out


# -- one seed -----------------------------------------------------------------------------------------------------------


def test_one_seed_is_told_with_its_knobs_and_ends_with_the_digest_of_its_log(simulate: Simulate) -> None:
    done = simulate("shop", "--seed", 8, status=0)
    assert done.lines[0].startswith("shop, seed 8, level kernel, ")
    assert done.lines[1] == "faults: network.reset 0.25; hosts=3"
    assert "65 turns, 30 steps of users, 9 faults struck, 0 crashes, 60.0 virtual seconds" in done.lines
    assert done.lines[-1] == f"log {simulated.flawed('shop', 8, 'kernel', Plan(), None).digest}"


def test_a_seed_that_fails_is_told_with_its_last_turns_and_its_command(simulate: Simulate) -> None:
    done = simulate("shop", "--seed", 7, "--level", "trio", status=1)
    assert "acknowledged-turns at 42: turn 42 is gone" in done.lines
    assert "  42 session Fetch" in done.lines
    assert "run again with: partita simulate shop --seed 7 --level trio" in done.lines
    assert done.lines[-1].startswith("log ")


def test_a_plan_leaves_out_what_it_says(simulate: Simulate) -> None:
    done = simulate("shop", "--seed", 7, "--plan", SHRUNK, status=1)
    assert any(line.startswith("9 turns, 2 steps of users, 2 faults") for line in done.lines)
    assert simulate("shop", "--seed", 7, "--plan", "faults=disk.full:1", status=0)


def test_the_log_is_kept_on_request_and_overwrites_nothing(simulate: Simulate, tmp_path: Path) -> None:
    simulate.plays(simulated.fine)
    log = tmp_path / "a.log"
    assert f"kept in {log}" in simulate("shop", "--seed", 1, "--out", log, status=0).lines
    assert log.read_text() == "a log"
    assert "overwrites nothing" in simulate("shop", "--seed", 1, "--out", log, status=2).err


def test_one_seed_as_json(simulate: Simulate) -> None:
    found = json.loads(simulate("shop", "--seed", 7, "--json", status=1).out)
    assert found["violations"] == [{"checker": "acknowledged-turns", "what": "turn 42 is gone", "position": 42}]
    assert found["command"] == "partita simulate shop --seed 7"
    assert found["digest"] == simulated.flawed("shop", 7, "kernel", Plan(), None).digest


# -- many seeds ---------------------------------------------------------------------------------------------------------


def test_a_sweep_without_failures_tells_its_figures(simulate: Simulate) -> None:
    simulate.plays(simulated.fine)
    done = simulate("shop", "--seeds", 200, "--start", 50, "--jobs", 1, status=0)
    assert done.lines[0].startswith("shop, seeds 50 to 249, level kernel, 1 job, ")
    assert done.lines[1].startswith("200 seeds in ")
    for figure in ("seeds/s", "turns/s", "virtual hours an hour"):
        assert figure in done.lines[1]
    assert "1000 turns, 100 crashes, 3.3 virtual hours" in done.lines
    assert done.lines[-1] == "no checker complained"


def test_without_a_number_it_sweeps_over_some(simulate: Simulate) -> None:
    assert "100 seeds in" in simulate("shop", status=1).out


def test_it_sweeps_in_processes(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "processes", sweeps.processes)
    simulate.plays(simulated.deadly)
    done = simulate("shop", "--seeds", 20, "--jobs", 2, status=1)
    assert "seed 13 could not be run to its end" in done.out
    assert "run again with: partita simulate shop --seed 13" in done.out


def test_a_failure_is_told_with_the_code_s_version_and_the_first_is_shrunk(simulate: Simulate) -> None:
    done = simulate("shop", "--seeds", 400, status=1)
    assert "4 seeds failed: acknowledged-turns 4" in done.lines
    for seed in (7, 107, 207, 307):
        (told,) = (line for line in done.lines if line.startswith(f"seed {seed} failed, "))
        assert "commit " in told or "partita " in told
        assert f"run again with: partita simulate shop --seed {seed}" in done.lines
    (shrunk,) = (line for line in done.lines if line.startswith("seed 7 shrunk: "))
    assert "faults 9 → 2, steps 30 → 2, turns 65 → 9" in shrunk
    assert f"run again with: partita simulate shop --seed 7 --plan {SHRUNK}" in done.lines


def test_the_command_that_is_printed_replays_what_was_shrunk(simulate: Simulate) -> None:
    *_, line, keeping = simulate("shop", "--seeds", 50, status=1).lines
    words = shlex.split(line.removeprefix("run again with: "))
    assert shlex.split(keeping.removeprefix("keep its log with: "))[: len(words)] == words
    assert words[:2] == ["partita", "simulate"]
    again = simulate(*words[2:], status=1)
    assert "acknowledged-turns at 42: turn 42 is gone" in again.lines


def test_it_does_not_shrink_when_told_so(simulate: Simulate) -> None:
    assert "shrunk" not in simulate("shop", "--seeds", 50, "--no-shrink", status=1).out


def test_of_many_failures_some_are_shown_and_the_others_named(simulate: Simulate) -> None:
    done = simulate("shop", "--seeds", 1000, "--no-shrink", status=1)
    assert sum(line.endswith("turn 42 is gone") for line in done.lines) == sweeping.SHOWN
    assert "  partita simulate shop --seed 907" in done.lines


def test_the_first_failure_is_kept_on_request(
    simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "keep", lambda failure: failures.keep(failure, tmp_path / "failures"))
    done = simulate("shop", "--seeds", 50, "--keep", status=1)
    path = tmp_path / "failures" / "shop-7.json"
    assert f"kept in {path}: say there what was fixed" in done.lines
    (kept,) = failures.kept_failures(tmp_path / "failures")
    assert plan_text(kept.plan) == SHRUNK
    assert len(kept.found) == len("2026-01-31")


def test_a_failure_that_does_not_come_again_is_told(simulate: Simulate) -> None:
    asked: list[int] = []

    def once(scenario: str, seed: int, level: Any, plan: Plan, log_path: Path | None) -> Any:
        asked.append(seed)
        return (simulated.flawed if asked.count(7) < 2 else simulated.fine)(scenario, seed, level, plan, log_path)

    simulated.once = once  # type: ignore[attr-defined]  # it must be found by its name
    once.__module__, once.__qualname__ = simulated.__name__, "once"
    simulate.plays(once)
    assert "seed 7 of shop does not fail again" in simulate("shop", "--seeds", 50, status=1).err


def test_marks_that_no_seed_reached_are_told(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = [Mark("download.resumed", "reached", "partita/a.py:1"), Mark("never", "reached", "partita/b.py:2")]
    stand.append(Mark("disk.full", "buggify", "partita/c.py:3"))  # it struck
    monkeypatch.setattr(sweeping, "marks", lambda: stand)
    out = simulate("shop", "--seeds", 20, "--no-shrink", "--marks", status=1).out
    rows = [line.split() for line in out.splitlines()]
    assert ["never", "none", "partita/b.py:2"] in rows
    assert ["download.resumed", "2"] in rows
    assert "partita/c.py:3" not in out


def test_coverage_is_a_table_of_actor_state_and_message(simulate: Simulate) -> None:
    out = simulate("shop", "--seeds", 20, "--no-shrink", "--coverage", status=1).out
    assert ["session", "open", "cookies.set/1", "20"] in [line.split() for line in out.splitlines()]


def test_a_sweep_as_json(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "marks", lambda: [Mark("never", "reached", "partita/b.py:2")])
    found = json.loads(simulate("shop", "--seeds", 50, "--json", status=1).out)
    assert (found["done"], found["failed"], found["broken"], found["ok"]) == (50, 1, 0, False)
    assert found["by_checker"] == {"acknowledged-turns": 1}
    assert found["coverage"] == [{"actor": "session", "state": "open", "message": "cookies.set/1", "seeds": 50}]
    assert found["unreached"] == [{"name": "never", "kind": "reached", "where": "partita/b.py:2"}]
    assert found["failures"][0]["command"] == "partita simulate shop --seed 7"
    assert found["shrunk"]["plan"] == SHRUNK
    assert found["shrunk"]["after"] == {"faults": 2, "steps": 2, "turns": 9}


# -- going on -----------------------------------------------------------------------------------------------------------


def interrupted(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "code_digest", lambda *_: "today")
    with monkeypatch.context() as patch:
        real = sweeps.sweep

        def sweep(*arguments: Any, on_progress: Callable[[Any], None], **options: Any) -> Any:
            def look(report: Any) -> None:
                on_progress(report)
                if report.done >= 100:
                    raise KeyboardInterrupt

            return real(*arguments, on_progress=look, **options)

        patch.setattr(sweeping, "sweep", sweep)
        done = simulate("shop", "--seeds", 400, status=130)
        assert "the same command goes on there" in done.err


def test_an_interrupted_sweep_goes_on_and_leaves_nothing_behind(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(simulate, monkeypatch)
    done = simulate("shop", "--seeds", 400, status=1)
    assert "goes on after " in done.err
    assert "400 seeds in" in done.out
    assert "4 seeds failed" in done.out
    assert list((simulate.home / "Simulations").iterdir()) == []


def test_a_fresh_one_begins_anew(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(simulate, monkeypatch)
    assert not simulate("shop", "--seeds", 400, "--fresh", status=1).err


# -- a cluster ----------------------------------------------------------------------------------------------------------


def test_a_cluster_without_dask_says_what_to_install(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)  # type: ignore[arg-type]
    done = simulate("shop", "--cluster", "tcp://127.0.0.1:1", status=2)
    assert "pip install 'partita[cluster]'" in done.err


@pytest.mark.slow
def test_a_sweep_on_a_cluster_comes_to_the_same(simulate: Simulate) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as running:
        found = json.loads(
            simulate(
                "shop", "--seeds", 500, "--json", "--no-shrink", "--cluster", running.scheduler_address, status=1
            ).out
        )
    here = sweeps.sweep(simulated.flawed, "shop", range(500), executor=Inline)
    assert (found["done"], found["turns"], found["failed"]) == (here.done, here.turns, here.failed)
