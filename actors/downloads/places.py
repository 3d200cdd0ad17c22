"""Which download is next: by priority, then by age, as far as the session's and the hosts' limits go. Pure.

Whoever waits stands in the line of its host. A line is kept in short runs, and the entries on shelves by the first digits of
their ids, so that a turn costs about the same with ten downloads as with ten thousand (states are never changed in place).

After every turn nobody waits who could go: so somebody new has to look at the limits only.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from partita.events.download_ledger import DownloadEntry, DownloadsState, Line, Ticket, shelf_of

LONGEST_RUN: Final = 128


def host_of(url: str) -> str:
    """Whose connections a download takes: host and port."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def has_room(state: DownloadsState, host: str) -> bool:
    """Whether one more of that host may go."""
    limits = state.limits
    return len(state.running) < limits.concurrent and state.busy.get(host, 0) < limits.per_host


def next_up(state: DownloadsState) -> str | None:
    """Who goes next; None when nobody waits that may."""
    if len(state.running) >= state.limits.concurrent:
        return None
    most = state.limits.per_host
    heads = [line[0][0] for host, line in state.lines.items() if state.busy.get(host, 0) < most]
    return min(heads)[2] if heads else None


def waits(state: DownloadsState, entry: DownloadEntry) -> bool:
    """Whether it stands in line."""
    ticket = _ticket(entry)
    line = state.lines.get(host_of(entry.order.url), ())
    run = line[at] if (at := _run_of(line, ticket)) < len(line) else ()
    return ticket in run


def lined_up(state: DownloadsState, entry: DownloadEntry) -> DownloadsState:
    """With it in the line of its host."""
    host, ticket = host_of(entry.order.url), _ticket(entry)
    line = state.lines.get(host, ())
    at = min(_run_of(line, ticket), max(len(line) - 1, 0))
    run = line[at] if line else ()
    place = bisect_left(run, ticket)
    longer = (*run[:place], ticket, *run[place:])
    middle = len(longer) // 2
    runs = (longer,) if len(longer) <= LONGEST_RUN else (longer[:middle], longer[middle:])
    return replace(state, lines={**state.lines, host: (*line[:at], *runs, *line[at + 1 :])})


def admitted(state: DownloadsState, entry: DownloadEntry) -> DownloadsState:
    """With a place for it, and out of its line."""
    state = out_of_line(state, entry)
    if entry.order.id in state.running:
        return state
    host = host_of(entry.order.url)
    running = {**state.running, entry.order.id: host}
    return replace(state, running=running, busy={**state.busy, host: state.busy.get(host, 0) + 1})


def released(state: DownloadsState, entry: DownloadEntry) -> DownloadsState:
    """Without its place, and out of its line."""
    state = out_of_line(state, entry)
    host = state.running.get(entry.order.id)
    if host is None:
        return state
    busy = {name: count - (name == host) for name, count in state.busy.items() if name != host or count > 1}
    running = {name: of for name, of in state.running.items() if name != entry.order.id}
    return replace(state, running=running, busy=busy)


def out_of_line(state: DownloadsState, entry: DownloadEntry) -> DownloadsState:
    """Without it in any line."""
    host, ticket = host_of(entry.order.url), _ticket(entry)
    line = state.lines.get(host, ())
    at = _run_of(line, ticket)
    if at >= len(line) or ticket not in line[at]:
        return state
    run = tuple(other for other in line[at] if other != ticket)
    rest: Line = (*line[:at], *((run,) if run else ()), *line[at + 1 :])
    if rest:
        return replace(state, lines={**state.lines, host: rest})
    return replace(state, lines={name: other for name, other in state.lines.items() if name != host})


def shelved(state: DownloadsState, entry: DownloadEntry) -> DownloadsState:
    """With this entry, new or in place of its older self."""
    name = shelf_of(entry.order.id)
    shelf = {**state.shelves.get(name, {}), entry.order.id: entry}
    return replace(state, shelves={**state.shelves, name: shelf})


def unshelved(state: DownloadsState, download_id: str) -> DownloadsState:
    """Without an entry."""
    name = shelf_of(download_id)
    shelf = {key: entry for key, entry in state.shelves.get(name, {}).items() if key != download_id}
    return replace(state, shelves={**state.shelves, name: shelf})


def _ticket(entry: DownloadEntry) -> Ticket:
    return (-entry.order.options.priority, entry.number, entry.order.id)


def _run_of(line: Line, ticket: Ticket) -> int:
    """Which run a ticket belongs to; the number of runs when it is behind all of them."""
    return bisect_left(line, ticket, key=lambda run: run[-1])
