"""A net log read the way Chromium's net log viewer does (catapult, netlog_viewer: log_util.js, main.js, source_entry.js)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Json = dict[str, Any]

CONSTANTS = ("logEventTypes", "clientInfo", "logEventPhase", "logSourceType", "loadFlag", "netError", "addressFamily")
"""What ``areValidConstants`` wants to be objects."""


class Event:
    """One entry, with names for its numbers."""

    def __init__(self, entry: Json, names: Json, kinds: Json, phases: Json) -> None:
        self.name: str = names[entry["type"]]
        self.phase: str = phases[entry["phase"]]
        self.source: int = entry["source"]["id"]
        self.kind: str = kinds[entry["source"]["type"]]
        self.tick = int(entry["time"])
        self.parameters: Json = entry.get("params", {})

    def __repr__(self) -> str:
        return f"{self.kind} {self.source} {self.name} {self.phase} {self.parameters}"


class Viewer:
    """What the viewer makes of a file. Raises :class:`AssertionError` for what it would refuse or leave out."""

    def __init__(self, content: bytes) -> None:
        dump = json.loads(content)
        constants = self.constants = dump["constants"]
        for name in CONSTANTS:
            assert isinstance(constants[name], dict), name
        assert isinstance(constants["timeTickOffset"], str)
        assert int(constants["timeTickOffset"]) is not None
        assert constants["logFormatVersion"] == 1
        assert isinstance(dump["events"], list)
        names, kinds, phases = (
            {number: name for name, number in constants[table].items()}
            for table in ("logEventTypes", "logSourceType", "logEventPhase")
        )
        assert len(names) == len(constants["logEventTypes"]), "two events have one number"
        assert set(phases.values()) == {"PHASE_BEGIN", "PHASE_END", "PHASE_NONE"}
        for entry in dump["events"]:
            assert isinstance(entry["time"], str)
            assert isinstance(entry["source"], dict)
            assert isinstance(entry.get("params", {}), dict)
        self.events = [Event(entry, names, kinds, phases) for entry in dump["events"]]

    @classmethod
    def of(cls, path: Path) -> Viewer:
        return cls(path.read_bytes())

    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def sources(self) -> dict[int, list[Event]]:
        """Each source with its events, in their order."""
        found: dict[int, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.source, []).append(event)
        return found

    def unbalanced(self) -> list[Event]:
        """Begins that have no end, and ends that have no begin."""
        wrong = []
        for events in self.sources().values():
            begun: dict[str, list[Event]] = {}
            for event in events:
                if event.phase == "PHASE_BEGIN":
                    begun.setdefault(event.name, []).append(event)
                elif event.phase == "PHASE_END":
                    if begun.get(event.name):
                        begun[event.name].pop()
                    else:
                        wrong.append(event)
            wrong += [event for left in begun.values() for event in left]
        return wrong

    def dangling(self) -> list[Event]:
        """Events that depend on a source which is not in the log."""
        known = self.sources()
        return [
            event
            for event in self.events
            if "source_dependency" in event.parameters and event.parameters["source_dependency"]["id"] not in known
        ]

    def at(self, event: Event) -> datetime:
        """When it was."""
        moment = int(self.constants["timeTickOffset"]) + event.tick
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)

    def requests(self) -> list[tuple[str, str, str]]:
        """Method, URL and the first line of the response of each request, as the list of the viewer's tab has them."""
        found = []
        for events in self.sources().values():
            method = url = status = ""
            for event in events:
                if event.kind != "URL_REQUEST":
                    break
                if event.name == "URL_REQUEST_START_JOB" and event.phase == "PHASE_BEGIN":
                    method, url = event.parameters["method"], event.parameters["url"]
                if event.name == "HTTP_TRANSACTION_READ_RESPONSE_HEADERS":
                    status = event.parameters["headers"][0]
            if url:
                found.append((method, url, status))
        return found
