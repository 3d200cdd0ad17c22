"""The debugger in a long log: opening it, steps back at random places, running to a condition; and what it holds meanwhile."""

from __future__ import annotations

import gc
import random
import statistics
import time
from pathlib import Path

from benchmarks.measuring import ABSENT, Bench, Row, median, per_second
from benchmarks.opening import TAIL, build_log
from benchmarks.workload import BEHAVIORS
from partita.actors.replay.debugger import Debugger
from partita.store.partition import PartitionStore

STEPS = 300
MOST_RUNS = 3
NEVER = 'event is DownloadPathSet and path == "/nowhere"'
NEVER_IN_STATE = 'state.download_path == "/nowhere"'


def opened(directory: Path) -> Debugger:
    return Debugger(PartitionStore.read(directory), BEHAVIORS)


def open_ms(directory: Path) -> float:
    """To the states and the turn at the end."""
    began = time.perf_counter()
    with opened(directory) as log:
        assert log.states
        assert log.turn is not None
        return (time.perf_counter() - began) * 1e3


def chart_s(log: Debugger) -> float:
    """The first look at the far end: all keyframes."""
    began = time.perf_counter()
    log.jump(log.begin + 1)
    assert log.states
    log.jump(log.last - TAIL - 1)
    assert log.states
    return time.perf_counter() - began


def steps_back_ms(log: Debugger, generator: random.Random) -> list[float]:
    """Jump anywhere, unmeasured; then a step back: the turn, the states, and what the turn changed."""
    times = []
    for _ in range(STEPS):
        log.jump(generator.randrange(log.begin + 2, log.last + 1))
        assert log.turn is not None
        began = time.perf_counter()
        log.back()
        assert log.turn is not None
        assert log.states
        log.changes()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def jumps_ms(log: Debugger, generator: random.Random) -> list[float]:
    """The same for a jump to anywhere."""
    times = []
    for _ in range(STEPS):
        began = time.perf_counter()
        log.jump(generator.randrange(log.begin + 2, log.last + 1))
        assert log.turn is not None
        log.changes()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def run_rate(log: Debugger, condition: str) -> float:
    """Turns a second, to a condition that never holds."""
    log.jump(log.begin)
    began = time.perf_counter()
    assert not log.when(condition)
    return (log.last - log.begin) / (time.perf_counter() - began)


def memory_bytes() -> int:
    """What the process holds now, without the pages of the log that the system maps; 0 where the system does not tell."""
    gc.collect()
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon:")), 0)


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    turns = bench.sizes.log_turns
    folder = bench.scratch / "long"
    build_log(folder, turns, tail=TAIL, tail_batch=TAIL)
    openings = [open_ms(folder) for _ in range(bench.sizes.openings)]
    before = memory_bytes()
    with opened(folder) as log:
        charted_s = chart_s(log)
        charted = memory_bytes() - before
        generator = random.Random(7)
        steps = [steps_back_ms(log, generator) for _ in range(bench.sizes.rounds)]
        jumps = [jumps_ms(log, generator) for _ in range(bench.sizes.rounds)]
        rounds = min(bench.sizes.rounds, MOST_RUNS)
        runs = [run_rate(log, NEVER) for _ in range(rounds)]
        state_runs = [run_rate(log, NEVER_IN_STATE) for _ in range(rounds)]
        walked = memory_bytes() - before
    step_row = _times("debugger-back", f"debugger: a step back, anywhere in {turns:,} turns", steps, goal=50)
    jump_row = _times("debugger-jump", "debugger: a jump to anywhere, charted", jumps, goal=50)
    return [
        _ms("debugger-open", f"debugger: open a log of {turns:,} turns at its end", openings),
        _ms("debugger-chart", "debugger: chart all of it, once", [charted_s * 1e3]),
        *step_row,
        *jump_row,
        _rate("debugger-run", "debugger: run to a condition on events", runs),
        _rate("debugger-run-state", "debugger: run to a condition on the state", state_runs),
        _mib("debugger-memory", "debugger: memory of a charted log", charted),
        _mib("debugger-memory-walked", "debugger: the same after all of the above", walked),
    ]


def _times(name: str, what: str, rounds: list[list[float]], goal: float) -> list[Row]:
    p50s = [statistics.median(times) for times in rounds]
    p99s = [sorted(times)[int(len(times) * 0.99)] for times in rounds]
    return [_ms(name, f"{what}, p50", p50s), _ms(f"{name}-p99", f"{what}, p99", p99s, goal=goal)]


def _ms(name: str, what: str, figures: list[float], goal: float | None = None) -> Row:
    score = median(figures)
    return Row(
        name=name,
        what=what,
        ours=f"{score:.2f} ms",
        peer=ABSENT,
        score=score,
        unit="ms",
        better="lower",
        goal=goal,
        rounds=figures,
    )


def _rate(name: str, what: str, figures: list[float]) -> Row:
    score = median(figures)
    thousands = [figure / 1e3 for figure in figures]
    return Row(
        name=name, what=what, ours=per_second(score), peer=ABSENT, score=score / 1e3, unit="k/s", rounds=thousands
    )


def _mib(name: str, what: str, size: int) -> Row:
    mib = size / 2**20
    return Row(
        name=name, what=what, ours=f"{mib:.1f} MiB", peer=ABSENT, score=mib, unit="MiB", better="lower", rounds=[mib]
    )
