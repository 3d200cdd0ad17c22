"""``partita downloads``: the downloads that a partition knows of."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from partita.command.ending import WrongUsage
from partita.command.options import AsJson, DataDir, Partition, Reveal, Through
from partita.command.printing import console, counted, plain_table, print_json, size_text
from partita.command.reading import reading
from partita.command.sessions import opened
from partita.events.download_ledger import DownloadEntry
from partita.events.downloads import DownloadState
from partita.inspection import time_text, to_plain
from partita.log import SessionAt, state_at


def downloads(
    partition: Partition = "",
    *,
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

    Oldest first, as the log has them; also while another process has the partition open, unless something is to be forgotten.
    """
    if forget or forget_ended:
        _forget(partition, data_dir, forget or [], all_ended=forget_ended)
    with reading(partition, data_dir, through=through) as store:
        folded = state_at(store, store.position)
        then = SessionAt(store.name, persistent=True, storage_path=None, folded=folded, now_us=folded.time_us)
        entries = list(then.state.downloads.items.values())
        states = [_state_of(then, entry) for entry in entries]
        if as_json:
            both = zip(entries, states, strict=True)
            print_json({"downloads": [_to_plain(entry, state, reveal=reveal) for entry, state in both]})
            return
    if not entries:
        console(error=True).print("no downloads")
        return
    table = plain_table("download", "began (UTC)", "phase", "received", "of", "file", "url")
    for entry, state in zip(entries, states, strict=True):
        total = 0 if state.head is None else state.head.total_bytes
        table.add_row(
            entry.order.id[:8],
            time_text(entry.order.started_us)[:19],
            _phase(state),
            size_text(state.received_bytes),
            size_text(total) if total else "?",
            state.target_path,
            entry.order.url,
        )
    console().print(table)


def _forget(partition: str, data_dir: Path | None, wanted: list[str], *, all_ended: bool) -> None:
    """Nothing is, when one of them is not there or has not ended."""
    with opened(partition, data_dir) as session:
        items = session.downloads()
        chosen = []
        for beginning in wanted:
            found = [item for item in items if item.id.startswith(beginning)]
            if len(found) != 1:
                raise WrongUsage(
                    f"{counted(len(found), 'download')} of {partition!r} have an id that begins {beginning!r}"
                )
            chosen += found
        for item in chosen:
            if not item.has_ended():
                raise WrongUsage(
                    f"{item.id[:8]} is {item.get_state()} and may go on: go on with it, or cancel it first"
                )
        chosen += [item for item in items if all_ended and item.has_ended()]
        for item in dict.fromkeys(chosen):
            item.remove()


def _state_of(then: SessionAt, entry: DownloadEntry) -> DownloadState:
    state = then.states.get(f"download/{entry.order.id}")
    return state if isinstance(state, DownloadState) else DownloadState(order=entry.order)


def _phase(state: DownloadState) -> Text:
    if state.phase == "interrupted":
        return Text(f"interrupted: {state.reason}", style="red")
    text = f"{state.phase}, paused" if state.paused else state.phase
    return Text(text, style="green" if state.phase == "completed" else "")


def _to_plain(entry: DownloadEntry, state: DownloadState, *, reveal: bool) -> dict[str, object]:
    """The download's state as the log has it, with its id and URL beside it."""
    plain = to_plain(state, reveal=reveal)
    assert isinstance(plain, dict)
    plain.pop("type", None)
    return {"id": entry.order.id, "url": entry.order.url, "ended": entry.ended, **plain}
