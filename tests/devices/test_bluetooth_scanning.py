"""The one scanner for all who watch: how it begins and ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from partita.actors.devices.drivers.bluetooth_watch import Neighborhood


def test_a_scan_that_is_cancelled_while_it_begins_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    begins, goes_on = asyncio.Event(), asyncio.Event()

    class Scanner:
        def __init__(self, heard: object) -> None:
            """As bleak's."""

        async def start(self) -> None:
            begins.set()
            await goes_on.wait()
            said.append("started")

        async def stop(self) -> None:
            said.append("stopped")

    def nothing() -> None:
        """Nobody comes near."""

    async def main() -> None:
        neighborhood = Neighborhood()
        listening: asyncio.Task[Any] = asyncio.ensure_future(neighborhood.listen("first", nothing))
        await begins.wait()
        listening.cancel()
        await asyncio.sleep(0)
        goes_on.set()
        with suppress(asyncio.CancelledError):
            await listening
        assert said == ["started", "stopped"]
        await neighborhood.listen("second", nothing)
        await neighborhood.ignore("second")
        assert said == ["started", "stopped"] * 2

    monkeypatch.setattr("bleak.BleakScanner", Scanner)
    asyncio.run(main())
