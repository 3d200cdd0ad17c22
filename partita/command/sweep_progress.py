"""How far a sweep is: a bar on a terminal, now and then a line elsewhere. On stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from partita.command.printing import console
from partita.simulations.tally import SweepReport

LINE_EVERY_S: Final = 5.0


@contextmanager
def sweep_progress(total: int) -> Iterator[Callable[[SweepReport], None]]:
    """Inside, call what it gives with the report so far."""
    out = console(error=True)
    if not sys.stderr.isatty():
        told = time.monotonic()

        def line(report: SweepReport) -> None:
            nonlocal told
            if time.monotonic() - told >= LINE_EVERY_S:
                told = time.monotonic()
                out.print(f"{report.done} of {total} seeds, {_rate(report)}")

        yield line
        return
    progress = Progress(
        TextColumn("seeds"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
        console=out,
    )
    with progress:
        row = progress.add_task("", total=total)
        yield lambda report: progress.update(row, completed=report.done, description=_rate(report))


@contextmanager
def status(text: str) -> Iterator[Callable[[str], None]]:
    """Inside, call what it gives with what is being done now; shown on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with console(error=True).status(text) as shown:
        yield shown.update


def _rate(report: SweepReport) -> str:
    bad = report.failed + report.broken
    return f"{report.done / max(report.wall_s, 1e-9):,.0f} seeds/s, {bad} failed"
