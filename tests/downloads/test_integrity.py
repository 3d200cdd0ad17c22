"""Digests, codings and lengths: that the file is what it should be."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import sys
from pathlib import Path

import pytest
from downloads.receiving import MIB, Downloads, with_downloads
from servers.loopback import LoopbackServer, ServedFile, sends

from partita.actors.downloads.codings import decoder_of
from partita.actors.downloads.integrity import parsed
from partita.actors.live_world.files import DiskFiles
from partita.events.download_options import DownloadOptions
from partita.events.secret import Secret

CONTENT = os.urandom(3 * MIB)


def sri(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def test_the_strongest_algorithm_counts_and_any_of_its_digests() -> None:
    asked = f"{sri(b'a')}  {sri(b'b', 'sha512')} {sri(b'c', 'sha512')}?ct=x {sri(b'd', 'sha384')}"
    assert parsed(asked) == ("sha512", frozenset(hashlib.sha512(text).digest() for text in (b"b", b"c")))
    assert parsed("  ") is None


@pytest.mark.parametrize("asked", ["md5-AAAA", "sha256", "sha256-AAAA", "sha256-*", f"{sri(b'a')} nonsense"])
def test_what_no_file_could_be_compared_with_is_an_error(asked: str) -> None:
    with pytest.raises(ValueError, match=r"sha|base64|long"):
        parsed(asked)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_file_with_the_right_digest_is_completed_also_after_an_interruption(
    server: LoopbackServer, tmp_path: Path, algorithm: str
) -> None:
    url = server.on("/f.bin", ServedFile(CONTENT, hang_up_at=[2 * MIB]))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url, options=DownloadOptions(integrity=sri(CONTENT, algorithm)))
        await downloads.until(download, "interrupted")
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert server.seen[1].header("range") is not None


def test_a_file_with_another_digest_is_interrupted_and_begun_again(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/f.bin", ServedFile(b"?" + CONTENT[1:]))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url, options=DownloadOptions(integrity=sri(CONTENT)))
        state = await downloads.until(download, "interrupted")
        assert (state.reason, state.received_bytes) == ("FILE_HASH_MISMATCH", 0)
        assert sri(b"?" + CONTENT[1:]) in state.detail
        assert (tmp_path / "f.bin").read_bytes() == b"", "the name is held, and nothing wrong has it"
        server.on("/f.bin", ServedFile(CONTENT))
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert server.seen[1].header("range") is None


def test_a_coding_that_nobody_asked_for_is_undone_and_such_a_body_has_no_ranges(
    server: LoopbackServer, tmp_path: Path
) -> None:
    coded = gzip.compress(CONTENT)
    headers = [("Content-Encoding", "gzip"), ("Content-Type", "application/octet-stream")]
    url = server.on("/f.bin", ServedFile(coded, headers=headers, hang_up_at=[2 * MIB]))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        state = await downloads.until(download, "interrupted")
        assert state.head is not None
        assert (state.head.total_bytes, state.head.content_encoding) == (0, "gzip")
        await downloads.go_on(download)
        assert (await downloads.until(download, "completed")).received_bytes == len(CONTENT)

    with_downloads(tmp_path, work)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert [seen.header("range") for seen in server.seen] == [None, None]


@pytest.mark.parametrize(
    ("path", "mime_type"), [("/f.tar.gz", "application/x-tar"), ("/f", "application/gzip"), ("/F.TGZ", "text/plain")]
)
def test_a_compressed_file_is_stored_as_it_is(
    server: LoopbackServer, tmp_path: Path, path: str, mime_type: str
) -> None:
    coded = gzip.compress(b"hello" * 1000)
    url = server.on(path, sends(coded, headers=[("Content-Encoding", "gzip"), ("Content-Type", mime_type)]))

    async def work(downloads: Downloads) -> None:
        await downloads.until(await downloads.begin(url), "completed")

    with_downloads(tmp_path, work)
    (stored,) = tmp_path.iterdir()
    assert stored.read_bytes() == coded


@pytest.mark.parametrize(
    ("coding", "mime_type", "name", "undone"),
    [
        ("gzip", "text/plain", "a.txt", True),
        ("x-gzip", "text/plain", "a.svgz", False),
        ("gzip", "application/x-gzip; a=b", "a.bin", False),
        ("br", "text/plain", "a.gz", True),
        ("zstd", "text/plain", "a.tar.zst", False),
        ("rot13", "text/plain", "a.txt", False),
        ("", "text/plain", "a.txt", False),
    ],
)
def test_which_codings_are_undone(coding: str, mime_type: str, name: str, *, undone: bool) -> None:
    assert (decoder_of(coding, mime_type, name) is not None) is undone


def test_a_body_that_is_not_coded_as_it_says_is_interrupted(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/f.bin", sends(b"no gzip", headers=[("Content-Encoding", "gzip")]))

    async def work(downloads: Downloads) -> None:
        state = await downloads.until(await downloads.begin(url), "interrupted")
        assert (state.reason, "ERR_CONTENT_DECODING_FAILED" in state.detail) == ("NETWORK_FAILED", True)

    with_downloads(tmp_path, work)


class FullDisk(DiskFiles):
    async def free_bytes(self, path: str) -> int | None:
        return MIB


def test_a_disk_without_room_is_told_before_the_first_byte(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/f.bin", ServedFile(CONTENT))

    async def work(downloads: Downloads) -> None:
        state = await downloads.until(await downloads.begin(url), "interrupted")
        assert (state.reason, state.received_bytes) == ("FILE_NO_SPACE", 0)
        assert f"{3 * MIB} bytes are to come" in state.detail

    with_downloads(tmp_path, work, files=FullDisk())
    assert all(path.stat().st_size == 0 for path in tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="extended attributes are Linux's way")
def test_a_file_says_where_it_came_from(server: LoopbackServer, tmp_path: Path) -> None:
    try:
        os.setxattr(tmp_path, "user.probe", b"1")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    url = server.on("/f.bin", sends(b"x"))

    async def work(downloads: Downloads) -> None:
        headers = (("Referer", Secret("http://page/")),)
        await downloads.until(await downloads.begin(url, headers=headers), "completed")

    with_downloads(tmp_path, work)
    assert os.getxattr(tmp_path / "f.bin", "user.xdg.origin.url").decode() == url
    assert os.getxattr(tmp_path / "f.bin", "user.xdg.referrer.url") == b"http://page/"


def test_what_has_got_the_name_meanwhile_stays_and_the_file_gets_the_next_one(
    server: LoopbackServer, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT, hold_at=MIB)
    url = server.on("/f.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "receiving")
        (tmp_path / "f.bin").write_text("mine")
        file.go_on.set()
        state = await downloads.until(download, "completed")
        assert state.target_path == str(tmp_path / "f (1).bin")

    with_downloads(tmp_path, work)
    assert (tmp_path / "f.bin").read_text() == "mine"
    assert (tmp_path / "f (1).bin").read_bytes() == CONTENT
    assert len(list(tmp_path.iterdir())) == 2


def test_room_is_reserved_and_the_length_stays(tmp_path: Path) -> None:
    import trio

    async def work() -> None:
        file = await DiskFiles().open(str(tmp_path / "f"))
        await file.reserve(8 * MIB)
        await file.close()
        assert await DiskFiles().free_bytes(str(tmp_path / "deep" / "er" / "f")) is not None

    trio.run(work)
    assert (tmp_path / "f").stat().st_size == 0
