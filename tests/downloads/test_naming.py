from __future__ import annotations

from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from partita.actors.downloads.disposition import parse_disposition
from partita.actors.downloads.media_extensions import EXTENSIONS
from partita.actors.downloads.naming import LONGEST_BYTES, candidates, extension_of, portable_name, suggested_name


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename=report.pdf", "report.pdf"),
        ("attachment;FileName = report.pdf ; x=y", "report.pdf"),
        ("inline; filename=\"a.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt", "€ rates.txt"),
        ("attachment; filename*=iso-8859-1'en'%A3%20rates.txt", "£ rates.txt"),
        ("attachment; filename*=UTF-8''%ff%fe; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=martian''%c1.txt; filename=plain.txt", "plain.txt"),
        ('attachment; filename="a \\"b\\".txt"', "a _b_.txt"),
        ('attachment; filename="semi;colon.txt"', "semi;colon.txt"),
        ('attachment; filename="caf\u00c3\u00a9.txt"', "café.txt"),
        ('attachment; filename="caf\u00e9.txt"', "café.txt"),
        ('attachment; filename="two%20words.txt"', "two words.txt"),
        ('attachment; filename="unclosed.txt', "unclosed.txt"),
        ("attachment", "url.bin"),
        ('attachment; filename=""', "url.bin"),
        ("", "url.bin"),
    ],
)
def test_the_name_is_what_the_header_field_says_else_the_urls(disposition: str, expected: str) -> None:
    assert suggested_name("http://h/dir/url.bin?q=1", disposition) == expected


@pytest.mark.parametrize(
    ("url", "mime", "expected"),
    [
        ("http://h/", "application/pdf", "download.pdf"),
        ("http://h/", "", "download"),
        ("http://h/", "application/octet-stream", "download"),
        ("http://h/get", "text/html; charset=utf-8", "get.html"),
        ("http://h/a%20b.tar.gz", "application/gzip", "a b.tar.gz"),
        ("http://h/%e2%82%ac.png", "image/png", "€.png"),
        ("http://h/%2e%2e%2fetc%2fpasswd", "", "_etc_passwd"),
        ("http://h/..%5c..%5cboot.ini", "", "_.._boot.ini"),
        ("http://h/LICENSE", "text/plain", "LICENSE"),
        ("http://h/get.php?file=1", "image/png", "get.png"),
        ("http://h/photo.jpeg?size=2", "image/jpeg", "photo.jpeg"),
        ("http://h/a.tar.gz?x", "application/x-gzip", "a.tar.gz"),
        ("http://h/get.php", "image/png", "get.php"),
        ("http://h/caf%e9.txt", "", "café.txt"),
        ("data:text/html,a/b.txt", "text/html", "download.html"),
        ("http://h/-_-", "application/pdf", "download.pdf"),
    ],
)
def test_a_name_is_made_of_the_url_and_the_type(url: str, mime: str, expected: str) -> None:
    assert suggested_name(url, "", mime) == expected


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ("attachment; filename==?utf-8?B?4oKsLnR4dA==?=", "€.txt"),
        ("attachment; filename==?utf-8?B?no base64?=", "url.bin"),
        ('attachment; filename="=?utf-8?Q?a=5Fb?= =?utf-8?Q?c.txt?="', "a_bc.txt"),
        ('attachment; filename="=?utf-8?Q?a?= plain.txt"', "aplain.txt"),
        ("attachment; filename==?utf-8?X?a?=", "=_utf-8_X_a_="),
        ("attachment; filename=?", "_"),
        ('attachment; filename="what ???"', "what ___"),
        ("attachment; filename==?martian?Q?a?=", "url.bin"),
        ("attachment; filename*=Shift_JIS''%83e%83X%83g.txt", "テスト.txt"),
        ("attachment; filename*=UTF-8''a%2Fb.txt", "a_b.txt"),
        ("attachment; filename*=UTF-8''a'b.txt; filename=plain.txt", "plain.txt"),
        ("attachment; filename; filename=late.txt", "url.bin"),
        ('attachment; "filename"=a.txt', "url.bin"),
        ("attachment; filename=first.txt; filename=second.txt", "first.txt"),
        ('attachment; filename=""; filename=second.txt', "second.txt"),
        ('attachment; filename="a\\', "a_"),
        ("filename=no-type.txt", "no-type.txt"),
        ('attachment; filename=" blanks . "', "blanks ._"),
        ("attachment; filename=\x00\x1b[2J.txt", "__[2J.txt"),
        ("attachment; filename=%00%0d%0a.txt", "___.txt"),
        ("attachment; filename=%e2%80%aegpj.exe", "_gpj.exe"),
    ],
)
def test_what_servers_write_is_read_with_care(disposition: str, expected: str) -> None:
    assert suggested_name("http://h/url.bin", disposition) == expected


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("inline", "inline"),
        ("Attachment ; x", "attachment"),
        ("form-data", "attachment"),
        ("", "inline"),
        ("a b", "inline"),
    ],
)
def test_what_is_not_inline_is_to_be_saved(field: str, kind: str) -> None:
    assert parse_disposition(field).kind == kind


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.txt", "txt"),
        ("a.tar.gz", "tar.gz"),
        ("a.b.tar.xz", "tar.xz"),
        ("release.gz", "gz"),
        ("v1.25.gz", "25.gz"),
        ("longer.gz", "gz"),
        ("a.jpeg", "jpeg"),
        ("none", ""),
    ],
)
def test_what_is_packed_keeps_both_extensions(name: str, extension: str) -> None:
    assert extension_of(name) == extension


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("plain name.txt", "plain name.txt"),
        ("../../etc/passwd", "__.._etc_passwd"),
        ("C:\\Windows\\win.ini", "C__Windows_win.ini"),
        ("..", "download"),
        ("...", "download"),
        ("", "download"),
        (".bashrc", "_bashrc"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("lpt1", "_lpt1"),
        ("com\xb9.bat", "_com\xb9.bat"),
        ("CONIN$", "_CONIN$"),
        ("console.txt", "console.txt"),
        ("Desktop.ini", "_Desktop.ini"),
        ("a<b>c:d|e?f*.txt", "a_b_c_d_e_f_.txt"),
        ("trailing. . ", "trailing"),
        ("line\nbreak\0.txt", "line_break_.txt"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("\u0645\u06cc\u200c\u062e.txt", "\u0645\u06cc\u200c\u062e.txt"),
        ("cafe\u0301.txt", "caf\u00e9.txt"),
        ("x" * 500 + ".tar.gz", "x" * (LONGEST_BYTES - 7) + ".tar.gz"),
        ("é" * 300 + ".txt", "é" * ((LONGEST_BYTES - 4) // 2) + ".txt"),
        ("a." + "x" * 300, "a." + "x" * (LONGEST_BYTES - 2)),
    ],
)
def test_the_name_on_the_disk_is_legal_everywhere(name: str, portable: str) -> None:
    assert portable_name(name) == portable


@given(st.text(max_size=400), st.text(max_size=400))
@example("?", "")
def test_no_name_leads_out_of_its_folder(disposition: str, path: str) -> None:
    for field in (disposition, f'attachment; filename="{disposition}"', f"attachment; filename*=UTF-8''{path}"):
        name = portable_name(suggested_name("http://h/", field, "text/html"))
        assert name not in ("", ".", "..")
        assert not set(name) & set("/\\\0\r\n\u202e")
        assert len(name.encode()) <= LONGEST_BYTES
        assert portable_name(name) == name
        assert PurePosixPath("/dir", name).parent == PurePosixPath("/dir")
        assert PureWindowsPath("C:\\dir", name).parent == PureWindowsPath("C:\\dir")


def test_names_that_are_taken_are_numbered_before_their_extension() -> None:
    assert list(islice(candidates("a.txt"), 3)) == ["a.txt", "a (1).txt", "a (2).txt"]
    assert list(islice(candidates("a.tar.gz"), 2)) == ["a.tar.gz", "a (1).tar.gz"]
    assert list(islice(candidates("README"), 2)) == ["README", "README (1)"]


def test_a_number_does_not_make_a_name_illegal() -> None:
    for name in ("con", ".x", "x" * 500, "a.tar.gz"):
        for candidate in islice(candidates(name), 3):
            assert portable_name(candidate) == candidate or len(candidate.encode()) > LONGEST_BYTES


def test_every_extension_is_one() -> None:
    for media_type, extensions in EXTENSIONS.items():
        assert "/" in media_type
        assert extensions
        assert all(extension == extension.lower().strip(".") for extension in extensions)
