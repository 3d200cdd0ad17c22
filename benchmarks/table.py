"""The table: for a terminal, for a program, for ``README.md``."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import ABSENT, Row

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results -->", "<!-- /results -->"
PACKAGES = (
    "aiohttp",
    "cachecontrol",
    "eventsourcing",
    "hishel",
    "httpx",
    "lmdb",
    "looptime",
    "msgspec",
    "pykka",
    "simpy",
    "trio",
    "xxhash",
)
COLUMNS = ("what", "ours", "peer", "result", "spread", "floor", "goal", "verdict")
_STYLES = {"reached": "green", "goal missed": "yellow", "below the floor": "bold red"}


def figure(value: float | None, unit: str) -> str:
    """A score with its unit."""
    if value is None or math.isnan(value):
        return ABSENT
    return (
        f"{value:,.0f} {unit}" if unit == "B" else f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"
    )


def mark(row: Row, value: float | None) -> str:
    """A floor or a goal."""
    if value is None:
        return ABSENT
    return f"{'≥' if row.better == 'higher' else '≤'} {value:g} {row.unit}"


def cells(row: Row) -> tuple[str, ...]:
    """In the order of the columns."""
    spread = f"{figure(min(row.rounds), '')[:-1]}…{figure(max(row.rounds), '')[:-1]}" if row.rounds else ABSENT
    score = figure(row.score, row.unit)
    return row.what, row.ours, row.peer, score, spread, mark(row, row.floor), mark(row, row.goal), row.verdict


def show(rows: list[Row], console: Console) -> None:
    """For people."""
    table = Table(
        title=machine(), title_justify="left", caption="result: the median of the rounds; spread: their range"
    )
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in {"what", "verdict"} else "right", no_wrap=column != "what")
    for row in rows:
        *most, verdict = cells(row)
        table.add_row(*most, verdict, style=_STYLES.get(verdict) if verdict != "reached" else None)
    console.print(table)


def as_json(rows: list[Row]) -> str:
    """For programs: one object."""
    found = [
        {**msgspec.to_builtins(row), "score": None if math.isnan(row.score) else row.score, "verdict": row.verdict}
        for row in rows
    ]
    versions = {package: _version(package) for package in PACKAGES}
    about = {"date": today(), "machine": machine(), "versions": versions, "rows": found}
    return json.dumps(about, ensure_ascii=False, indent=2)


def markdown(rows: list[Row]) -> str:
    """For ``README.md``: ratios, and of absolute figures only those that are judged."""
    columns = [column for column in COLUMNS if column not in {"ours", "peer"}]
    lines = [f"{today()}, {machine()}. The median of the rounds, and their range.", ""]
    lines += [f"| {' | '.join(columns)} |", f"|{'|'.join([' --- ', *[' ---: '] * (len(columns) - 2), ' --- '])}|"]
    for row in rows:
        what, _, _, *rest = cells(row)
        lines.append(f"| {' | '.join([what, *rest])} |")
    return "\n".join(lines)


def write_readme(rows: list[Row]) -> None:
    """Put the table into its place."""
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    README.write_text(f"{head}{BEGIN}\n{markdown(rows)}\n{END}{tail}", encoding="utf-8")


def today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()


def machine() -> str:
    """Roughly what it ran on."""
    try:
        memory = f"{round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30)} GiB, "
    except (AttributeError, ValueError):
        memory = ""
    python = ".".join(platform.python_version_tuple()[:2])
    return f"{os.cpu_count()} cores, {memory}{platform.system()}, Python {python}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
