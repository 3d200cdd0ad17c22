"""The real system calls of a commit: one sync a batch, and no acknowledgement before it has come back.

LMDB commits in two steps: the pages, then ``fdatasync``; then the meta page that makes them count, through a descriptor that
was opened with O_DSYNC, so that this write is its own sync.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from durability.children import Child
from durability.syscalls import Syscall, failing, needs_strace, read, tracing

from partita.events.cookies import SetCookie
from partita.store.partition import PartitionStore

CALLS = "openat,close,write,writev,pwrite64,pwritev,fdatasync,fsync,msync,sync_file_range"
pytestmark = needs_strace


@dataclass
class Traced:
    """What a child did between ``begin`` and ``end``, and the log that it left."""

    said: list[str]
    calls: list[Syscall]
    batch_of: dict[tuple[int, int], int]
    """By thread and counter of an ask: which of the batches since ``begin`` has it, from 0."""
    batches: int
    epochs: tuple[int, int]


def trace(folder: Path, threads: int, asks: int, *faults: str) -> Traced:
    report = folder / "calls"
    with Child("syncing.py", folder, threads, asks, wrapper=[*tracing(report, CALLS), *faults]) as child:
        said = child.finish()
    (begin, position, epoch), (end, _, last_epoch) = said[0].split(), said[-1].split()
    assert (begin, end) == ("begin", "end")
    calls = read(report)
    start = next(call.ended for call in calls if is_saying(call, "begin"))
    stop = next(call.began for call in calls if is_saying(call, "end"))
    batch_of: dict[tuple[int, int], int] = {}
    with PartitionStore.read(folder / "Partitions" / "sync") as store:
        batches = list(store._reader.batches(int(position) + 1, store.position))
        for number, batch in enumerate(batches):
            for turn in store.turns(batch.first, batch.last):
                assert isinstance(turn.message, SetCookie)
                thread, counter = turn.message.name.split("-")
                batch_of[int(thread), int(counter)] = number
        assert store.verify().ok
    between = [call for call in calls if start < call.began < stop]
    return Traced(said[1:-1], between, batch_of, len(batches), (int(epoch), int(last_epoch)))


def is_saying(call: Syscall, word: str) -> bool:
    return call.name == "write" and call.arguments.startswith("1<") and f'"{word} ' in call.arguments


def on_the_log(calls: list[Syscall], *names: str) -> list[Syscall]:
    return [call for call in calls if call.name in names and "/data.mdb>" in call.arguments]


def meta_writes(calls: list[Syscall]) -> list[Syscall]:
    """The last step of each commit: a meta page is short, and lies in one of the first two pages."""
    return [call for call in on_the_log(calls, "pwrite64") if int(call.arguments.rsplit(", ", 1)[1]) < 2 * 4096]


def acknowledgements(calls: list[Syscall]) -> list[tuple[tuple[int, int], Syscall]]:
    found = []
    for call in calls:
        if is_saying(call, "acknowledged"):
            _, thread, counter = call.arguments.split('"')[1].removesuffix("\\n").split()
            found.append(((int(thread), int(counter)), call))
    return found


def test_there_is_one_sync_for_each_batch_and_no_other(tmp_path: Path) -> None:
    traced = trace(tmp_path, 4, 50)
    syncs = on_the_log(traced.calls, "fdatasync")
    assert len(syncs) == traced.batches
    assert len(meta_writes(traced.calls)) == traced.batches
    assert not [call for call in traced.calls if call.name in {"fsync", "msync", "sync_file_range"}]
    assert not any(call.failed for call in syncs)


def test_asks_that_wait_together_share_a_sync(tmp_path: Path) -> None:
    traced = trace(tmp_path, 8, 25)
    assert len(traced.batch_of) == 200
    assert len(on_the_log(traced.calls, "fdatasync")) == traced.batches < 200


def test_an_ask_alone_has_a_sync_of_its_own(tmp_path: Path) -> None:
    traced = trace(tmp_path, 1, 20)
    assert len(on_the_log(traced.calls, "fdatasync")) == traced.batches == 20


def test_every_acknowledgement_comes_after_the_sync_of_its_batch(tmp_path: Path) -> None:
    traced = trace(tmp_path, 4, 50)
    synced = on_the_log(traced.calls, "fdatasync")
    committed = meta_writes(traced.calls)
    said = acknowledgements(traced.calls)
    assert len(said) == len(traced.batch_of) == 200
    for ask, call in said:
        batch = traced.batch_of[ask]
        assert synced[batch].ended < committed[batch].began, "the meta page was written before its pages were synced"
        assert committed[batch].ended < call.began, f"{ask} was acknowledged before batch {batch} was on the disk"


def test_the_meta_page_is_written_through_a_descriptor_that_syncs(tmp_path: Path) -> None:
    report = tmp_path / "calls"
    with Child("syncing.py", tmp_path, 1, 1, wrapper=tracing(report, CALLS)) as child:
        child.finish()
    calls = read(report)
    syncing = {
        call.result.split("<")[0]
        for call in calls
        if call.name == "openat"
        and "/data.mdb" in call.arguments
        and ("O_DSYNC" in call.arguments or "O_SYNC" in call.arguments)
    }
    assert len(syncing) == 1
    last = meta_writes(calls)[-1]
    assert last.arguments.split("<")[0] in syncing


def test_the_names_of_new_folders_and_files_are_on_the_disk_before_anything_is_acknowledged(tmp_path: Path) -> None:
    """A file that was synced is lost all the same when the power fails, if the folder that names it was not."""
    report = tmp_path / "calls"
    data_dir = tmp_path / "new" / "data"
    with Child("syncing.py", data_dir, 1, 1, wrapper=tracing(report, "mkdir,openat,fsync,write", 400)) as child:
        child.finish()
    calls = read(report)
    first = next(call.began for call in calls if is_saying(call, "begin"))
    before = [call for call in calls if call.ended < first and not call.failed]
    made = [call.arguments.split('"')[1] for call in before if call.name == "mkdir"]
    created = [call.arguments.split('"')[1] for call in before if call.name == "openat" and "O_CREAT" in call.arguments]
    names = [Path(name) for name in made + created if Path(name).is_relative_to(tmp_path / "new")]
    assert data_dir / "Partitions" / "sync" / "data.mdb" in names
    synced = {call.arguments.split("<")[1].rstrip(">") for call in before if call.name == "fsync"}
    unsynced = {str(name.parent) for name in names} - synced
    assert not unsynced, f"these folders were given names that are not synced: {unsynced}"


def test_a_sync_that_failed_fails_its_callers_and_is_not_tried_again_on_that_descriptor(tmp_path: Path) -> None:
    """EIO from the third sync of the thread that commits: the error may have dropped pages, so the file is opened anew."""
    traced = trace(tmp_path, 1, 12, *failing("fdatasync", "EIO", "3"))
    syncs = on_the_log(traced.calls, "fdatasync")
    broken = next(call for call in syncs if call.failed)
    failed = [line for line in traced.said if line.startswith("failed")]
    assert len(failed) == 1
    assert "StoreFailed" in failed[0]
    assert len(traced.said) == 12
    assert len(traced.batch_of) == 11, "what failed is not in the log, and what was acknowledged is"
    descriptor = broken.arguments.split("<")[0]
    after = [call for call in traced.calls if call.began > broken.ended]
    closed = next(call for call in after if call.name == "close" and call.arguments.startswith(f"{descriptor}<"))
    opened = next(call for call in after if call.name == "openat" and "/data.mdb" in call.arguments)
    again = next(call for call in after if call.name == "fdatasync")
    assert closed.ended < again.began
    assert opened.ended < again.began
    assert traced.epochs[1] == traced.epochs[0] + 1
