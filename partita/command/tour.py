"""``partita tour``: a partition that runs, is killed, comes back and replays; on real sockets, in some seconds."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from partita.actors.replay.redecide import Report
from partita.command import tour_story
from partita.command.ending import NO, WrongUsage
from partita.command.options import AsJson
from partita.command.playing import report_to_plain
from partita.command.printing import console, counted, print_json, size_text
from partita.command.replay import divergence_to_plain, print_divergence
from partita.command.timeline import timeline, timeline_table
from partita.command.tour_server import TourServer
from partita.command.tour_story import Begun, Forked, Killed, PlayedBack, Resumed
from partita.inspection import to_plain
from partita.system import Record, System


def tour(
    *,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep the partition and the file there.", show_default=False),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Record every exchange, and play the whole tour back from its log.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """See it work: fetch, download, kill, resume, replay.

    On real sockets, against a server of its own, in a partition that is gone afterwards. Exit status 1 when anything came out
    differently than it should.
    """
    kept: Record = "exchanges" if record else "state"
    out = Console(quiet=True) if as_json else console()
    with _home(keep) as home, TourServer() as server:
        _heading(out, 1, "A session that is kept gets cookies, one of them on a redirect")
        with System(data_dir=home, record=kept) as system:
            begun = tour_story.begin(system, server.url("/welcome"))
        _tell_beginning(out, begun)

        _heading(out, 2, "Another process opens it, downloads 64 MiB, and is killed in the middle")
        killed = tour_story.kill_in_the_middle(home, begun.directory, server, home / "film.bin", kept)
        _tell_killing(out, killed)

        _heading(out, 3, "This process opens it again: nothing is lost, and the download goes on")
        with System(data_dir=home, record=kept) as system:
            resumed = tour_story.come_back(system)
        _tell_return(out, server, resumed)

        _heading(out, 4, "All of it is in the log: each turn, and what caused it")
        out.print(timeline_table(resumed.turns))

        _heading(out, 5, "Back to before the download, and another way from there")
        _tell_fork(out, resumed.fork)

        _heading(out, 6, "Every turn decided again: by today's rules, then by rules of which one was changed")
        today, changed = tour_story.decide_again(begun.directory)
        _tell_replays(out, today, changed)

        played = _played_back(out, home, server) if record else None

        good = _came_out_right(server, begun, killed, resumed) and today.agrees and bool(changed.divergences)
        good = good and (played is None or (played.report.agrees and played.sha256 == server.sha256))
        if as_json:
            print_json({**_to_plain(server, killed, resumed, today, changed), **_playback_to_plain(played)})
        elif keep is not None:
            out.print(f"\nkept in {home}: try `partita log show {begun.directory}`")
    if not good:
        raise typer.Exit(NO)


@contextmanager
def _home(keep: Path | None) -> Iterator[Path]:
    """The tour's data directory: the one to keep, or one that is gone in the end."""
    if keep is not None:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise WrongUsage(f"--keep {keep}: there is something already; give a new or an empty folder")
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    home = Path(tempfile.mkdtemp(prefix="partita-tour-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _came_out_right(server: TourServer, begun: Begun, killed: Killed, resumed: Resumed) -> bool:
    """What the tour claims."""
    return (
        resumed.sha256 == server.sha256
        and resumed.state == "completed"
        and resumed.received_found >= killed.received_bytes
        and {(c.name, c.value) for c in begun.cookies} == {(c.name, c.value) for c in resumed.cookies}
        and bool(server.ranges)
    )


# -- the story, for people --------------------------------------------------------------------------------------------


def _heading(out: Console, number: int, text: str) -> None:
    out.print(Text(f"{'' if number == 1 else chr(10)}{number}  {text}", style="bold"))


def _say(out: Console, name: str, text: str, style: str = "") -> None:
    out.print(Text(f"   {name:<12}", style="dim").append(text, style=style or "default"))


def _tell_beginning(out: Console, begun: Begun) -> None:
    _say(out, "kept in", str(begun.directory))
    for cookie in begun.cookies:
        _say(out, "cookie", f"{cookie.name}={cookie.value}")
    _say(out, "the site", begun.answer)


def _tell_killing(out: Console, killed: Killed) -> None:
    _say(out, "process", str(killed.pid))
    _say(out, "the log", f"read from here while it wrote: {size_text(killed.received_bytes)} are safe on the disk")
    _say(out, "ended by", killed.killed_by, "red")


def _tell_return(out: Console, server: TourServer, resumed: Resumed) -> None:
    _say(out, "process", str(resumed.pid))
    _say(out, "cookies", ", ".join(cookie.name for cookie in resumed.cookies))
    found = f"{resumed.state_found}, {resumed.reason_found}, at {size_text(resumed.received_found)}"
    _say(out, "download", f"{found}; resumed: {resumed.state}")
    _say(out, "the server", f"was asked for Range: {', '.join(server.ranges)}")
    same = resumed.sha256 == server.sha256
    _say(
        out,
        "SHA-256",
        f"{resumed.sha256[:16]}… {'is what was served' if same else 'DIFFERS'}",
        "green" if same else "red",
    )


def _tell_fork(out: Console, fork: Forked) -> None:
    then = ", ".join(cookie.name for cookie in fork.cookies_then)
    _say(out, "at", f"position {fork.position}: cookies {then}; {fork.downloads_then} downloads")
    _say(out, "the fork", f"has one more: {', '.join(cookie.name for cookie in fork.cookies_in_fork)}")


def _tell_replays(out: Console, today: Report, changed: Report) -> None:
    verdict = f"{counted(today.turns, 'turn')}, {counted(len(today.divergences), 'divergence')}"
    _say(out, "today", verdict, "green" if today.agrees else "red")
    _say(out, "changed", f"{counted(len(changed.divergences), 'divergence')}; the first:")
    out.print()
    for divergence in changed.divergences[:1]:
        print_divergence(out, divergence)


def _played_back(out: Console, home: Path, server: TourServer) -> PlayedBack:
    """The seventh step, of a tour that was recorded: the three acts once more, from the log."""
    _heading(out, 7, "The whole tour once more, with no network: the world answers from the log")
    asked = len(server.requests)
    urls = server.url("/welcome"), server.url("/home"), server.url("/film.bin")
    played = tour_story.play_back(home, urls, home / "film.bin")
    assert len(server.requests) == asked, "a playback asks no server"
    for opening in played.report.openings:
        text = f"positions {opening.first} to {opening.last}: {counted(opening.equal, 'turn')} equal"
        _say(out, opening.partition, text, "green" if opening.agrees else "red")
    if played.report.error is not None:
        _say(out, "but", str(played.report.error), "red")
    same = played.sha256 == server.sha256
    _say(
        out,
        "SHA-256",
        f"{played.sha256[:16]}… {'is what was served' if same else 'DIFFERS'}",
        "green" if same else "red",
    )
    return played


# -- the same, as one object ------------------------------------------------------------------------------------------


def _to_plain(
    server: TourServer, killed: Killed, resumed: Resumed, today: Report, changed: Report
) -> dict[str, object]:
    planted = divergence_to_plain(changed.divergences[0]) if changed.divergences else {}
    return {
        "sha256_served": server.sha256,
        "sha256_saved": resumed.sha256,
        "server_ranges": server.ranges,
        "killed_by": killed.killed_by,
        "killed_at_bytes": killed.received_bytes,
        "resumed_from_bytes": resumed.received_found,
        "interrupted_by": resumed.reason_found,
        "pid_before": killed.pid,
        "pid_after": resumed.pid,
        "turns": len(resumed.turns),
        "cookies": [to_plain(cookie) for cookie in resumed.cookies],
        "timeline": [line.plain() for line in timeline(resumed.turns)],
        "fork_position": resumed.fork.position,
        "fork_cookies": [cookie.name for cookie in resumed.fork.cookies_in_fork],
        "divergences": len(today.divergences),
        "planted_divergence": {
            name: planted.get(name) for name in ("position", "recorded", "redecided", "differences", "function")
        },
    }


def _playback_to_plain(played: PlayedBack | None) -> dict[str, object]:
    return {} if played is None else {"playback": report_to_plain(played.report), "sha256_played": played.sha256}
