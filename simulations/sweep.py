"""Many seeds of a scenario, in many processes or on many machines; an interrupted sweep goes on where it was.

Seeds are handed out in chunks that take about a second, over the standard ``Executor`` interface. A chunk comes back as one
small :class:`SweepReport`, which is merged into the whole; what is in memory does not grow with the number of seeds. A chunk
whose worker died is tried again alone, in halves, until the seed that kills is found.
"""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import msgspec

from partita.events.errors import SweepFailed
from partita.simulations.code import code_digest
from partita.simulations.outcome import Level, Outcome, Plan
from partita.simulations.scenario import scenarios
from partita.simulations.tally import Defect, Ranges, SweepReport

CHUNK_S: Final = 1.0
CHUNK_SEEDS_AT_MOST: Final = 20_000
CHECKPOINT_S: Final = 2.0
DEATHS_AT_MOST: Final = 50
"""After so many dead workers in a row, with nothing run in between, the sweep is given up."""


class Work(Protocol):
    """Runs one seed. It travels between processes: a function of a module."""

    def __call__(self, scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        """What came of it. ``log_path``: write the log there."""
        ...


class Checkpoint(msgspec.Struct):
    """A sweep on disk."""

    code: str
    report: SweepReport
    ranges: Ranges


def processes(jobs: int | None = None) -> Executor:
    """An executor over so many processes, one for each processor unless told otherwise; they end with this one."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs or processors(), mp_context=context, initializer=_begin_worker)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checkpoint_name(scenario: str, level: Level, seeds: range) -> str:
    """The name of the file that keeps such a sweep. It is the same for the same question, whichever code answers."""
    return f"{scenario}-{level}-{seeds.start}-{seeds.stop}.sweep"


def sweep(
    work: Work,
    scenario: str,
    seeds: range,
    *,
    level: Level = "kernel",
    executor: Callable[[], Executor] = processes,
    jobs: int | None = None,
    checkpoint: Path | None = None,
    on_progress: Callable[[SweepReport], None] | None = None,
) -> SweepReport:
    """Run every seed of a range, and report.

    ``executor``: makes one; made again when its workers die. ``jobs``: how many chunks it works on at once (the number of
    processors unless told otherwise). ``checkpoint``: a file that keeps how far it is, written about every two seconds and
    when the sweep is interrupted; one that is there already is gone on with, or, when other code wrote it, set aside (the
    report's ``note`` says so). It stays when all is done, and gives the same report again. ``on_progress`` gets the report so
    far whenever a chunk has come back.

    Raises :class:`SweepFailed` when no worker lives long enough to run anything.
    """
    if seeds.step != 1:
        raise ValueError(f"seeds are a range without a step, not {seeds}")
    pickle.dumps(work)  # fails here, once, and not in every worker
    return _Sweep(
        work,
        scenario,
        seeds,
        level=level,
        executor=executor,
        jobs=jobs or processors(),
        checkpoint=checkpoint,
        on_progress=on_progress,
    ).run()


class _Sweep:
    def __init__(
        self,
        work: Work,
        scenario: str,
        seeds: range,
        *,
        level: Level,
        executor: Callable[[], Executor],
        jobs: int,
        checkpoint: Path | None,
        on_progress: Callable[[SweepReport], None] | None,
    ) -> None:
        self._run_chunk = partial(run_chunk, work, scenario, level)
        self._make_executor = executor
        self._executor: Executor | None = None
        self._at_once = 2 * jobs  # one under way and one waiting for each worker
        self._checkpoint = checkpoint
        self._on_progress = on_progress
        self._code = code_digest(work)
        self._size = 1
        self._flying: dict[Future[tuple[SweepReport, float]], tuple[int, int]] = {}
        self._suspects: deque[tuple[int, int]] = deque()
        self._alone: tuple[int, int] | None = None  # the chunk that is under way by itself, having been suspected
        self._deaths = 0
        self.report = SweepReport(scenario=scenario, level=level, start=seeds.start, stop=seeds.stop)
        self._ranges = Ranges()
        if checkpoint is not None:
            self._resume(checkpoint)
        self._todo = deque(self._ranges.missing(seeds.start, seeds.stop))
        self._began = time.perf_counter() - self.report.wall_s
        self._saved = time.perf_counter()

    def run(self) -> SweepReport:
        try:
            while self._hand_out():
                done, _ = wait(self._flying, timeout=CHECKPOINT_S, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=self._flying.__getitem__):
                    self._take(future)
                self._take_stock()
        except BaseException:
            self._end(interrupted=True)
            raise
        self._end(interrupted=False)
        return self.report

    # -- handing out ------------------------------------------------------------------------------------------------

    def _hand_out(self) -> bool:
        """See that there is enough under way; whether there is anything."""
        if self._suspects:
            if not self._flying:
                self._alone = self._suspects.popleft()
                self._submit(*self._alone)
            return True
        while self._todo and len(self._flying) < self._at_once and not self._suspects:
            start, stop = self._todo.popleft()
            end = min(stop, start + self._size)
            if end < stop:
                self._todo.appendleft((end, stop))
            self._submit(start, end)
        return bool(self._flying or self._suspects)

    def _submit(self, start: int, stop: int) -> None:
        if self._executor is None:
            self._executor = self._make_executor()
        try:
            future = self._executor.submit(self._run_chunk, start, stop)
        except BrokenExecutor as error:  # it broke while nobody looked
            self._take_death(start, stop, error)
        else:
            self._flying[future] = (start, stop)

    def _take(self, future: Future[tuple[SweepReport, float]]) -> None:
        start, stop = self._flying.pop(future)
        try:
            part, wall_s = future.result()
        except Exception as error:  # noqa: BLE001  # executors differ in what they raise when a worker is gone
            self._take_death(start, stop, error)
            return
        self._deaths = 0
        self._alone = None
        self._add(part, start, stop)
        if stop - start == self._size or wall_s > CHUNK_S:
            fitting = int((stop - start) * CHUNK_S / max(wall_s, 1e-6))
            self._size = max(1, min(fitting, 2 * self._size, CHUNK_SEEDS_AT_MOST))

    def _take_death(self, start: int, stop: int, error: Exception) -> None:
        """A worker is gone, and a chunk with it: perhaps its fault, and surely so when nothing else was under way."""
        alone, self._alone = self._alone == (start, stop), None
        if isinstance(error, BrokenExecutor) and self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None
        if not alone:
            self._suspects.append((start, stop))
            return
        self._deaths += 1
        if self._deaths > DEATHS_AT_MOST:
            raise SweepFailed(f"no worker lives long enough to run a seed: {type(error).__name__}: {error}") from error
        if stop - start == 1:
            part = self._part()
            part.add_defect(Defect(start, f"the worker died: {type(error).__name__}: {error}"))
            self._add(part, start, stop)
        else:
            middle = (start + stop) // 2
            self._suspects.extendleft([(middle, stop), (start, middle)])

    # -- keeping ----------------------------------------------------------------------------------------------------

    def _part(self) -> SweepReport:
        report = self.report
        return SweepReport(scenario=report.scenario, level=report.level, start=report.start, stop=report.stop)

    def _add(self, part: SweepReport, start: int, stop: int) -> None:
        self.report.merge(part)
        self._ranges.add(start, stop)

    def _take_stock(self) -> None:
        now = time.perf_counter()
        self.report.wall_s = now - self._began
        if now - self._saved >= CHECKPOINT_S:
            self._saved = now
            self._save()
        if self._on_progress is not None:
            self._on_progress(self.report)

    def _end(self, *, interrupted: bool) -> None:
        self.report.wall_s = time.perf_counter() - self._began
        self._save()
        for future in self._flying:
            future.cancel()
        if self._executor is not None:
            self._executor.shutdown(wait=not interrupted)

    def _resume(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            found = msgspec.msgpack.decode(path.read_bytes(), type=Checkpoint)
        except FileNotFoundError:
            return
        except msgspec.DecodeError as error:  # ValidationError is one
            self.report.note = f"{_set_aside(path, 'damaged')} could not be read ({error}): the sweep begins anew"
            return
        if found.code != self._code:
            aside = _set_aside(path, found.code[:8])
            self.report.note = (
                f"the code has changed since {found.report.done} seeds were run: they are set aside in {aside}"
            )
            return
        found.report.resumed = found.report.done
        found.report.note = f"goes on after {found.report.done} of {found.report.total} seeds"
        self.report = found.report
        self._ranges = found.ranges

    def _save(self) -> None:
        if self._checkpoint is not None:
            content = msgspec.msgpack.encode(Checkpoint(self._code, self.report, self._ranges))
            beside = self._checkpoint.with_name(self._checkpoint.name + ".new")
            beside.write_bytes(content)
            beside.replace(self._checkpoint)


def _set_aside(path: Path, why: str) -> Path:
    aside = path.with_name(f"{path.name}.{why}")
    path.replace(aside)
    return aside


def run_chunk(work: Work, scenario: str, level: Level, start: int, stop: int) -> tuple[SweepReport, float]:
    """In a worker: the seeds from ``start`` up to, not including, ``stop``; what came of them, and the seconds it took."""
    began = time.perf_counter()
    report = SweepReport(scenario=scenario, level=level, start=start, stop=stop)
    for seed in range(start, stop):
        try:
            report.add(work(scenario, seed, level, Plan(), None))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001  # a simulated crash that nobody caught is a defect like any other
            report.add_defect(Defect(seed, traceback.format_exc(limit=-8)))
    return report, time.perf_counter() - began


def _begin_worker() -> None:
    """Ctrl-C is the parent's business; and when the parent is gone, however it went, so is the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # of processes that have crashed; what matters a run's checkers hear themselves
    scenarios()
    gc.freeze()  # what is imported stays for good: no collection has to look through it
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="ends with its parent", daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
