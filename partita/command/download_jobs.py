"""The downloads of one run of ``partita download``."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from partita.actors.downloads.naming import candidates
from partita.actors.kernel.future import Future
from partita.command.download_table import Line
from partita.command.ending import line_of
from partita.downloading import WillDownload
from partita.downloads import DownloadItem
from partita.errors import PartitaError
from partita.session import Session


class Into:
    """A listener of ``will-download``: into this folder, under a name that is free there."""

    def __init__(self, directory: Path, *, taken: set[Path]) -> None:
        self._directory = directory
        self._given = set(taken)  # names that downloads which may be resumed will want

    def __call__(self, event: WillDownload) -> None:
        names = (self._directory / name for name in candidates(event.item.get_filename()))
        path = next(path for path in names if path not in self._given and not path.exists())
        self._given.add(path)
        event.item.set_save_path(str(path))


class Job:
    """One download of this run, from its announcement until it receives no more."""

    def __init__(self, url: str, announced: Future[DownloadItem]) -> None:
        self.url = url
        self.item: DownloadItem | None = None
        self.error: PartitaError | None = None
        self._announced = announced
        self._stopped: Future[str] | None = None
        self._has_ended = False

    @classmethod
    def resumed(cls, item: DownloadItem) -> Job:
        """Go on with one that was interrupted."""
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
        if not self._stopped.done:
            return True
        self._has_ended = self._stopped.outcome() != "interrupted" or not self._item_can_resume
        return False

    @property
    def _item_can_resume(self) -> bool:
        return self.item is not None and self.item.can_resume()

    @property
    def state(self) -> str:
        if self.item is not None:
            return self.item.get_state()
        return "waiting" if self.error is None else "failed"

    @property
    def completed(self) -> bool:
        return self.state == "completed"

    @property
    def ended(self) -> bool:
        """Whether it was known to have ended for good, or to have failed, when it was last looked at."""
        return self.error is not None or self._has_ended

    @property
    def can_go_on(self) -> bool:
        """Whether it has not ended, and need not begin again."""
        return self.error is None and (
            self.item is None or self.item.get_state() == "progressing" or self.item.can_resume()
        )

    @property
    def problem(self) -> str:
        if self.error is not None:
            return line_of(self.error)
        if self.item is None or self.completed:
            return ""
        return " ".join(f"{self.item.last_reason} {self.item.last_reason_detail}".split())

    def line(self) -> Line:
        """How it stands, for people to look at."""
        item = self.item
        if item is None:
            return Line(self.url, self.state)
        return Line(
            Path(item.save_path).name or self.url,
            "paused" if item.is_paused() else item.get_state(),
            item.get_received_bytes(),
            item.get_total_bytes(),
            item.get_current_bytes_per_second(),
        )

    def plain(self) -> dict[str, object]:
        """How it ended, for programs."""
        item = self.item
        plain: dict[str, object] = {"url": self.url, "state": self.state}
        if item is not None:
            plain |= {
                "id": item.id,
                "save_path": item.save_path,
                "received_bytes": item.get_received_bytes(),
                "total_bytes": item.get_total_bytes(),
                "mime_type": item.get_mime_type(),
                "began": item.get_start_time(),
                "ended": item.get_end_time() or None,
                "can_resume": item.can_resume(),
            }
        return plain | {"problem": self.problem or None}


def interrupted(session: Session, wanted: Iterable[str]) -> list[DownloadItem]:
    """What can go on: all of it, or what was asked for by one of these URLs."""
    chosen = set(wanted)
    items = [item for item in session.downloads() if item.get_state() == "interrupted" and item.can_resume()]
    return [item for item in items if not chosen or item.get_url_chain()[0] in chosen]
