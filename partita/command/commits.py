"""How each commit of a repository decides a log: replayed by its own code, in a worktree of its own.

The worktree is one, in a temporary folder, moved from commit to commit; it is taken away however the search ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from partita.command.ending import WrongUsage

JUDGED: Final = (0, 1)
"""Exit statuses of ``partita replay`` that go with a report."""


OF_A_CALLING_GIT: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})


class Commit(msgspec.Struct, frozen=True):
    """One commit of a history."""

    sha: str
    subject: str

    def __str__(self) -> str:
        return f"{self.sha[:10]} {self.subject}"


class Verdict(msgspec.Struct, frozen=True):
    """How a commit's code decides a log. ``divergences`` is the report's; ``failed`` says why there is none."""

    commit: Commit
    divergences: list[dict[str, object]] = []
    failed: str | None = None

    @property
    def answer(self) -> str | None:
        """What two commits have in common that decide alike; None when there is no telling."""
        if self.failed is not None:
            return None
        told = [
            {name: divergence.get(name) for name in ("position", "redecided", "raised", "differences")}
            for divergence in self.divergences
        ]
        return json.dumps(told, sort_keys=True)

    @property
    def text(self) -> str:
        """In a few words."""
        if self.failed is not None:
            return f"cannot be judged: {self.failed}"
        if not self.divergences:
            return "decides as recorded"
        return f"decides otherwise, first at turn {self.divergences[0].get('position')}"


def history(repository: Path, span: str) -> list[Commit]:
    """The commits of ``A..B``, ``A`` first, along first parents: a row, of which each has the one before as its parent."""
    good, dots, bad = span.partition("..")
    if not dots or not good or not bad or bad.startswith("."):
        raise WrongUsage(f"--commits wants A..B, the commit before and the one after, not {span!r}")
    names = [
        _git(repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", what=name) for name in (good, bad)
    ]
    listed = _git(repository, "log", "--first-parent", "--reverse", "--format=%H %s", f"{names[0]}..{names[1]}")
    subject = _git(repository, "log", "-1", "--format=%s", names[0])
    commits = [Commit(*line.split(" ", 1)) for line in listed.splitlines()]
    if not commits:
        raise WrongUsage(f"there is no commit between {good} and {bad} in {repository}")
    return [Commit(names[0], subject), *commits]


class Judge:
    """Replays one log with the code of whatever commit it is asked about; each is asked once. Made by :func:`judging`."""

    def __init__(self, worktree: Path, log: Path, children: _Children, *, timeout_s: float) -> None:
        self._worktree = worktree
        self._children = children
        self._log = log
        self._timeout_s = timeout_s
        self._limit: tuple[str, ...] = ()
        self._verdicts: dict[str, Verdict] = {}

    @property
    def verdicts(self) -> list[Verdict]:
        """Those that were given, in order."""
        return list(self._verdicts.values())

    def verdict(self, commit: Commit) -> Verdict:
        """How this commit decides the log."""
        if commit.sha not in self._verdicts:
            found = self._replayed(commit)
            if not self._verdicts and found.answer == "[]":
                self._limit = ("--limit", "1")  # of those that do not agree, the first divergence says so
            self._verdicts[commit.sha] = found
        return self._verdicts[commit.sha]

    def _replayed(self, commit: Commit) -> Verdict:
        _git(self._worktree, "checkout", "--quiet", "--force", "--detach", commit.sha)
        command = [sys.executable, "-m", "partita", "replay", str(self._log), "--json", *self._limit]
        # A commit's compiled files would be taken for the next one's: both may be of the same second and size.
        environment = {**os.environ, "PYTHONPATH": str(self._worktree), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = self._children.run(command, self._worktree, environment, self._timeout_s)
        except subprocess.TimeoutExpired:
            return Verdict(commit, failed=f"it took more than {self._timeout_s:g} s")
        if done.returncode in JUDGED:
            with suppress(msgspec.DecodeError):
                report = msgspec.json.decode(done.stdout, type=_Report)
                return Verdict(commit, report.divergences)
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return Verdict(commit, failed=said[-1].removeprefix("partita: ") if said else f"exit status {done.returncode}")


class _Report(msgspec.Struct):
    divergences: list[dict[str, object]]


@contextmanager
def judging(repository: Path, log: Path, first: Commit, *, timeout_s: float) -> Iterator[Judge]:
    """A worktree to judge commits in. It is gone afterwards, also when this is interrupted or told to end."""
    with _interruptible() as children:
        folder = Path(tempfile.mkdtemp(prefix="partita-bisect-"))
        worktree = folder / "worktree"
        try:
            _git(
                repository,
                "worktree",
                "add",
                "--quiet",
                "--force",
                "--detach",
                "--no-checkout",
                str(worktree),
                first.sha,
            )
            yield Judge(worktree, log, children, timeout_s=timeout_s)
        finally:
            removed = _run_git(repository, "worktree", "remove", "--force", str(worktree))
            shutil.rmtree(folder, ignore_errors=True)
            if removed.returncode:
                _run_git(repository, "worktree", "prune")


class _Children:
    """Runs processes one at a time. A signal to end kills the one that runs, and is raised once that is gone.

    Raised at once, as Python does it, it could leave behind a process that still writes where everything is taken away.
    """

    def __init__(self) -> None:
        self._interrupted = False
        self._running: subprocess.Popen[bytes] | None = None

    def interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # the shape of a handler
        """The handler of the signals."""
        self._interrupted = True
        if self._running is not None:
            self._running.kill()

    def check(self) -> None:
        """Raises :class:`KeyboardInterrupt` when a signal has come."""
        if self._interrupted:
            raise KeyboardInterrupt

    def run(
        self, command: list[str], folder: Path, environment: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        """As :func:`subprocess.run`. Raises :class:`subprocess.TimeoutExpired`, and what :meth:`check` raises."""
        self.check()
        with subprocess.Popen(  # noqa: S603  # this very interpreter
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as running:
            self._running = running
            try:
                if self._interrupted:
                    running.kill()
                out, said = running.communicate(timeout=timeout_s)
            finally:
                running.kill()
                self._running = None
        self.check()
        return subprocess.CompletedProcess(command, running.returncode, out, said)


@contextmanager
def _interruptible() -> Iterator[_Children]:
    """Ctrl-C and SIGTERM go to the children meanwhile. In a thread that hears no signals, nothing is changed."""
    children = _Children()
    if threading.current_thread() is not threading.main_thread():
        yield children
        return
    before = {number: signal.signal(number, children.interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    children.check()  # a signal that came while all was taken away


def _git(folder: Path, *arguments: str, what: str | None = None) -> str:
    """What git says; :class:`WrongUsage` when it refuses."""
    try:
        done = _run_git(folder, *arguments)
    except FileNotFoundError:
        raise WrongUsage("bisecting commits needs git, and there is none") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        problem = said[-1].removeprefix("fatal: ") if said else "there is no such commit"
        raise WrongUsage(f"{folder}: {what or 'git ' + arguments[0]}: {problem}")
    return done.stdout.decode(errors="replace").strip()


def _run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Git, on the repository of a folder whatever the environment says, and without the hooks of that repository.

    In a session of its own: Ctrl-C does not break it off in the middle.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_CALLING_GIT}
    return subprocess.run(  # noqa: S603  # no shell; revisions are checked before they are used
        ["git", "-C", str(folder), "-c", f"core.hooksPath={os.devnull}", *arguments],  # noqa: S607  # the user's own git
        capture_output=True,
        check=False,
        env=environment,
        start_new_session=True,
    )
