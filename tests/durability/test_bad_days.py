"""Bad days at the face: a typed error that says what and where, nothing acknowledged lost, and what can go on goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from durability import damage
from durability.children import Child
from durability.mounts import IN_OWN_NAMESPACE, needs_mounts

from partita.errors import (
    InvalidPartitionName,
    KeyMissing,
    LogDamaged,
    NewerFormat,
    PartitaError,
    PartitionInUse,
    StoreUnavailable,
    UnknownTag,
)
from partita.session import Session
from partita.store.partition import PartitionStore
from partita.system import System

FAR_S = 4e9
Harm = Callable[[Path], object]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with System(data_dir=tmp_path / "data") as opened:
        yield opened


def put(session: Session, name: str) -> None:
    session.cookies.set(url="https://kept.example/", name=name, value=f"value of {name}", expiration_date=FAR_S).get(30)


def names(session: Session) -> list[str]:
    return sorted(cookie.name for cookie in session.cookies.get().get(30))


@pytest.fixture
def folder(system: System) -> Path:
    """A closed partition of a dozen batches, with secrets; and a good one beside it that stays open."""
    session = system.from_partition("persist:bad")
    for number in range(12):
        put(session, f"cookie{number:02}")
    session.close()
    put(system.from_partition("persist:good"), "other")
    return Path(str(session.storage_path))


ALL = [f"cookie{number:02}" for number in range(12)]


def refused(system: System, folder: Path, error: type[PartitaError]) -> PartitaError:
    """Opening fails in this way, twice the same, names the place, and the good partition goes on."""
    with pytest.raises(error) as first:
        system.from_partition("persist:bad")
    with pytest.raises(error) as second:
        system.from_partition("persist:bad")
    assert str(first.value) == str(second.value)
    assert folder.name in str(first.value), "the error says where"
    good = system.from_partition("persist:good")
    put(good, "goes on")
    assert "goes on" in names(good)
    assert "persist:good" in system.stored_partitions()
    return first.value


def put_right(system: System, folder: Path, whole: Path) -> None:
    """The good copy put back, it opens, in the same process and system, with all it had."""
    shutil.rmtree(folder)
    shutil.copytree(whole, folder)
    session = system.from_partition("persist:bad")
    assert names(session) == ALL
    put(session, "later")
    assert session.log.verify().ok


@pytest.fixture
def whole(folder: Path, tmp_path: Path) -> Path:
    """A copy of the partition as it was."""
    return shutil.copytree(folder, tmp_path / "whole")


def test_a_corrupt_batch_is_named_by_its_position_and_what_comes_before_it_is_there(
    system: System, folder: Path, whole: Path
) -> None:
    position = damage.batch_positions(folder)[-4]
    damage.flip_a_bit(folder, position)
    error = refused(system, folder, LogDamaged)
    assert isinstance(error, LogDamaged)
    assert error.position == position
    assert str(position) in str(error)
    assert PartitionStore.verify_at(folder).first_bad_position == position
    with PartitionStore.read(folder, through=position - 1) as store:
        assert [turn.position for turn in store.turns()] == list(range(1, position))
        assert not list(store.turns(position)), "the rest is hidden"
    put_right(system, folder, whole)


@pytest.mark.parametrize("left", [0.0, 0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_found_and_not_written_to(system: System, folder: Path, whole: Path, left: float) -> None:
    data = folder / "data.mdb"
    os.truncate(data, int(data.stat().st_size * left))
    before = data.read_bytes()
    refused(system, folder, LogDamaged)
    assert data.read_bytes() == before
    put_right(system, folder, whole)


def test_a_data_file_that_is_gone_is_damage_and_no_new_partition(system: System, folder: Path, whole: Path) -> None:
    (folder / "data.mdb").unlink()
    refused(system, folder, LogDamaged)
    assert not (folder / "data.mdb").exists()
    put_right(system, folder, whole)


@pytest.mark.parametrize(
    "harm",
    [Path.unlink, lambda file: file.write_bytes(b""), lambda file: file.write_bytes(file.read_bytes()[:-9])],
    ids=["lost", "empty", "cut off"],
)
def test_a_lost_key_file_is_no_reason_to_make_a_new_one(system: System, folder: Path, whole: Path, harm: Harm) -> None:
    harm(folder / "keys")
    error = refused(system, folder, KeyMissing)
    assert "keys" in str(error)
    with PartitionStore.read(folder) as store:
        turns = list(store.turns())
        assert len(turns) == store.position, "what is no secret can be read"
        with pytest.raises(KeyMissing):
            turns[-1].message.value.reveal()  # type: ignore[attr-defined]
    put_right(system, folder, whole)


@pytest.mark.parametrize("tag", ["cookies.teleported/1", "cookies.stored/9"])
def test_an_unknown_event_is_named_with_the_version_that_would_know_it(system: System, folder: Path, tag: str) -> None:
    position = damage.append_an_event_of(folder, tag)
    error = refused(system, folder, UnknownTag)
    assert isinstance(error, UnknownTag)
    assert error.tag == tag
    assert tag in str(error)
    assert f"position {position}" in str(error)
    assert "version" in str(error)
    with PartitionStore.read(folder, through=position - 1) as store:
        assert len(list(store.turns())) == position - 1
    damage.take_out(folder, position)
    assert names(system.from_partition("persist:bad")) == ALL, "the failed opening has let go of the folder"


def test_a_log_of_a_newer_format_is_left_alone(system: System, folder: Path) -> None:
    damage.set_format(folder, 2)
    error = refused(system, folder, NewerFormat)
    assert "format 2" in str(error)
    damage.set_format(folder, 1)
    assert names(system.from_partition("persist:bad")) == ALL


def test_damage_that_comes_while_it_is_open_is_found_by_who_reads_and_writing_goes_on(system: System) -> None:
    session = system.from_partition("persist:running")
    for number in range(12):
        put(session, f"cookie{number:02}")
    folder = Path(str(session.storage_path))
    position = damage.batch_positions(folder)[4]
    damage.flip_a_bit(folder, position)
    with pytest.raises(LogDamaged) as found:
        list(session.log.turns())
    assert found.value.position == position
    with pytest.raises(LogDamaged):
        session.at(session.log.position)
    assert session.log.verify().first_bad_position == position
    put(session, "later")
    assert names(session) == [*ALL, "later"]


def test_a_directory_in_use_by_another_process_names_it_and_is_free_when_that_ends(tmp_path: Path) -> None:
    with System(data_dir=tmp_path) as system, Child("holding.py", tmp_path, "persist:held") as child:
        pid = int(child.line().split()[1])
        with pytest.raises(PartitionInUse) as refusal:
            system.from_partition("persist:held")
        assert refusal.value.pid == pid == child.pid
        assert str(pid) in str(refusal.value)
        assert "Partitions/held" in str(refusal.value)
        with pytest.raises(PartitionInUse):
            system.delete_partition("persist:held")
        with PartitionStore.read(tmp_path / "Partitions" / "held") as store:
            assert store.position > 0, "reading is free"
        system.from_partition("persist:other").set_download_path("/goes/on")
        child.kill()
        assert system.from_partition("persist:held").get_download_path() == "/held"


@needs_mounts
def test_a_read_only_directory_is_refused_for_writing_and_read_and_replayed_all_the_same(tmp_path: Path) -> None:
    with System(data_dir=tmp_path) as system:
        put(system.from_partition("persist:kept"), "a")
    with Child("read_only.py", tmp_path, wrapper=IN_OWN_NAMESPACE) as child:
        said = child.finish()
    assert [line.split()[0] for line in said] == ["refused", "refused", "listed", "memory", "read", "replayed"]
    assert str(tmp_path) in said[0]
    assert "kept" in said[0]
    assert "ead-only" in said[0]
    assert said[2] == "listed persist:kept"
    assert said[4].endswith("True")


def test_a_data_directory_that_is_a_file_is_refused_and_memory_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am a file")
    with System(data_dir=tmp_path / "file") as system:
        with pytest.raises(StoreUnavailable, match="file"):
            system.from_partition("persist:x")
        assert system.stored_partitions() == []
        put(system.from_partition("memory"), "a")
    assert (tmp_path / "file").read_text() == "I am a file"


@pytest.mark.parametrize(
    "name",
    ["a/b", "/etc/passwd", "..", ".", "../../up", "x" * 10_000, "ü" * 300, "con", "a\\b", "a b", " ", "%41", "ends."],
)
def test_a_name_that_is_no_folders_name_is_a_partition_of_its_own_below_the_data_directory(
    system: System, name: str
) -> None:
    session = system.from_partition(f"persist:{name}")
    put(session, "mine")
    folder = Path(str(session.storage_path))
    assert folder.parent == system.data_dir / "Partitions"
    assert len(folder.name.encode()) <= 200
    assert session.partition == f"persist:{name}"
    assert f"persist:{name}" in system.stored_partitions()
    session.close()
    assert names(system.from_partition(f"persist:{name}")) == ["mine"]


@pytest.mark.parametrize("name", ["persist:a\0b", "a\0b", "persist:\0", "persist:\ud800"])
def test_a_name_with_nul_or_half_a_character_is_refused_and_makes_nothing(system: System, name: str) -> None:
    with pytest.raises(InvalidPartitionName):
        system.from_partition(name)
    assert not list(system.data_dir.glob("Partitions/*"))


def test_names_that_differ_in_case_are_two_partitions_in_two_folders(system: System) -> None:
    spellings = ["work", "Work", "WORK", "%57ork"]
    sessions = [system.from_partition(f"persist:{name}") for name in spellings]
    for session in sessions:
        put(session, session.partition.replace(":", "-").replace("%", "-"))
    folders = [Path(str(session.storage_path)).name for session in sessions]
    assert len({folder.casefold() for folder in folders}) == 4
    assert all(len(names(session)) == 1 for session in sessions)
    assert set(system.stored_partitions()) == {f"persist:{name}" for name in spellings}
