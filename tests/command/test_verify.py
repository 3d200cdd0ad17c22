"""``log verify`` and ``log export``: damage is found, named, and what comes before it can still be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from partita.session import Session

from .conftest import Command, Kept, some_history

MARK = b"/marked-place"


def with_a_marked_turn(positions: list[int]) -> Callable[[Session], None]:
    """A history whose middle turn has a value so large that LMDB keeps it in pages of its own, written once."""

    def do(session: Session) -> None:
        some_history(session)
        session.set_download_path("/" + "marked-place/" * 800)
        session.flush().get()
        positions.append(session.log.position)
        for number in range(20):
            session.set_user_agent(f"later/{number}")
        session.flush().get()

    return do


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(MARK * 20) + 100
    content[at] ^= 0x10
    path.write_bytes(content)


def test_a_whole_log_is_fine(partita: Command, kept: Kept) -> None:
    folder = kept(some_history)
    for place in ("persist:work", folder):
        done = partita("log", "verify", place, "--json")
        assert (done.status, done.err) == (0, "")
        assert done.json["ok"] is True
        assert done.json["damage"] == []
        assert done.json["turns"] == done.json["last"] >= 5
    assert "no damage" in partita("log", "verify", "persist:work").out


def test_a_single_flipped_bit_is_found_and_its_position_named(partita: Command, kept: Kept) -> None:
    positions: list[int] = []
    folder = kept(with_a_marked_turn(positions))
    last = partita("log", "verify", "persist:work", "--json").json["last"]
    flip_a_bit(folder / "data.mdb")
    done = partita("log", "verify", "persist:work", "--json")
    assert done.status == 1
    assert [damage["position"] for damage in done.json["damage"]] == positions
    assert done.json["last"] == last
    shown = partita("log", "verify", "persist:work")
    assert shown.status == 1
    assert f"position {positions[0]}" in shown.out
    assert f"--through {positions[0] - 1}" in shown.out


def test_what_comes_before_the_damage_can_be_read(partita: Command, kept: Kept) -> None:
    positions: list[int] = []
    folder = kept(with_a_marked_turn(positions))
    flip_a_bit(folder / "data.mdb")
    refused = partita("log", "show", "persist:work")
    assert (refused.status, len(refused.err.splitlines())) == (1, 1)
    assert str(positions[0]) in refused.err
    before = positions[0] - 1
    assert partita("log", "show", "persist:work", "--through", before, "--json").lines[-1]["position"] == before
    state = partita("state", "persist:work", "--through", before, "--json").json
    assert state["actors"]["session"]["preferences"]["download_path"] == "/tmp/somewhere"
    assert partita("replay", "persist:work", "--through", before).status == 0


@pytest.mark.parametrize("kept_bytes", [0, 100, 5000, 9000])
def test_a_truncated_file_is_damage_and_no_crash(partita: Command, kept: Kept, kept_bytes: int) -> None:
    folder = kept(some_history)
    data = folder / "data.mdb"
    data.write_bytes(data.read_bytes()[:kept_bytes])
    done = partita("log", "verify", "persist:work")
    assert done.status == 1
    assert len(done.err.splitlines()) <= 1
    assert "Traceback" not in done.err
    shown = partita("log", "show", "persist:work")
    assert (shown.status, len(shown.err.splitlines())) == (1, 1)


def test_an_exported_log_can_be_looked_at_like_its_partition(partita: Command, kept: Kept, tmp_path: Path) -> None:
    kept(some_history)
    file = tmp_path / "work.log"
    done = partita("log", "export", "persist:work", file, "--include-keys", "--json")
    assert done.status == 0
    assert done.json["turns"] == len(partita("log", "show", "persist:work", "--json").lines)
    assert done.json["size_bytes"] == file.stat().st_size
    assert partita("log", "verify", file).status == 0
    assert partita("log", "show", file, "--json").out == partita("log", "show", "persist:work", "--json").out
    assert partita("state", file, "--json").json == partita("state", "persist:work", "--json").json
    assert partita("replay", file).status == 0
    assert "pears" in partita("state", file, "--reveal").out


def test_without_its_keys_an_exported_log_keeps_its_secrets(partita: Command, kept: Kept, tmp_path: Path) -> None:
    kept(some_history)
    file = tmp_path / "work.log"
    assert partita("log", "export", "persist:work", file).status == 0
    assert b"pears" not in file.read_bytes()
    assert "•••" in partita("state", file).out
    done = partita("state", file, "--reveal")
    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert "keys" in done.err


def test_an_export_overwrites_nothing(partita: Command, kept: Kept, tmp_path: Path) -> None:
    kept(some_history)
    file = tmp_path / "work.log"
    file.write_text("mine")
    assert partita("log", "export", "persist:work", file).status == 2
    assert file.read_text() == "mine"
    assert partita("log", "export", "persist:work", tmp_path / "no" / "where.log").status == 1
