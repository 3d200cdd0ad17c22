"""A program with a session, to be begun where devices are emulated: it runs one function, and says what that returned.

``application.py FILE FUNCTION DATA_DIR RECORD``. The function, an *application*, is given the session, and a
:class:`Hardware` to plug things in and out with. What it asks of that goes to standard output, and is answered on standard
input; its result goes to standard output, too.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from msgspec import msgpack

import partita
from partita.actors.devices.drivers import hotplug
from partita.session import Session
from tests.durability.waiting import until

SIZE = struct.Struct("=I")
TIMEOUT_S = 20.0
PARTITION = "persist:app"


class Hardware(Protocol):
    """Devices by the names that a test has given them."""

    def plug(self, name: str) -> None:
        """Plug it in."""
        ...

    def unplug(self, name: str) -> None:
        """Pull it out."""
        ...

    def have(self, name: str, do: str, *arguments: object) -> None:
        """Have it do something: one of its methods."""
        ...


Application = Callable[[Session, Hardware], Any]


class FarHardware:
    """Hardware that is in the test's process."""

    def plug(self, name: str) -> None:
        self._ask("plug", name)

    def unplug(self, name: str) -> None:
        self._ask("unplug", name)

    def have(self, name: str, do: str, *arguments: object) -> None:
        self._ask("have", name, do, *arguments)

    def _ask(self, *words: object) -> None:
        say(words)
        assert os.read(0, 1) == b".", "the test has done it"


class Told:
    """What listeners were told, in order: the names of events, and the events."""

    def __init__(self, emitter: Any, *names: str) -> None:
        self.events: list[tuple[str, Any]] = []
        for name in names:
            emitter.on(name, lambda event, name=name: self._tell(name, event))

    def _tell(self, name: str, event: Any) -> None:
        if name.startswith("select-"):
            event.prevent_default()
        self.events.append((name, event))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def next(self, name: str) -> Any:
        """The event that comes next, which must be of that name."""
        already = getattr(self, "_seen", 0)
        settled(lambda: len(self.events) > already)
        self._seen = already + 1
        was, event = self.events[already]
        assert was == name, f"{was}, and not {name}"
        return event


def settled(condition: Callable[[], bool]) -> None:
    """Come back when it holds; what it waits for happens on other threads."""
    until(condition, "what the application waits for", TIMEOUT_S)


def choose_first(session: Session, kind: str) -> None:
    """Whoever is asked for a device of this kind takes the first of the list."""

    @session.on(f"select-{kind}")
    def choose(event: Any) -> None:
        devices = event.port_list if kind == "serial-port" else event.device_list
        event.callback(devices[0].port_id if kind == "serial-port" else devices[0].device_id)


def say(words: object) -> None:
    body = msgpack.encode(words)
    os.write(1, SIZE.pack(len(body)) + body)


def application_of(file: str, name: str) -> Application:
    spec = importlib.util.spec_from_file_location("application_under_test", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def main(file: str, name: str, data_dir: str, record: Any) -> None:
    hotplug.POLL_S = 3600.0  # what comes is told by udev, or not at all
    application = application_of(file, name)
    with partita.System(data_dir=Path(data_dir), record=record) as system:
        session = system.from_partition(PARTITION, keep_device_grants=True)
        came = application(session, FarHardware())
        session.flush().get(TIMEOUT_S)
    say(("came", came))


if __name__ == "__main__":
    main(*sys.argv[1:])
