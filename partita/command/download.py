"""``partita download``: files through a session, with progress while they come."""

import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from partita.actors.downloads.naming import candidates
from partita.actors.kernel.future import Future
from partita.actors.network.urls import parse_http_url
from partita.command.ending import NO, WrongUsage, complain, line_of
from partita.command.options import AsJson, DataDir
from partita.command.printing import console, print_json, size_text
from partita.command.sessions import Name, opened
from partita.downloading import WillDownload
from partita.downloads import DownloadItem
from partita.errors import PartitaError
from partita.session import Session

TICK_S: Final = 0.1


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
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Download files, or go on with some.

    Exit status 1 when one of them was not completed.
    """
    wanted = [parse_http_url(url) for url in urls or []]
    if not wanted and not resume:
        raise WrongUsage("which URL? (--resume alone goes on with all that was interrupted)")
    if resume and partition is None:
        raise WrongUsage("--resume needs a partition that is kept: -p PARTITION")
    target = directory.absolute() if directory else None if partition is not None else Path.cwd()
    with opened(partition, data_dir) as session:
        if target is not None:
            kept = {
                Path(item.save_path)
                for item in session.downloads()
                if item.get_state() in ("progressing", "interrupted")
            }
            session.on("will-download", _Into(target, taken=kept))
        jobs = [_Job.resumed(item) for item in _interrupted(session, wanted)] if resume else []
        jobs += [_Job(url, session.download_url(url)) for url in wanted if url not in {job.url for job in jobs}]
        _watch(jobs)
        if as_json:
            print_json({"downloads": [job.plain() for job in jobs]})
        else:
            _print(jobs)
    if not all(job.completed for job in jobs):
        raise typer.Exit(NO)


class _Into:
    """A listener of ``will-download``: into this folder, under a name that is free there."""

    def __init__(self, directory: Path, *, taken: set[Path]) -> None:
        self._directory = directory
        self._given = set(taken)  # names that downloads which may be resumed will want

    def __call__(self, event: WillDownload) -> None:
        names = (self._directory / name for name in candidates(event.item.get_filename()))
        path = next(path for path in names if path not in self._given and not path.exists())
        self._given.add(path)
        event.item.set_save_path(str(path))


class _Job:
    """One download of this run, from its announcement until it receives no more."""

    def __init__(self, url: str, announced: Future[DownloadItem]) -> None:
        self.url = url
        self.item: DownloadItem | None = None
        self.error: PartitaError | None = None
        self._announced = announced
        self._stopped: Future[str] | None = None

    @classmethod
    def resumed(cls, item: DownloadItem) -> "_Job":
        announced: Future[DownloadItem] = Future()
        announced.set(item)
        job = cls(item.get_url_chain()[0], announced)
        item.resume()
        return job

    def advance(self, wake: threading.Event) -> bool:
        """Take note of what has come; whether there is more to wait for."""
        if self._stopped is None:
            if not self._announced.done:
                self._announced.when_done(wake.set)
                return True
            try:
                self.item = self._announced.outcome()
            except PartitaError as error:
                self.error = error
                return False
            self._stopped = self.item.stopped()
            self._stopped.when_done(wake.set)
        return not self._stopped.done

    @property
    def state(self) -> str:
        return "failed" if self.item is None else self.item.get_state()

    @property
    def completed(self) -> bool:
        return self.state == "completed"

    @property
    def problem(self) -> str:
        if self.error is not None:
            return line_of(self.error)
        if self.item is None or self.completed:
            return ""
        return " ".join(f"{self.item.last_reason} {self.item.last_reason_detail}".split())

    def plain(self) -> dict[str, object]:
        item = self.item
        plain: dict[str, object] = {"url": self.url, "state": self.state}
        if item is not None:
            plain |= {
                "id": item.id,
                "save_path": item.save_path,
                "received_bytes": item.get_received_bytes(),
                "total_bytes": item.get_total_bytes(),
                "mime_type": item.get_mime_type(),
            }
        return plain | {"problem": self.problem or None}


def _interrupted(session: Session, wanted: Iterable[str]) -> list[DownloadItem]:
    chosen = set(wanted)
    items = [item for item in session.downloads() if item.get_state() == "interrupted" and item.can_resume()]
    return [item for item in items if not chosen or item.get_url_chain()[0] in chosen]


def _watch(jobs: list[_Job]) -> None:
    """Come back when no job has more to wait for; meanwhile, show how far they are."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console(error=True),
        disable=not sys.stderr.isatty(),
    )
    wake = threading.Event()
    with progress:
        rows: list[TaskID] = [progress.add_task(job.url, total=None) for job in jobs]
        begun: set[TaskID] = set()
        while True:
            wake.clear()
            waiting = [job.advance(wake) for job in jobs]
            for row, job in zip(rows, jobs, strict=True):
                if job.item is None:
                    continue
                if row not in begun:  # what an earlier run received does not count for the speed of this one
                    begun.add(row)
                    progress.reset(row, completed=job.item.get_received_bytes())
                progress.update(
                    row,
                    description=Path(job.item.save_path).name or job.url,
                    completed=job.item.get_received_bytes(),
                    total=job.item.get_total_bytes() or None,
                )
            if not any(waiting):
                return
            wake.wait(TICK_S)


def _print(jobs: list[_Job]) -> None:
    out = console()
    for job in jobs:
        if job.completed and job.item is not None:
            size = size_text(job.item.get_received_bytes())
            out.print(Text("completed", style="green").append(f"  {job.item.save_path}  {size}", style="default"))
        else:
            complain(f"{job.state}: {job.url}: {job.problem}")
    if any(job.item is not None and job.item.can_resume() for job in jobs if not job.completed):
        complain("what was interrupted can go on with --resume, in a partition that is kept (-p persist:NAME)")
