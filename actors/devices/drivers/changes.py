"""What who watches is to be told next: the difference between what is attached and what he was told. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from partita.events.device_facts import AttachedDevice, DeviceChange


class Sighting(Struct, frozen=True):
    """A device that is attached. ``attachment``: which one it is of those that have been there under its key."""

    device: AttachedDevice
    attachment: int = 0


class Told:
    """What one watcher has been told."""

    def __init__(self) -> None:
        self._told: dict[str, Sighting] = {}
        self._begun = False

    def __contains__(self, key: object) -> bool:
        return key in self._told

    def of(self, key: str) -> Sighting | None:
        """What he was told of that device; None where he knows none."""
        return self._told.get(key)

    def next(self, now: Mapping[str, Sighting]) -> DeviceChange | None:
        """What to tell him, which counts as told; None for nothing new. The first time there is always something."""
        told, self._told = self._told, dict(now)
        detached = tuple(key for key, was in told.items() if key not in now or now[key].attachment != was.attachment)
        attached = tuple(sighting.device for key, sighting in now.items() if told.get(key) != sighting)
        if self._begun and not attached and not detached:
            return None
        self._begun = True
        return DeviceChange(attached, detached)
