"""What was acknowledged before SIGKILL is there after it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from durability import kills
from durability.children import Child
from durability.syscalls import STRACE, killing_at, needs_strace, read, tracing

from partita.events.errors import StoreUnavailable
from partita.store.partition import PartitionStore
from partita.system import System

MAKES_A_PARTITION = ("mkdir", "ftruncate", "pwrite64", "writev", "fdatasync", "fsync", "rename")


def test_a_dozen_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    tally = kills.run(12, seed=2, folder=tmp_path, lives=6)
    assert tally.kills == 12
    assert tally.acknowledged > 0
    assert tally.histories_cut == 0 or tally.snapshots_seen > 0


@pytest.mark.slow
def test_five_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    tally = kills.run(500, seed=1, folder=tmp_path)
    assert tally.kills == 500
    assert tally.in_opening > 20


def killed_in_its_first_opening(folder: Path, call: str, number: int) -> bool:
    """A child that is killed as it makes a system call for the ``number``-th time; whether it came so far.

    What it leaves must open: nothing was acknowledged, so a partition of no turns is right, and damage is not.
    """
    wrapper = [STRACE, "-f", "-qq", "-o", "/dev/null", *killing_at(call, number)]
    with Child("opening.py", folder, "persist:new", wrapper=wrapper) as child:
        killed = "open" not in child.rest()
    directory = folder / "Partitions" / "new"
    try:
        report = PartitionStore.verify_at(directory)
    except StoreUnavailable:
        pass  # it did not come to that
    else:
        assert report.ok or not report.last_position, report.damage
    with System(data_dir=folder) as system:
        session = system.from_partition("persist:new")
        session.set_download_path("/after")
        session.flush().get(30)
        assert session.log.verify().ok
    return killed


@needs_strace
@pytest.mark.parametrize(("call", "number"), [("pwrite64", 1), ("fdatasync", 1), ("rename", 1), ("fdatasync", 2)])
def test_a_partition_that_was_killed_while_it_was_made_opens(tmp_path: Path, call: str, number: int) -> None:
    assert killed_in_its_first_opening(tmp_path, call, number)


@needs_strace
@pytest.mark.slow
def test_a_partition_opens_whichever_system_call_of_its_making_was_the_last(tmp_path: Path) -> None:
    report = tmp_path / "calls"
    with Child("opening.py", tmp_path, "persist:new", wrapper=tracing(report, ",".join(MAKES_A_PARTITION))) as child:
        assert child.finish() == ["open"]
    made = Counter(call.name for call in read(report))
    assert made["fdatasync"] >= 2
    assert made["rename"] >= 1
    for name, times in made.items():
        for number in range(1, times + 1):
            killed_in_its_first_opening(tmp_path / f"{name}{number}", name, number)
