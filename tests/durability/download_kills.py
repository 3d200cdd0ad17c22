"""Downloads whose process is killed again and again, each time resumed by the next one: every byte comes to its place.

    python -m tests.durability.download_kills --kills 300 --downloads 30 --mib 256 --rate 20m

The files come from nginx, which holds each connection to a rate. A kill comes when the downloads have come further by a random
number of bytes. Then the log, read from outside, says how much of each file is safe, and the part file how much had come: the
difference is what the next life fetches a second time.

    python -m tests.durability.download_kills --full-disk --kills 100 --downloads 3 --mib 64

The same with a full disk in place of each kill: a tmpfs (it takes root, and memory for all files) that is filled to the last
page, looked at, and freed.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # run as tests.durability.download_kills: the tests find each other below tests/
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from durability.children import Child
from durability.mounts import IN_OWN_NAMESPACE
from servers.nginx import Nginx, nginx

from partita.actors.downloads.part_file import CHECKPOINT_BYTES
from partita.actors.kernel.fold import fold
from partita.actors.session.behavior import BEHAVIORS
from partita.events.downloads import DownloadState
from partita.store.names import folder_name
from partita.store.partition import PartitionStore

NAME = "downloads"
PATIENCE_S = 300.0
FREE_MIB = 8
"""What the disk has left beside all files, while nothing fills it."""
_BLOCK = 1 << 16


@dataclass
class Tally:
    """What a run has seen. Of each kill: how many bytes of each file lay there that nobody had reported."""

    kills: int = 0
    lives: int = 0
    unreported: list[int] = field(default_factory=list)
    sent_bytes: int = 0


@dataclass
class Run:
    """Where it takes place; ``content`` is every file's."""

    folder: Path
    server: Nginx
    content: bytes
    urls: list[str]
    segments: int = 1

    def child(self) -> Child:
        """One life."""
        return Child(
            "downloading.py", self.folder / "home", f"persist:{NAME}", self.folder / "files", self.segments, *self.urls
        )

    def states(self) -> dict[str, DownloadState]:
        """What the log says of each download, by URL."""
        with PartitionStore.read(self.folder / "home" / "Partitions" / folder_name(NAME)) as store:
            report = store.verify()
            assert report.ok, report.damage
            images = fold(store, BEHAVIORS).images
        found = (state for state, _ in images.values() if isinstance(state, DownloadState) and state.order)
        return {state.order.url: state for state in found if state.order is not None}

    def check_pieces(self, state: DownloadState) -> None:
        """What several connections have reported is there."""
        with Path(state.part_path).open("rb") as file:
            for start, end in state.pieces:
                file.seek(start)
                assert file.read(end - start) == self.content[start:end], (start, end)

    def written_bytes(self, part: Path, reported_bytes: int) -> int:
        """How much of a part file is the file's: room that was reserved is not.

        Looked at from the last checkpoint but one on. All of it is, when the file is complete.
        """
        count = max(0, reported_bytes - CHECKPOINT_BYTES)
        with part.open("rb") as file:
            file.seek(count)
            while (block := file.read(_BLOCK)) and block == self.content[count : count + len(block)]:
                count += len(block)
        return count


def live_and_be_killed(run: Run, chance: random.Random, tally: Tally, most_bytes: int) -> bool:
    """One life, which ends when it has brought so many bytes at most; whether it came to its own end."""
    left = chance.randrange(most_bytes)
    before: dict[str, int] = {}
    with run.child() as child:
        assert child.line() == "open"
        while left > 0:
            word, *said = child.line(PATIENCE_S).split()
            if word == "end":
                assert set(said) == {"completed"}, said
                child.finish()
                return True
            number, received = said
            left -= int(received) - before.get(number, int(received))
            before[number] = int(received)
        child.kill()
        assert child.killed, child.errors
    tally.kills += 1
    for state in run.states().values():
        if state.part_path and Path(state.part_path).exists() and state.phase != "completed":
            if state.pieces:
                run.check_pieces(state)
                continue
            written = run.written_bytes(Path(state.part_path), state.received_bytes)
            assert written >= state.received_bytes, "what was reported is there"
            tally.unreported.append(written - state.received_bytes)
    return False


def random_bytes(chance: random.Random, count: int) -> bytes:
    """``randbytes`` of any count: it draws no 256 MiB at once."""
    whole, rest = divmod(count, 1 << 20)
    return b"".join([*(chance.randbytes(1 << 20) for _ in range(whole)), chance.randbytes(rest)])


def run_kills(
    folder: Path, *, kills: int, downloads: int, size_bytes: int, rate: str, seed: int = 1, segments: int = 1
) -> Tally:
    """The whole of it. Asserts that every file is whole and that no more than a checkpoint is fetched twice."""
    chance = random.Random(seed)
    content = random_bytes(chance, size_bytes)
    tally = Tally()
    (folder / "nginx").mkdir(parents=True)
    with nginx(folder / "nginx", limit_rate=rate) as server:
        (server.root / "large").write_bytes(content)
        urls = [server.url(f"/limited/{number}.bin") for number in range(downloads)]
        run = Run(folder, server, content, urls, segments)
        generation = 0
        most_bytes = 2 * downloads * size_bytes // kills  # so that the kills are spread over all of the way
        while tally.kills < kills:
            tally.lives += 1
            if live_and_be_killed(run, chance, tally, most_bytes):
                check_files(run, generation)
                generation += 1
                run.urls = [server.url(f"/limited/{generation}-{number}.bin") for number in range(downloads)]
        with run.child() as child:
            said = [line for line in child.finish(PATIENCE_S) if line.startswith("end")]
            assert set(said[0].split()[1:]) == {"completed"}
        check_files(run, generation)
        tally.sent_bytes = sum(served.body_bytes for served in server.served())
    assert max(tally.unreported, default=0) <= CHECKPOINT_BYTES, "more than a checkpoint's bytes are fetched twice"
    return tally


def run_fills(
    folder: Path, *, fills: int, downloads: int, size_bytes: int, rate: str, seed: int = 1, reserves: bool = False
) -> Tally:
    """The same with a full disk in place of each kill, and with all files anew when they are there before that many met one.

    ``reserves``: on a disk that gives room beforehand, where a fill stops nothing that is under way. It has one life then.
    """
    content = random_bytes(random.Random(seed), size_bytes)
    (folder / "content").write_bytes(content)
    tally = Tally()
    (folder / "nginx").mkdir()
    with nginx(folder / "nginx", limit_rate=rate) as server:
        (server.root / "large").write_bytes(content)
        urls = [server.url(f"/limited/{number}.bin") for number in range(downloads)]
        while tally.kills < fills and not (reserves and tally.lives):
            live_on_a_disk_that_is_filled(
                folder, fills - tally.kills, seed + tally.lives, urls, tally, reserves=reserves
            )
        tally.sent_bytes = sum(served.body_bytes for served in server.served())
    assert max(tally.unreported, default=0) <= CHECKPOINT_BYTES, "more than a checkpoint's bytes are fetched twice"
    return tally


def live_on_a_disk_that_is_filled(
    folder: Path, fills: int, seed: int, urls: list[str], tally: Tally, *, reserves: bool
) -> None:
    """One life, in which each file comes to its end. Fills that meet no download do not count."""
    tally.lives += 1
    size_bytes = (folder / "content").stat().st_size
    home, files = folder / f"home{tally.lives}", folder / f"files{tally.lives}"
    arguments = (home, files, fills, seed, FREE_MIB, size_bytes, *(["--reserves"] if reserves else []), *urls)
    with Child("filling.py", *arguments, wrapper=IN_OWN_NAMESPACE) as child:
        said = child.finish(PATIENCE_S + fills * PATIENCE_S / 10)
    assert said[-2:] == [" ".join(["end", *["completed"] * len(urls)]), "done"], said
    for line in said:
        word, *lost = line.split()
        if word == "filled" and lost:
            tally.kills += 1
            tally.unreported += map(int, lost)


def check_files(run: Run, generation: int) -> None:
    """Every file of the run is whole; the ones before are taken away."""
    expected = hashlib.sha256(run.content).hexdigest()
    for url in run.urls:
        path = run.folder / "files" / url.rpartition("/")[2]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == expected, path
        path.unlink()
    assert not list((run.folder / "files").iterdir()), generation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--downloads", type=int, default=30)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rate", default="20m", help="of each connection, as nginx reads it (default: %(default)s)")
    parser.add_argument("--segments", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--full-disk", action="store_true", help="fill the disk so often, in place of each kill")
    options = parser.parse_args()
    size_bytes, what = options.mib << 20, "fills" if options.full_disk else "kills"
    with tempfile.TemporaryDirectory() as folder:
        rest = {"downloads": options.downloads, "size_bytes": size_bytes, "rate": options.rate, "seed": options.seed}
        if options.full_disk:
            tally = run_fills(Path(folder), fills=options.kills, **rest)
        else:
            tally = run_kills(Path(folder), kills=options.kills, segments=options.segments, **rest)
    most = max(tally.unreported, default=0)
    print(
        f"{tally.kills} {what} in {tally.lives} lives, every file whole; {most / 2**20:.2f} MiB of a file were fetched twice"
        f" at most, {sum(tally.unreported) / 2**20:.1f} MiB in all; nginx sent {tally.sent_bytes / 2**20:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
