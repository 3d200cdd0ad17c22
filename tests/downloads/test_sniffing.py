"""What the first bytes of a file say, and when they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.loopback import PATIENCE_S, LoopbackServer, sends

import partita
from partita.actors.downloads.media_extensions import EXTENSIONS
from partita.actors.downloads.sniffing import SNIFFED_BYTES, is_sniffed, sniffed_type

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (PNG, "image/png"),
        (b"GIF89a\1\0", "image/gif"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"RIFF\1\2\3\4WEBPVP8 ", "image/webp"),
        (b"RIFF\1\2\3\4WAVEfmt ", "audio/wav"),
        (b"RIFF\1\2\3\4something", "application/octet-stream"),
        (b"\0\0\0 ftypisom", "video/mp4"),
        (b"\0\0\0 ftypavif", "image/avif"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1matroska", "video/x-matroska"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1webm", "video/webm"),
        (b"ID3\4\0", "audio/mpeg"),
        (b"PK\3\4\x14\0", "application/zip"),
        (b"\x1f\x8b\x08\0", "application/gzip"),
        (b"file" + bytes(253) + b"ustar\0", "application/x-tar"),
        (b"\0asm\1\0\0\0", "application/wasm"),
        (b"MZ\x90\0\3", "application/octet-stream"),
        (b"\n <!doctype HTML>", "text/html"),
        (b"<p>hello", "text/html"),
        (b"<plan>", "text/plain"),
        (b'<?xml version="1.0"?>', "text/xml"),
        (b"just words\n", "text/plain"),
        (b"words and \0", "application/octet-stream"),
        (b"\xff\xfew\0o\0r\0d\0s\0", "text/plain"),
        (b"", ""),
    ],
)
def test_a_file_without_a_type_is_what_its_first_bytes_say(head: bytes, found: str) -> None:
    assert sniffed_type("", head) == found


@pytest.mark.parametrize(
    ("declared", "head", "found"),
    [
        ("text/plain", b"words", "text/plain"),
        ("text/plain", b"<html>", "text/plain"),
        ("text/plain", PNG, "image/png"),
        ("text/plain", b"\1\2\3", "application/octet-stream"),
        ("application/octet-stream", PNG, "application/octet-stream"),
        ("image/jpeg", PNG, "image/jpeg"),
        ("*/*", PNG, "image/png"),
        ("nonsense", PNG, "image/png"),
    ],
)
def test_a_type_is_doubted_only_where_servers_do_not_know_better(declared: str, head: bytes, found: str) -> None:
    assert sniffed_type(declared, head) == found
    assert sniffed_type(declared, head, nosniff=True) == declared
    assert is_sniffed(declared) or found == declared


@given(st.binary(max_size=2 * SNIFFED_BYTES), st.sampled_from(["", "text/plain", "x"]))
def test_what_comes_after_the_first_bytes_does_not_count(content: bytes, declared: str) -> None:
    found = sniffed_type(declared, content)
    assert found == sniffed_type(declared, content[:SNIFFED_BYTES])
    assert found == declared or "/" in found


def test_most_types_that_are_found_have_an_extension() -> None:
    assert {"image/png", "application/zip", "video/mp4", "text/html"} <= EXTENSIONS.keys()


@pytest.mark.parametrize(
    ("headers", "name", "mime_type"),
    [
        ([], "picture.png", "image/png"),
        ([("Content-Type", "text/plain")], "picture.png", "image/png"),
        ([("Content-Type", "text/plain"), ("X-Content-Type-Options", "nosniff")], "picture", "text/plain"),
        ([("Content-Type", "application/octet-stream")], "picture", "application/octet-stream"),
        ([("Content-Disposition", "attachment; filename=real.txt")], "real.txt", "image/png"),
    ],
)
def test_what_is_found_names_a_file_only_that_has_no_name(
    server: LoopbackServer, tmp_path: Path, headers: list[tuple[str, str]], name: str, mime_type: str
) -> None:
    url = server.on("/picture", sends(PNG, headers=headers))
    with partita.System(data_dir=tmp_path / "home") as system:
        session = system.from_partition("persist:work")
        session.set_download_path(str(tmp_path / "files"))
        item = session.download_url(url).get(PATIENCE_S)
        assert item.finished().get(PATIENCE_S) == "completed"
        assert (item.get_filename(), item.get_mime_type()) == (name, mime_type)
    assert (tmp_path / "files" / name).read_bytes() == PNG
