"""How one download stands, as ``partita download`` and ``partita downloads`` tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from partita.actors.downloads.answers import ACTIVE, can_resume, whole_bytes
from partita.actors.network.urls import without_userinfo

if TYPE_CHECKING:
    from partita.downloads import DownloadItem
    from partita.events.downloads import DownloadOrder, DownloadState

State = Literal["waiting", "progressing", "interrupted", "failed", "completed", "cancelled"]
"""``interrupted``: it can go on; ``failed``: it cannot, nor can what no download was made of."""

KILLED = "CRASH (its process has been killed)"


class Outcome(Struct, frozen=True, kw_only=True):
    """What ``--json`` says of each. Times are seconds since 1970; ``total_bytes`` is 0 while it is unknown."""

    url: str
    state: str
    problem: str | None = None
    id: str | None = None
    save_path: str | None = None
    received_bytes: int = 0
    total_bytes: int = 0
    mime_type: str | None = None
    began: float | None = None
    ended: float | None = None
    can_resume: bool = False


def state_of(item: DownloadItem) -> str:
    """Its state, where one that is interrupted for good has failed."""
    state = item.get_state()
    return "failed" if state == "interrupted" and not item.can_resume() else state


def outcome_of(url: str, item: DownloadItem) -> Outcome:
    """Of a session that is open."""
    state = state_of(item)
    return Outcome(
        url=url,
        state=state,
        problem=None if state == "completed" else problem_of(url, item.last_reason, item.last_reason_detail),
        id=item.id,
        save_path=item.save_path or None,
        received_bytes=item.get_received_bytes(),
        total_bytes=item.get_total_bytes(),
        mime_type=item.get_mime_type() or None,
        began=item.get_start_time(),
        ended=item.get_end_time() or None,
        can_resume=item.can_resume(),
    )


def outcome_in_log(order: DownloadOrder, state: DownloadState, *, killed: bool) -> Outcome:
    """Of a log that is read. ``killed``: no process has the partition open, and what is under way there is so no longer."""
    url = shown_url(order.url)
    dead = killed and state.phase in ACTIVE
    may = can_resume(state) or dead
    problem = KILLED if dead else problem_of(url, state.reason, state.detail)
    return Outcome(
        url=url,
        state="interrupted" if dead else _word(state, may=may),
        problem=None if state.phase == "completed" else problem,
        id=order.id,
        save_path=state.target_path or None,
        received_bytes=state.received_bytes,
        total_bytes=whole_bytes(state) or (state.received_bytes if state.phase == "completed" else 0),
        mime_type=(state.head and state.head.mime_type) or None,
        began=order.started_us / 1e6,
        ended=state.ended_us / 1e6 or None,
        can_resume=may,
    )


def problem_of(url: str, reason: str, detail: str) -> str | None:
    """``SERVER_BAD_CONTENT (404 Not Found)``; the URL stands before it already. None when there is none."""
    if reason == "NONE":
        return None
    detail = " ".join(detail.removeprefix(f"{url} answered ").split())
    return f"{reason} ({detail})" if detail else reason


def shown_url(url: str) -> str:
    """Without the user and the password that it may hold."""
    return without_userinfo(url)[0]


def _word(state: DownloadState, *, may: bool) -> str:
    if state.phase in ("completed", "cancelled"):
        return state.phase
    if state.phase == "refused":
        return "cancelled"
    if state.phase == "interrupted":
        return "interrupted" if may else "failed"
    return "progressing"
