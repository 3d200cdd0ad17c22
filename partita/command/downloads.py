"""``partita downloads``: the downloads that a partition knows of."""

from rich.text import Text

from partita.command.options import AsJson, DataDir, Partition, Reveal, Through
from partita.command.printing import console, plain_table, print_json, size_text
from partita.command.reading import reading
from partita.events.download_ledger import DownloadEntry
from partita.events.downloads import DownloadState
from partita.inspection import time_text, to_plain
from partita.log import SessionAt, state_at


def downloads(
    partition: Partition = "",
    *,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List a partition's downloads.

    Oldest first, as the log has them; also while another process has the partition open.
    """
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
