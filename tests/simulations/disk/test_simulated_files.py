"""Files on the simulated disk: what a process reads, what a power cut leaves, and every way to fail."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.kernel.context import Random
from partita.simulations.disk.disk import FAULTS
from partita.simulations.disk.file import SECTOR_BYTES, File
from partita.simulations.disk.files import PAGE_BYTES
from partita.simulations.life import Crash, Dead
from partita.store.environment import written

PATH = "/downloads/file.part"
POWER = {"power.file": 1.0, "power.name": 1.0}


def stored(running, tools, content: bytes, *, path: str = PATH, sync: bool = True):
    file = tools.done(running.files.open(path))
    tools.done(file.write(0, content))
    if sync:
        tools.done(file.sync())
    return file


def test_what_was_written_is_read(machine, tools):
    running = machine()
    file = stored(running, tools, b"0123456789")
    tools.done(file.write(12, b"ab"))
    assert running.disk.content(PATH) == b"0123456789\0\0ab"
    assert tools.done(running.files.size(PATH)) == 14
    tools.done(file.close())
    tools.done(file.close())
    with pytest.raises(OSError, match="closed"):
        tools.done(file.write(0, b"x"))
    with pytest.raises(FileNotFoundError):
        tools.done(running.files.open("/downloads/none", must_exist=True))
    later = tools.done(running.files.open(PATH, emptied=False))
    assert later.size_bytes == 14
    with pytest.raises(OSError, match="being written"):
        tools.done(running.files.open(PATH))
    tools.done(later.cut(4))
    beside = tools.done(later.again())
    tools.done(later.close())
    tools.done(beside.write(4, b"x"))
    assert running.disk.content(PATH) == b"0123x"
    with pytest.raises(OSError, match="being written"):
        tools.done(running.files.open(PATH))
    tools.done(beside.close())
    assert tools.done(running.files.open(PATH)).size_bytes == 0
    assert running.disk.content(PATH) == b""
    assert running.disk.paths() == [PATH]


def test_names_are_claimed_moved_and_removed(machine, tools):
    files, disk = (running := machine()).files, running.disk
    assert tools.done(files.claim("/d/a"))
    assert not tools.done(files.claim("/d/a"))
    assert not tools.done(files.claim("/d"))
    stored(running, tools, b"content")
    tools.done(files.rename(PATH, "/d/a"))
    assert disk.paths() == ["/d/a"]
    assert disk.content("/d/a") == b"content"
    tools.done(files.remove("/d/a"))
    tools.done(files.remove("/d/a"))
    assert tools.done(files.size("/d/a")) is None
    with pytest.raises(FileNotFoundError):
        tools.done(files.rename("/d/a", "/d/b"))
    with pytest.raises(IsADirectoryError):
        tools.done(files.open("/d"))
    with pytest.raises(OSError, match="absolute"):
        tools.done(files.open("relative"))
    assert tools.done(files.claim("/d/file"))
    with pytest.raises(NotADirectoryError):
        tools.done(files.claim("/d/file/below"))


def test_an_open_file_stays_the_same_when_its_name_is_given_away(machine, tools):
    running = machine()
    file = stored(running, tools, b"one")
    tools.done(running.files.rename(PATH, "/downloads/file"))
    tools.done(file.write(3, b" two"))
    assert running.disk.content("/downloads/file") == b"one two"


def test_a_killed_process_loses_nothing_that_it_had_written(machine, tools):
    running = machine(POWER)
    stored(running, tools, b"unsynced", sync=False)
    running.crash("kill")
    assert running.disk.content(PATH) == b"unsynced"


def test_a_synced_file_under_a_synced_name_outlives_a_power_cut(machine, tools):
    running = machine(POWER)
    file = stored(running, tools, b"synced")
    tools.done(running.files.rename(PATH, "/downloads/file"))
    tools.done(file.write(6, b" and not"))
    running.crash("power")
    content = running.disk.content("/downloads/file")
    assert content is not None
    assert content.startswith(b"synced")
    assert running.disk.content(PATH) is None


def test_a_new_name_may_vanish_with_the_power_however_well_its_content_was_synced(machine, tools):
    running = machine(POWER)
    stored(running, tools, b"synced")
    running.crash("power")
    assert running.disk.paths() == []
    running = machine({"power.file": 1.0})
    stored(running, tools, b"synced")
    running.crash("power")
    assert running.disk.content(PATH) == b"synced"


def test_a_removed_file_stays_away_after_a_power_cut(machine, tools):
    running = machine(POWER)
    stored(running, tools, b"synced")
    tools.done(running.files.rename(PATH, "/downloads/file"))
    tools.done(running.files.remove("/downloads/file"))
    running.crash("power")
    assert running.disk.content("/downloads/file") is None


def test_a_renaming_between_folders_is_there_in_both_or_in_neither(machine, tools):
    seen = {"kill": set(), "power": set()}
    for seed in range(40):
        running = machine({"crash.file_rename": 1.0, "power.name": 0.5}, seed=seed)
        stored(running, tools, b"content", path="/a/one")
        with pytest.raises(Crash, match="file_rename") as ended:
            tools.done(running.files.rename("/a/one", "/b/two"))
        running.crash_of(ended)
        seen[ended.value.kind].add(tuple(running.disk.paths()))
    assert seen["kill"] == {("/a/one",), ("/b/two",)}
    assert seen["power"] == {(), ("/a/one",), ("/b/two",)}


@given(
    writes=st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=2500), st.booleans()), max_size=8),
    seed=st.integers(0, 1 << 32),
)
@settings(max_examples=150, deadline=None)
def test_of_each_unsynced_write_all_nothing_or_its_first_sectors_are_left(writes, seed):
    from partita.actors.kernel.context import Random

    file = File()
    durable, since = bytearray(), []
    for offset, data, sync in writes:
        file.write(offset, data)
        since.append((offset, data))
        if sync:
            file.sync()
            durable, since = bytearray(file.content), []
    before = bytes(file.content)
    assert not file.lose(Random(seed))
    after = bytes(file.content)
    assert len(after) <= len(before)
    for at in range(0, len(after), SECTOR_BYTES):
        touching = [(o, d) for o, d in since if o < at + SECTOR_BYTES and o + len(d) > at]
        if not touching:
            sector = bytes(durable[at : at + SECTOR_BYTES])
            assert after[at : at + SECTOR_BYTES] in (sector, sector.ljust(len(after[at : at + SECTOR_BYTES]), b"\0"))
    for at, byte in enumerate(after):
        possible = {durable[at] if at < len(durable) else 0}
        possible.update(d[at - o] for o, d in since if o <= at < o + len(d))
        assert byte in possible
    file.lose(Random(seed))
    assert file.content == after, "what has survived a power cut is on the disk"


def test_without_the_loss_a_power_cut_leaves_all(machine, tools):
    running = machine()
    stored(running, tools, b"unsynced", sync=False)
    running.crash("power")
    assert running.disk.content(PATH) == b"unsynced"


@pytest.mark.parametrize(("fault", "number"), [("file.full", errno.ENOSPC), ("file.io_error", errno.EIO)])
def test_a_write_that_fails_has_written_a_beginning(fault, number, machine, tools):
    lengths = set()
    for seed in range(30):
        running = machine(fault, 2 if fault == "file.io_error" else 3, seed=seed)
        file = stored(running, tools, b"", sync=False)
        with pytest.raises(OSError) as failed:
            tools.done(file.write(0, b"0123456789"))
        assert failed.value.errno == number
        content = running.disk.content(PATH)
        assert b"0123456789".startswith(content)
        lengths.add(len(content))
    assert len(lengths) > 5


def test_what_is_there_is_overwritten_page_by_page(machine, tools):
    old, new = b"o" * 3 * PAGE_BYTES, b"n" * 2 * PAGE_BYTES
    lengths = set()
    for seed in range(30):
        running = machine("file.io_error", 3, seed=seed)
        file = stored(running, tools, old)
        with pytest.raises(OSError, match="Input/output"):
            tools.done(file.write(100, new))
        content = running.disk.content(PATH)
        written = content.count(b"n")
        assert content == old[:100] + new[:written] + old[100 + written :]
        lengths.add(written)
    assert lengths <= {0, PAGE_BYTES - 100, 2 * PAGE_BYTES - 100, 2 * PAGE_BYTES}
    assert len(lengths) > 1


def test_a_full_disk_is_full_for_logs_and_files_alike_until_it_is_healed(machine, tools):
    running = machine("file.full", 3, seed=4)
    opened = running.environment()
    file = stored(running, tools, b"x", sync=False)
    with pytest.raises(OSError, match="No space"):
        tools.done(file.write(1, b"more"))
    with pytest.raises(Exception, match="No space"):
        tools.put(opened, b"k")
    running.disk.heal()
    tools.put(opened, b"k")
    tools.done(file.write(0, b"more"))


def test_a_read_only_disk_refuses_every_change(machine, tools):
    running = machine({"file.read_only": 1.0})
    for change in (
        running.files.open(PATH),
        running.files.claim(PATH),
        running.files.rename(PATH, PATH + "2"),
    ):
        with pytest.raises(OSError) as refused:
            tools.done(change)
        assert refused.value.errno == errno.EROFS
    assert tools.done(running.files.size(PATH)) is None


def test_what_a_failed_sync_dropped_a_second_one_does_not_bring_to_the_disk(machine, tools):
    left = set()
    for seed in range(20):
        running = machine("file.io_error", 2, also="power.file", seed=seed)
        file = stored(running, tools, b"dirty", sync=False)
        with pytest.raises(OSError, match="Input/output"):
            tools.done(file.sync())
        assert running.disk.content(PATH) == b"dirty"
        tools.done(file.sync())
        running.crash("power")
        left.add(running.disk.content(PATH))
    assert left == {b"", b"dirty"}


@pytest.mark.parametrize("fault", ["crash.file_write", "crash.file_sync"])
def test_a_process_ends_at_a_file(fault, machine, tools):
    running = machine({fault: 1.0})
    with pytest.raises(Crash, match=fault) as ended:
        stored(running, tools, b"content")
    dead = running.files
    with pytest.raises(Dead):
        tools.done(dead.size(PATH))
    with pytest.raises(Dead):
        tools.done(dead.remove(PATH))
    running.crash_of(ended)
    assert tools.done(running.files.size(PATH)) is not None


def test_a_lying_disk_loses_what_it_said_to_be_synced(machine, tools):
    outcomes = set()
    for seed in range(30):
        running = machine(POWER, seed=seed, disk__lies=1)
        stored(running, tools, b"synced")
        tools.done(running.files.rename(PATH, "/downloads/file"))
        running.crash("power")
        intact = running.disk.content("/downloads/file") == b"synced"
        assert running.disk.lied or intact
        outcomes.add(running.disk.lied)
    assert True in outcomes


def test_a_sync_that_fails_loses_what_a_lying_disk_said_to_be_synced_before(machine, tools):
    outcomes = set()
    for seed in range(20):
        running = machine({"file.io_error": 1.0}, seed=seed, disk__lies=1)
        running.faults.spare("file.")
        file = stored(running, tools, b"synced")
        random = Random(seed)
        running.faults.strikes = lambda name, random=random: random if name == "file.io_error" else None
        with pytest.raises(OSError, match="Input/output"):
            tools.done(file.sync())
        running.faults.strikes = lambda name: None
        running.crash("power")
        assert running.disk.lied != (running.disk.content(PATH) == b"synced")
        outcomes.add(running.disk.lied)
    assert outcomes == {True, False}


def test_every_operation_takes_its_time_and_now_and_then_more(machine, tools):
    running = machine({"file.slow": 1.0}, file__latency_s=0.05)
    stored(running, tools, b"content")
    tools.done(running.files.remove(PATH))
    assert len(running.slept) == 3
    assert all(seconds > 0.05 for seconds in running.slept)
    running = machine(file__latency_s=0.05)
    stored(running, tools, b"content")
    assert running.slept == [0.05] * 3


def test_who_died_while_waiting_for_the_disk_does_nothing_to_it(machine, tools):
    running = machine()
    file = stored(running, tools, b"content")

    async def killed(_seconds):
        running.life.alive = False

    running.disk.sleep = killed
    with pytest.raises(Dead):
        tools.done(file.write(0, b"DEAD"))
    assert running.disk.content(PATH) == b"content"


def test_every_fault_of_the_disk_is_one_of_its_faults(machine, tools):
    running = machine(dict.fromkeys(FAULTS, 1e-12))
    running.faults.strikes = asked = _Asked()
    file = stored(running, tools, b"content")
    tools.done(running.files.rename(PATH, "/downloads/file"))
    tools.done(file.write(0, b"more"))
    for number in range(3):
        tools.put(running.environment(), b"%d" % number)
    running.folder.keys().rewrite(b"keys")
    tools.done(running.files.open("/downloads/unsynced"))
    running.environment().reopen()
    running.crash("power")
    running.disk.lying = True
    tools.put(running.environment(), b"owed")
    running.crash("power")
    rewritten(running, tools)
    running.crash("power")
    assert asked.names == set(FAULTS)


def rewritten(running, tools):
    """A record is taken back, and another written under its key; one more follows."""
    written(running.environment(), lambda transaction: transaction.delete("turns", b"1"))
    written(running.environment(), lambda transaction: transaction.delete("turns", b"2"))
    tools.put(running.environment(), b"1", b"another value")
    tools.put(running.environment(), b"2", b"another value")


class _Asked:
    def __init__(self):
        self.names = set()

    def __call__(self, name):
        self.names.add(name)
