"""The live ports of clock, randomness and disk."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from servers.doors import ScriptedHandlers

from partita.actors.live_world import disk as calls
from partita.actors.live_world.clocks import FixedClock, SystemClock, SystemEntropy
from partita.actors.live_world.files import DiskFiles
from partita.actors.live_world.live import live_world


def with_disk(work: Callable[[DiskFiles], Awaitable[None]]) -> None:
    trio.run(work, DiskFiles())


def test_a_file_is_made_with_its_folders_written_anywhere_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"

    async def work(disk: DiskFiles) -> None:
        file = await disk.open(str(path))
        await file.write(3, b"def")
        await file.write(0, b"abc")
        await file.sync()
        await file.close()
        await file.close()
        assert await disk.size(str(path)) == 6
        later = await disk.open(str(path), emptied=False, must_exist=True)
        assert later.size_bytes == 6
        await later.cut(4)
        await later.write(4, b"X")
        await later.close()

    with_disk(work)
    assert path.read_bytes() == b"abcdX"


def test_a_file_is_opened_empty_unless_it_is_to_keep_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "file"

    async def work(disk: DiskFiles) -> None:
        with pytest.raises(FileNotFoundError):
            await disk.open(str(path), must_exist=True)
        assert not path.exists()
        path.write_bytes(b"abc")
        await (await disk.open(str(path), emptied=False)).close()
        assert path.read_bytes() == b"abc"
        file = await disk.open(str(path))
        await file.close()
        assert (file.size_bytes, path.read_bytes()) == (0, b"")

    with_disk(work)


def test_nobody_else_opens_a_file_that_is_written(tmp_path: Path) -> None:
    path, moved = tmp_path / "file", tmp_path / "moved"

    async def work(disk: DiskFiles) -> None:
        file = await disk.open(str(path))
        await file.write(0, b"abc")
        beside = await file.again()
        await file.close()
        path.rename(moved)
        with pytest.raises(OSError, match="being written") as refused:
            await DiskFiles().open(str(moved))
        assert refused.value.errno == errno.EBUSY
        assert moved.read_bytes() == b"abc"
        await beside.write(3, b"d")
        path.touch()
        with pytest.raises(FileNotFoundError, match="another file"):
            await beside.again()
        await beside.close()
        await (await disk.open(str(moved), emptied=False)).close()
        with pytest.raises(OSError, match="closed"):
            await beside.again()

    with_disk(work)
    assert moved.read_bytes() == b"abcd"


def test_a_closed_file_is_not_written(tmp_path: Path) -> None:
    async def work(disk: DiskFiles) -> None:
        file = await disk.open(str(tmp_path / "f"))
        await file.close()
        with pytest.raises(OSError, match="closed"):
            await file.write(0, b"x")

    with_disk(work)


def test_a_name_is_claimed_once(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "f")

    async def work(disk: DiskFiles) -> None:
        claims: list[bool] = []

        async def claim() -> None:
            claims.append(await disk.claim(path))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(claim)
        assert sorted(claims) == [False] * 7 + [True]
        assert await disk.size(path) == 0

    with_disk(work)


def test_two_names_are_claimed_together_or_not_at_all(tmp_path: Path) -> None:
    path, beside = tmp_path / "deep" / "f", tmp_path / "deep" / "f.part"

    async def work(disk: DiskFiles) -> None:
        assert await disk.claim_both(str(path), str(beside))
        assert not await disk.claim_both(str(path), str(beside))
        path.unlink()
        assert not await disk.claim_both(str(path), str(beside))
        assert not path.exists()
        beside.unlink()
        with pytest.raises(OSError):  # the second one's name is too long
            await disk.claim_both(str(path), str(path) + "x" * 300)
        assert not path.exists()

    with_disk(work)


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not synced there")
def test_two_names_cost_one_sync_of_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(calls, "_sync_folder", synced.append)

    async def work(disk: DiskFiles) -> None:
        assert await disk.claim_both(str(tmp_path / "f"), str(tmp_path / "f.part"))

    with_disk(work)
    assert synced == [str(tmp_path)]


def test_the_end_of_a_file_is_one_step_and_closes_it_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    sync = calls.sync

    def fails_once(descriptor: int) -> None:
        said.append("sync")
        if len(said) == 1:
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(calls, "sync", fails_once)

    async def work(disk: DiskFiles) -> None:
        for name in ("fails", "good"):
            file = await disk.open(str(tmp_path / name))
            await file.write(0, b"abc")
            try:
                await file.finish(3, b"def")
            except OSError as error:
                said.append(os.strerror(error.errno or 0))
            with pytest.raises(OSError, match="closed"):
                await file.write(0, b"x")
            await file.close()

    with_disk(work)
    assert said == ["sync", "Input/output error", "sync"]
    assert (tmp_path / "good").read_bytes() == b"abcdef"


def test_a_file_is_put_in_place_also_where_it_cannot_be_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marked: list[str] = []

    def cannot(path: str, url: str, referrer: str) -> None:
        marked.append(url)
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(calls, "mark", cannot)
    source, target = tmp_path / "f.part", tmp_path / "f"
    source.write_text("whole")
    target.write_text("somebody else's")

    async def work(disk: DiskFiles) -> None:
        places = str(source), str(target)
        opened, another = await disk.open(str(source), emptied=False), await disk.open(str(tmp_path / "other"))
        await opened.close()
        await another.close()
        with pytest.raises(FileNotFoundError, match="another file"):
            await disk.put_in_place(another, *places, url="http://a/", referrer="", over_nothing=False)
        with pytest.raises(FileExistsError):
            await disk.put_in_place(opened, *places, url="http://h/", referrer="", over_nothing=True)
        await disk.put_in_place(opened, *places, url="http://h/", referrer="", over_nothing=False)

    with_disk(work)
    assert marked == ["http://h/"] * 2
    assert target.read_text() == "whole"
    assert not source.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes that have names")
def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    source, pipe = tmp_path / "f", tmp_path / "pipe"
    source.write_text("whole")
    os.mkfifo(pipe)

    async def work(disk: DiskFiles) -> None:
        with pytest.raises(PermissionError, match="Not a regular file"):
            await disk.rename(str(source), str(pipe))

    with_disk(work)
    assert pipe.is_fifo()
    assert source.read_text() == "whole"


def test_a_rename_replaces_and_a_removal_may_come_twice(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")

    async def work(disk: DiskFiles) -> None:
        await disk.rename(str(tmp_path / "new"), str(tmp_path / "old"))
        assert (tmp_path / "old").read_text() == "new"
        for _ in range(2):
            await disk.remove(str(tmp_path / "old"))
        assert await disk.size(str(tmp_path / "old")) is None

    with_disk(work)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_a_symbolic_link_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")

    async def work(disk: DiskFiles) -> None:
        with pytest.raises(OSError) as caught:  # the number says it
            await disk.open(str(tmp_path / "link"))
        assert caught.value.errno == errno.ELOOP
        assert not await disk.claim(str(tmp_path / "link"))

    with_disk(work)
    assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.parametrize("path", ["relative/file", "", "/nul\0byte"])
def test_a_path_that_is_none_is_an_error_of_the_disk(path: str) -> None:
    async def work(disk: DiskFiles) -> None:
        for attempt in (disk.open, disk.claim, disk.size, disk.remove):
            with pytest.raises(OSError, match=r"absolute|NUL"):
                await attempt(path)

    with_disk(work)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_the_users_umask_decides_who_reads_a_download(tmp_path: Path) -> None:
    async def work(disk: DiskFiles) -> None:
        await (await disk.open(str(tmp_path / "f"))).close()

    before = os.umask(0o027)
    try:
        with_disk(work)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_closing_and_removing_run_to_their_end_in_a_task_that_was_cancelled(tmp_path: Path) -> None:
    async def work(disk: DiskFiles) -> None:
        with trio.CancelScope() as scope:
            file = await disk.open(str(tmp_path / "f"))
            try:
                scope.cancel()
                await trio.sleep_forever()
            finally:
                await file.close()
                await disk.remove(str(tmp_path / "f"))

    with_disk(work)
    assert list(tmp_path.iterdir()) == []


def test_a_fixed_clock_stands_still_and_sleeps_all_the_same() -> None:
    clock = FixedClock("2015-12-31T00:00:00Z")
    assert clock.now_us() == 1_451_520_000_000_000
    assert FixedClock("2015-12-31T02:00:00+02:00").now_us() == clock.now_us()
    before = clock.monotonic()
    trio.run(clock.sleep, 0)
    assert clock.monotonic() >= before
    with pytest.raises(ValueError, match="no zone"):
        FixedClock("2015-12-31T00:00:00")
    with pytest.raises(ValueError, match="tomorrow"):
        FixedClock("tomorrow")


def test_the_live_world_takes_a_clock() -> None:
    clock = FixedClock("2015-12-31T00:00:00Z")
    assert live_world(ScriptedHandlers(), clock).clock is clock
    world = live_world(ScriptedHandlers())
    assert isinstance(world.clock, SystemClock)
    assert world.clock.now_us() > clock.now_us()
    assert isinstance(world.entropy, SystemEntropy)
    assert len(world.entropy.random_bytes(16)) == 16
    assert world.entropy.random_bytes(16) != world.entropy.random_bytes(16)
