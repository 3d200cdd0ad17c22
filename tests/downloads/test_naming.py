from __future__ import annotations

from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.downloads.naming import EXTENSIONS, LONGEST_BYTES, candidates, safe_name, suggested_name


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename=report.pdf", "report.pdf"),
        ("attachment;FileName = report.pdf ; x=y", "report.pdf"),
        ("inline; filename=\"a.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt", "€ rates.txt"),
        ("attachment; filename*=iso-8859-1'en'%A3%20rates.txt", "£ rates.txt"),
        ("attachment; filename*=UTF-8''%ff%fe; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=koi8-r''%c1.txt; filename=plain.txt", "plain.txt"),
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
        ("http://h/%2e%2e%2fetc%2fpasswd", "", "passwd"),
        ("http://h/..%5c..%5cboot.ini", "", "boot.ini"),
    ],
)
def test_a_name_is_made_of_the_url_and_the_type(url: str, mime: str, expected: str) -> None:
    assert suggested_name(url, "", mime) == expected


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\win.ini", "win.ini"),
        ("..", ""),
        (".", ""),
        ("...", ""),
        (".bashrc", "_bashrc"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("lpt1", "_lpt1"),
        ("a<b>c:d|e?f*.txt", "a_b_c_d_e_f_.txt"),
        ("trailing. . ", "trailing"),
        ("line\nbreak\0.txt", "linebreak.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("x" * 500 + ".tar.gz", "x" * (LONGEST_BYTES - 7) + ".tar.gz"),
    ],
)
def test_a_servers_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_name_leads_out_of_its_folder(disposition: str, path: str) -> None:
    for field in (disposition, f'attachment; filename="{disposition}"', f"attachment; filename*=UTF-8''{path}"):
        name = suggested_name("http://h/", field, "text/plain")
        assert name not in ("", ".", "..")
        assert not set(name) & set("/\\\0\r\n")
        assert len(name.encode()) <= LONGEST_BYTES + 8
        assert PurePosixPath("/dir", name).parent == PurePosixPath("/dir")
        assert PureWindowsPath("C:\\dir", name).parent == PureWindowsPath("C:\\dir")


def test_names_that_are_taken_are_numbered_before_their_extension() -> None:
    assert list(islice(candidates("a.txt"), 3)) == ["a.txt", "a (1).txt", "a (2).txt"]
    assert list(islice(candidates("a.tar.gz"), 2)) == ["a.tar.gz", "a (1).tar.gz"]
    assert list(islice(candidates("README"), 2)) == ["README", "README (1)"]


def test_every_extension_is_one() -> None:
    assert all(extension.startswith(".") and "/" in mime for mime, extension in EXTENSIONS.items())
