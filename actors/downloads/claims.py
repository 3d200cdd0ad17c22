"""Whose a name on the disk is, when two downloads of a partition have chosen the same.

A name is kept free by an empty file. Where somebody deletes that, the next download gets the same name: then it is the younger
choice that counts.
"""

from __future__ import annotations

from partita.actors.downloads.ledger import actor_of
from partita.actors.kernel.world import Door
from partita.events.downloads import DownloadState
from partita.events.session import SessionState


class _Latest(dict[str, dict[str, str]]):
    """By partition, which actor was the last to choose a path. It may be out of date: the states say whether it is so."""


def note_choice(door: Door, *paths: str) -> None:
    """The download has chosen these."""
    _latest(door).update(dict.fromkeys(paths, door.actor))


def is_of_another(door: Door, path: str) -> bool:
    """Whether another download of the partition has its file there, or what has come of it, and has chosen it later."""
    latest = _latest(door).get(path)
    if latest is None or latest == door.actor:
        return False
    mine = _state_of(door, door.actor)
    number = 0 if mine is None else mine.choice
    if _has_chosen(door, latest, path, number):
        return True
    session = door.published("session")  # the latest has left it meanwhile, or its choice was undone
    assert isinstance(session, SessionState), "a partition has a session"
    return any(_has_chosen(door, actor_of(id_), path, number) for id_ in session.downloads.items)


def _has_chosen(door: Door, actor: str, path: str, since: int) -> bool:
    state = _state_of(door, actor)
    if state is None or state.choice < since or state.phase in ("cancelled", "refused"):  # 0 and 0: nobody knows
        return False
    return path == state.target_path or (path == state.part_path and state.phase != "completed")


def _latest(door: Door) -> dict[str, str]:
    partitions = door.world.shared.of(_Latest)
    known = partitions.get(door.partition)
    if known is None:
        known = partitions[door.partition] = {}
        session = door.published("session")
        assert isinstance(session, SessionState), "a partition has a session"
        actors = [actor_of(id_) for id_ in session.downloads.items]
        states = [(state.choice, actor, state) for actor in actors if (state := _state_of(door, actor)) is not None]
        for _, actor, state in sorted(states, key=lambda one: one[0]):
            known.update(dict.fromkeys((state.target_path, state.part_path), actor))
    return known


def _state_of(door: Door, actor: str) -> DownloadState | None:
    state = door.published(actor)
    return state if isinstance(state, DownloadState) else None
