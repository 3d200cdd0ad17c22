"""One writer a partition, whoever it is, until it ends, however it ends."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from partita.events.errors import PartitionInUse, StoreUnavailable
from partita.store.lock import WriterLock, is_locked
from partita.store.partition import PartitionStore

HOLD = """
import os, sys
from partita.store.partition import PartitionStore
store = PartitionStore.open(sys.argv[1], name="work", random_bytes=os.urandom)
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_is_told_who_the_first_is(folder, opened, child):
    process = child(HOLD, folder)
    assert process.stdout.readline() == "open\n"
    for action in (opened, lambda: PartitionStore.delete(folder)):
        with pytest.raises(PartitionInUse, match=str(process.pid)) as caught:
            action()
        assert caught.value.pid == process.pid
    with PartitionStore.read(folder) as reader:
        assert reader.name == "work"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_writer_that_was_killed_leaves_no_lock(folder, opened, child):
    process = child(HOLD, folder)
    assert process.stdout.readline() == "open\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert opened().epoch == 2


def test_a_second_writer_of_the_same_process_is_refused(opened, folder, tmp_path):
    first = opened()
    (tmp_path / "link").symlink_to(folder)
    for path in (folder, tmp_path / "link"):
        with pytest.raises(PartitionInUse) as caught:
            PartitionStore.open(path, name="work", random_bytes=os.urandom)
        assert caught.value.pid == os.getpid()
    first.close()
    assert opened().epoch == 2


def test_an_opening_that_fails_leaves_no_lock(opened, folder):
    opened().close()
    (folder / "keys").write_bytes(b"")
    content = (folder / "data.mdb").read_bytes()
    (folder / "data.mdb").write_bytes(content[:8192])
    for _ in range(2):
        with pytest.raises(Exception, match="truncated"):
            opened()
    (folder / "data.mdb").write_bytes(content)
    opened()


def test_a_partition_is_deleted_with_all_it_has(opened, folder):
    store = opened()
    with pytest.raises(PartitionInUse):
        PartitionStore.delete(folder)
    store.close()
    (folder / "more").mkdir()
    (folder / "more" / "file").write_text("x")
    PartitionStore.delete(folder)
    assert not folder.exists()
    PartitionStore.delete(folder)
    with pytest.raises(StoreUnavailable):
        PartitionStore.name_at(folder)
    assert opened().epoch == 1


def test_the_name_is_in_the_log(opened, folder):
    store = opened()
    assert PartitionStore.name_at(folder) == "work"
    store.close()
    assert PartitionStore.name_at(folder) == "work"


def test_who_asks_whether_a_partition_is_written_takes_it_from_nobody(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    lock = WriterLock(tmp_path)
    assert is_locked(tmp_path)
    lock.release()
    assert not is_locked(tmp_path)
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            is_locked(tmp_path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            WriterLock(tmp_path).release()
    finally:
        over.set()
        asking.join()
