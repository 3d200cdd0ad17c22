"""What an actor that has nothing to do takes, by the anonymous memory of a process of its own.

``python -m benchmarks.idle_actors COUNT named|messaged DIRECTORY`` is that process: it prints bytes an actor.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

from benchmarks.measuring import ABSENT, Bench, Row, median
from benchmarks.workload import PATH, dispatcher, opened, partition
from partita.actors.kernel.partition import Partition
from partita.events.preferences import SetDownloadPath


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    figures: dict[str, list[float]] = {"named": [], "messaged": []}
    for number in range(5 if bench.sizes.rounds > 2 else 1):
        for how, found in figures.items():
            directory = bench.scratch / f"{how}-{number}"
            found.append(_in_a_process(bench.sizes.actors, how, directory))
    count = f"{bench.sizes.actors:,}"
    return [
        Row(
            name=name,
            what=what,
            ours=f"{median(figures[how]):,.0f} B",
            peer=ABSENT,
            score=median(figures[how]),
            unit="B",
            better="lower",
            floor=2_000,
            goal=goal,
            rounds=figures[how],
        )
        for name, what, how, goal in (
            ("idle-actor", f"memory of an idle actor, of {count}", "named", 1_500),
            ("idle-actor-used", "the same after a turn, its state included", "messaged", None),
        )
    ]


def _in_a_process(count: int, how: str, directory: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.idle_actors", str(count), how, str(directory)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    return float(json.loads(done.stdout))


def anonymous_bytes() -> int:
    """Of this process; where the system does not say, what Python's own allocators have given out."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return tracemalloc.get_traced_memory()[0]


def _populate(running: Partition, names: range, how: str) -> None:
    for number in names:
        name = f"page/{number:08}"
        if how == "named":
            running.actor(name)
        else:
            running.tell(SetDownloadPath(f"{PATH}{number:08}"), to=name)
    running.flush().get()


def measured(count: int, how: str, directory: Path) -> float:
    """Bytes an actor: what the third ``count`` of them adds.

    The first two fill what is made once (the codec's buffer of a large batch), and the memory that messages under way leave
    free for the next: without them the figure would be too large, or, with messages alone, too small.
    """
    if not Path("/proc/self/status").exists():
        tracemalloc.start()
    with dispatcher() as kernel, partition(kernel, opened(directory)) as running:
        _populate(running, range(count), how)
        _populate(running, range(count, 2 * count), how)
        gc.collect()
        before = anonymous_bytes()
        _populate(running, range(2 * count, 3 * count), how)
        gc.collect()
        after = anonymous_bytes()
        assert len(running.actors) == 1 + 3 * count
    return (after - before) / count


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))))
