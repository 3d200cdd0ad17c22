"""``partita download``: files through a session, with progress while they come."""

import os
import shlex
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from partita.actors.network.urls import parse_http_url
from partita.command.download_jobs import Into, Job, interrupted
from partita.command.download_options import (
    parse_concurrent,
    parse_integrity,
    parse_rate,
    parse_retry,
    parse_segments,
)
from partita.command.download_table import table
from partita.command.ending import NO, WrongUsage, complain
from partita.command.options import AsJson, DataDir
from partita.command.printing import console, counted, print_json, size_text
from partita.command.sessions import Name, opened
from partita.downloading import HowToDownload
from partita.errors import UnobservedFailure
from partita.events.download_options import RetryPolicy
from partita.session import Session

TICK_S: Final = 0.2
ROOM: Final = 4
"""Lines of the terminal that the table's head, its sum and what stands around it take."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: as Ctrl-C, but nobody sits there."""


def download(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="URL...", help="One or several.", show_default=False)
    ] = None,
    *,
    partition: Name = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--directory",
            metavar="DIR",
            help="Where files go; else the partition's download folder, without a partition this folder.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", "-c", help="Go on with what was interrupted: all of it, or these URLs.")
    ] = False,
    rate: Annotated[
        int | None,
        typer.Option(
            metavar="RATE", parser=parse_rate, help="Bytes a second, all together: 500k, 2M.", show_default=False
        ),
    ] = None,
    concurrent: Annotated[
        int | None,
        typer.Option(
            "-j", "--concurrent", metavar="N", parser=parse_concurrent, help="Files at a time.", show_default=False
        ),
    ] = None,
    segments: Annotated[
        int | None,
        typer.Option(
            "-x",
            "--segments",
            metavar="N",
            parser=parse_segments,
            help="Connections for each file.",
            show_default=False,
        ),
    ] = None,
    retry: Annotated[
        RetryPolicy | None,
        typer.Option(
            metavar="N[,FIRST..CAP]", parser=parse_retry, help="Go on by itself: 5, or 5,2s..60s.", show_default=False
        ),
    ] = None,
    integrity: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="What the file must be: sha256-BASE64 or sha256:HEX.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Download files, or go on with some.

    Ctrl-C leaves what has not come to be gone on with. Exit status 1 when one of them was not completed, 130 after Ctrl-C.
    """
    wanted = [parse_http_url(url) for url in urls or []]
    if not wanted and not resume:
        raise WrongUsage("which URL? (--resume alone goes on with all that was interrupted)")
    if resume and partition is None:
        raise WrongUsage("--resume needs a partition that is kept: -p PARTITION")
    how: HowToDownload = {"retry": retry, "segments": segments or 1}
    if integrity is not None:
        how["integrity"] = parse_integrity(integrity, len(wanted))
    target = directory.absolute() if directory else None if partition is not None else Path.cwd()
    jobs: list[Job] = []
    kept = False
    try:
        with _terminable(), opened(partition, data_dir) as session:
            kept = session.is_persistent()
            session.limit_downloads(concurrent=concurrent, per_host=concurrent, rate=rate)
            jobs.extend(_begun(session, wanted, target, how, resume=resume))
            _watch(jobs)
            left = [job for job in jobs if not job.completed and job.can_go_on]
            if as_json:
                print_json({"downloads": [job.plain() for job in jobs]})
            else:
                _print(jobs)
            if left and not as_json:
                _say_how_to_go_on(len(left), partition if kept else None, data_dir)
    except KeyboardInterrupt as stop:
        warnings.simplefilter("ignore", UnobservedFailure)  # whoever would have looked has been told to stop
        left = [job for job in jobs if not job.ended]
        if left:
            _say_how_to_go_on(len(left), partition if kept else None, data_dir)
        if isinstance(stop, Terminated):
            raise typer.Exit(NO) from None
        raise
    if not all(job.completed for job in jobs):
        raise typer.Exit(NO)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is raised, so that everything is closed in good order."""

    def on_signal(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _begun(
    session: Session, wanted: list[str], target: Path | None, how: HowToDownload, *, resume: bool
) -> Iterator[Job]:
    """All that this run is about, on its way."""
    if target is not None:
        unfinished = ("progressing", "interrupted")
        taken = {Path(item.save_path) for item in session.downloads() if item.get_state() in unfinished}
        session.on("will-download", Into(target, taken=taken))
    resumed = [Job.resumed(item) for item in interrupted(session, wanted)] if resume else []
    yield from resumed
    there = {job.url for job in resumed}
    for url in wanted:
        if url not in there:
            yield Job(url, session.download_url(url, **how))


def _watch(jobs: list[Job]) -> None:
    """Come back when no job has more to wait for; meanwhile, show how far they are."""
    out = console(error=True)
    wake = threading.Event()

    def shown() -> Table:
        return table([job.line() for job in jobs], most=max(1, out.height - ROOM))

    live = Live(console=out, auto_refresh=False, get_renderable=shown) if sys.stderr.isatty() else None
    try:
        if live is not None:
            live.start()
        while True:
            wake.clear()
            waiting = [job.advance(wake) for job in jobs]
            if live is not None:
                live.refresh()
            if not any(waiting):
                return
            wake.wait(TICK_S)
    finally:
        if live is not None:
            live.stop()


def _print(jobs: list[Job]) -> None:
    out = console()
    for job in jobs:
        if job.completed and job.item is not None:
            size = size_text(job.item.get_received_bytes())
            out.print(Text("completed", style="green").append(f"  {job.item.save_path}  {size}", style="default"))
        else:
            complain(f"{job.state}: {job.url}: {job.problem}")


def _say_how_to_go_on(left: int, partition: str | None, data_dir: Path | None) -> None:
    """``partition``: None for one that is gone with this run."""
    if partition is None:
        complain(f"{counted(left, 'download')} cannot go on: with -p persist:NAME they could, with --resume")
        return
    words = ["partita", "download", "--resume", "-p", partition]
    if data_dir is not None and str(data_dir) != os.environ.get("PARTITA_HOME"):
        words += ["--data-dir", str(data_dir)]
    complain(f"{counted(left, 'download')} can go on: {shlex.join(words)}")
