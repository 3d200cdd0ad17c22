"""What a playback found, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.command.diff import difference_to_plain
from partita.command.turns import turn_to_plain

if TYPE_CHECKING:
    from partita.actors.replay.playback import PlaybackReport, PlayedOpening, TurnDifference


def report_to_plain(report: PlaybackReport, *, reveal: bool = False) -> dict[str, object]:
    """``agrees``, ``turns`` (equal ones), ``error``, and ``openings`` as a list of objects."""
    return {
        "agrees": report.agrees,
        "turns": report.turns,
        "error": None if report.error is None else str(report.error),
        "openings": [_opening_to_plain(opening, reveal=reveal) for opening in report.openings],
    }


def _opening_to_plain(opening: PlayedOpening, *, reveal: bool) -> dict[str, object]:
    return {
        "partition": opening.partition,
        "first": opening.first,
        "last": opening.last,
        "equal": opening.equal,
        "left": opening.left,
        "beyond": opening.beyond,
        "error": None if opening.error is None else str(opening.error),
        "different": [_different_to_plain(found, reveal=reveal) for found in opening.different],
    }


def _different_to_plain(found: TurnDifference, *, reveal: bool) -> dict[str, object]:
    return {
        "position": found.position,
        "differences": [difference_to_plain(difference, reveal=reveal) for difference in found.differences],
        "recorded": turn_to_plain(found.recorded, reveal=reveal),
        "played": None if found.played is None else turn_to_plain(found.played, reveal=reveal),
    }
