"""Many seeds at once: the counts, what becomes of workers that die, and going on after an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from toys import simulated

from partita.errors import SweepFailed
from partita.simulations import sweep as sweeping
from partita.simulations.outcome import Level, Outcome, Plan
from partita.simulations.sweep import Checkpoint, Work, checkpoint_name, processes, run_chunk, sweep
from partita.simulations.tally import KEPT, Ranges, SweepReport

ROOT = Path(__file__).resolve().parents[2]


class Inline(Executor):
    """Does it at once, here."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def,override]
        future: Future[object] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def swept(work: Work, count: int, *, start: int = 0, level: Level = "kernel", **options: object) -> SweepReport:
    return sweep(work, "shop", range(start, start + count), level=level, executor=Inline, jobs=1, **options)  # type: ignore[arg-type]


def counted(report: SweepReport) -> dict[str, object]:
    """All of it that does not depend on how long it took."""
    left_out = ("wall_s", "resumed", "note")
    return {name: getattr(report, name) for name in report.__struct_fields__ if name not in left_out}


# -- what is counted ----------------------------------------------------------------------------------------------------


def test_every_seed_is_run_once_and_counted() -> None:
    report = swept(simulated.flawed, 1000)
    assert report.finished
    assert report.done == 1000
    assert report.turns == 1000 * 65
    assert report.crashes == 500
    assert report.virtual_us == 60_000_000_000
    assert report.reached == {"download.resumed": 100}
    assert report.coverage == {("session", "open", "cookies.set/1"): 1000}
    assert report.struck == {"network.reset": 7000, "disk.full": 1000, "disk.slow": 1000}
    assert report.failed == 10
    assert report.by_checker == {"acknowledged-turns": 10}
    assert [failure.seed for failure in report.failures] == list(range(7, 1000, 100))
    assert not report.ok


def test_processes_come_to_the_same_as_one_thread() -> None:
    alone = swept(simulated.flawed, 3000, level="trio")
    report = sweep(simulated.flawed, "shop", range(3000), level="trio", executor=partial(processes, 2), jobs=2)
    assert counted(report) == counted(alone)
    assert report.failures == alone.failures


def test_a_start_is_where_it_begins() -> None:
    report = swept(simulated.flawed, 10, start=100)
    assert (report.start, report.stop, report.done) == (100, 110, 10)
    assert [failure.seed for failure in report.failures] == [107]


def test_only_the_failures_of_the_lowest_seeds_are_kept() -> None:
    report = swept(simulated.flawed, 5000)
    assert report.failed == 50
    assert [failure.seed for failure in report.failures] == [7 + 100 * number for number in range(KEPT)]


def test_what_is_kept_does_not_grow_with_the_seeds(tmp_path: Path) -> None:
    sizes = []
    for count in (10_000, 40_000):
        path = tmp_path / str(count)
        swept(simulated.flawed, count, checkpoint=path)
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] + 100


def test_progress_is_told_as_chunks_come_back() -> None:
    seen: list[int] = []
    swept(simulated.fine, 500, on_progress=lambda report: seen.append(report.done))
    assert seen == sorted(seen)
    assert seen[0] < 500 <= seen[-1]


def test_chunks_grow_until_they_take_about_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def timed(
        work: Work, scenario: str, level: Level, seconds_a_seed: float, start: int, stop: int
    ) -> tuple[SweepReport, float]:
        sizes.append(stop - start)
        report, _ = run_chunk(work, scenario, level, start, stop)
        return report, seconds_a_seed * (stop - start)

    monkeypatch.setattr(
        sweeping,
        "run_chunk",
        lambda work, scenario, level, start, stop: timed(work, scenario, level, 0.01, start, stop),
    )
    swept(simulated.fine, 2000)
    assert sizes[0] == 1
    assert max(sizes) == 100
    assert sizes[-2] == 100


def test_a_range_with_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="step"):
        sweep(simulated.fine, "shop", range(0, 10, 2), executor=Inline)


def test_work_that_cannot_travel_is_refused_before_anything_begins() -> None:
    def local(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        raise AssertionError

    with pytest.raises((AttributeError, TypeError), match="local"):
        sweep(local, "shop", range(10), executor=Inline)


# -- workers ------------------------------------------------------------------------------------------------------------


def test_a_seed_that_raises_is_told_and_the_sweep_goes_on() -> None:
    report = swept(simulated.raising, 100)
    assert report.done == 100
    assert report.broken == 1
    (defect,) = report.defects
    assert defect.seed == 13
    assert "ZeroDivisionError: seed 13 divides by zero" in defect.what
    assert "def raising" not in defect.what and "in raising" in defect.what
    assert not report.ok


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # concurrent.futures' own race
def test_a_worker_that_dies_is_told_with_its_seed_and_the_sweep_goes_on() -> None:
    report = sweep(simulated.deadly, "shop", range(400), executor=partial(processes, 2), jobs=2)
    assert report.finished
    assert [defect.seed for defect in report.defects] == [13, 250]
    assert all("worker died" in defect.what for defect in report.defects)
    assert report.broken == 2
    assert report.turns == 398 * 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # concurrent.futures' own race
def test_a_sweep_whose_every_worker_dies_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "DEATHS_AT_MOST", 2)
    with pytest.raises(SweepFailed, match="no worker lives long enough"):
        sweep(simulated.always_deadly, "shop", range(100), executor=partial(processes, 1), jobs=1)


def test_any_executor_will_do() -> None:
    report = sweep(simulated.flawed, "shop", range(300), executor=partial(ThreadPoolExecutor, 3), jobs=3)
    assert counted(report) == counted(swept(simulated.flawed, 300))


# -- going on -----------------------------------------------------------------------------------------------------------


def interrupting(at: int) -> Callable[[SweepReport], None]:
    def look(report: SweepReport) -> None:
        if report.done >= at:
            raise KeyboardInterrupt

    return look


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "code_digest", lambda *_: "today")
    path = tmp_path / "deep" / checkpoint_name("shop", "kernel", range(1000))
    with pytest.raises(KeyboardInterrupt):
        swept(simulated.flawed, 1000, checkpoint=path, on_progress=interrupting(400))
    report = swept(simulated.flawed, 1000, checkpoint=path)
    assert 400 <= report.resumed < 1000
    assert "goes on after" in report.note
    assert counted(report) == counted(swept(simulated.flawed, 1000))


def test_a_finished_sweep_gives_its_report_again(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    first = swept(simulated.flawed, 100, checkpoint=path)
    again = swept(simulated.flawed, 100, checkpoint=path)
    assert again.resumed == 100
    assert counted(again) == counted(first)


def test_a_checkpoint_of_other_code_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint"
    swept(simulated.flawed, 100, checkpoint=path)
    monkeypatch.setattr(sweeping, "code_digest", lambda *_: "0123456789abcdef")
    report = swept(simulated.flawed, 100, checkpoint=path)
    assert report.resumed == 0
    assert report.done == 100
    assert "the code has changed since 100 seeds were run" in report.note
    aside = [other for other in tmp_path.iterdir() if other != path]
    assert len(aside) == 1
    assert str(aside[0]) in report.note


@pytest.mark.parametrize("content", [b"", b"\xc1 nonsense", b"\x93\x01\x02\x03"])
def test_a_damaged_checkpoint_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(content)
    report = swept(simulated.flawed, 100, checkpoint=path)
    assert report.done == 100
    assert "could not be read" in report.note
    assert (tmp_path / "checkpoint.damaged").read_bytes() == content


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_killed_goes_on_and_runs_little_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    path, seeds = tmp_path / "checkpoint", tmp_path / "seeds"
    seeds.touch()
    count = 800
    program = (
        "from functools import partial; from pathlib import Path\n"
        "from partita.simulations import sweep as s; from toys import simulated\n"
        "s.CHECKPOINT_S = s.CHUNK_S = 0.1; s.code_digest = lambda *_: 'today'\n"
        f"s.sweep(simulated.slow, 'shop', range({count}), executor=partial(s.processes, 2), jobs=2,"
        f" checkpoint=Path({str(path)!r}))\n"
    )
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            program,
        ],
        env={**os.environ, "SEEDS_RUN": str(seeds), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < until:
        if path.exists() and seeds.read_text().count("\n") > 150:
            break
        time.sleep(0.01)
    if how == signal.SIGINT:
        os.killpg(child.pid, how)  # as a terminal does: to the workers as well
    else:
        child.kill()
    _, told = child.communicate(timeout=60)  # ends when the workers have closed it too
    assert child.returncode == -how
    if how == signal.SIGINT:
        assert told.count(b"Traceback") == 1
        assert told.rstrip().endswith(b"KeyboardInterrupt")
    before = len(seeds.read_text().splitlines())
    assert before < count
    monkeypatch.setenv("SEEDS_RUN", str(seeds))
    monkeypatch.setattr(sweeping, "code_digest", lambda *_: "today")
    report = swept(simulated.slow, count, checkpoint=path)
    assert report.resumed > 0
    assert counted(report) == counted(swept(simulated.flawed, count))
    times = Counter(seeds.read_text().splitlines())
    assert len(times) == count
    assert sum(times.values()) - count < 250


def test_a_checkpoint_names_its_question() -> None:
    assert checkpoint_name("shop", "trio", range(5, 10)) == "shop-trio-5-10.sweep"
    assert Checkpoint.__struct_fields__ == ("code", "report", "ranges")


# -- ranges -------------------------------------------------------------------------------------------------------------


def test_ranges_melt_together_whatever_their_order() -> None:
    ranges = Ranges()
    for start, stop in ((10, 20), (0, 5), (30, 40), (5, 10), (18, 30)):
        ranges.add(start, stop)
    assert ranges.items == [(0, 40)]


def test_what_is_missing_lies_between_them() -> None:
    ranges = Ranges([(5, 10), (20, 30)])
    assert ranges.missing(0, 40) == [(0, 5), (10, 20), (30, 40)]
    assert ranges.missing(5, 30) == [(10, 20)]
    assert Ranges().missing(3, 7) == [(3, 7)]
    assert Ranges([(0, 7)]).missing(0, 7) == []
