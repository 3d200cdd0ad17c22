"""``partita bisect``: over the turns of a log, and over the commits of a repository with code that decides it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT, Command, Kept, some_history

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example", "-c", "commit.gpgsign=false")


def test_the_first_turn_after_which_a_predicate_holds(partita: Command, kept: Kept) -> None:
    kept(some_history)
    for more in ((), ("--linear",)):
        done = partita("bisect", "persist:work", "--predicate", "state.cookies.count == 1", *more)
        assert done.status == 0, done.err
        assert "turn 3 of session: the first after which it holds" in done.out
        assert "apples" not in done.out
    found = partita("bisect", "persist:work", "--predicate", "state.cookies.count == 1", "--json").json
    assert found["turn"]["position"] == 3
    assert (
        "assuming that it changes once"
        in partita("bisect", "persist:work", "--predicate", "session.cookies['basket'].value == 'pears'").out
    )


def test_a_predicate_that_does_not_change_is_exit_status_1(partita: Command, kept: Kept) -> None:
    kept(some_history)
    done = partita("bisect", "persist:work", "--predicate", "state.cookies.count > 9")
    assert done.status == 1
    assert "nothing to find" in done.out
    assert "--linear" in done.out
    assert partita("bisect", "persist:work", "--predicate", "state.cookies.count == 1", "--through", 2).status == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--predicate", "state.cookies >"), "does not parse"),
        (("--predicate", "event is CookieStored"), "asks about the turn"),
        (("--predicate", "position > 'x'"), "raised at column"),
        (("--predicate", "state.phase == 'x'", "--actor", "download/ab"), "no actor 'download/ab'"),
        ((), "one of --predicate"),
        (("--predicate", "position > 1", "--commits", "A..B"), "one of --predicate"),
        (("--commits", "HEAD"), "wants A..B"),
        (("--commits", "HEAD..nowhere"), "nowhere"),
        (("--commits", "A..B", "--linear"), "not with --commits"),
        (("--commits", "A..B", "--repository", "/nowhere"), "/nowhere"),
    ],
)
def test_a_wrong_question_is_exit_status_2(partita: Command, kept: Kept, arguments: tuple[str, ...], says: str) -> None:
    kept(some_history)
    git(partita.directory, "init", "--quiet")
    git(partita.directory, "commit", "--quiet", "--allow-empty", "-m", "nothing")
    done = partita("bisect", "persist:work", *arguments)
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.err


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """This package as a repository: a good commit, a harmless one, one that is broken, the culprit, another harmless one."""
    folder = tmp_path / "repository"
    for room in ("events", "store", "actors", "simulations", "partita"):
        shutil.copytree(ROOT / room, folder / room, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    git(tmp_path, "init", "--quiet", str(folder))
    behavior = folder / "actors" / "preferences" / "behavior.py"
    init = folder / "actors" / "__init__.py"
    good = behavior.read_text(encoding="utf-8")
    assert good.count("UserAgentSet(") == 1
    bad = good.replace("UserAgentSet(", "UserAgentSet('Culprit' + ")
    sound = init.read_text(encoding="utf-8")
    for subject, path, text in (
        ("good", None, ""),
        ("harmless", init, sound + "# harmless\n"),
        ("broken", init, sound + "raise RuntimeError('half a commit')\n"),
        ("mended", init, sound),
        ("culprit", behavior, bad),
        ("after", init, sound + "# after\n"),
    ):
        if path is not None:
            path.write_text(text, encoding="utf-8")
        git(folder, "add", "--all", "--force")
        git(folder, "commit", "--quiet", "--no-verify", "-m", subject)
        git(folder, "tag", subject)
    return folder


def worktrees(repository: Path) -> int:
    return len(git(repository, "worktree", "list").splitlines())


def test_the_commit_that_first_decides_otherwise_is_found(partita: Command, kept: Kept, repository: Path) -> None:
    log = kept(some_history)
    done = partita("bisect", log, "--commits", "good..after", "--repository", repository)
    assert done.status == 0, done.err
    assert "culprit is the first that decides otherwise" in done.out
    assert "good: decides as recorded" in done.out
    found = partita("bisect", "persist:work", "--commits", "good..HEAD", "--repository", repository, "--json").json
    assert found["first"] == {"sha": git(repository, "rev-parse", "culprit"), "subject": "culprit"}
    judged = {verdict["subject"]: verdict for verdict in found["judged"]}
    assert judged["after"]["agrees"] is False
    assert judged["after"]["position"] == 2
    assert worktrees(repository) == 1


def test_commits_that_all_decide_alike_are_exit_status_1(partita: Command, kept: Kept, repository: Path) -> None:
    kept(some_history)
    done = partita("bisect", "persist:work", "--commits", "good..harmless", "--repository", repository)
    assert done.status == 1
    assert "nothing to find" in done.out


def test_a_commit_at_an_end_that_cannot_be_judged_is_told(partita: Command, kept: Kept, repository: Path) -> None:
    kept(some_history)
    done = partita("bisect", "persist:work", "--commits", "good..broken", "--repository", repository)
    assert done.status == 2
    assert "half a commit" in done.err
    assert worktrees(repository) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_leaves_no_worktree(
    partita: Command,
    kept: Kept,
    repository: Path,
    tmp_path: Path,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept(some_history)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    # The first commit to be judged is done when it is printed; the search goes on with the last one.
    process = partita.begin("bisect", "persist:work", "--commits", "good..after", "--repository", repository)
    assert process.stdout is not None
    assert b"good" in process.stdout.readline()
    process.send_signal(number)
    assert process.wait(60) == 130
    assert worktrees(repository) == 1
    assert not [str(left) for left in scratch.rglob("*")][:20]
