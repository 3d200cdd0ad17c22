"""A session's downloads: how they begin, and what is asked of the program before they go on.

A session, a page and a frame begin them alike, with :class:`partita.download_arguments.DownloadArguments`.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Unpack, cast

from msgspec.structs import replace
from platformdirs import user_downloads_path

from partita.actors.downloads.ledger import actor_of
from partita.actors.downloads.offer import HANDLER, DownloadAnswer, DownloadOffer
from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future
from partita.actors.network.fields import Fields, check_fields
from partita.actors.network.urls import parse_http_url, without_userinfo
from partita.download_arguments import HowToDownload, options_with
from partita.download_choices import DownloadChoices, absolute_path, file_path
from partita.downloads import DownloadItem
from partita.events.download_ledger import AddInterruptedDownload, BeginDownload, ForgetDownload
from partita.events.download_options import NO_OPTIONS, check_limits
from partita.events.download_origins import DownloadOrigin, EarlierDownload
from partita.events.download_queue import LimitDownloads
from partita.events.downloads import AwaitDownload, CancelDownload, DownloadOrder, HeaderFields, TurnDownDownload
from partita.events.errors import DownloadRefused, StoreFailed
from partita.events.network import Initiator
from partita.events.secret import Secret
from partita.events.session import SessionState
from partita.events.types import Message
from partita.path_choosing import PathChooser

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.follower import Follower
    from partita.page import Page
    from partita.system import System


class WillDownload:
    """The event ``will-download``: ``item`` can be given a path, or ``prevent_default()`` refuses it (FEATURES E1, E2).

    ``web_contents``: the :class:`partita.Page` that asked, None for the session's own downloads (E3).
    """

    def __init__(self, item: DownloadItem, web_contents: Page | None = None) -> None:
        self.item = item
        self.web_contents = web_contents
        self.default_prevented = False

    def prevent_default(self) -> None:
        """Refuse the download: nothing of it stays, and once the listeners have ended the item cannot be used."""
        self.default_prevented = True


class _Known(NamedTuple):
    item: DownloadItem
    choices: DownloadChoices


class Downloading:
    """What a session does about its downloads.

    ``tell``: tells the listeners of ``will-download``; a future for each of them.
    """

    def __init__(
        self,
        partition: Partition,
        system: System,
        follower: Follower,
        tell: Callable[[WillDownload], list[Future[Any]]],
    ) -> None:
        self._partition = partition
        self._system = system
        self._follower = follower
        self._tell = tell
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()
        self._begun: dict[str, None] = {}  # in order
        if not partition.is_kept:
            partition.before_closing(self._given_up)
        self.paths: Final = PathChooser(partition, system)
        self.pages: Final[dict[str, Page]] = {}
        """The pages that are open, by id."""
        system.handlers.set(partition.key, HANDLER, self._asked)

    @property
    def _state(self) -> SessionState:
        return cast("SessionState", self._partition.actor("session").state)

    # -- beginning --------------------------------------------------------------------------------------------------

    def begin(
        self,
        url: str,
        *,
        initiator: Initiator | None = None,
        directory: str | os.PathLike[str] | None = None,
        save_path: str | os.PathLike[str] | None = None,
        headers: Mapping[str, str] | None = None,
        has_user_gesture: bool = False,
        **how: Unpack[HowToDownload],
    ) -> Future[DownloadItem]:
        """See :meth:`partita.Session.download_url`. ``initiator``: the page that asks."""
        target, fields = _addressed(url, headers)
        if directory is not None and save_path is not None:
            raise ValueError("a download has a directory or a save_path, not both: the latter names the folder too")
        file = None if save_path is None else file_path("save_path", save_path)
        if file is not None:
            directory = PurePath(file).parent
        message = BeginDownload(
            url=target,
            directory=self.directory() if directory is None else absolute_path("directory", directory),
            headers=fields,
            save_path=file,
            options=options_with(NO_OPTIONS, how),
            origin=DownloadOrigin(initiator, has_user_gesture),
        )
        begun: Future[str] = self._partition.ask(checked(message))
        announced: Future[DownloadItem] = Future()

        def on_begun() -> None:
            if (error := begun.failure()) is not None:
                announced.set_exception(error)
                return
            item = self.item(begun.outcome())
            if not self._partition.is_kept:
                self._begun[item.id] = None
            self._await_announcement(item, announced)

        begun.when_done(on_begun)
        return announced

    def _await_announcement(self, item: DownloadItem, announced: Future[DownloadItem], *, durable: bool = True) -> None:
        answered = self._partition.ask(AwaitDownload("announced"), to=actor_of(item.id), durable=durable)

        def on_answered() -> None:
            error = answered.failure()
            if error is None:
                announced.set(item)
            elif durable and isinstance(error, StoreFailed):  # what said so was undone, and the download is in the log
                self._await_announcement(item, announced, durable=False)
            else:
                announced.set_exception(error)

        answered.when_done(on_answered)

    def limit(self, *, concurrent: int | None, per_host: int | None, rate: int | None) -> None:
        """See :meth:`partita.Session.limit_downloads`."""
        given = {"concurrent": concurrent, "per_host": per_host, "rate_bytes_s": rate}
        limits = replace(
            self._state.downloads.limits, **{name: value for name, value in given.items() if value is not None}
        )
        check_limits(limits)
        self._partition.call(checked(LimitDownloads(limits)))

    def take_over(  # Electron's options
        self,
        *,
        path: str | os.PathLike[str],
        url_chain: Sequence[str],
        offset: int,
        length: int,
        mime_type: str = "",
        last_modified: str = "",
        e_tag: str = "",
        start_time: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Future[DownloadItem]:
        """See :meth:`partita.Session.create_interrupted_download`."""
        if isinstance(url_chain, str) or not isinstance(url_chain, Sequence):
            raise TypeError(f"url_chain is a list of str, not {type(url_chain).__name__}")
        if start_time is not None and not (0 <= start_time < math.inf):
            raise ValueError(f"start_time is in seconds since 1970, and {start_time!r} is not")
        for name, value in {"offset": offset, "length": length}.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} is an int, not {type(value).__name__}")
        for name, text in {"mime_type": mime_type, "last_modified": last_modified, "e_tag": e_tag}.items():
            if not isinstance(text, str):
                raise TypeError(f"{name} is a str, not {type(text).__name__}")
        place = os.fspath(path)
        chain: tuple[str, ...] = tuple(url_chain)
        fields: HeaderFields = ()
        if place and chain and all(chain):  # what is empty, the session refuses in Electron's words
            *before, last = chain
            target, fields = _addressed(last, headers)
            chain = (*(without_userinfo(parse_http_url(url))[0] for url in before), target)
        earlier = EarlierDownload(place, chain, offset, length, mime_type, e_tag, last_modified)
        started_us = None if start_time is None else round(start_time * 1e6)
        added: Future[str] = self._partition.ask(checked(AddInterruptedDownload(earlier, fields, started_us)))
        announced: Future[DownloadItem] = Future()

        def on_added() -> None:
            if (error := added.failure()) is not None:
                announced.set_exception(error)
            else:
                self._announce(added.outcome(), announced)

        added.when_done(on_added)
        return announced

    def _announce(self, download_id: str, announced: Future[DownloadItem]) -> None:
        """Tell the listeners of one that began elsewhere (FEATURES E1)."""
        known = self._item(download_id)
        known.choices.keeps_its_path = True
        event = WillDownload(known.item)

        def on_told() -> None:
            if not event.default_prevented:
                announced.set(known.item)
                return
            self._destroy(known)
            refused = self._partition.ask(TurnDownDownload(), to=actor_of(download_id))

            def on_refused() -> None:
                error = refused.failure() or DownloadRefused(
                    f"{event.item.id} was refused: a listener of will-download prevented it"
                )
                announced.set_exception(error)

            refused.when_done(on_refused)

        self._told(event, known.choices).when_done(on_told)

    def _given_up(self) -> list[tuple[str, Message]]:
        """Nobody can go on with what began here, when the partition was in memory: it is not left lying about."""
        unfinished = [
            id_ for id_ in tuple(self._begun) if (entry := self._state.downloads.entry(id_)) and not entry.ended
        ]
        return [(actor_of(id_), CancelDownload()) for id_ in unfinished]

    # -- items ------------------------------------------------------------------------------------------------------

    def directory(self) -> str:
        """Where files go: what was set, else the user's folder for downloads (FEATURES F8)."""
        return self._state.preferences.download_path or str(user_downloads_path())

    def items(self) -> list[DownloadItem]:
        """Oldest first; without those that were refused a moment ago."""
        items = [self.item(download_id) for download_id in self._state.downloads.items]
        return [item for item in items if not item.is_destroyed()]

    def item(self, download_id: str) -> DownloadItem:
        """The one object for that download."""
        return self._item(download_id).item

    def _item(self, download_id: str) -> _Known:
        with self._lock:
            known = self._known.get(download_id)
            if known is None:
                entry = self._state.downloads.entry(download_id)
                order = entry.order if entry is not None else DownloadOrder(download_id, "", "")
                choices = DownloadChoices()
                item = DownloadItem(
                    self._partition, self._follower, self._system.callbacks, order, choices, self._forget
                )
                known = self._known[download_id] = _Known(item, choices)
            return known

    def _destroy(self, known: _Known) -> None:
        known.choices.destroyed = True
        with self._lock:
            self._known.pop(known.item.id, None)

    def _forget(self, download_id: str) -> None:
        self._partition.call(ForgetDownload(download_id))
        self._destroy(self._item(download_id))

    # -- asking the program -----------------------------------------------------------------------------------------

    def _asked(self, offer: object) -> Future[Any]:
        """What stands in the table of handlers for ``will-download``: listeners first, then the handler that chooses a path."""
        assert isinstance(offer, DownloadOffer), "nobody else asks it"
        known = self._item(offer.id)
        initiator = known.item.origin.initiator
        event = WillDownload(known.item, None if initiator is None else self.pages.get(initiator.page))
        answer: Future[Any] = Future()

        def on_told() -> None:
            choices = known.choices
            if event.default_prevented:
                self._destroy(known)
                answer.set(DownloadAnswer(prevented=True))
            elif choices.save_path is None and offer.save_path is None and self.paths.is_asked:
                default = str(PurePath(known.item.directory, offer.filename))
                self.paths.ask(known.item, choices, default, answer)
            else:
                answer.set(DownloadAnswer(save_path=choices.save_path))

        self._told(event, known.choices).when_done(on_told)
        return answer

    def _told(self, event: WillDownload, choices: DownloadChoices) -> Future[None]:
        """Done when all listeners have been told, in order; until then they may choose."""
        choices.is_open = True
        told = self._tell(event)
        ended: Future[None] = Future()
        left = len(told) + 1
        lock = threading.Lock()

        def on_told() -> None:
            nonlocal left
            with lock:
                left -= 1
                if left:
                    return
            choices.is_open = False
            ended.set(None)

        for done in told:
            done.when_done(on_told)
        on_told()
        return ended


def _addressed(url: str, headers: Mapping[str, str] | None) -> tuple[str, HeaderFields]:
    """The URL without what is secret of it, and the fields to be sent. Raises :class:`TypeError`, :class:`ValueError`."""
    if headers is not None and not isinstance(headers, Mapping):
        raise TypeError("Invalid value for headers - must be an object")
    target, authorization = without_userinfo(parse_http_url(url))
    given: Fields = check_fields((headers or {}).items())
    if authorization is not None:  # a password in a URL would stand in the log in clear
        given = (("Authorization", authorization), *given)
    return target, tuple((name, Secret(value)) for name, value in given)
