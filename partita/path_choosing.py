"""Who says where a download's file goes, in place of a save dialog (FEATURES L23)."""

from __future__ import annotations

import inspect
import os
import traceback
import warnings
from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from partita.actors.downloads.ledger import actor_of
from partita.actors.downloads.offer import DownloadAnswer
from partita.actors.kernel.delivery import Place, place_of_caller
from partita.actors.kernel.future import Future
from partita.download_choices import DownloadChoices, file_path
from partita.emitter import ListenerFailed
from partita.events.choosing import SetPathHandler
from partita.events.downloads import CancelDownload
from partita.events.preferences import SetDownloadPath

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.downloads import DownloadItem
    from partita.system import System


class ChoosePath(msgspec.Struct, frozen=True):
    """Where is the file to go? What a save dialog would ask (FEATURES L23).

    ``default_path``: what it would suggest, absolute. ``options``: what was set by ``item.set_save_dialog_options()``.
    """

    item: DownloadItem
    default_path: str
    options: Mapping[str, object]


Chosen = str | os.PathLike[str] | None
PathHandler = Callable[[ChoosePath], Chosen | Awaitable[Chosen]]


class PathChooser:
    """The handler of a session that chooses paths, if there is one."""

    def __init__(self, partition: Partition, system: System) -> None:
        self._partition = partition
        self._system = system
        self._choose: Callable[[ChoosePath], Future[Any]] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether there is one."""
        return self._choose is not None

    def set(self, handler: PathHandler | None, place: Place | None) -> None:
        """See :meth:`partita.Session.set_choose_path_handler`."""
        if handler is not None and not callable(handler):
            raise TypeError(f"a handler is a function of a ChoosePath, or None, not {type(handler).__name__}")
        self._partition.call(SetPathHandler(handler is not None))
        self._choose = None if handler is None else self._placed(handler, place)

    def _placed(self, handler: PathHandler, place: Place | None) -> Callable[[ChoosePath], Future[Any]]:
        """It runs where it was set, as listeners do (API.md, rule 5)."""
        system = self._system
        fallback: Place = system.async_callbacks if inspect.iscoroutinefunction(handler) else system.callbacks
        wanted = place or place_of_caller(fallback)
        return lambda request: (wanted if wanted.alive() else fallback).run(handler, request)

    def ask(self, item: DownloadItem, choices: DownloadChoices, default: str, answer: Future[Any]) -> None:
        """Ask it, and answer ``will-download`` with what it says. ``default``: the path that files get without it."""
        assert self._choose is not None, "somebody is to be asked"
        options = choices.dialog_options
        wanted = options.get("default_path")
        if isinstance(wanted, str) and wanted:
            default = str(PurePath(default).parent / wanted)
        chosen = self._choose(ChoosePath(item, default, options))

        def on_chosen() -> None:
            path = self._path(chosen)
            if path is None:
                self._cancel(item, answer)
                return
            choices.save_path = path
            if not self._partition.closed:  # FEATURES F8: the next dialog begins where the last one ended
                self._partition.tell(SetDownloadPath(str(PurePath(path).parent)))
            answer.set(DownloadAnswer(save_path=path))

        chosen.when_done(on_chosen)

    def _cancel(self, item: DownloadItem, answer: Future[Any]) -> None:
        """A dialog that was cancelled cancels the item. When the fetch is told, it has been stopped already."""
        cancelled = self._partition.ask(CancelDownload(), to=actor_of(item.id))

        def on_cancelled() -> None:
            cancelled.failure()  # a session that is closed ends it in its own way
            answer.set(DownloadAnswer(prevented=True))

        cancelled.when_done(on_cancelled)

    def _path(self, chosen: Future[Any]) -> str | None:
        """The path; None when the dialog was cancelled, or whoever stands for it failed (API.md, rule 5)."""
        error = chosen.failure()
        if error is None:
            said = chosen.outcome()
            try:
                return None if said is None else file_path("chosen path", said)
            except (TypeError, ValueError) as wrong:
                error = wrong
        if not self._partition.closed:
            text = "".join(traceback.format_exception(error))
            warnings.warn(f"the handler that chooses a path raised:\n{text}", ListenerFailed, stacklevel=1)
        return None
