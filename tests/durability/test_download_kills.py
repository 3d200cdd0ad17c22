"""SIGKILL in the middle of downloads, again and again: the file is whole in the end, and next to nothing is fetched twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from durability.download_kills import run_kills
from servers.nginx import needs_nginx


@needs_nginx
def test_ten_kills_of_three_downloads_leave_whole_files(tmp_path: Path) -> None:
    tally = run_kills(tmp_path, kills=10, downloads=3, size_bytes=24 << 20, rate="20m")
    assert tally.kills == 10
    assert any(tally.unreported), "no kill came between two checkpoints"


@needs_nginx
def test_five_kills_of_two_downloads_over_four_connections_leave_whole_files(tmp_path: Path) -> None:
    tally = run_kills(tmp_path, kills=5, downloads=2, size_bytes=24 << 20, rate="3m", segments=4)
    assert tally.kills == 5


@pytest.mark.slow
@needs_nginx
def test_three_hundred_kills_of_thirty_downloads_leave_whole_files(tmp_path: Path) -> None:
    assert run_kills(tmp_path, kills=300, downloads=30, size_bytes=256 << 20, rate="20m").kills == 300
