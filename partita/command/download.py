"""``partita download``: files through a session, with progress while they come."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from partita.actors.network.urls import parse_http_url
from partita.command.download_jobs import Wanted
from partita.command.download_options import (
    parse_concurrent,
    parse_integrity,
    parse_rate,
    parse_retry,
    parse_segments,
    urls_in,
)
from partita.command.download_outcome import shown_url
from partita.command.download_places import place_of
from partita.command.download_run import Plan, Report, run
from partita.command.ending import NO, WrongUsage, complain
from partita.command.options import AsJson, DataDir
from partita.command.printing import console, counted, print_json, size_text
from partita.command.reading import check_kept
from partita.command.sessions import Name
from partita.download_arguments import HowToGoOn


def download(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="URL...", help="One or several.", show_default=False)
    ] = None,
    *,
    input_file: Annotated[
        str | None,
        typer.Option(
            "-i",
            "--input",
            metavar="FILE",
            help="More URLs, one a line; - is the standard input. Lines that begin with # are skipped.",
            show_default=False,
        ),
    ] = None,
    partition: Name = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--directory",
            metavar="DIR",
            help="Where files go, under names that are free;"
            " else the partition's download folder, without a partition this folder.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-O",
            "--output",
            metavar="NAME",
            help="The one file's name or path, from -o DIR or this folder on; what is there is replaced.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            "-c",
            help="Go on with what was interrupted: all of it, or these URLs."
            " One that is complete is left as it is, one that the partition does not know begins.",
        ),
    ] = False,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help="Bytes a second, all together: 500k, 2M; 0 is no limit. It stays so for the partition.",
            show_default=False,
        ),
    ] = None,
    concurrent: Annotated[
        str | None,
        typer.Option(
            "-j",
            "--concurrent",
            metavar="N",
            help="Files at a time. It stays so for the partition.",
            show_default=False,
        ),
    ] = None,
    segments: Annotated[
        str | None,
        typer.Option("-x", "--segments", metavar="N", help="Connections for each file.", show_default=False),
    ] = None,
    retry: Annotated[
        str | None,
        typer.Option(metavar="N[,FIRST..CAP]", help="Go on by itself: 5, or 5,2s..60s.", show_default=False),
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
    What --resume goes on with takes -x, --retry and --integrity from now on, and stays where it is: -o is for URLs that begin.
    """
    wanted = [_wanted(url) for url in (*(urls or ()), *(urls_in(input_file) if input_file is not None else ()))]
    has_directory, has_output = directory is not None, output is not None
    _check(wanted, partition, data_dir, resume=resume, has_directory=has_directory, has_output=has_output)
    plan = Plan(
        wanted=wanted,
        place=place_of(directory, output, here_at_first=partition is None),
        how=_how(segments, retry, integrity, len(wanted)),
        resume=resume,
        partition=partition,
        data_dir=data_dir,
        concurrent=None if concurrent is None else parse_concurrent(concurrent),
        rate_bytes_s=None if rate is None else parse_rate(rate),
    )
    report = run(plan)
    _say(plan, report, as_json=as_json)
    if report.stop is not None:
        raise report.stop
    if not report.is_good:
        raise typer.Exit(NO)


def _wanted(text: str) -> Wanted:
    url = parse_http_url(text)
    return Wanted(url, shown_url(url))


def _check(
    wanted: list[Wanted],
    partition: str | None,
    data_dir: Path | None,
    *,
    resume: bool,
    has_directory: bool,
    has_output: bool,
) -> None:
    """Raises :class:`WrongUsage` for what does not go together."""
    if not wanted and not resume:
        raise WrongUsage("which URL? (--resume alone goes on with all that was interrupted)")
    if has_output and (resume or len(wanted) != 1):
        raise WrongUsage("-O is for one URL, and not for --resume: what goes on keeps its file")
    if not resume:
        return
    if partition is None:
        raise WrongUsage("--resume needs a partition that is kept: -p PARTITION")
    if has_directory and not wanted:
        raise WrongUsage("-o: what --resume goes on with stays in the folder where it was begun")
    check_kept(partition, data_dir, must_exist=not wanted)


def _how(segments: str | None, retry: str | None, integrity: str | None, urls: int) -> HowToGoOn:
    how: HowToGoOn = {}
    if segments is not None:
        how["segments"] = parse_segments(segments)
    if retry is not None:
        how["retry"] = parse_retry(retry)
    if integrity is not None:
        how["integrity"] = parse_integrity(integrity, urls)
    return how


def _say(plan: Plan, report: Report, *, as_json: bool) -> None:
    """What has come is printed at the end only, and not when somebody has stopped it, who saw it."""
    stopped = report.stop is not None
    if plan.resume and not report.outcomes and not stopped:
        complain("nothing to go on with")
    if as_json:
        print_json({"downloads": report.outcomes})
    elif not stopped:
        _print(report)
    if report.left and (stopped or not as_json):
        _say_how_to_go_on(report.left, plan.partition if report.kept else None, plan.data_dir)


def _print(report: Report) -> None:
    out = console()
    for outcome in report.outcomes:
        if outcome.state != "completed":
            complain(f"{outcome.state}: {outcome.url}: {outcome.problem}")
            continue
        word = "already complete" if outcome.id in report.complete_before else "completed"
        line = Text(word, style="green").append(
            f"  {outcome.save_path}  {size_text(outcome.received_bytes)}", "default"
        )
        out.print(line, soft_wrap=True)


def _say_how_to_go_on(left: int, partition: str | None, data_dir: Path | None) -> None:
    """``partition``: None for one that is gone with this run."""
    if partition is None:
        complain(f"{counted(left, 'download')} cannot go on: with -p persist:NAME they could, with --resume")
        return
    words = ["partita", "download", "--resume", "-p", partition]
    if data_dir is not None and str(data_dir) != os.environ.get("PARTITA_HOME"):
        words += ["--data-dir", str(data_dir)]
    complain(f"{counted(left, 'download')} can go on: {shlex.join(words)}")
