"""``file:`` URLs, and the port that reads files, on the disk and on the simulated one."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import trio

import partita
from partita.actors.live_world.files import DiskFiles
from partita.actors.protocols.files import path_of
from partita.actors.protocols.http_dates import http_date
from partita.actors.protocols.media_types import content_type, media_type_of
from partita.actors.recorded_world.files import FilesBelow


def failure(session: partita.Session, url: str, **options: Any) -> str:
    with pytest.raises(partita.NetError) as caught:
        session.fetch(url, **options).get(10)
    return caught.value.name


def test_a_file_is_fetched_by_its_url(session: partita.Session, tmp_path: Path) -> None:
    path = tmp_path / "a page ü#?.html"
    path.write_bytes(b"<p>" * 500_000)
    os.utime(path, (784111777, 784111777))
    response = session.fetch(path.as_uri()).get(10)
    assert response.content == b"<p>" * 500_000
    assert dict(response.headers) == {
        "content-type": "text/html; charset=utf-8",
        "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
        "accept-ranges": "bytes",
        "content-length": "1500000",
    }
    head = session.fetch(path.as_uri(), method="HEAD").get(10)
    assert (head.content, head.headers["content-length"]) == (b"", "1500000")


def test_an_empty_file_is_empty(session: partita.Session, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    response = session.fetch((tmp_path / "empty").as_uri()).get(10)
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "0")


def test_what_cannot_be_read_has_chromiums_error(session: partita.Session, tmp_path: Path) -> None:
    assert failure(session, (tmp_path / "missing").as_uri()) == "ERR_FILE_NOT_FOUND"
    assert failure(session, tmp_path.as_uri()) == "ERR_FILE_NOT_FOUND"
    assert failure(session, (tmp_path / "missing" / "deeper").as_uri()) == "ERR_FILE_NOT_FOUND"
    assert failure(session, f"file:///{'x' * 2000}") == "ERR_FILE_NOT_FOUND"
    assert failure(session, "file:///with%00nul") == "ERR_INVALID_URL"
    os.mkfifo(tmp_path / "pipe")
    assert failure(session, (tmp_path / "pipe").as_uri()) == "ERR_ACCESS_DENIED"
    assert failure(session, "file:///etc/hostname", method="POST") == "ERR_METHOD_NOT_SUPPORTED"


def test_a_file_is_not_readable_through_a_redirect(session: partita.Session, tmp_path: Path) -> None:
    import httpx

    session.protocol.handle("https", lambda request: httpx.Response(302, headers={"Location": "file:///etc/hostname"}))
    assert failure(session, "https://h/") == "ERR_UNSAFE_REDIRECT"


def test_a_file_that_shrinks_while_it_is_read_breaks_off(session: partita.Session, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 4_000_000)
    with session.stream(path.as_uri()) as response:
        chunks = response.iter_raw()
        next(chunks)
        os.truncate(path, 1000)
        with pytest.raises(partita.NetError, match="ERR_CONTENT_LENGTH_MISMATCH"):
            list(chunks)


def test_an_intercepted_file_is_answered_by_its_handler(session: partita.Session) -> None:
    session.protocol.intercept_string_protocol("file", lambda request: request.url)
    assert session.fetch("file:///any/thing").get(10).text == "file:///any/thing"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a/b", "/a/b"),
        ("file:///a%20b%C3%BC?query#fragment", "/a bü"),
        ("file:///C:/x", "C:/x"),
        ("file://localhost/a", "/a"),
        ("file:///a%FFb", "/a\udcffb"),
    ],
)
def test_the_path_of_a_url(url: str, path: str) -> None:
    assert path_of(url) == path


@pytest.mark.parametrize("url", ["file://other/a", "file:///a%00b", "file:"])
def test_a_url_of_no_file_here(url: str) -> None:
    with pytest.raises(partita.NetError, match="ERR_INVALID_URL"):
        path_of(url)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/page.HTML", "text/html"),
        ("/a/app.js", "text/javascript"),
        ("/a/b.tar.gz", "application/gzip"),
        ("/a.d/none", "application/octet-stream"),
        ("/a/.html", "text/html"),
        ("/a/x.unheard", "application/octet-stream"),
        ("C:\\a\\x.css", "text/css"),
    ],
)
def test_a_file_is_what_its_name_ends_with(path: str, expected: str) -> None:
    assert media_type_of(path) == expected


def test_a_text_says_how_it_is_encoded() -> None:
    assert content_type("text/css", None) == "text/css; charset=utf-8"
    assert content_type("text/css; charset=latin-1", None) == "text/css; charset=latin-1"
    assert content_type("application/json", None) == "application/json"
    assert content_type("application/json", "utf-8") == "application/json; charset=utf-8"


def test_a_date_is_that_of_http() -> None:
    assert http_date(784111777_999_999) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_the_disk_reads_what_is_there_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))

    async def read() -> None:
        file = await DiskFiles().open_to_read(str(path))
        assert file.size_bytes == 100
        assert abs(file.modified_us - path.stat().st_mtime_ns // 1000) <= 1
        assert await file.read(10, 5) == bytes(range(10, 15))
        assert await file.read(95, 50) == bytes(range(95, 100))
        assert await file.read(100, 1) == b""
        await file.close()
        await file.close()
        with pytest.raises(OSError) as caught:
            await file.read(0, 1)
        assert caught.value.errno == errno.EBADF
        for wrong in ("relative", "/nul\0"):
            with pytest.raises((OSError, ValueError)):
                await DiskFiles().open_to_read(wrong)

    trio.run(read)


def test_a_playback_reads_what_it_has_written_and_else_the_file_itself(tmp_path: Path) -> None:
    original = tmp_path / "file"
    original.write_bytes(b"original")
    files = FilesBelow(DiskFiles(), tmp_path / "below")

    async def content() -> bytes:
        file = await files.open_to_read(str(original))
        try:
            return await file.read(0, 100)
        finally:
            await file.close()

    async def read() -> None:
        assert await content() == b"original"
        written = await files.open(str(original))
        await written.write(0, b"played")
        await written.close()
        assert await content() == b"played"
        assert original.read_bytes() == b"original"

    trio.run(read)
