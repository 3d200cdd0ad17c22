"""The downloads of one run of ``partita download``."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from partita.actors.downloads.integrity import parsed
from partita.actors.kernel.future import Future, resolved
from partita.command.download_outcome import Outcome, outcome_of, shown_url, state_of
from partita.command.download_places import Place
from partita.command.download_table import Line
from partita.command.ending import WrongUsage, line_of
from partita.download_arguments import HowToGoOn
from partita.downloads import DownloadItem
from partita.errors import PartitaError
from partita.session import Session


class Find(Protocol):
    """``stopped``: only one that receives no more."""

    def __call__(self, url: str, *, stopped: bool) -> DownloadItem | None: ...


class Job:
    """One download of this run, from its announcement until it receives no more.

    ``find``: the item of one that failed before it was announced, if the session has it. ``already``: it was complete before.
    """

    def __init__(self, url: str, announced: Future[DownloadItem], find: Find, *, already: bool = False) -> None:
        self.url = url
        self.item: DownloadItem | None = None
        self.error: PartitaError | None = None
        self.already = already
        self._announced = announced
        self._find = find
        self._is_watched = False
        self._stopped: Future[str] | None = None

    def advance(self, ring: Callable[[], object]) -> bool:
        """Take note of what has come; whether there is more to wait for, at whose end ``ring`` is called."""
        if self._stopped is None:
            if not self._announced.done:
                if not self._is_watched:
                    self._is_watched = True
                    self._announced.when_done(ring)
                return True
            try:
                self.item = self._announced.outcome()
            except PartitaError as error:
                self.item = self._find(self.url, stopped=True)
                if self.item is None:
                    self.error = error
                    return False
            self._stopped = self.item.stopped()
            self._stopped.when_done(ring)
        if not self._stopped.done:
            return True
        self._stopped.outcome()
        return False

    @property
    def state(self) -> str:
        if self.item is not None:
            return state_of(self.item)
        return "waiting" if self.error is None else "failed"

    def line(self) -> Line:
        """How it stands, for people to look at."""
        item = self.item
        if item is None:
            return Line(self.url, self.state)
        state = "paused" if item.is_paused() else self.state
        if state == "interrupted" and self._stopped is not None and not self._stopped.done:
            state = "waiting"  # it goes on by itself
        at = item.get_retry_time()
        return Line(
            Path(item.save_path).name or self.url,
            state,
            item.get_received_bytes(),
            item.get_total_bytes(),
            item.get_current_bytes_per_second(),
            None if state != "waiting" or at is None else at - time.time(),
        )

    def outcome(self, *, kept: bool) -> Outcome:
        """How it ends, when the session is about to be closed; ``kept``: it can be opened again."""
        item = self.item or (self._find(self.url, stopped=False) if self.error is None else None)
        if item is None:
            problem = None if self.error is None else line_of(self.error)
            outcome = Outcome(url=self.url, state=self.state, problem=problem)
        else:
            outcome = outcome_of(self.url, item)
        if outcome.state in ("waiting", "progressing"):
            outcome = replace(outcome, state="interrupted", problem="USER_SHUTDOWN", can_resume=True)
        return outcome if kept else replace(outcome, can_resume=False)


class Wanted(NamedTuple):
    """A URL of the command line, and how it is printed and known to the partition: without a password."""

    url: str
    shown: str


class Batch:
    """What one run is about."""

    def __init__(self, session: Session) -> None:
        self.jobs: list[Job] = []
        self._session = session
        self._items = session.downloads()
        self._going: list[DownloadItem] = []
        self._before = {item.id for item in self._items}
        self._begun: dict[str, list[Job]] = {}
        self._found: dict[str, list[DownloadItem]] = {}

    def sort(self, wanted: list[Wanted], place: Place, how: HowToGoOn) -> list[Wanted]:
        """Find out what goes on: all that can, or what was asked for by one of these URLs; those that are to begin.

        A complete one that has another digest than is asked for is among these. Raises :class:`WrongUsage` when there are none
        of these, and the folder that was named is for nothing.
        """
        urls = {one.shown for one in wanted}
        going = [item for item in self._items if _may_go_on(item) and (not urls or _url(item) in urls)]
        there = {_url(item) for item in going}
        whole = {_url(item): item for item in self._items if _url(item) in urls - there and _is_whole(item, how)}
        new = [one for one in wanted if one.shown not in there and one.shown not in whole]
        if going and not new and place.directory not in (None, *(Path(item.directory) for item in going)):
            raise WrongUsage("-o: what --resume goes on with stays in the folder where it was begun")
        self._going = going
        self.jobs += [Job(_url(item), resolved(item), self._find) for item in going]
        self.jobs += [Job(url, resolved(item), self._find, already=True) for url, item in whole.items()]
        return new

    def resume(self, how: HowToGoOn) -> None:
        """Go on with what was found, in that way from now on."""
        for item in self._going:
            if item.get_state() == "interrupted":
                item.resume(**how)
            elif item.can_resume():
                item.resume()

    def begin(self, wanted: Wanted, place: Place, how: HowToGoOn) -> None:
        """Ask for this one."""
        begun = self._session.download_url(wanted.url, directory=place.directory, save_path=place.file, **how)
        job = Job(wanted.shown, begun, self._find)
        self._begun.setdefault(wanted.shown, []).append(job)
        self.jobs.append(job)

    def _find(self, url: str, *, stopped: bool) -> DownloadItem | None:
        """One of this run that no job has yet."""
        jobs = self._begun[url]
        if len(self._found.get(url, ())) < len(jobs):
            self._found.clear()
            for item in self._session.downloads():
                if item.id not in self._before:
                    self._found.setdefault(_url(item), []).append(item)
        taken = {job.item.id for job in jobs if job.item is not None}
        left = (item for item in self._found.get(url, ()) if item.id not in taken)
        return next((item for item in left if not stopped or item.get_state() == "interrupted"), None)


def _url(item: DownloadItem) -> str:
    return shown_url(item.get_url_chain()[0])


def _may_go_on(item: DownloadItem) -> bool:
    return item.get_state() == "progressing" or item.can_resume()


def _is_whole(item: DownloadItem, how: HowToGoOn) -> bool:
    """It is complete, its file is there as it was, and it has the digest that is asked for."""
    if item.get_state() != "completed":
        return False
    file, wanted = Path(item.save_path), parsed(how.get("integrity", ""))
    try:
        if file.stat().st_size != item.get_received_bytes():
            return False
        if wanted is None:
            return True
        algorithm, digests = wanted
        with file.open("rb") as content:
            return hashlib.file_digest(content, algorithm).digest() in digests
    except OSError:
        return False
