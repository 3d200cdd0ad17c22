"""What somebody puts in the place of a download's file stays: the download begins again beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from downloads.ranging import CONTENT
from downloads.receiving import MIB, Downloads, sha256, with_downloads
from durability.waiting import until
from servers.loopback import PATIENCE_S, LoopbackServer, Reply, Seen, ServedFile

import partita
from partita.actors.live_world import being_written

MINE = b"of another program"


@pytest.mark.parametrize("when", ["while it is interrupted", "while the server is asked"])
def test_a_part_file_that_is_shorter_than_what_was_synced_is_another_file(
    server: LoopbackServer, tmp_path: Path, when: str
) -> None:
    part = tmp_path / "data.bin.part"
    file = ServedFile(CONTENT, hang_up_at=[5 * MIB])

    def replace() -> None:
        part.unlink()
        part.write_bytes(MINE)

    def serves(seen: Seen, reply: Reply) -> None:
        if len(server.seen) == 2 and when == "while the server is asked":
            replace()
        file(seen, reply)

    url = server.on("/data.bin", serves)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        if when == "while it is interrupted":
            replace()
        await downloads.go_on(download)
        if (await downloads.until(download, "completed", "interrupted")).phase == "interrupted":
            await downloads.go_on(download)
            await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert part.read_bytes() == MINE
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert sorted(os.listdir(tmp_path)) == ["data.bin", "data.bin.part"]


def test_what_lies_where_a_file_was_taken_over_stays(
    server: LoopbackServer, session: partita.Session, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT, hold_at=5 * MIB)
    path = tmp_path / "film.bin"
    path.write_bytes(CONTENT[:MIB])
    item = session.create_interrupted_download(
        path=path, url_chain=[server.on("/film", file)], offset=MIB, length=len(CONTENT), e_tag='"v1"'
    ).get(PATIENCE_S)
    item.resume()
    assert file.held.wait(PATIENCE_S)
    until(lambda: path.stat().st_size > MIB, "it goes on in its place")
    path.rename(tmp_path / "moved")
    path.write_bytes(MINE)
    file.go_on.set()
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    item.resume()
    assert item.finished().get(PATIENCE_S) == "completed"
    assert path.read_bytes() == MINE
    assert item.save_path == str(tmp_path / "film (1).bin")
    assert sha256(tmp_path / "film (1).bin") == file.sha256


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_writes_nothing_of_what_its_parent_does(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    descriptor, _, identity, _ = being_written.open_to_write(path, True, False, False)
    child = os.fork()
    if not child:
        status = 1
        try:
            being_written.open_to_write(path, False, False, False)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    being_written.forget(identity)
    os.close(descriptor)


def test_where_files_have_no_numbers_two_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(being_written.disk, "_identity", lambda status: (status.st_dev, 0))
    opened = [being_written.open_to_write(str(tmp_path / name), True, False, False) for name in ("one", "two")]
    for descriptor, _, identity, _ in opened:
        being_written.forget(identity)
        os.close(descriptor)
