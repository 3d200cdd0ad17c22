"""What users see of a download: ``will-download``, the item's getters, its events, its list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer, ServedFile, sends

import partita
from partita.errors import DownloadRefused, ItemDestroyed, UsageError

PATIENCE_S = 30.0
CONTENT = bytes(range(256)) * 1024
DESTROYED = "^DownloadItem used after being destroyed$"


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


@pytest.mark.parametrize("path", ["film.bin", "", "/a\0b", "/a\udcff", "/films/", "/films/.."])
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


def test_what_is_resumed_may_come_in_another_way(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT, hang_up_at=[100_000, 200_000])
    item = got(session, server.on("/film.bin", file))
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    with pytest.raises(ValueError, match="segments is 1 to 16"):
        item.resume(segments=17)
    with pytest.raises(TypeError, match="a download has no 'priority_'"):
        item.resume(priority_=1)  # type: ignore[call-arg]
    assert item.get_state() == "interrupted"
    item.resume(retry=partita.RetryPolicy(attempts=2, first_s=0.001))
    assert item.finished().get(PATIENCE_S) == "completed"
    assert [seen.header("range") for seen in server.seen] == [None, "bytes=100000-", "bytes=200000-"]
    with pytest.raises(UsageError, match="is completed"):
        item.resume(segments=2)


# -- the handler that chooses a path ------------------------------------------------------------------------------------


def test_one_that_goes_on_by_itself_says_when(session: partita.Session, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=50_000, hang_up_at=[100_000])
    url = server.on("/film.bin", file)
    item = session.download_url(url, retry=partita.RetryPolicy(attempts=1, first_s=900, cap_s=900, jitter=0)).get(
        PATIENCE_S
    )
    heard = Heard(item)
    file.go_on.set()
    heard.wait_for(("updated", "interrupted"))
    assert item.get_retry_time() == pytest.approx(item.get_end_time() + 900, abs=1)
    item.resume()
    assert item.finished().get(PATIENCE_S) == "completed"
    assert item.get_retry_time() is None
