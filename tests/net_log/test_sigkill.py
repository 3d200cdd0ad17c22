"""A process that logs is killed at any moment: what it leaves is a log."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
from pathlib import Path

import pytest
from durability.children import Child
from durability.waiting import until
from net_log.viewer import Viewer

from partita.actors.net_log.layout import LEAST_LIMIT_BYTES

KILLS = 30
NUMBER = re.compile(rb'"number": ?(\d+)')


def until_it_tells_of(path: Path, number: int) -> None:
    until(lambda: max(map(int, NUMBER.findall(path.read_bytes())), default=0) >= number, f"{path} tells of {number}")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL, and no fork")
def test_what_a_killed_process_leaves_is_a_log(tmp_path: Path) -> None:
    chance = random.Random(20)
    with Child(str(Path(__file__).with_name("noting.py"))) as child:
        for kill in range(KILLS):
            path = tmp_path / f"log{kill}"
            limit = chance.choice((0, 0, LEAST_LIMIT_BYTES, 200_000))
            child.tell(f"{path} {chance.choice(('default', 'everything'))} {limit} {kill}")
            pid = int(child.line())
            assert child.line() == "open"
            least = chance.choice((0, chance.randrange(20), chance.randrange(400)))
            until_it_tells_of(path, least)
            os.kill(pid, signal.SIGKILL)
            assert child.line() == "gone"
            content = path.read_bytes()
            assert content.endswith(b"]}")
            viewer = Viewer(content)
            numbers = [event.parameters["number"] for event in viewer.events if "number" in event.parameters]
            found = sorted(set(numbers))
            assert numbers == sorted(numbers)
            assert limit or not found or found == list(range(1, found[-1] + 1)), "whole up to the last one"
            assert not least or found[-1] >= least
