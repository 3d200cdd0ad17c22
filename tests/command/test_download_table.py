"""The table of downloads, as a terminal shows it."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from partita.command.download_table import Line, table, time_text, total
from partita.command.printing import shortened

MIB = 1 << 20
COMING = Line("film.bin", "progressing", 3 * MIB, 12 * MIB, 3 * MIB)
DONE = Line("small.bin", "completed", 2048, 2048)
UNKNOWN = Line("stream", "progressing", MIB, 0, MIB)
WAITING = Line("http://h/next", "waiting")
BROKEN = Line("http://h/gone", "failed")


def printed(*lines: Line, most: int = 40, width: int = 200) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(table(lines, most=most, width=width))
    return out.getvalue().splitlines()[1:]


def shown(*lines: Line, most: int = 40) -> list[list[str]]:
    return [[cell for cell in line.split("  ") if cell.strip()] for line in printed(*lines, most=most)]


def stripped(*lines: Line, most: int = 40) -> list[list[str]]:
    return [[cell.strip() for cell in line] for line in shown(*lines, most=most)]


def test_a_line_says_how_far_how_fast_and_how_long() -> None:
    assert stripped(COMING) == [["film.bin", "progressing", "3.0 MiB / 12.0 MiB", "3.0 MiB/s", "0:03", "25"]]
    assert stripped(UNKNOWN) == [["stream", "progressing", "1.0 MiB", "1.0 MiB/s"]]
    assert stripped(WAITING) == [["http://h/next", "waiting"]]
    retrying = Line("film.bin", "waiting", 3 * MIB, 12 * MIB, waits_s=8.2)
    assert stripped(retrying) == [["film.bin", "waiting 0:08", "3.0 MiB / 12.0 MiB", "25"]]


def test_the_last_line_is_all_of_them() -> None:
    assert stripped(COMING, DONE)[-1] == ["all", "1 of 2 completed", "3.0 MiB / 12.0 MiB", "3.0 MiB/s", "0:03", "25 %"]
    assert stripped(COMING, UNKNOWN, BROKEN)[-1] == ["all", "0 of 3 completed, 1 not", "4.0 MiB", "4.0 MiB/s"]


def test_how_much_it_is_in_all_is_known_when_each_is() -> None:
    assert total([COMING, DONE, BROKEN]).total_bytes == 12 * MIB + 2048
    assert total([COMING, WAITING]).total_bytes == 0


def test_what_does_not_fit_is_counted_and_what_comes_is_shown() -> None:
    lines = [DONE] * 50 + [COMING] + [DONE] * 50
    assert [cells[0] for cells in stripped(*lines, most=3)] == ["small.bin", "film.bin", "... and 99 more", "all"]
    assert [cells[0] for cells in stripped(*lines, most=1)] == ["... and 101 more", "all"]


@pytest.mark.parametrize("name", ["long-" * 40 + "film.bin", "長い名前" * 20 + "film.bin"])
def test_a_narrow_terminal_costs_a_long_name_its_middle_and_the_figures_nothing(name: str) -> None:
    line = Line(name, "progressing", 1000 * MIB, 1020 * MIB, 1000 * MIB)
    (text,) = printed(line, width=80)
    assert cell_len(text) <= 80
    assert text.startswith(name[:2])
    assert "…" in text
    assert "bin  progressing  1000.0 MiB / 1020.0 MiB  1000.0 MiB/s  0:00  98" in text
    sum_of_all = printed(line, DONE, BROKEN, width=80)[-1]
    assert sum_of_all.startswith("all  1 of 3 completed, 1 not  1000.0 MiB / 1020.0 MiB  ")


@pytest.mark.parametrize("width", range(46, 100, 3))
def test_no_figure_is_cut_in_half(width: int) -> None:
    (text,) = printed(Line("long-" * 40, "progressing", 1000 * MIB, 1020 * MIB, 1000 * MIB), width=width)
    assert "progressing  1000.0 MiB / 1020.0 MiB" in text
    speed = text.partition("1020.0 MiB")[2].strip()
    assert speed in ("", "1000.0 MiB/s", "1000.0 MiB/s  0:00", "1000.0 MiB/s  0:00  98")


@pytest.mark.parametrize(
    ("text", "width", "left"),
    [
        ("film.bin", 8, "film.bin"),
        ("film.bin", 7, "fil…bin"),
        ("film.bin", 2, "f…"),
        ("film.bin", 1, "…"),
        ("長い名前.bin", 8, "長い…bin"),
    ],
)
def test_what_is_too_long_loses_its_middle(text: str, width: int, left: str) -> None:
    assert shortened(text, width) == left
    assert cell_len(left) <= width


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0:00"), (7, "0:07"), (720, "12:00"), (3723, "1:02:03"), (1e6, "> 99 h"), (-3, "0:00")],
)
def test_times_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert time_text(seconds) == text
