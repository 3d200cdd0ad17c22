"""URLs that are none, and servers that hang up: a typed error, and the session goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile, sends

from partita.errors import InvalidURL, NetError
from partita.session import Session
from partita.store.partition import PartitionStore
from partita.system import System

CONTENT = bytes(range(256)) * 4096
NO_URLS = [
    "", " ", "example.com", "//example.com/", "http://", "http:///path",
    "javascript:alert(1)", "http://exa mple.com/", "http://[::1/", "http://example.com:99999/", "http://a\0b/", "http",
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with System(data_dir=tmp_path / "data") as system:
        opened = system.from_partition("persist:net")
        opened.set_download_path(str(tmp_path / "downloads"))
        opened.flush().get(30)
        yield opened


@pytest.mark.parametrize("url", NO_URLS)
def test_a_url_that_is_none_is_refused_at_the_call_and_nothing_is_appended(session: Session, url: str) -> None:
    before = session.log.position
    with pytest.raises(InvalidURL):
        session.fetch(url)
    with pytest.raises(InvalidURL):
        session.download_url(url)
    session.flush().get(30)
    assert session.log.position == before
    assert session.downloads() == []


def hangs_up(seen: Seen, reply: Reply) -> None:
    reply.head(200, {"Content-Length": "1000", "Set-Cookie": "seen=1"})
    reply.write(b"x" * 400)
    reply.hang_up()


def resets(seen: Seen, reply: Reply) -> None:
    reply.head(200, {"Content-Length": "1000"})
    reply.write(b"x" * 400)
    reply.reset()


@pytest.mark.parametrize("answer", [hangs_up, resets])
def test_a_server_that_ends_in_the_middle_of_a_body_fails_the_fetch_and_no_other(
    session: Session, server: LoopbackServer, answer: object
) -> None:
    assert callable(answer)
    bad, good = server.on("/bad", answer), server.on("/good", sends(b"whole"))
    failing = [session.fetch(bad) for _ in range(5)]
    going = [session.fetch(good) for _ in range(5)]
    for future in failing:
        with pytest.raises(NetError):
            future.get(30)
    assert [future.get(30).content for future in going] == [b"whole"] * 5


def test_what_a_response_told_before_it_broke_off_is_kept(session: Session, server: LoopbackServer) -> None:
    with pytest.raises(NetError):
        session.fetch(server.on("/bad", hangs_up)).get(30)
    session.cookies.flush_store().get(30)
    assert [cookie.name for cookie in session.cookies.get().get(30)] == ["seen"]


def test_a_server_that_is_not_there_fails_the_fetch_and_says_which(session: Session) -> None:
    with LoopbackServer() as gone:
        url = gone.url("/")
    with pytest.raises(NetError) as failure:
        session.fetch(url).get(30)
    assert "REFUSED" in str(failure.value).upper()


@pytest.mark.parametrize("ending", ["hang_up_at", "reset_at"])
def test_a_download_whose_server_hangs_up_is_interrupted_and_resumes_where_it_was(
    session: Session, server: LoopbackServer, ending: str
) -> None:
    file = ServedFile(CONTENT, **{ending: [300_000]})  # type: ignore[arg-type]
    item = session.download_url(server.on("/file", file)).get(30)
    assert item.stopped().get(30) == "interrupted"
    assert item.last_reason != "NONE"
    assert item.can_resume()
    received = item.get_received_bytes()
    assert 0 < received <= 300_000 or ending == "reset_at"
    item.resume()
    assert item.finished().get(30) == "completed"
    saved = Path(item.get_save_path()).read_bytes()
    assert hashlib.sha256(saved).hexdigest() == file.sha256
    assert len(server.seen) == 2
    if received:
        assert server.seen[-1].header("range") == f"bytes={received}-"


def test_a_download_that_was_interrupted_is_resumable_after_the_partition_was_opened_again(
    tmp_path: Path, server: LoopbackServer
) -> None:
    file = ServedFile(CONTENT, hang_up_at=[500_000])
    url = server.on("/file", file)
    with System(data_dir=tmp_path / "data") as system:
        session = system.from_partition("persist:net")
        session.set_download_path(str(tmp_path / "downloads"))
        item = session.download_url(url).get(30)
        assert item.stopped().get(30) == "interrupted"
        received = item.get_received_bytes()
    with System(data_dir=tmp_path / "data") as system:
        session = system.from_partition("persist:net")
        (item,) = session.downloads()
        assert item.get_state() == "interrupted"
        assert item.get_received_bytes() == received > 0
        assert item.can_resume()
        item.resume()
        assert item.finished().get(30) == "completed"
        assert Path(item.get_save_path()).read_bytes() == CONTENT
    assert server.seen[-1].header("range") == f"bytes={received}-"
    assert PartitionStore.verify_at(tmp_path / "data" / "Partitions" / "net").ok
