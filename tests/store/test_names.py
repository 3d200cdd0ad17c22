"""Two names never share a folder."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from partita.events.errors import InvalidPartitionName
from partita.store.names import DEFAULT_FOLDER, folder_name

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
near = st.text(st.sampled_from("aA%25./dD_ \\:é"), min_size=1, max_size=6)


@given(st.lists(names | near, min_size=2, max_size=30, unique=True))
@example(["a", "A", "%41", "%61", "a%", "%default", "default", "%sha256-0"])
@example([".", "..", "%2E", "%2E.", ".%2E"])
@example(["con", "%63on", "con.txt", "CON"])
def test_names_that_differ_have_folders_that_differ_even_without_case(some):
    folders = [folder_name(name) for name in some]
    assert len({folder.casefold() for folder in folders}) == len(some)
    assert DEFAULT_FOLDER not in folders


@given(names)
def test_a_folder_is_a_name_of_plain_characters_that_tells_what_it_stands_for(name):
    folder = folder_name(name)
    assert len(folder) <= 200
    assert re.fullmatch(r"(?:[a-z0-9._-]|%[0-9A-F]{2})+|%sha256-[0-9a-f]{64}", folder)
    assert folder not in {".", ".."}
    assert not folder.endswith(".")
    if not folder.startswith("%sha256-"):
        assert unquote(folder) == name


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("work", "work"),
        ("Work", "%57ork"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"),
        ("é", "%C3%A9"),
        ("%default", "%25default"),
        ("nul", "%6Eul"),
        ("com1.txt", "%63om1.txt"),
        ("a" * 200, "a" * 200),
    ],
)
def test_names_are_escaped(name, folder):
    assert folder_name(name) == folder


def test_a_name_too_long_has_a_hash_for_a_folder():
    assert folder_name("a" * 201).startswith("%sha256-")
    assert len({folder_name("a" * size) for size in (199, 200, 201, 202, 10_000)}) == 5


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "\ud800", "a\udfff"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(InvalidPartitionName):
        folder_name(name)
