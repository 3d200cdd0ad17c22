"""Where files go: the session's download path, a download's own folder or file, a handler in place of a dialog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer, sends

import partita
from partita.errors import ListenerFailed, UsageError

PATIENCE_S = 30.0
CONTENT = bytes(range(256)) * 1024


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
    item = session.download_url(server.on("/film.bin", sends(CONTENT))).get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert (folder / "film.bin").read_bytes() == CONTENT


def test_a_directory_is_where_one_download_goes_under_names_that_are_free(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    url = server.on("/film.bin", sends(CONTENT))
    with pytest.raises(ValueError, match="absolute"):
        session.download_url(url, directory="reports")
    items = [session.download_url(url, directory=folder).get(PATIENCE_S) for _ in range(2)]
    assert [item.finished().get(PATIENCE_S) for item in items] == ["completed"] * 2
    assert sorted(path.name for path in folder.iterdir()) == ["film (1).bin", "film.bin"]
    assert session.get_download_path() == str(tmp_path / "files")


def test_a_save_path_is_the_file_of_one_download_whatever_is_there(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    file = tmp_path / "reports" / "mine.bin"
    url = server.on("/film.bin", sends(CONTENT))
    for wrong, text in [({"save_path": "mine.bin"}, "absolute"), ({"save_path": f"{tmp_path}/"}, "is a folder")]:
        with pytest.raises(ValueError, match=text):
            session.download_url(url, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not both"):
        session.download_url(url, save_path=file, directory=tmp_path)
    with pytest.raises(TypeError, match="save_path is a str"):
        session.download_url(url, save_path=7)  # type: ignore[arg-type]
    asked: list[partita.ChoosePath] = []
    told: list[str] = []
    session.set_choose_path_handler(asked.append)
    session.on("will-download", lambda event: told.append(event.item.save_path))
    for _ in range(2):
        item = session.download_url(url, save_path=file).get(PATIENCE_S)
        assert item.finished().get(PATIENCE_S) == "completed"
    assert (told, asked) == ([str(file)] * 2, [])
    assert file.read_bytes() == CONTENT
    assert [path.name for path in file.parent.iterdir()] == ["mine.bin"]


def test_a_listener_has_the_last_word_about_a_save_path(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    session.on("will-download", lambda event: event.item.set_save_path(str(tmp_path / "the listeners")))
    url = server.on("/film.bin", sends(CONTENT))
    item = session.download_url(url, save_path=tmp_path / "the callers").get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert item.save_path == str(tmp_path / "the listeners")
    assert not (tmp_path / "the callers").exists()


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
    item = session.download_url(server.on("/film.bin", sends(CONTENT))).get(PATIENCE_S)
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
    assert (
        session.download_url(server.on("/film.bin", sends(CONTENT))).get(PATIENCE_S).finished().get(PATIENCE_S)
        == "completed"
    )


async def never_mind(request: partita.ChoosePath) -> None:
    """A dialog that is cancelled."""


def test_a_dialog_that_is_cancelled_cancels_the_item(
    session: partita.Session, server: LoopbackServer, tmp_path: Path
) -> None:
    session.set_choose_path_handler(never_mind)
    item = session.download_url(server.on("/film.bin", sends(CONTENT))).get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "cancelled"
    assert (item.get_state(), item.save_path) == ("cancelled", "")
    assert not (tmp_path / "files").exists()
    session.set_choose_path_handler(None)
    assert session.download_url(server.url("/film.bin")).get(PATIENCE_S).finished().get(PATIENCE_S) == "completed"


@pytest.mark.parametrize("answer", ["relative.bin", 7])
def test_a_handler_that_gives_no_path_counts_as_cancelled_and_is_reported(
    session: partita.Session, server: LoopbackServer, answer: Any
) -> None:
    session.set_choose_path_handler(lambda request: answer)
    with pytest.warns(ListenerFailed, match="chooses a path"):
        item = session.download_url(server.on("/film.bin", sends(CONTENT))).get(PATIENCE_S)
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
    item = session.download_url(server.on("/film.bin", sends(CONTENT))).get(PATIENCE_S)
    assert len(errors) == 3
    with pytest.raises(UsageError, match="will-download"):
        item.set_save_dialog_options(title="late")
