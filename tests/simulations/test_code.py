"""The digest of the sources, and the marks in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import simulated

from partita.simulations import code
from partita.simulations.code import Mark, code_digest, marks, sources


def test_all_rooms_are_among_the_sources_once() -> None:
    names = [name for name, _ in sources()]
    assert len(names) == len(set(names))
    for name in (
        "partita/__init__.py",
        "partita/command/app.py",
        "partita/events/turn.py",
        "partita/simulations/code.py",
    ):
        assert names.count(name) == 1


def test_the_digest_changes_with_any_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = tmp_path / "one.py"
    monkeypatch.setattr(code, "sources", lambda: iter([("partita/one.py", one)]))
    one.write_text("a = 1\n")
    before = code_digest()
    assert code_digest() == before
    one.write_text("a = 2\n")
    assert code_digest() != before
    assert code_digest(simulated.fine) != code_digest()


def test_marks_are_found_by_name_with_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = tmp_path / "one.py"
    one.write_text(
        "from partita.events import points\nfrom partita.events.points import reached\n"
        "def f(name):\n    reached('download.resumed')\n    if points.buggify('commit.slow'):\n        reached(name)\n"
    )
    monkeypatch.setattr(code, "sources", lambda: iter([("partita/one.py", one)]))
    assert marks() == [
        Mark("commit.slow", "buggify", "partita/one.py:5"),
        Mark("download.resumed", "reached", "partita/one.py:4"),
    ]
