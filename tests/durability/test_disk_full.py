"""A disk that runs full: what was acknowledged stays, who waits is told, and it goes on when there is room.

Each test is a scenario of ``full_disk.py``, in a process of its own: on a small tmpfs in a mount namespace of its own where
that is allowed (root), and under a limit on the size of files everywhere.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from durability.children import Child
from durability.mounts import IN_OWN_NAMESPACE, needs_mounts

DISKS = [pytest.param("tmpfs", marks=needs_mounts), "limit"]
on_each_disk = pytest.mark.parametrize("disk", DISKS)


def play(scenario: str, disk: str, folder: Path) -> list[str]:
    with Child("full_disk.py", disk, folder, scenario, wrapper=IN_OWN_NAMESPACE if disk == "tmpfs" else ()) as child:
        said = child.finish(patience_s=120)
    assert said[-1] == "done"
    return said


@on_each_disk
def test_each_waiting_caller_gets_store_failed_and_writing_goes_on_when_there_is_room(
    disk: str, tmp_path: Path
) -> None:
    failures = [line for line in play("writing", disk, tmp_path) if line.startswith("failed")]
    assert len(failures) == 4
    assert all("full: not made durable, and undone" in line for line in failures), failures


@on_each_disk
def test_hundreds_of_asks_in_flight_are_all_answered_and_those_that_succeeded_are_the_state(
    disk: str, tmp_path: Path
) -> None:
    play("many_in_flight", disk, tmp_path)


@on_each_disk
def test_what_a_synchronous_member_said_is_taken_back_and_flush_says_so(disk: str, tmp_path: Path) -> None:
    play("synchronous_members", disk, tmp_path)


@on_each_disk
def test_a_full_disk_is_waited_for_at_rest(disk: str, tmp_path: Path) -> None:
    play("idle_while_full", disk, tmp_path)


@on_each_disk
def test_closing_while_the_disk_is_full_comes_back_and_leaves_nobody_waiting(disk: str, tmp_path: Path) -> None:
    play("closing_while_full", disk, tmp_path)


@needs_mounts
def test_a_download_that_fills_the_disk_is_interrupted_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    assert "interrupted FILE_NO_SPACE" in play("downloading", "tmpfs", tmp_path)


@on_each_disk
def test_threads_that_flood_a_full_disk_are_all_answered(disk: str, tmp_path: Path) -> None:
    play("flooding", disk, tmp_path)


@needs_mounts
def test_a_partition_that_cannot_be_made_for_want_of_room_is_a_typed_error_and_opens_later(tmp_path: Path) -> None:
    play("opening", "tmpfs", tmp_path)


@on_each_disk
def test_a_partition_can_be_deleted_on_a_full_disk(disk: str, tmp_path: Path) -> None:
    play("deleting", disk, tmp_path)
