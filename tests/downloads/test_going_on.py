"""Downloads that were interrupted, on a real server and a real disk: what is kept, what is asked for, what is begun again."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from downloads.receiving import MIB, NAME, Downloads, held, sha256, with_downloads
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile

from partita.actors.downloads import carriers
from partita.actors.live_world import disk

CONTENT = os.urandom(12 * MIB)


@pytest.mark.parametrize(
    ("breaks", "reason"), [("hang_up_at", "SERVER_CONTENT_LENGTH_MISMATCH"), ("reset_at", "NETWORK_FAILED")]
)
def test_a_server_that_breaks_off_interrupts_and_the_rest_is_fetched(
    server: LoopbackServer, tmp_path: Path, breaks: str, reason: str
) -> None:
    file = ServedFile(CONTENT, hold_at=5 * MIB - 1, **{breaks: [5 * MIB]})  # type: ignore[arg-type]
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await held(file)
        await downloads.partition.until(lambda: downloads.state(download).received_bytes >= 3 * MIB)
        file.go_on.set()
        state = await downloads.until(download, "interrupted")
        assert state.reason == reason
        if breaks == "hang_up_at":  # a reset may take bytes along that were on their way
            assert state.received_bytes == 5 * MIB
        assert 3 * MIB <= state.received_bytes <= 5 * MIB
        assert (tmp_path / "data.bin.part").stat().st_size == state.received_bytes
        await downloads.go_on(download)
        await downloads.until(download, "completed")
        _, second = server.seen
        assert second.header("range") == f"bytes={state.received_bytes}-"
        assert second.header("if-range") == '"v1"'

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]


def test_closing_all_connections_interrupts_and_keeps_what_has_come(server: LoopbackServer, tmp_path: Path) -> None:
    file = ServedFile(CONTENT, hold_at=5 * MIB)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await held(file)
        await downloads.partition.until(lambda: downloads.state(download).received_bytes >= 3 * MIB)
        await downloads.partition.world.network.close_connections(NAME)
        file.go_on.set()
        state = await downloads.until(download, "interrupted")
        assert state.reason == "NETWORK_FAILED"
        assert state.detail.startswith("net::ERR_ABORTED")
        assert (tmp_path / "data.bin.part").stat().st_size == state.received_bytes >= 3 * MIB
        await downloads.go_on(download)
        await downloads.until(download, "completed")
        assert server.seen[1].header("range") == f"bytes={state.received_bytes}-"

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256


def test_after_a_crash_only_what_was_synced_counts(server: LoopbackServer, tmp_path: Path) -> None:
    file = ServedFile(CONTENT, hold_at=9 * MIB)
    url = server.on("/data.bin", file)
    part = tmp_path / "data.bin.part"

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await held(file)
        await downloads.partition.until(lambda: downloads.state(download).received_bytes >= 8 * MIB)
        await downloads.crash(download)
        state = downloads.state(download)
        assert (state.phase, state.reason) == ("interrupted", "CRASH")
        with part.open("r+b") as damaged:  # what was not synced may be anything after a crash
            damaged.seek(state.received_bytes)
            damaged.write(b"?" * 300_000)
        file.go_on.set()
        await downloads.go_on(download)
        await downloads.until(download, "completed")
        assert server.seen[1].header("range") == f"bytes={state.received_bytes}-"

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256


def test_a_file_that_has_changed_is_fetched_from_its_beginning(server: LoopbackServer, tmp_path: Path) -> None:
    first = ServedFile(CONTENT, hang_up_at=[5 * MIB])
    second = ServedFile(os.urandom(4 * MIB), e_tag='"v2"')
    url = server.on("/data.bin", first)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        server.on("/data.bin", second)
        await downloads.go_on(download)
        state = await downloads.until(download, "completed")
        assert state.received_bytes == 4 * MIB
        assert state.head is not None
        assert state.head.e_tag == '"v2"'

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == second.sha256


def test_a_server_that_ignores_the_condition_is_asked_for_all_of_it(server: LoopbackServer, tmp_path: Path) -> None:
    first = ServedFile(CONTENT, hang_up_at=[5 * MIB])
    other = os.urandom(12 * MIB)

    def careless(seen: Seen, reply: Reply) -> None:
        start = int((seen.header("range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        headers = [("ETag", '"v2"')]
        if start:
            headers.append(("Content-Range", f"bytes {start}-{len(other) - 1}/{len(other)}"))
        reply.send(other[start:], status=206 if start else 200, headers=headers)

    url = server.on("/data.bin", first)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        server.on("/data.bin", careless)
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert (tmp_path / "data.bin").read_bytes() == other
    assert [seen.header("range") for seen in server.seen] == [None, f"bytes={5 * MIB}-", None]


def test_a_file_that_has_become_shorter_is_fetched_from_its_beginning(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/data.bin", ServedFile(CONTENT, hang_up_at=[5 * MIB]))
    shorter = ServedFile(CONTENT[:MIB])  # with the same entity tag: the server is wrong, and says 416

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        server.on("/data.bin", shorter)
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == shorter.sha256


@pytest.mark.parametrize(
    "changes",
    [{"ranges": False}, {"e_tag": 'W/"v1"'}, {"e_tag": ""}],
    ids=["no ranges", "a weak validator", "no validator"],
)
def test_without_ranges_or_validators_it_begins_again(
    server: LoopbackServer, tmp_path: Path, changes: dict[str, object]
) -> None:
    file = ServedFile(CONTENT, hang_up_at=[5 * MIB], **changes)  # type: ignore[arg-type]
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert (server.seen[1].header("range") is None) is ("ranges" not in changes)


def test_a_date_is_a_validator_too(server: LoopbackServer, tmp_path: Path) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    file = ServedFile(CONTENT, e_tag="", last_modified=date, hang_up_at=[5 * MIB])
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert server.seen[1].header("if-range") == date
    assert sha256(tmp_path / "data.bin") == file.sha256


@pytest.mark.parametrize("keep", [0, MIB], ids=["gone", "cut"])
def test_a_part_file_that_somebody_touched_is_fetched_again(server: LoopbackServer, tmp_path: Path, keep: int) -> None:
    file = ServedFile(CONTENT, hang_up_at=[5 * MIB])
    url = server.on("/data.bin", file)
    part = tmp_path / "data.bin.part"

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        os.truncate(part, keep) if keep else part.unlink()
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert server.seen[1].header("range") is None
    assert sha256(tmp_path / "data.bin") == file.sha256


def test_a_crash_between_the_rename_and_its_turn_costs_no_request(server: LoopbackServer, tmp_path: Path) -> None:
    file = ServedFile(CONTENT, hold_at=9 * MIB)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await held(file)
        await downloads.until(download, "receiving")
        await downloads.crash(download)
        (tmp_path / "data.bin.part").unlink()
        (tmp_path / "data.bin").write_bytes(CONTENT)
        await downloads.go_on(download)
        await downloads.until(download, "completed")
        file.go_on.set()

    with_downloads(tmp_path, work)
    assert len(server.seen) == 1


def test_nobody_listening_interrupts_and_can_be_tried_again(server: LoopbackServer, tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/x"

        async def work(downloads: Downloads) -> None:
            download = await downloads.begin(url)
            state = await downloads.until(download, "interrupted")
            assert state.reason == "NETWORK_SERVER_DOWN"
            assert "net::ERR_CONNECTION_REFUSED" in state.detail
            await downloads.go_on(download)
            await downloads.until(download, "interrupted")

        with_downloads(tmp_path, work)


class Room:
    """There is room for so many bytes of a file, until ``size_bytes`` is raised."""

    def __init__(self, size_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.size_bytes = size_bytes
        self._write = disk.write_at
        monkeypatch.setattr(disk, "write_at", self.write)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """As a disk does: what there is room for is written, then nothing is."""
        if offset >= self.size_bytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(descriptor, data[: self.size_bytes - offset], offset)


@pytest.mark.parametrize("burst_from_bytes", [1, 1 << 30], ids=["in bursts", "by chunks"])
def test_a_full_disk_interrupts_and_it_goes_on_when_there_is_room(
    burst_from_bytes: int, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carriers, "BURST_FROM_BYTES", burst_from_bytes)
    file = ServedFile(CONTENT)
    url = server.on("/data.bin", file)
    room = Room(6 * MIB, monkeypatch)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        state = await downloads.until(download, "interrupted")
        assert state.reason == "FILE_NO_SPACE"
        assert "No space left" in state.detail
        assert 3 * MIB <= state.received_bytes <= 6 * MIB
        room.size_bytes = len(CONTENT)
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
