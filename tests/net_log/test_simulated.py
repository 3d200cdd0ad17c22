"""A net log in the simulated world: at both levels, on a disk that fails, in a process that crashes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from net_log.viewer import Viewer

import partita
from partita import World
from partita.actors.net_log.layout import Size
from partita.actors.net_log.writer import NEW_SUFFIX, LogFile
from partita.simulations.disk.disk import Disk
from partita.simulations.faults import Faults
from partita.simulations.life import Crash, Dead, Life

PATH = "/logs/net.json"
HEAD = b'{"constants":{},\n"events":[\n'


def shop(request: Any) -> Any:
    return {"teapots": 3}


@pytest.mark.parametrize("level", ["kernel", "trio"])
def test_a_session_in_a_simulated_world_writes_a_log(level: Any) -> None:
    async def program(system: partita.System) -> int:
        session = system.from_partition("persist:shop")
        await session.net_log.start_logging(PATH)
        for number in range(5):
            await session.fetch(f"http://shop.test/{number}")
        await session.net_log.stop_logging()
        return session.log.position

    contents = []
    for _ in range(2):
        with World(seed=3, quiet=True, level=level) as world:
            world.host("shop.test")(shop)
            world.run(program)
            content = world.disk.content(PATH)
            assert content is not None
            contents.append(content)
    viewer = Viewer(contents[0])
    assert [url for _, url, _ in viewer.requests()] == [f"http://shop.test/{number}" for number in range(5)]
    assert viewer.unbalanced() == []
    assert contents[0] == contents[1], "the same seed, the same log"


def test_a_session_that_is_closed_ends_its_log_without_trio_too() -> None:
    with World(seed=3, quiet=True) as world:
        world.host("shop.test")(shop)
        with world.system() as system:
            session = system.from_partition("persist:shop")
            session.net_log.start_logging(PATH).get()
            session.fetch("http://shop.test/").get()
        content = world.disk.content(PATH)
        assert content is not None
        assert len(Viewer(content).requests()) == 1
        assert PATH + NEW_SUFFIX not in world.disk.paths()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_wrong_the_file_is_valid(seed: int) -> None:
    """Crashes, kills, a full disk, I/O errors, lost answers: the file is a log or is not there."""

    async def program(system: partita.System) -> None:
        content = world.disk.content(PATH)
        if content is not None and world.crashes and not power_cuts():
            Viewer(content)
        session = system.from_partition("persist:shop")
        try:
            await session.net_log.start_logging(PATH, max_file_size=40_000)
        except (OSError, partita.PartitaError):
            return
        for number in range(30):
            with contextlib.suppress(partita.NetError):
                await session.fetch(f"http://shop.test/{number}")
            if (now := world.disk.content(PATH)) is not None:
                Viewer(now)
        with contextlib.suppress(OSError, partita.PartitaError):
            await session.net_log.stop_logging()

    def power_cuts() -> bool:
        return any("power" in str(struck) for struck in world.faults.struck)

    with World(seed=seed, faults={"file.io_error": 0.02, "file.full": 0.01, "crash.file_write": 0.02}) as world:
        world.host("shop.test")(shop)
        world.run(program)


@pytest.mark.parametrize("fault", ["defect.carries", "defect.raises", "defect.evolve"])
def test_a_defect_leaves_nobody_waiting_and_another_log_can_be_started(fault: str) -> None:
    async def program(system: partita.System) -> None:
        net_log = system.from_partition("persist:shop").net_log
        for change in (lambda: net_log.start_logging(PATH), net_log.stop_logging):
            with contextlib.suppress(Exception):  # the defects, in many words
                await change()
        world.heal()
        if net_log.currently_logging:
            await net_log.stop_logging()
        await net_log.start_logging(PATH)
        await net_log.stop_logging()
        assert net_log.failure is None

    for seed in range(12):
        with World(seed=seed, faults={fault: 0.4}) as world:
            world.run(program)


class Told:
    """A process that logs until it crashes."""

    def __init__(self, seed: int) -> None:
        odds = {"crash.file_write": 0.03, "crash.file_sync": 0.05, "crash.file_rename": 0.1, "file.io_error": 0.01}
        self.disk = Disk(Faults(seed, odds), self.pause, settings={})
        self.told = 0

    async def pause(self, seconds: float) -> None:
        """No time passes."""

    async def log(self) -> None:
        file = LogFile(self.disk.files(Life(1)), PATH, HEAD, Size())
        await file.open()
        for number in range(500):
            size = 7000 if number % 40 == 0 else 100 + number % 900
            entry = {"params": {"number": number, "text": "x" * size}, "phase": 0, "source": {}, "time": "0", "type": 0}
            await file.add([json.dumps(entry).encode()])
            self.told = number + 1
        await file.finish()


def test_a_crash_in_any_call_leaves_all_that_was_written_before() -> None:
    ends = set()
    for seed in range(120):
        process = Told(seed)
        with pytest.raises((Crash, Dead, OSError)) as end:
            process.log().send(None)
        ends.add(OSError if isinstance(end.value, OSError) else Crash)
        content = process.disk.content(PATH)
        if content is None:
            assert not process.told
            continue
        numbers = [event["params"].get("number") for event in json.loads(content)["events"]]
        found = sorted({number for number in numbers if number is not None})
        assert found == list(range(len(found)))
        assert len(found) in (process.told, process.told + 1)
    assert ends == {Crash, OSError}
