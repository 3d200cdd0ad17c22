"""``partita downloads``: the downloads that a partition knows of."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.cells import cell_len
from rich.text import Text

from partita.actors.downloads.answers import ACTIVE
from partita.command.download_outcome import Outcome, outcome_in_log
from partita.command.ending import WrongUsage
from partita.command.options import AsJson, DataDir, Partition, Reveal, Through
from partita.command.printing import console, counted, plain_table, print_json, shortened, size_text
from partita.command.reading import check_kept, reading
from partita.command.sessions import opened
from partita.downloads import DownloadItem
from partita.events.download_ledger import DownloadEntry
from partita.events.downloads import DownloadState
from partita.inspection import time_text, to_plain
from partita.log import SessionAt, state_at
from partita.store.lock import is_locked
from partita.store.partition import PartitionStore

CANCELLING_S: Final = 60.0

COLUMNS: Final[tuple[str, ...]] = ("download", "began (UTC)", "state", "received", "of", "file", "url", "why")
SHRINKING: Final = ("file", "url", "why")
"""Those that a narrow terminal shows by their ends; of the others it shows all."""
DISPENSABLE: Final = ("began (UTC)", "why")
"""Those that a terminal does without, when there is no room for the others."""
LEAST: Final = 12
"""Cells of a terminal that each of those has before others go."""


def downloads(
    partition: Partition = "",
    *,
    cancel: Annotated[
        list[str] | None,
        typer.Option(
            "--cancel",
            metavar="ID",
            help="First end this one that may go on; what has come of it is deleted.",
            show_default=False,
        ),
    ] = None,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            "--forget", metavar="ID", help="First take this one off the list; files stay.", show_default=False
        ),
    ] = None,
    forget_ended: Annotated[bool, typer.Option("--forget-ended", help="First take off all that have ended.")] = False,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List a partition's downloads.

    Oldest first, as the log has them; also while another process has the partition open, unless some are to be cancelled or
    forgotten. An ID is given by its beginning.
    """
    if cancel or forget or forget_ended:
        _change(partition, data_dir, cancel or [], forget or [], all_ended=forget_ended)
    with reading(partition, data_dir, through=through) as store:
        folded = state_at(store, store.position)
        then = SessionAt(store.name, persistent=True, storage_path=None, folded=folded, now_us=folded.time_us)
        entries = list(then.state.downloads.items.values())
        states = [_state_of(then, entry) for entry in entries]
        killed = through is None and _is_left(store, states)
        both = list(zip(entries, states, strict=True))
        outcomes = [outcome_in_log(entry.order, state, killed=killed) for entry, state in both]
        if as_json:
            plains = [_to_plain(state, reveal=reveal) for state in states]
            told = [plain | msgspec.structs.asdict(outcome) for plain, outcome in zip(plains, outcomes, strict=True)]
            print_json({"downloads": told})
            return
    if not entries:
        console(error=True).print("no downloads")
        return
    _print([_row(state, outcome) for state, outcome in zip(states, outcomes, strict=True)])


def _print(rows: list[dict[str, Text | str]]) -> None:
    out = console()
    columns, width = _fitted(rows, out.width) if out.is_terminal else (COLUMNS, out.width)
    table = plain_table(*columns)
    for row in rows:
        table.add_row(
            *(_shrunk(name, str(row[name]), width) if name in SHRINKING else row[name] for name in columns),
        )
    out.print(table)


def _shrunk(column: str, text: str, width: int) -> str:
    """Of a path, the last of it is what people look for."""
    if column == "file" and cell_len(text) > width:
        return "…" + shortened(os.sep + Path(text).name, width - 1)
    return shortened(text, width)


def _fitted(rows: list[dict[str, Text | str]], width: int) -> tuple[tuple[str, ...], int]:
    """The columns that there is room for, and how wide those may be that shrink."""
    columns = COLUMNS
    for name in DISPENSABLE:
        if _room(columns, rows, width) >= LEAST:
            break
        columns = tuple(column for column in columns if column != name)
    return columns, max(_room(columns, rows, width), 1)


def _room(columns: tuple[str, ...], rows: list[dict[str, Text | str]], width: int) -> int:
    """How wide each of those may be that shrink."""
    shrinking = sum(column in SHRINKING for column in columns)
    others = sum(_widest(column, rows) + 2 for column in columns if column not in SHRINKING)
    return (width - others - 2 * (shrinking - 1)) // shrinking


def _widest(column: str, rows: Iterable[dict[str, Text | str]]) -> int:
    return max(cell_len(column), *(cell_len(str(row[column])) for row in rows))


def _change(
    partition: str, data_dir: Path | None, cancelled: list[str], forgotten: list[str], *, all_ended: bool
) -> None:
    """Nothing is, when one of them is not there, has ended that is to be cancelled, or may go on that is to be forgotten."""
    check_kept(partition, data_dir, must_exist=True)
    with opened(partition, data_dir) as session:
        items = session.downloads()
        to_cancel = [_found(partition, items, beginning) for beginning in cancelled]
        to_forget = [_found(partition, items, beginning) for beginning in forgotten]
        for item in to_cancel:
            if item.has_ended():
                raise WrongUsage(f"{item.id[:8]} has ended: there is nothing to cancel")
        for item in to_forget:
            if not item.has_ended() and item not in to_cancel:
                raise WrongUsage(
                    f"{item.id[:8]} is {item.get_state()} and may go on: go on with it, or cancel it first,"
                    f" with --cancel {item.id[:8]}"
                )
        for item in to_cancel:
            item.cancel()
        for item in to_cancel:
            item.finished().get(CANCELLING_S)
        to_forget += [item for item in items if all_ended and item.has_ended()]
        for item in dict.fromkeys(to_forget):
            item.remove()


def _found(partition: str, items: list[DownloadItem], beginning: str) -> DownloadItem:
    found = [item for item in items if beginning and item.id.startswith(beginning)]
    if len(found) != 1:
        raise WrongUsage(f"{counted(len(found), 'download')} of {partition!r} have an id that begins {beginning!r}")
    return found[0]


def _is_left(store: PartitionStore, states: list[DownloadState]) -> bool:
    """Whether some are under way, and no process has the partition open: it has been killed. Of an exported log nobody knows."""
    under_way = any(state.phase in ACTIVE for state in states)
    if not under_way or store.directory is None or is_locked(store.directory):
        return False
    return store.position == store.refresh()  # else it was ended in good order a moment ago


def _state_of(then: SessionAt, entry: DownloadEntry) -> DownloadState:
    state = then.states.get(f"download/{entry.order.id}")
    return state if isinstance(state, DownloadState) else DownloadState(order=entry.order)


def _row(state: DownloadState, outcome: Outcome) -> dict[str, Text | str]:
    assert outcome.id is not None
    assert outcome.began is not None
    return {
        "download": outcome.id[:8],
        "began (UTC)": time_text(round(outcome.began * 1e6))[:19],
        "state": _word(state, outcome),
        "received": size_text(outcome.received_bytes),
        "of": size_text(outcome.total_bytes) if outcome.total_bytes else "?",
        "file": outcome.save_path or "",
        "url": outcome.url,
        "why": outcome.problem or "",
    }


def _word(state: DownloadState, outcome: Outcome) -> Text:
    if outcome.state == "progressing":
        return Text(f"{state.phase}, paused" if state.paused else state.phase)
    if outcome.state == "interrupted":
        return Text("interrupted; can go on" if state.phase == "interrupted" else "killed; can go on", style="yellow")
    return Text(outcome.state, style="green" if outcome.state == "completed" else "red")


def _to_plain(state: DownloadState, *, reveal: bool) -> dict[str, object]:
    """The download's state as the log has it."""
    plain = to_plain(state, reveal=reveal)
    assert isinstance(plain, dict)
    plain.pop("type", None)
    return dict(plain)
