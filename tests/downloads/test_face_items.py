"""What users see of a download: ``will-download``, the item's getters, its events, its list."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer, ServedFile, sends

import partita
from partita.errors import DownloadRefused, ItemDestroyed, ListenerFailed, UsageError

PATIENCE_S = 30.0
CONTENT = bytes(range(256)) * 1024
DESTROYED = "^DownloadItem used after being destroyed$"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[partita.System]:
    with partita.System(data_dir=tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def session(system: partita.System, tmp_path: Path) -> partita.Session:
    opened = system.from_partition("persist:work")
    opened.set_download_path(str(tmp_path / "files"))
    return opened


def got(session: partita.Session, url: str) -> partita.DownloadItem:
    return session.download_url(url).get(PATIENCE_S)


# -- will-download ------------------------------------------------------------------------------------------------------

GETTERS: tuple[Callable[[partita.DownloadItem], object], ...] = (
    lambda item: item.get_url(),
    lambda item: item.get_url_chain(),
    lambda item: item.get_filename(),
    lambda item: item.get_mime_type(),
    lambda item: item.has_user_gesture(),
    lambda item: item.get_total_bytes(),
    lambda item: item.get_received_bytes(),
    lambda item: item.get_content_disposition(),
    lambda item: item.get_last_modified_time(),
    lambda item: item.get_e_tag(),
    lambda item: item.get_state(),
    lambda item: item.get_start_time(),
    lambda item: item.get_end_time(),
    lambda item: item.get_percent_complete(),
    lambda item: item.get_current_bytes_per_second(),
    lambda item: item.get_time_remaining(),
    lambda item: item.get_save_path(),
    lambda item: item.save_path,
    lambda item: item.get_save_dialog_options(),
    lambda item: item.set_save_path("/x"),
    lambda item: item.set_save_dialog_options(title="x"),
    lambda item: item.is_paused(),
    lambda item: item.can_resume(),
    lambda item: item.last_reason,
    lambda item: item.pause(),
    lambda item: item.resume(),
    lambda item: item.cancel(),
    lambda item: item.remove(),
)


def test_a_refused_item_answers_inside_the_listener_and_is_destroyed_after_it(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    url = server.on("/film.bin", sends(CONTENT))
    seen: list[partita.DownloadItem] = []
    inside: list[str] = []

    def refuse(event: partita.WillDownload) -> None:
        event.prevent_default()
        seen.append(event.item)
        inside.extend([event.item.get_url(), event.item.get_filename(), event.item.get_state()])

    session.on("will-download", refuse)
    with pytest.raises(DownloadRefused):
        got(session, url)
    assert inside == [url, "film.bin", "progressing"]
    (item,) = seen
    assert item.is_destroyed()
    for getter in GETTERS:
        with pytest.raises(ItemDestroyed, match=DESTROYED):
            getter(item)
    assert "destroyed" in repr(item)
    assert item.finished().get(PATIENCE_S) == "cancelled"
    assert session.downloads() == []
    assert not (tmp_path / "files").exists()


def test_the_event_of_a_sessions_own_download_names_no_page(session: partita.Session, server: LoopbackServer) -> None:
    pages: list[object] = []
    session.on("will-download", lambda event: pages.append(event.web_contents))
    item = got(session, server.on("/film.bin", sends(CONTENT)))
    assert pages == [None]
    assert item.has_user_gesture() is False
    assert session.download_url(server.url("/film.bin"), has_user_gesture=True).get(PATIENCE_S).has_user_gesture()


def test_a_save_path_is_taken_inside_a_listener_only_and_its_folders_are_made(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    target = tmp_path / "a" / "b" / "c" / "film.bin"
    before: list[str] = []

    def choose(event: partita.WillDownload) -> None:
        before.append(event.item.save_path)
        event.item.save_path = str(target)
        before.append(event.item.get_save_path())

    session.on("will-download", choose)
    item = got(session, server.on("/other.bin", sends(CONTENT)))
    assert before == ["", str(target)]
    with pytest.raises(UsageError, match="will-download"):
        item.set_save_path(str(tmp_path / "late.bin"))
    assert item.finished().get(PATIENCE_S) == "completed"
    assert item.save_path == item.get_save_path() == str(target)
    assert target.read_bytes() == CONTENT
    assert item.get_filename() == "other.bin"


@pytest.mark.parametrize("path", ["film.bin", "", "/a\0b", "/a\udcff"])
def test_a_save_path_that_is_none_is_refused_and_changes_nothing(
    session: partita.Session, server: LoopbackServer, path: str
) -> None:
    errors: list[Exception] = []

    def choose(event: partita.WillDownload) -> None:
        try:
            event.item.set_save_path(path)
        except ValueError as error:
            errors.append(error)

    session.on("will-download", choose)
    item = got(session, server.on("/film.bin", sends(CONTENT)))
    assert len(errors) == 1
    assert item.finished().get(PATIENCE_S) == "completed"
    assert Path(item.save_path).name == "film.bin"


def test_a_url_is_normalised_and_the_object_of_a_download_is_one(
    session: partita.Session, server: LoopbackServer
) -> None:
    server.on("/", sends(CONTENT, headers=[("Content-Type", "application/pdf")]))
    item = got(session, server.url("").upper())
    assert item.get_url() == server.url("/")
    assert item.get_url_chain() == [server.url("/")]
    assert item.get_filename() == "download.pdf"
    assert session.downloads()[0] is item
    assert item == session.downloads()[0]


# -- events and figures -------------------------------------------------------------------------------------------------


class Heard:
    """The events of an item in their order, and a way to wait for the last of them."""

    def __init__(self, item: partita.DownloadItem) -> None:
        self.said: list[tuple[str, str]] = []
        self._news = threading.Condition()
        item.on("updated", lambda event: self._note("updated", event))
        item.on("done", lambda event: self._note("done", event))

    def _note(self, name: str, event: Any) -> None:
        with self._news:
            self.said.append((name, event.state))
            self._news.notify_all()

    def wait_for(self, *said: tuple[str, str]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.said[-len(said) :] == list(said), PATIENCE_S), self.said


def test_updated_comes_at_each_change_of_state_and_done_once(session: partita.Session, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=100_000)
    item = got(session, server.on("/film.bin", file))
    heard = Heard(item)
    assert file.held.wait(PATIENCE_S)
    item.pause()
    heard.wait_for(("updated", "progressing"))
    assert item.is_paused()
    item.resume()
    file.go_on.set()
    heard.wait_for(("done", "completed"))
    item.cancel()
    item.resume()
    session.flush().get()
    assert [said for said in heard.said if said[0] == "done"] == [("done", "completed")]


def test_an_interruption_that_may_pass_is_an_update_and_the_end_is_told_once(
    session: partita.Session, server: LoopbackServer
) -> None:
    file = ServedFile(CONTENT, hold_at=50_000, hang_up_at=[100_000])
    item = got(session, server.on("/film.bin", file))
    heard = Heard(item)
    file.go_on.set()
    heard.wait_for(("updated", "interrupted"))
    item.resume()
    heard.wait_for(("done", "completed"))
    assert ("done", "interrupted") not in heard.said
    assert [name for name, _ in heard.said].count("done") == 1
    assert item.finished().get(PATIENCE_S) == item.stopped().get(PATIENCE_S) == "completed"


def test_an_interruption_for_good_is_done(session: partita.Session, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=50_000, hang_up_at=[100_000])
    url = server.on("/film.bin", file)
    item = got(session, url)
    heard = Heard(item)
    file.go_on.set()
    heard.wait_for(("updated", "interrupted"))
    server.on("/film.bin", sends(status=403))
    item.resume()
    heard.wait_for(("done", "interrupted"))
    assert not item.can_resume()
    item.resume()
    item.cancel()
    session.flush().get()
    assert [name for name, _ in heard.said].count("done") == 1


def test_figures_of_a_download_before_and_after_its_end(session: partita.Session, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=100_000)
    item = got(session, server.on("/film.bin", file))
    assert file.held.wait(PATIENCE_S)
    assert (item.get_state(), item.get_end_time(), item.get_total_bytes()) == ("progressing", 0.0, len(CONTENT))
    assert item.get_percent_complete() == item.get_received_bytes() * 100 // len(CONTENT)
    assert item.get_current_bytes_per_second() >= 0
    file.go_on.set()
    assert item.finished().get(PATIENCE_S) == "completed"
    assert item.get_end_time() >= item.get_start_time() > 0
    assert (item.get_percent_complete(), item.get_received_bytes()) == (100, len(CONTENT))
    assert item.get_current_bytes_per_second() == 0
    assert item.get_time_remaining() is None


def test_a_length_that_nobody_announced_is_known_in_the_end(session: partita.Session, server: LoopbackServer) -> None:
    def chunked(seen: Any, reply: Any) -> None:
        reply.head(200, [("Transfer-Encoding", "chunked")])
        reply.write(b"3\r\nabc\r\n0\r\n\r\n")

    item = got(session, server.on("/stream", chunked))
    assert item.finished().get(PATIENCE_S) == "completed"
    assert (item.get_total_bytes(), item.get_percent_complete()) == (3, 100)


# -- the list -----------------------------------------------------------------------------------------------------------


def test_an_item_that_has_ended_can_be_removed_and_its_file_stays(
    session: partita.Session, server: LoopbackServer, system: partita.System
) -> None:
    file = ServedFile(CONTENT, hold_at=100_000)
    item = got(session, server.on("/film.bin", file))
    with pytest.raises(UsageError, match="cancel it first"):
        item.remove()
    file.go_on.set()
    assert item.finished().get(PATIENCE_S) == "completed"
    path = Path(item.save_path)
    item.remove()
    assert session.downloads() == []
    assert path.read_bytes() == CONTENT
    with pytest.raises(ItemDestroyed, match=DESTROYED):
        item.get_state()
    session.close()
    assert system.from_partition("persist:work").downloads() == []


def test_the_download_path_is_made_when_it_is_needed_and_kept(
    system: partita.System, server: LoopbackServer, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "er"
    session = system.from_partition("persist:path")
    with pytest.raises(ValueError, match="not absolute"):
        session.set_download_path("somewhere")
    session.set_download_path(str(folder))
    assert not folder.exists()
    session.close()
    session = system.from_partition("persist:path")
    assert session.get_download_path() == str(folder)
    item = got(session, server.on("/film.bin", sends(CONTENT)))
    assert item.finished().get(PATIENCE_S) == "completed"
    assert (folder / "film.bin").read_bytes() == CONTENT


# -- the handler that chooses a path ------------------------------------------------------------------------------------


def test_the_handler_is_asked_where_a_file_goes_with_the_options_of_the_listener(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    asked: list[partita.ChoosePath] = []
    options = {"title": "Save it", "filters": [{"name": "Films", "extensions": ["bin"]}], "default_path": "mine.bin"}

    def tell(event: partita.WillDownload) -> None:
        event.item.set_save_dialog_options(**options)
        assert event.item.get_save_dialog_options() == options

    def choose(request: partita.ChoosePath) -> Path:
        asked.append(request)
        return tmp_path / "chosen" / "film.bin"

    session.on("will-download", tell)
    session.set_choose_path_handler(choose)
    item = got(session, server.on("/film.bin", sends(CONTENT)))
    assert item.finished().get(PATIENCE_S) == "completed"
    assert (tmp_path / "chosen" / "film.bin").read_bytes() == CONTENT
    (request,) = asked
    assert request.item is item
    assert request.options == options
    assert request.default_path == str(tmp_path / "files" / "mine.bin")
    assert session.get_download_path() == str(tmp_path / "chosen")


def test_a_path_that_a_listener_has_set_is_not_asked_for(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    session.set_choose_path_handler(lambda request: pytest.fail("nobody should ask"))
    session.on("will-download", lambda event: event.item.set_save_path(str(tmp_path / "set.bin")))
    assert got(session, server.on("/film.bin", sends(CONTENT))).finished().get(PATIENCE_S) == "completed"


async def never_mind(request: partita.ChoosePath) -> None:
    """A dialog that is cancelled."""


def test_a_dialog_that_is_cancelled_cancels_the_item(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    session.set_choose_path_handler(never_mind)
    item = got(session, server.on("/film.bin", sends(CONTENT)))
    assert item.finished().get(PATIENCE_S) == "cancelled"
    assert (item.get_state(), item.save_path) == ("cancelled", "")
    assert not (tmp_path / "files").exists()
    session.set_choose_path_handler(None)
    assert got(session, server.url("/film.bin")).finished().get(PATIENCE_S) == "completed"


@pytest.mark.parametrize("answer", ["relative.bin", 7])
def test_a_handler_that_gives_no_path_counts_as_cancelled_and_is_reported(
    session: partita.Session, server: LoopbackServer, answer: Any
) -> None:
    session.set_choose_path_handler(lambda request: answer)
    with pytest.warns(ListenerFailed, match="chooses a path"):
        item = got(session, server.on("/film.bin", sends(CONTENT)))
        assert item.finished().get(PATIENCE_S) == "cancelled"


def test_a_handler_is_in_the_log_and_gone_at_the_next_opening(session: partita.Session, system: partita.System) -> None:
    session.set_choose_path_handler(lambda request: None)
    session.set_choose_path_handler(lambda request: None)
    session.set_choose_path_handler(None)
    session.set_choose_path_handler(lambda request: None)
    assert session.at(session.snapshot().get()).state.choosing.is_asked
    session.close()
    session = system.from_partition("persist:work")
    session.flush().get()
    assert not session.at(session.log.position).state.choosing.is_asked
    told = [
        type(event).__name__ for turn in session.log.turns() for event in turn.events if "PathHandler" in repr(event)
    ]
    assert told == ["PathHandlerSet", "PathHandlerCleared", "PathHandlerSet", "PathHandlerCleared"]


def test_what_is_no_handler_and_no_option_is_refused(session: partita.Session, server: LoopbackServer) -> None:
    with pytest.raises(TypeError, match="a handler is a function"):
        session.set_choose_path_handler("no")  # type: ignore[arg-type]
    errors: list[str] = []

    def tell(event: partita.WillDownload) -> None:
        for options in ({"colour": "red"}, {"title": 7}, {"shows_tag_field": "yes"}):
            try:
                event.item.set_save_dialog_options(**options)
            except TypeError as error:
                errors.append(str(error))
        assert event.item.get_save_dialog_options() == {}

    session.on("will-download", tell)
    item = got(session, server.on("/film.bin", sends(CONTENT)))
    assert len(errors) == 3
    with pytest.raises(UsageError, match="will-download"):
        item.set_save_dialog_options(title="late")
