"""Closing in the middle of things: what was said is durable, nothing hangs, and the next opening finds no crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trio
from servers.loopback import LoopbackServer, ServedFile

import partita
from partita.errors import PartitaError, SystemClosed

PATIENCE_S = 30


def held_file() -> ServedFile:
    return ServedFile(bytes(range(256)) * (64 << 10), hold_at=10 << 20)


def test_a_download_that_was_under_way_is_interrupted_by_the_shutdown_and_resumes(
    tmp_path: Path, server: LoopbackServer
) -> None:
    file = held_file()
    url = server.on("/file", file)
    with partita.System(data_dir=tmp_path / "data") as system:
        session = system.from_partition("persist:work")
        session.set_download_path(str(tmp_path))
        session.download_url(url).get()
        assert file.held.wait(PATIENCE_S)
        file.hold_at = None
    file.go_on.set()
    with partita.System(data_dir=tmp_path / "data") as system:
        (item,) = system.from_partition("persist:work").downloads()
        assert (item.get_state(), item.last_reason) == ("interrupted", "USER_SHUTDOWN")
        assert item.can_resume()
        item.resume()
        assert item.finished().get(timeout=PATIENCE_S) == "completed"
        assert Path(item.get_save_path()).read_bytes() == file.content


def test_a_fetch_that_was_under_way_fails_and_says_why(tmp_path: Path, server: LoopbackServer) -> None:
    file = held_file()
    url = server.on("/file", file)
    system = partita.System(data_dir=tmp_path)
    answer = system.from_partition("scratch").fetch(url)
    assert file.held.wait(PATIENCE_S)
    system.close()
    with pytest.raises(SystemClosed, match="closed before the answer"):
        answer.get(timeout=PATIENCE_S)
    file.go_on.set()


def test_closing_from_four_threads_while_four_others_write_answers_everybody(tmp_path: Path) -> None:
    system = partita.System(data_dir=tmp_path)
    session = system.from_partition("persist:busy")
    futures: list[list[object]] = [[] for _ in range(4)]
    go = threading.Barrier(8)

    def write(mine: list[object]) -> None:
        go.wait()
        for number in range(2_000):
            try:
                mine.append(session.cookies.set(url="https://a.example/", name=f"n{number % 50}", value=str(number)))
            except PartitaError:
                return

    def close() -> None:
        go.wait()
        system.close()

    threads = [threading.Thread(target=write, args=(mine,)) for mine in futures]
    threads += [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    for future in (future for mine in futures for future in mine):
        try:
            future.get(timeout=PATIENCE_S)  # type: ignore[attr-defined]
        except PartitaError:
            continue


def test_a_cancelled_trio_program_closes_its_system_in_good_order(tmp_path: Path) -> None:
    async def main() -> None:
        with trio.move_on_after(0) as scope:
            async with partita.System(data_dir=tmp_path) as system:
                session = system.from_partition("persist:cancelled")
                said = session.cookies.set(url="https://a.example/", name="n", value="v", expiration_date=4e9)
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert said.done

    trio.run(main)
    with partita.System(data_dir=tmp_path) as system:
        assert [cookie.name for cookie in system.from_partition("persist:cancelled").cookies.get().get()] == ["n"]


def test_a_session_can_be_closed_inside_the_loop_that_runs_it(tmp_path: Path, server: LoopbackServer) -> None:
    file = held_file()
    url = server.on("/file", file)

    async def main() -> None:
        async with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:inside")
            answer = session.fetch(url)
            await trio.to_thread.run_sync(file.held.wait)
            session.close()
            with pytest.raises(SystemClosed):
                await answer
        file.go_on.set()

    trio.run(main)


FORKING = """
import os, sys, partita
from partita.errors import PartitaError
system = partita.System(data_dir=sys.argv[1])
session = system.from_partition("persist:forked")
session.cookies.set(url="https://a.example/", name="n", value="v", expiration_date=4e9).get()
child = os.fork()
if child == 0:
    try:
        session.cookies.get().get(timeout=10)
    except PartitaError:
        sys.exit(7)
    sys.exit(1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert session.cookies.get().get()[0].value == "v"
sys.exit(code)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_finds_its_sessions_closed_and_ends(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FORKING, str(tmp_path)], timeout=60, capture_output=True, check=False)
    assert done.returncode == 7, done.stderr.decode()
