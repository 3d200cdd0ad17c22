"""A child whose disk runs full: ``full_disk.py DISK FOLDER SCENARIO``. It asserts by itself, and says what it saw.

``tmpfs`` mounts a small disk on FOLDER (as root, in a mount namespace of its own); ``limit`` holds every file of this process
to a size, which needs no rights, and gives the same errors at the same places.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from durability.children import say
from servers.loopback import LoopbackServer, ServedFile

from partita.actors.kernel.future import Future
from partita.errors import ActorFailed, StoreError, StoreFailed
from partita.session import Session
from partita.store.partition import PartitionStore
from partita.system import System

PAGE = 4096
DISK_PAGES = 400
WAIT_S = 60
ASKS_AT_MOST = 20_000
IDLE_S = 0.5
FLOOD = 4_000


class Tmpfs:
    """A disk of 1.6 MB."""

    def __init__(self, folder: Path) -> None:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_PAGES * PAGE}", "tmpfs", str(folder)], check=True, timeout=30
        )
        self._filler = folder / "filler"
        self._folder = folder

    def fill(self, free_pages: int) -> None:
        """Leave so many pages free."""
        free = os.statvfs(self._folder).f_bavail - free_pages
        with self._filler.open("wb") as filler:
            filler.write(bytes(free * PAGE))

    def make_room(self) -> None:
        self._filler.unlink()


class Limit:
    """No file grows beyond the size that it has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self, free_pages: int) -> None:
        sizes = [path.stat().st_size for path in self._folder.rglob("data.mdb")]
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes, default=0) + free_pages * PAGE, resource.RLIM_INFINITY))

    def make_room(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


Disk = Tmpfs | Limit


def put(session: Session, writer: int, counter: int) -> Future[None]:
    return session.cookies.set(url=f"https://w{writer}.example/", name=f"slot{counter % 50}", value=f"{counter:0400}")


class Writer(threading.Thread):
    """Asks, one at a time, until the disk is full."""

    def __init__(self, session: Session, number: int) -> None:
        super().__init__(daemon=True)
        self._session = session
        self.number = number
        self.jar: dict[str, str] = {}
        self.failure: StoreFailed | None = None

    def run(self) -> None:
        for counter in range(ASKS_AT_MOST):
            try:
                put(self._session, self.number, counter).get(WAIT_S)
            except StoreFailed as error:
                self.failure = error
                return
            self.jar[f"slot{counter % 50}"] = f"{counter:0400}"


def jar_of(session: Session, writer: int) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in session.cookies.get(domain=f"w{writer}.example").get(WAIT_S)}


def until_it_is_full(session: Session, disk: Disk) -> list[Writer]:
    """Four writers, each stopped by a StoreFailed of its own."""
    for writer in range(4):
        put(session, writer, 0).get(WAIT_S)
    disk.fill(60)
    writers = [Writer(session, number) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(WAIT_S)
        assert not writer.is_alive(), f"writer {writer.number} waits for ever"
        assert writer.failure is not None, f"writer {writer.number} never met the full disk"
    return writers


def writing(folder: Path, disk: Disk) -> None:
    """Every waiting caller gets StoreFailed, memory is back at the last durable turn, and it goes on when there is room."""
    with System(data_dir=folder) as system:
        session = system.from_partition("persist:full")
        session.set_download_path("/before")
        session.flush().get(WAIT_S)
        epoch = session._partition.store.epoch
        writers = until_it_is_full(session, disk)
        for writer in writers:
            say("failed", writer.number, writer.failure)
            assert jar_of(session, writer.number) == writer.jar, "memory is not back at what was acknowledged"
        assert session.get_download_path() == "/before"
        assert session.log.position == session._partition.position
        disk.make_room()
        put(session, 9, 1).get(WAIT_S)
        assert session._partition.store.epoch > epoch
        report = session.log.verify()
        assert report.ok, report.damage
        directory = Path(str(session.storage_path))
    with PartitionStore.read(directory) as store:
        values = [turn.message.value.reveal() for turn in store.turns() if hasattr(turn.message, "value")]
        for writer in writers:
            assert set(writer.jar.values()) <= set(values), "something acknowledged is lost"
            assert len(writer.jar) > 0
    say("positions", store.position, "epoch", store.epoch)


def many_in_flight(folder: Path, disk: Disk) -> None:
    """Asks by the hundred: those before the failed batch are there, all from it on fail, none waits for ever."""
    with System(data_dir=folder) as system:
        session = system.from_partition("persist:full")
        put(session, 0, 0).get(WAIT_S)
        disk.fill(40)
        futures = [
            session.cookies.set(url="https://w.example/", name=str(n % 50), value=f"{n:0900}") for n in range(3000)
        ]
        outcomes = [outcome_of(future) for future in futures]
        failed = [error for error in outcomes if error is not None]
        assert failed, "the disk was never full"
        assert all(type(error) is StoreFailed for error in failed), failed[:3]
        jar = {cookie.name: int(cookie.value) for cookie in session.cookies.get(domain="w.example").get(WAIT_S)}
        expected: dict[str, int] = {}
        for number, error in enumerate(outcomes):
            if error is None:
                expected[str(number % 50)] = number
        assert jar == expected
        disk.make_room()
        session.cookies.set(url="https://w.example/", name="after", value="there is room").get(WAIT_S)
        assert session.log.verify().ok
    say("failed", len(failed), "of", len(futures))


def outcome_of(future: Future[Any]) -> BaseException | None:
    try:
        future.get(WAIT_S)
    except Exception as error:  # the test looks at whatever it was
        return error
    return None


def synchronous_members(folder: Path, disk: Disk) -> None:
    """What was said without waiting is taken back too, and flush() says so."""
    with System(data_dir=folder) as system:
        session = system.from_partition("persist:full")
        session.set_user_agent("Before/1")
        until_it_is_full(session, disk)
        disk.make_room()
        disk.fill(0)
        said = 0
        try:
            for said in range(ASKS_AT_MOST):
                session.set_user_agent(f"Ahead/{said} " + "x" * 4000)
                session.flush().get(WAIT_S)
        except StoreFailed:
            pass
        else:
            raise AssertionError("the disk was never full")
        assert not session.get_user_agent().startswith(f"Ahead/{said} "), "memory has what the disk has not"
        disk.make_room()
        session.set_user_agent("After/1")
        session.flush().get(WAIT_S)
        assert session.get_user_agent() == "After/1"
        assert session.log.verify().ok


def idle_while_full(folder: Path, disk: Disk) -> None:
    """A full disk costs no processor time while nobody asks, and one attempt when somebody does."""
    with System(data_dir=folder) as system:
        session = system.from_partition("persist:full")
        until_it_is_full(session, disk)
        before = time.process_time()
        time.sleep(IDLE_S)
        used_s = time.process_time() - before
        assert used_s < IDLE_S / 5, f"{used_s} s of processor time in {IDLE_S} s of rest"
        disk.make_room()
    say("used", used_s)


def closing_while_full(folder: Path, disk: Disk) -> None:
    """close() comes back, and leaves nobody waiting."""
    system = System(data_dir=folder)
    session = system.from_partition("persist:full")
    until_it_is_full(session, disk)
    futures = [put(session, 5, counter) for counter in range(500)]
    closing = threading.Thread(target=system.close, daemon=True)
    closing.start()
    closing.join(WAIT_S)
    assert not closing.is_alive(), "close() hangs"
    for future in futures:
        error = outcome_of(future)
        assert error is None or isinstance(error, (StoreError, ActorFailed)), repr(error)
    disk.make_room()
    with System(data_dir=folder) as again:
        session = again.from_partition("persist:full")
        assert session.log.verify().ok
        put(session, 6, 1).get(WAIT_S)


def flooding(folder: Path, disk: Disk) -> None:
    """Threads that do not wait for their answers, while commit after commit fails: each is answered all the same."""
    sys.setswitchinterval(1e-5)
    with System(data_dir=folder) as system:
        session = system.from_partition("persist:full")
        put(session, 0, 0).get(WAIT_S)
        disk.fill(0)
        futures: list[list[Future[None]]] = [[] for _ in range(4)]

        def flood(writer: int) -> None:
            futures[writer] += (put(session, writer, counter) for counter in range(FLOOD))

        threads = [threading.Thread(target=flood, args=(writer,), daemon=True) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
            assert not thread.is_alive(), "a writer hangs"
        errors = [outcome_of(future) for each in futures for future in each]
        assert all(error is None or type(error) is StoreFailed for error in errors)
        failed = sum(error is not None for error in errors)
        assert failed
        disk.make_room()
        put(session, 0, 1).get(WAIT_S)
        assert session.log.verify().ok
    say("failed", failed, "of", len(errors))


def downloading(folder: Path, disk: Disk) -> None:
    """A download that fills the disk, and with it the log's, is interrupted, and goes on when there is room."""
    file = ServedFile(bytes(range(256)) * 4096)
    with LoopbackServer() as server, System(data_dir=folder) as system:
        session = system.from_partition("persist:full")
        session.set_download_path(str(folder / "downloads"))
        put(session, 0, 0).get(WAIT_S)
        disk.fill(100)
        try:
            item = session.download_url(server.on("/file", file)).get(WAIT_S)
        except StoreFailed:
            disk.make_room()
            item = session.download_url(server.on("/file", file)).get(WAIT_S)
        else:
            error = outcome_of(item.stopped())
            assert error is None or type(error) is StoreFailed, repr(error)
            disk.make_room()
            assert item.stopped().get(WAIT_S) == "interrupted"
            say("interrupted", item.last_reason)
            assert item.can_resume()
            item.resume()
        assert item.finished().get(WAIT_S) == "completed"
        assert Path(item.get_save_path()).read_bytes() == file.content
        assert session.log.verify().ok


def opening(folder: Path, disk: Disk) -> None:
    """Wherever the disk runs full while a partition is made: a typed error, no crash, and it opens when there is room."""
    opened = 0
    for free_pages in range(32):
        say("with", free_pages, "free pages")
        with System(data_dir=folder) as system:
            name = f"persist:new{free_pages}"
            disk.fill(free_pages)
            try:
                put(system.from_partition(name), 0, 0).get(WAIT_S)
                opened += 1
            except StoreError:
                pass
            finally:
                disk.make_room()
            session = system.from_partition(name)
            put(session, 0, 1).get(WAIT_S)
            assert session.log.verify().ok
            system.delete_partition(name)
    say("opened", opened)
    assert 0 < opened < 32


def deleting(folder: Path, disk: Disk) -> None:
    """Deleting a partition is how room is made: it needs none."""
    with System(data_dir=folder) as system:
        until_it_is_full(system.from_partition("persist:full"), disk)
        disk.make_room()
        disk.fill(0)
        system.delete_partition("persist:full")
        assert not (folder / "Partitions" / "full").exists()
        disk.make_room()
        put(system.from_partition("persist:full"), 0, 0).get(WAIT_S)


SCENARIOS: dict[str, Callable[[Path, Disk], None]] = {
    scenario.__name__: scenario
    for scenario in (
        writing,
        many_in_flight,
        synchronous_members,
        idle_while_full,
        closing_while_full,
        flooding,
        downloading,
        opening,
        deleting,
    )
}


def main() -> None:
    disk, folder, scenario = sys.argv[1:]
    where = Path(folder)
    SCENARIOS[scenario](where, Tmpfs(where) if disk == "tmpfs" else Limit(where))
    say("done")


if __name__ == "__main__":
    main()
