"""``create_interrupted_download``: a file of which the first bytes are there goes on (FEATURES F28)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer, ServedFile, sends

import partita
from partita.errors import DownloadRefused, InvalidURL, UsageError

PATIENCE_S = 30.0
CONTENT = bytes(range(256)) * 1024
OFFSET = 100_000
MODIFIED = "Tue, 01 Jan 2030 00:00:00 GMT"
STARTED = 1_700_000_000.25


class Taking:
    """A session, and a file with the first bytes of what the server has."""

    def __init__(self, session: partita.Session, url: str, path: Path) -> None:
        self.session = session
        self.url = url
        self.path = path
        path.write_bytes(CONTENT[:OFFSET])

    def over(self, **options: Any) -> partita.DownloadItem:
        given = {"path": self.path, "url_chain": [self.url], "offset": OFFSET, "length": len(CONTENT), "e_tag": '"v1"'}
        return self.session.create_interrupted_download(**{**given, **options}).get(PATIENCE_S)


Begun = Callable[[partita.System], Taking]


@pytest.fixture
def file() -> ServedFile:
    return ServedFile(CONTENT, last_modified=MODIFIED)


@pytest.fixture
def begun(server: LoopbackServer, file: ServedFile, tmp_path: Path) -> Begun:
    url = server.on("/film.bin", file)
    return lambda system: Taking(system.from_partition("persist:work"), url, tmp_path / "mine.bin")


def test_nothing_is_sent_until_it_is_resumed_and_then_the_file_goes_on(
    begun: Begun, server: LoopbackServer, tmp_path: Path
) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        seen: list[tuple[object, str, str]] = []
        take.session.on(
            "will-download",
            lambda event: seen.append((event.web_contents, event.item.get_state(), event.item.save_path)),
        )
        item = take.over(mime_type="video/x", start_time=STARTED, last_modified=MODIFIED, headers={"X-Key": "k"})
        assert seen == [(None, "interrupted", str(take.path))]
        assert server.seen == []
        assert (item.get_state(), item.last_reason, item.can_resume()) == ("interrupted", "NETWORK_TIMEOUT", True)
        assert (item.get_received_bytes(), item.get_total_bytes()) == (OFFSET, len(CONTENT))
        assert (item.get_mime_type(), item.get_e_tag(), item.get_last_modified_time()) == ("video/x", '"v1"', MODIFIED)
        assert (item.get_start_time(), item.get_end_time()) == (STARTED, 0.0)
        assert (item.get_filename(), item.has_user_gesture()) == ("mine.bin", False)
        assert item.get_percent_complete() == OFFSET * 100 // len(CONTENT)
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
        assert take.path.read_bytes() == CONTENT
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "mine.bin"]
        (request,) = server.seen
        assert (request.header("range"), request.header("if-range")) == (f"bytes={OFFSET}-", '"v1"')
        assert request.header("x-key") == "k"


def test_the_last_url_is_asked_and_all_of_the_chain_is_told(
    begun: Begun, server: LoopbackServer, tmp_path: Path
) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        chain = [server.url("/first"), server.url("/second"), take.url]
        item = take.over(url_chain=chain)
        assert (item.get_url_chain(), item.get_url()) == (chain, take.url)
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
        assert item.get_url_chain() == chain
        assert server.paths() == ["/film.bin"]


def test_it_survives_a_restart(begun: Begun, server: LoopbackServer, tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        known = take.over(start_time=STARTED).id
    with partita.System(data_dir=tmp_path / "data") as system:
        (item,) = system.from_partition("persist:work").downloads()
        assert (item.id, item.get_state(), item.get_received_bytes()) == (known, "interrupted", OFFSET)
        assert (item.get_start_time(), item.save_path) == (STARTED, str(take.path))
        assert server.seen == []
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
        assert take.path.read_bytes() == CONTENT


def test_an_interruption_leaves_the_file_where_it_is_and_it_goes_on_again(
    begun: Begun, file: ServedFile, server: LoopbackServer, tmp_path: Path
) -> None:
    file.hang_up_at = [200_000]
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        item = take.over()
        item.resume()
        assert item.stopped().get(PATIENCE_S) == "interrupted"
    with partita.System(data_dir=tmp_path / "data") as system:
        (item,) = system.from_partition("persist:work").downloads()
        assert item.get_received_bytes() == 200_000
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
        assert take.path.read_bytes() == CONTENT
        assert server.seen[-1].header("range") == "bytes=200000-"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"e_tag": '"v0"'}, "the file has changed"),
        ({"e_tag": "", "last_modified": ""}, "nothing tells whether it has"),
    ],
)
def test_it_begins_again_where_the_rest_would_not_fit(
    begun: Begun, tmp_path: Path, options: dict[str, str], why: str
) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        take.path.write_bytes(b"x" * OFFSET)
        item = take.over(**options)
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed", why
        assert take.path.read_bytes() == CONTENT


def test_cancelling_deletes_the_file_as_it_does_any_partial_one(begun: Begun, tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        item = take.over()
        item.cancel()
        assert item.finished().get(PATIENCE_S) == "cancelled"
        take.session.close()  # what it has left to do is done before
        assert not take.path.exists()


def test_prevent_default_takes_it_off_the_list_and_leaves_the_file(
    begun: Begun, server: LoopbackServer, tmp_path: Path
) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        items: list[partita.DownloadItem] = []

        @take.session.on("will-download")
        def refuse(event: partita.WillDownload) -> None:
            items.append(event.item)
            event.prevent_default()

        with pytest.raises(DownloadRefused):
            take.over()
        assert items[0].is_destroyed()
        assert take.session.downloads() == []
        assert take.path.read_bytes() == CONTENT[:OFFSET]
        assert server.seen == []


def test_its_path_is_that_of_its_file_whatever_a_listener_says(begun: Begun, tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        errors: list[UsageError] = []

        @take.session.on("will-download")
        def choose(event: partita.WillDownload) -> None:
            try:
                event.item.set_save_path(str(tmp_path / "other.bin"))
            except UsageError as error:
                errors.append(error)

        assert take.over().save_path == str(take.path)
        assert len(errors) == 1


EMPTY = "^Must pass non-empty path, urlChain and length.$"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"path": ""}, ValueError, EMPTY),
        ({"url_chain": []}, ValueError, EMPTY),
        ({"url_chain": [""]}, ValueError, EMPTY),
        ({"length": 0}, ValueError, EMPTY),
        ({"offset": len(CONTENT)}, ValueError, "^Must pass an offset value less than length.$"),
        ({"offset": -1}, ValueError, "offset"),
        ({"path": "mine.bin"}, ValueError, "absolute"),
        ({"start_time": -1.0}, ValueError, "start_time"),
        ({"start_time": float("nan")}, ValueError, "start_time"),
        ({"url_chain": ["ftp://a.example/"]}, InvalidURL, "ftp"),
        ({"url_chain": ["nowhere", "http://a.example/"]}, InvalidURL, "nowhere"),
        ({"url_chain": "http://a.example/"}, TypeError, "url_chain"),
        ({"length": "7"}, TypeError, "length is an int"),
        ({"offset": True}, TypeError, "offset is an int"),
        ({"e_tag": b"v1"}, TypeError, "e_tag is a str"),
        ({"headers": [("a", "b")]}, TypeError, "^Invalid value for headers - must be an object$"),
    ],
)
def test_what_is_wrong_with_it_is_said_and_nothing_is_recorded(
    begun: Begun, tmp_path: Path, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with partita.System(data_dir=tmp_path / "data") as system:
        take = begun(system)
        take.session.flush().get()
        before = take.session.log.position
        with pytest.raises(error, match=text):
            take.over(**options)
        take.session.flush().get()
        assert take.session.downloads() == []
        assert take.session.log.position == before


def test_a_password_in_a_url_stands_nowhere_in_the_log(server: LoopbackServer, tmp_path: Path) -> None:
    server.on("/film.bin", sends(CONTENT))
    with partita.System(data_dir=tmp_path / "data") as system:
        session = system.from_partition("persist:work")
        url = server.url("/film.bin").replace("http://", "http://me:hunter2@")
        session.create_interrupted_download(
            path=tmp_path / "f", url_chain=[url, url], offset=0, length=len(CONTENT)
        ).get(PATIENCE_S)
        session.flush().get()
        assert all("hunter2" not in repr(turn) for turn in session.log.turns())
        (item,) = session.downloads()
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
        assert (server.seen[0].header("authorization") or "").startswith("Basic ")
