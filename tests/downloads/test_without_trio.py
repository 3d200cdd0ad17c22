"""What carries out effects awaits ports and the door, nothing else: here it runs without trio, as under simulation.

Every port answers at once, so the whole download is one step of its coroutine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest
from downloads.talking import ORDER, Conversation

from partita.actors.downloads.carriers import fetch_download
from partita.actors.downloads.ledger import behavior as ledger_behavior
from partita.actors.downloads.part_file import CHECKPOINT_BYTES, CHECKPOINT_S, WRITE_BYTES, PartFile
from partita.actors.downloads.stopping import discard_files, is_leaving
from partita.actors.kernel.world import Interim, NetworkRequest, Timing, World
from partita.events.cookies import CookiesReceived
from partita.events.download_ledger import DownloadAdded, DownloadsState
from partita.events.downloads import (
    DiscardFiles,
    DownloadBroke,
    DownloadFinished,
    DownloadState,
    FetchDownload,
    FilesDiscarded,
    ReportProgress,
    StartDownload,
)
from partita.events.session import SessionState
from partita.events.types import Message

CHUNK = b"x" * 65536


class Clock:
    now = 0.0

    def now_us(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits for time")


class File:
    modified_us = 0

    def __init__(self) -> None:
        self.content = bytearray()
        self.said: list[str] = []

    async def write(self, offset: int, data: bytes) -> None:
        assert offset == len(self.content)
        self.content += data
        self.said.append(f"write {len(data)}")

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    async def again(self) -> File:
        return self

    async def cut(self, size_bytes: int) -> None:
        del self.content[size_bytes:]

    async def is_there(self) -> bool:
        return True

    async def reserve(self, size_bytes: int) -> None:
        self.said.append(f"reserve {size_bytes}")

    async def sync(self) -> None:
        self.said.append("sync")

    async def close(self) -> None:
        self.said.append("close")


class Disk:
    def __init__(self) -> None:
        self.files: dict[str, File] = {}

    async def open(self, path: str, *, emptied: bool = True, must_exist: bool = False) -> File:
        assert not emptied
        return self.files[path] if must_exist else self.files.setdefault(path, File())

    async def open_to_read(self, path: str) -> File:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    async def size(self, path: str) -> int | None:
        return len(self.files[path].content) if path in self.files else None

    async def claim(self, path: str) -> bool:
        return self.files.setdefault(path, file := File()) is file

    async def free_bytes(self, path: str) -> int | None:
        return None

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        raise OSError(95, "Operation not supported")

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        self.files[target] = self.files.pop(source)

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        if not only_if_empty or (path in self.files and not self.files[path].content):
            self.files.pop(path, None)


class Response:
    status = 200
    reason = "OK"
    http_version = "HTTP/1.1"
    interim: tuple[Interim, ...] = ()
    remote_address: str | None = None
    timing: Timing | None = None

    def __init__(self, chunks: int, announced: int) -> None:
        self.headers: tuple[tuple[str, str], ...] = (("Content-Length", str(announced)), ("Set-Cookie", "a=1"))
        self.chunks = chunks
        self.closed = False

    async def body(self) -> AsyncIterator[bytes]:
        for _ in range(self.chunks):
            yield CHUNK

    async def close(self) -> None:
        self.closed = True


class Network:
    def __init__(self, response: Response) -> None:
        self.response = response

    async def send(self, request: NetworkRequest) -> Response:
        return self.response

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        """No connections here."""

    async def close_connections(self, pool: str) -> None:
        """No connections here."""

    async def close(self) -> None:
        pass


class Silence:
    def random_bytes(self, count: int) -> bytes:
        return bytes(count)

    async def ask(self, partition: str, name: str, request: object) -> object:
        return None


class Door:
    partition = "memory"
    actor = "download/d1"

    def __init__(self, response: Response) -> None:
        self.disk = Disk()
        self.world = World(Clock(), Silence(), Network(response), self.disk, Silence())
        self.talk = Conversation()
        self.told: list[Message] = []
        self.others: dict[str, DownloadState] = {}

    def number(self) -> int:
        return 1

    async def before_waiting(self) -> None:
        """It runs as it is."""

    def tell(self, message: Message, *, to: str | None = None) -> None:
        self.told.append(message)
        self.talk.say(message)

    async def ask(self, message: Message, *, to: str | None = None) -> object:
        self.told.append(message)
        return None if to == "session" else self.talk.say(message).reply

    async def durable(self) -> None:
        """Nothing is written here."""

    def published(self, actor: str) -> object:
        if actor == "session":
            return msgspec.structs.replace(SessionState(), downloads=self._ledger())
        return self.others.get(actor, self.talk.state)

    def _ledger(self) -> DownloadsState:
        ledger = DownloadsState()
        for state in self.others.values():
            assert state.order is not None
            ledger = ledger_behavior.evolve[DownloadAdded](ledger, DownloadAdded(state.order))
        return ledger

    def call(self, call_id: int) -> None:
        return None

    def stop(self, effect_id: str) -> None:
        raise AssertionError

    async def alone(self) -> None:
        """Nothing else is carried out here."""

    awaited = True

    def awaiting(self) -> Callable[[], bool]:
        return lambda: self.awaited


def begun(response: Response) -> tuple[Door, FetchDownload]:
    door = Door(response)
    (fetch,) = door.talk.say(StartDownload(ORDER)).effects
    assert isinstance(fetch, FetchDownload)
    return door, fetch


def outcome(door: Door, fetch: FetchDownload) -> object:
    carrying = fetch_download(fetch, door)
    with pytest.raises(StopIteration) as ended:
        carrying.send(None)
    return ended.value.value


def test_a_download_needs_ports_and_a_door_only() -> None:
    response = Response(160, 160 * len(CHUNK))
    door, fetch = begun(response)
    assert outcome(door, fetch) == DownloadFinished(fetch.id, 160 * len(CHUNK))
    assert door.disk.files.keys() == {"/dir/f.bin"}
    assert door.disk.files["/dir/f.bin"].content == CHUNK * 160
    assert response.closed
    assert any(isinstance(message, CookiesReceived) for message in door.told)


def test_checkpoints_come_by_bytes_and_each_is_synced_before_it_is_told() -> None:
    door, fetch = begun(Response(160, 160 * len(CHUNK)))
    outcome(door, fetch)
    progress = [message.received_bytes for message in door.told if isinstance(message, ReportProgress)]
    assert progress == list(range(CHECKPOINT_BYTES, 160 * len(CHUNK) + 1, CHECKPOINT_BYTES))
    said = door.disk.files["/dir/f.bin"].said
    assert said[0] == f"reserve {160 * len(CHUNK)}"
    assert said[1:-1] == [*[f"write {WRITE_BYTES}"] * 4, "sync"] * 2 + [f"write {WRITE_BYTES}"] * 2 + ["sync", "close"]


class SlowLog(Door):
    """Its log takes until somebody looks: what the file was written with by then."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.written: list[int] = []

    async def durable(self) -> None:
        self.written.append(len(self.disk.files["/dir/f.bin.part"].content))
        await Pause()
        self.written.append(len(self.disk.files["/dir/f.bin.part"].content))


class Pause:
    def __await__(self) -> Iterator[None]:
        yield


def test_nothing_is_written_before_the_log_has_the_name_nor_behind_a_checkpoint_before_it_has_that() -> None:
    door = SlowLog(Response(160, 160 * len(CHUNK)))
    (fetch,) = door.talk.say(StartDownload(ORDER)).effects
    assert isinstance(fetch, FetchDownload)
    work = fetch_download(fetch, door)
    pauses = 0
    with pytest.raises(StopIteration):
        while True:
            work.send(None)
            pauses += 1
    assert pauses == 3
    assert door.written == [0] * 2 + [CHECKPOINT_BYTES] * 2 + [2 * CHECKPOINT_BYTES] * 2


def test_a_length_that_was_a_lie_is_found_by_us_too() -> None:
    door, fetch = begun(Response(2, 3 * len(CHUNK)))
    broke = outcome(door, fetch)
    assert isinstance(broke, DownloadBroke)
    assert (broke.reason, broke.received_bytes) == ("SERVER_CONTENT_LENGTH_MISMATCH", 2 * len(CHUNK))
    assert door.disk.files.keys() == {"/dir/f.bin", "/dir/f.bin.part"}


def test_a_fetch_that_the_download_no_longer_wants_does_nothing() -> None:
    door, fetch = begun(Response(2, 2 * len(CHUNK)))
    stale = msgspec.structs.replace(fetch, id="old")
    assert outcome(door, stale) is None
    assert door.disk.files == {}


def test_discarding_deletes_what_it_is_told_to() -> None:
    door, _ = begun(Response(0, 0))
    door.disk.files["/dir/f.bin.part"] = File()
    with pytest.raises(StopIteration) as ended:
        discard_files(DiscardFiles("e1", ("/dir/f.bin.part", "/dir/never")), door).send(None)
    assert ended.value.value == FilesDiscarded("e1")
    assert door.disk.files == {}


BEGAN_US = 1_800_000_000_000_000
LAST_US = BEGAN_US + 10**7
WHOLE = DiscardFiles("e1", ("/dir/f.bin.part",), "/dir/f.bin", "/dir/f.bin", 5, BEGAN_US, LAST_US)


@pytest.mark.parametrize(
    ("changed", "content", "modified_us", "is_left"),
    [
        pytest.param({}, b"whole", BEGAN_US, False, id="it got its name before a crash"),
        pytest.param({}, b"other file", BEGAN_US, True, id="another program's file"),
        pytest.param({"total_bytes": 0}, b"whole", BEGAN_US, True, id="nobody knows how long it is"),
        pytest.param({"placeholder": ""}, b"whole", BEGAN_US, False, id="where the user said"),
        pytest.param({}, b"whole", BEGAN_US - 10**7, True, id="what was there before"),
        pytest.param({}, b"whole", LAST_US + 1, True, id="what somebody else has fetched since"),
        pytest.param({"since_us": 0, "until_us": 0}, b"whole", BEGAN_US, True, id="nobody knows when it was at work"),
    ],
)
def test_discarding_deletes_a_whole_file_that_is_the_downloads(
    changed: dict[str, Any], content: bytes, modified_us: int, *, is_left: bool
) -> None:
    door, _ = begun(Response(0, 0))
    door.disk.files["/dir/f.bin"] = file = File()
    file.content += content
    file.modified_us = modified_us
    run(discard_files(msgspec.structs.replace(WHOLE, **changed), door))
    assert ("/dir/f.bin" in door.disk.files) is is_left


def test_discarding_leaves_a_whole_file_beside_its_part_file_and_one_of_another_download() -> None:
    door, _ = begun(Response(0, 0))
    door.disk.files["/dir/f.bin.part"] = File()
    door.disk.files["/dir/f.bin"] = file = File()
    file.content += b"whole"
    file.modified_us = BEGAN_US
    run(discard_files(WHOLE, door))
    assert door.disk.files.keys() == {"/dir/f.bin"}
    door, _ = begun(Response(0, 0))
    door.disk.files["/dir/f.bin"] = file
    other = msgspec.structs.replace(ORDER, id="d2")
    door.others = {"download/d2": DownloadState(phase="completed", order=other, target_path="/dir/f.bin")}
    run(discard_files(WHOLE, door))
    assert door.disk.files.keys() == {"/dir/f.bin"}
    door.others = {"download/d2": DownloadState(phase="cancelled", order=other, target_path="/dir/f.bin")}
    run(discard_files(WHOLE, door))
    assert door.disk.files == {}


def test_a_name_that_is_being_deleted_is_nobody_elses_before_the_log_says_that_it_was() -> None:
    door, fetch = begun(Response(1, len(CHUNK)))
    with pytest.raises(StopIteration):
        discard_files(DiscardFiles("e1", ("/dir/f.bin.part",), "/dir/f.bin"), door).send(None)
    assert is_leaving(door.world.shared, "/dir/f.bin.part")
    outcome(door, fetch)
    assert door.disk.files.keys() == {"/dir/f (1).bin"}
    door.awaited = False
    assert not is_leaving(door.world.shared, "/dir/f.bin")


def run(coroutine: object) -> None:
    with pytest.raises(StopIteration):
        coroutine.send(None)  # type: ignore[attr-defined]


def test_checkpoints_come_by_time_when_there_is_news() -> None:
    clock, file = Clock(), File()
    told: list[int] = []

    async def report(synced_bytes: int) -> None:
        told.append(synced_bytes)

    part = PartFile(file, 0, clock, report)
    run(part.add(b"a"))
    assert (told, file.said) == ([], [])
    clock.now = CHECKPOINT_S
    run(part.add(b"b"))
    assert (told, file.said) == ([2], ["write 2", "sync"])
    clock.now += CHECKPOINT_S
    run(part.checkpoint())
    assert told == [2], "no news, no turn"
    told.clear()
    run(part.add(bytes(CHECKPOINT_BYTES - 1)))
    run(part.add(b"cd"))
    assert told == [CHECKPOINT_BYTES + 1], "never more than its bytes, whatever a chunk has"
