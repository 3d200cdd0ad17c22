"""``partita bisect``: the first turn after which something holds, or the first commit that decides otherwise."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from partita.actors.replay.bisect import Flip, first_change, first_flip
from partita.actors.replay.paths import actor_named
from partita.actors.replay.query import Query
from partita.actors.replay.timeline import Timeline
from partita.actors.session.behavior import BEHAVIORS
from partita.command.commits import Commit, Judge, Verdict, history, judging
from partita.command.ending import NO, WrongUsage
from partita.command.options import AsJson, DataDir, Partition, Reveal, Through
from partita.command.printing import console, counted, print_json
from partita.command.reading import path_of, reading
from partita.command.turns import told, turn_to_plain
from partita.inspection import cause_text
from partita.store.partition import PartitionStore


def bisect(
    partition: Partition = "",
    *,
    predicate: Annotated[
        str | None,
        typer.Option(
            "--predicate",
            metavar="EXPR",
            help="Find the first turn after which this holds: 'state.cookies.count > 3'.",
            show_default=False,
        ),
    ] = None,
    linear: Annotated[
        bool, typer.Option("--linear", help="Ask after every turn: the predicate may change more than once.")
    ] = False,
    actor: Annotated[
        str, typer.Option("--actor", metavar="NAME", help="Whose state `state` is; the beginning of its id will do.")
    ] = "session",
    commits: Annotated[
        str | None,
        typer.Option(
            "--commits",
            metavar="A..B",
            help="Find the first commit after A that decides otherwise.",
            show_default=False,
        ),
    ] = None,
    repository: Annotated[
        Path, typer.Option("--repository", metavar="DIR", help="The git repository of --commits.")
    ] = Path(),
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="For the replay of one commit.")
    ] = 600,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Search a log's turns, or a repository's commits.

    A binary search assumes that the answer changes once. Exit status 1 when it does not change.
    """
    if (predicate is None) == (commits is None):
        raise WrongUsage("bisect wants one of --predicate EXPR (over turns) and --commits A..B (over a repository)")
    if commits is not None:
        if linear or through is not None:
            raise WrongUsage("--linear and --through go with --predicate, not with --commits")
        found = _over_commits(path_of(partition, data_dir), commits, repository, timeout, as_json=as_json)
    else:
        assert predicate is not None
        with reading(partition, data_dir, through=through) as store:
            found = _over_turns(store, Query(predicate), actor, linear=linear, reveal=reveal, as_json=as_json)
    if not found:
        raise typer.Exit(NO)


def _over_turns(store: PartitionStore, query: Query, actor: str, *, linear: bool, reveal: bool, as_json: bool) -> bool:
    timeline = Timeline(store, BEHAVIORS)
    known = actor_named(actor, timeline.at(timeline.last).images)
    if known is None and actor != "session":
        raise WrongUsage(f"there is no actor {actor!r} in this log")
    flip = first_flip(timeline, query, actor=known or actor, linear=linear)
    if as_json:
        turn = None if flip.turn is None else turn_to_plain(flip.turn, reveal=reveal)
        print_json(
            {"predicate": query.text, "linear": linear, "at_begin": flip.at_begin, "asked": flip.asked, "turn": turn}
        )
    else:
        _print_flip(timeline, flip, linear=linear, reveal=reveal)
    return flip.turn is not None


def _print_flip(timeline: Timeline, flip: Flip, *, linear: bool, reveal: bool) -> None:
    out = console()
    begin = "at the beginning" if timeline.begin == 0 else f"where history starts, at {timeline.begin + 1},"
    if flip.turn is None:
        holds = "holds" if flip.at_begin else "does not hold"
        where = "after every turn" if linear else f"after turn {timeline.last}"
        hint = "" if linear else "; in between it may change: --linear asks after every turn"
        out.print(f"it {holds} {begin} and {where}: nothing to find{hint}")
        return
    turn = flip.turn
    became = "no longer holds" if flip.at_begin else "holds"
    out.print(Text(f"turn {turn.position} of {turn.actor}: the first after which it {became}", style="bold"))
    out.print(told(turn, reveal=reveal))
    out.print(f"because of {cause_text(turn.cause)}")
    assumed = "" if linear else ", assuming that it changes once"
    out.print(Text(f"asked at {counted(flip.asked, 'position')}{assumed}", style="dim"))


def _over_commits(log: Path, span: str, repository: Path, timeout_s: float, *, as_json: bool) -> bool:
    commits = history(repository, span)
    with judging(repository, log, commits[0], timeout_s=timeout_s) as judge:

        def answer(commit: Commit) -> str | None:
            known = len(judge.verdicts)
            verdict = judge.verdict(commit)
            if not as_json and len(judge.verdicts) > known:
                console().print(f"{commit}: {verdict.text}")
            return verdict.answer

        try:
            change = first_change(commits, answer)
        except ValueError:
            failed = next(verdict for verdict in judge.verdicts if verdict.failed is not None)
            raise WrongUsage(f"{failed.commit} {failed.text}") from None
    suspects = [] if change is None else commits[change.before + 1 : change.after + 1]
    _tell_commits(commits, suspects, judge, as_json=as_json)
    return bool(suspects)


def _tell_commits(commits: list[Commit], suspects: list[Commit], judge: Judge, *, as_json: bool) -> None:
    if as_json:
        judged = [_verdict_to_plain(verdict) for verdict in judge.verdicts]
        first = {"sha": suspects[0].sha, "subject": suspects[0].subject} if len(suspects) == 1 else None
        print_json({"first": first, "suspects": [commit.sha for commit in suspects], "judged": judged})
        return
    out = console()
    if not suspects:
        out.print(f"{commits[-1]} decides as {commits[0]} does: nothing to find")
    elif len(suspects) == 1:
        out.print(Text(f"{suspects[0]} is the first that decides otherwise", style="bold"))
    else:
        listed = ", ".join(commit.sha[:10] for commit in suspects)
        out.print(f"one of these is the first that decides otherwise, and some cannot be judged: {listed}")


def _verdict_to_plain(verdict: Verdict) -> dict[str, object]:
    return {
        "sha": verdict.commit.sha,
        "subject": verdict.commit.subject,
        "agrees": None if verdict.failed is not None else not verdict.divergences,
        "position": verdict.divergences[0].get("position") if verdict.divergences else None,
        "failed": verdict.failed,
    }
