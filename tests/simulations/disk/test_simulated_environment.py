"""The environment on the simulated disk keeps what an environment must keep, and fails in every way that it may."""

from __future__ import annotations

import pytest

from partita.events.errors import StoreFailed, StoreUnavailable
from partita.simulations.disk.disk import FAULTS
from partita.simulations.life import Crash, Dead
from partita.store import conformance
from partita.store.codec import position_key, unwrapped, wrapped
from partita.store.environment import RoomNeeded, reading, written


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("lies", [0, 1])
def test_it_keeps_what_an_environment_must_keep(check, lies, machine):
    check(machine(disk__lies=lies).environment)


@pytest.mark.parametrize("check", conformance.DURABILITY_CHECKS, ids=lambda check: check.__name__)
def test_what_was_committed_outlives_a_power_cut(check, machine):
    running = machine(dict.fromkeys(("power.commits", "power.name", "power.file"), 1.0))

    def opened():
        running.crash("power")
        return running.environment()

    check(opened)


def test_two_openings_in_a_process_share_what_is_there(machine, tools):
    running = machine()
    writer, reader = running.environment(), running.environment()
    tools.put(writer, b"k")
    assert tools.everything(reader) == {b"k": b"value"}
    writer.close()
    assert tools.everything(reader) == {b"k": b"value"}
    with pytest.raises(StoreUnavailable, match="closed"):
        writer.begin()


def test_a_full_disk_takes_nothing_until_there_is_room_again(machine, tools):
    running = machine("disk.full")
    with pytest.raises(StoreUnavailable, match="No space left"):
        running.folder.prepare()
    running.disk.heal()
    opened = running.environment()
    tools.put(opened, b"k")
    assert tools.everything(opened) == {b"k": b"value"}


def refused_until_healed(running, tools, text):
    opened = running.environment()
    tools.put(opened, b"before")
    for attempt in range(3, 40):
        try:
            tools.put(opened, b"refused")
        except StoreFailed as error:
            assert text in str(error)
        else:
            return attempt
        assert tools.everything(opened) == {b"before": b"value"}
    return None


@pytest.mark.parametrize(("fault", "text"), [("disk.full", "No space"), ("disk.read_only", "Read-only")])
def test_it_stays_full_or_read_only_for_a_while(fault, text, machine, tools):
    """The first question is asked when the folder is made, the second at its birth, the third by the first commit."""
    attempts = refused_until_healed(machine(fault, 4), tools, text)
    assert attempts is not None


def test_room_is_needed_until_the_map_has_grown(machine, tools):
    running = machine("disk.room")
    opened = running.environment()
    for _ in range(2):
        transaction = opened.begin(write=True)
        transaction.put("turns", b"k", b"value")
        with pytest.raises(RoomNeeded):
            transaction.commit()
        transaction.abort()
    tools.put(opened, b"k")
    assert tools.everything(opened) == {b"k": b"value"}


def test_after_a_failed_sync_the_handle_is_of_no_use_and_the_commit_may_have_come_through(machine, tools):
    outcomes = set()
    for seed in range(20):
        running = machine({"disk.io_error": 1.0}, seed=seed)
        opened, other = running.environment(), running.environment()
        with pytest.raises(StoreFailed, match="Input/output"):
            tools.put(opened, b"k")
        for environment in (opened, other):
            for use in (environment.begin, environment.version, environment.sync):
                with pytest.raises(StoreFailed, match="open it again"):
                    use()
        opened.reopen()
        outcomes.add(b"k" in tools.everything(other))
        assert not running.disk.acknowledged(tools.DIRECTORY)
    assert outcomes == {True, False}


def test_an_environment_that_cannot_be_reopened_is_unavailable_until_it_can(machine, tools):
    running = machine("disk.reopen")
    opened = running.environment()
    with pytest.raises(StoreUnavailable, match="again"):
        opened.reopen()
    with pytest.raises(StoreUnavailable, match="again"):
        opened.begin()
    opened.reopen()
    tools.put(opened, b"k")


@pytest.mark.parametrize(
    ("fault", "afterwards"),
    [("crash.before_commit", {False}), ("crash.during_commit", {False, True}), ("crash.after_commit", {True})],
)
def test_a_process_ends_at_its_commit(fault, afterwards, machine, tools):
    seen, kinds = set(), set()
    for seed in range(30):
        running = machine({fault: 1.0, "power.name": 1.0}, seed=seed)
        opened = running.environment()
        with pytest.raises(Crash, match=fault) as ended:
            tools.put(opened, b"k")
        kinds.add(ended.value.kind)
        for use in (opened.begin, opened.version, opened.reopen, running.environment):
            with pytest.raises(Dead):
                use()
        opened.close()
        running.crash_of(ended)
        seen.add(b"k" in tools.everything(running.environment()))
        assert not running.disk.acknowledged(tools.DIRECTORY)
    assert seen == afterwards
    assert kinds == {"kill", "power"}


def test_a_transaction_that_was_under_way_at_the_end_leaves_nothing(machine, tools):
    running = machine()
    opened = running.environment()
    tools.put(opened, b"a")
    transaction = opened.begin(write=True)
    transaction.put("turns", b"b", b"value")
    assert running.disk.durable_position(tools.DIRECTORY) == int.from_bytes(b"a", "big")
    running.crash("kill")
    assert tools.everything(running.environment()) == {b"a": b"value"}
    transaction.abort()


def test_a_lying_disk_takes_back_the_last_commits_and_says_so(machine, tools):
    taken = set()
    for seed in range(40):
        running = machine({"power.commits": 1.0}, seed=seed, disk__lies=1)
        opened = running.environment()
        for number in range(6):
            tools.put(opened, b"%d" % number)
        running.crash("kill")
        opened = running.environment()
        assert len(tools.everything(opened)) == 6
        assert not running.disk.lied
        running.crash("power")
        left = tools.everything(running.environment())
        assert list(left) == [b"%d" % number for number in range(len(left))]
        assert running.disk.lied
        assert len(running.disk.acknowledged(tools.DIRECTORY)) == 6
        taken.add(6 - len(left))
    assert taken == {1, 2, 3, 4, 5, 6}


def test_a_lying_disk_that_was_healed_lies_no_more(machine, tools):
    running = machine({"power.commits": 1.0, "power.name": 1.0, "power.file": 1.0}, disk__lies=1)
    tools.put(running.environment(), b"k")
    running.disk.heal()
    tools.put(running.environment(), b"l")
    running.crash("power")
    assert list(tools.everything(running.environment())) == [b"k", b"l"]
    assert not running.disk.lied


def filled(running, tools, *counts):
    """A chain of batches of so many turns."""
    opened, position, previous = running.environment(), 1, bytes(16)
    for count in counts:
        value, previous = wrapped(position, count, previous, b"payload %d" % position)
        tools.put(opened, position_key(position), value)
        position += count
    return opened


def test_the_durable_position_is_that_of_the_last_turn_of_the_last_batch(machine, tools):
    running = machine()
    assert running.disk.durable_position(tools.DIRECTORY) == 0
    filled(running, tools, 3, 1, 5)
    assert running.disk.durable_position(tools.DIRECTORY) == 9
    assert running.disk.commits == 3


def test_nothing_that_a_lying_disk_owes_is_durable(machine, tools):
    running = machine(disk__lies=1)
    filled(running, tools, 3, 1, 5)
    assert running.disk.durable_position(tools.DIRECTORY) == 0
    running.crash("power")
    filled_before = tools.everything(running.environment())
    assert len(filled_before) == 3
    assert running.disk.durable_position(tools.DIRECTORY) == 9


@pytest.mark.parametrize(("fault", "lies"), [("disk.torn", 1), ("disk.stale_page", 0)])
def test_a_damaged_record_is_named_and_can_be_told(fault, lies, machine, tools):
    for seed in range(30):
        running = machine({fault: 1.0}, seed=seed, disk__lies=lies)
        filled(running, tools, 1, 2, 3)
        honest = dict(running.disk.acknowledged(tools.DIRECTORY))
        running.crash("power")
        (damage,) = running.disk.damaged
        left = tools.everything(running.environment())
        assert {key for key in left if left[key] != honest[key]} == {damage.key}
        position = int.from_bytes(damage.key, "big")
        with pytest.raises(Exception, match=r"is not what was written|does not begin"):
            unwrapped(position, left[damage.key])
        tools.put(running.environment(), damage.key, honest[damage.key])
        assert not running.disk.damaged


def test_what_was_taken_back_may_stand_again_where_another_record_was_written(machine, tools):
    running = machine({"disk.stale_rewrite": 1.0})
    filled(running, tools, 1, 2)
    stale = tools.everything(running.environment())
    for key in stale:
        written(running.environment(), lambda transaction, key=key: transaction.delete("turns", key))
    for key in stale:
        tools.put(running.environment(), key, b"another")
    running.crash("power")
    (damage,) = running.disk.damaged
    first, last = sorted(stale)
    assert damage.key == first
    assert tools.everything(running.environment()) == {first: stale[first], last: b"another"}


def test_whoever_watches_is_told_of_each_write_whatever_becomes_of_it(machine, tools):
    running = machine("crash.before_commit", 2)
    told = []
    running.disk.on_write = lambda *record: told.append(record)
    opened = running.environment()
    transaction = opened.begin(write=True)
    transaction.put("turns", b"aborted", bytearray(b"1"))
    transaction.put_many("actors", [(b"many", b"2")])
    transaction.abort()
    tools.put(opened, b"kept")
    with pytest.raises(Crash):
        tools.put(opened, b"lost")
    assert told == [
        (tools.DIRECTORY, "turns", b"aborted", b"1"),
        (tools.DIRECTORY, "actors", b"many", b"2"),
        (tools.DIRECTORY, "turns", b"kept", b"value"),
        (tools.DIRECTORY, "turns", b"lost", b"value"),
    ]


def test_the_ledger_holds_what_was_acknowledged_less_what_was_deleted(machine, tools):
    running = machine()
    opened = running.environment()
    for key in (b"a", b"b", b"c"):
        tools.put(opened, key)
    transaction = opened.begin(write=True)
    transaction.delete("turns", b"a")
    transaction.put("turns", b"b", b"replaced")
    transaction.put("turns", b"d", b"value")
    transaction.commit()
    expected = {b"b": b"replaced", b"c": b"value", b"d": b"value"}
    assert running.disk.acknowledged(tools.DIRECTORY) == expected
    transaction = opened.begin(write=True)
    transaction.delete("turns", b"c")
    transaction.abort()
    assert running.disk.acknowledged(tools.DIRECTORY) == expected == tools.everything(opened)


def test_equal_seeds_fail_in_equal_ways(machine, tools):
    def story(seed):
        running = machine(dict.fromkeys(FAULTS, 0.2), seed=seed)
        told = []
        for number in range(200):
            try:
                opened = running.environment()
                tools.put(opened, b"%03d" % number)
                told.append(sorted(tools.everything(opened)))
            except Crash as error:
                told.append(str(error))
                running.crash(error.kind)
            except (StoreFailed, StoreUnavailable) as error:
                told.append(str(error))
                if running.life.alive:
                    running.crash("kill")
        return told, running.faults.struck

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_a_reader_cannot_write(machine, tools):
    running = machine()
    tools.put(running.environment(), b"k")
    reader = running.folder.environment(map_bytes=1, read_only=True)
    with reading(reader) as transaction:
        assert transaction.get("turns", b"k") == b"value"
    with pytest.raises(StoreFailed, match="reading"):
        reader.begin(write=True)
