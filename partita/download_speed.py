"""How fast something comes, from looks at how much of it is there. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 10.0
"""Chromium's: what came in the last ten seconds counts."""

CLOSEST_S: Final = 0.1
"""Looks that lie closer together are one."""


class SpeedMeter:
    """Told now and then how many bytes are there, it knows how many a second come."""

    def __init__(self, now_s: float, received_bytes: int) -> None:
        self._looks: deque[tuple[float, int]] = deque([(now_s, received_bytes)])

    def restart(self, now_s: float, received_bytes: int) -> None:
        """What is there by now came at another time."""
        self._looks = deque([(now_s, received_bytes)])

    def look(self, now_s: float, received_bytes: int) -> float:
        """Take note of how much is there; bytes a second, of the last ten seconds or since the last look before them."""
        looks = self._looks
        if received_bytes < looks[-1][1]:  # it begins again
            self.restart(now_s, received_bytes)
            return 0.0
        while len(looks) > 1 and looks[1][0] <= now_s - WINDOW_S:
            looks.popleft()
        first_s, first_bytes = looks[0]
        if now_s - looks[-1][0] >= CLOSEST_S:
            looks.append((now_s, received_bytes))
        return (received_bytes - first_bytes) / (now_s - first_s) if now_s > first_s else 0.0
