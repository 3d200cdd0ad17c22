"""The tour, from outside: each claim of its one object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from .conftest import PATIENCE_S, Command, Done, environment


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, float, Path]:
    directory = tmp_path_factory.mktemp("tour")
    scratch = directory / "tmp"
    scratch.mkdir()
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "partita", "tour", "--json"],
        capture_output=True,
        env={**environment(directory / "home"), "TMPDIR": str(scratch)},
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode()), time.monotonic() - began, directory


@pytest.fixture(scope="module")
def told(toured: tuple[Done, float, Path]) -> dict[str, Any]:
    done = toured[0]
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert isinstance(found, dict)
    return found


def test_the_file_that_was_saved_is_the_one_that_was_served(told: dict[str, Any]) -> None:
    assert len(told["sha256_served"]) == 64
    assert told["sha256_saved"] == told["sha256_served"]


def test_the_server_was_asked_for_the_rest_of_the_file_only(told: dict[str, Any]) -> None:
    assert told["server_ranges"] == [f"bytes={told['resumed_from_bytes']}-"]
    assert 16 << 20 <= told["killed_at_bytes"] <= told["resumed_from_bytes"] < 64 << 20


def test_the_first_process_was_killed_and_another_went_on(told: dict[str, Any]) -> None:
    assert told["killed_by"] == "SIGKILL"
    assert told["interrupted_by"] == "CRASH"
    assert told["pid_before"] != told["pid_after"]
    with pytest.raises(ProcessLookupError):
        os.kill(told["pid_before"], 0)


def test_the_cookies_of_the_redirect_and_of_its_target_are_there_after_the_crash(told: dict[str, Any]) -> None:
    assert {cookie["name"] for cookie in told["cookies"]} == {"visitor", "theme"}
    assert all(cookie["expirationDate"] > time.time() for cookie in told["cookies"])


def test_every_turn_is_in_the_timeline_and_every_cause_came_before(told: dict[str, Any]) -> None:
    lines = told["timeline"]
    assert lines[0]["first"] == 1
    assert lines[-1]["last"] == told["turns"]
    for before, line in pairwise(lines):
        assert line["first"] == before["last"] + 1
    for line in lines:
        kind, _, position = line["cause"].partition("turn ")
        assert kind or int(position) < line["first"]


def test_the_fork_branches_off_before_the_download(told: dict[str, Any]) -> None:
    asked = next(line for line in told["timeline"] if line["what"] == "downloads.begin")
    assert told["fork_position"] == asked["first"] - 1
    assert told["fork_cookies"] == ["visitor", "theme", "path"]


def test_deciding_again_agrees_with_what_happened(told: dict[str, Any]) -> None:
    assert told["divergences"] == 0


def test_the_changed_rule_shows_up_as_one_readable_divergence(told: dict[str, Any]) -> None:
    planted = told["planted_divergence"]
    assert 1 < planted["position"] <= told["turns"]
    assert planted["differences"] == [{"path": "events[0].cookie.same_site", "left": "unspecified", "right": "strict"}]
    assert planted["recorded"]["events"][0]["cookie"]["same_site"] == "unspecified"
    assert planted["redecided"]["events"][0]["cookie"]["same_site"] == "strict"
    assert planted["recorded"]["events"][0]["cookie"]["value"] == "•••"
    assert "planted_rule.py:" in planted["function"]


def test_nothing_is_left_behind(toured: tuple[Done, float, Path]) -> None:
    done, _, directory = toured
    assert done.status == 0
    assert list((directory / "tmp").iterdir()) == []
    assert not (directory / "home").exists()


def test_for_people_it_is_a_story_in_steps_and_what_is_kept_can_be_looked_at(partita: Command, tmp_path: Path) -> None:
    done = partita("tour", "--keep", tmp_path / "kept")
    assert (done.status, done.err) == (0, "")
    assert "\x1b" not in done.out
    headings = [line for line in done.out.splitlines() if line[:1].isdigit() and line[1:3] == "  "]
    assert [line[0] for line in headings][:3] == ["1", "2", "3"]
    assert "SIGKILL" in done.out
    assert "0 divergences" in done.out
    assert "'unspecified'  'strict'" in done.out
    listed = partita("partitions", "--json", "--data-dir", tmp_path / "kept").json["partitions"]
    assert [one["name"] for one in listed] == ["persist:tour", "persist:tour-fork"]
    assert partita("log", "verify", "persist:tour", "--data-dir", tmp_path / "kept").status == 0


def test_it_does_not_write_into_a_folder_that_holds_something(partita: Command, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()
    done = partita("tour", "--keep", tmp_path / "full")
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1


def test_a_recorded_tour_plays_back_out_of_its_log_equal_to_the_turn_and_asks_no_server(partita: Command) -> None:
    done = partita("tour", "--record", "--json")
    assert (done.status, done.err) == (0, "")
    told = done.json
    played = told["playback"]
    assert (played["agrees"], played["error"]) == (True, None)
    assert [opening["partition"] for opening in played["openings"]] == ["tour", "tour", "tour", "tour-fork"]
    assert all(opening["different"] == [] and opening["left"] == 0 for opening in played["openings"])
    of_the_tour = [opening["equal"] for opening in played["openings"][:3]]
    assert sum(of_the_tour) == told["turns"]
    assert told["sha256_played"] == told["sha256_served"]
    assert told["server_ranges"] == [f"bytes={told['resumed_from_bytes']}-"]
