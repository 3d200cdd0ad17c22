"""Downloads to the disk, with the final fsync and the log, beside curl, aria2c and httpx.

Everybody takes the same file from the same nginx (:mod:`benchmarks.shop`), writes it to the same disk, and has it synced when
the clock stops: a download of a session syncs its checkpoints, the file and its folder; for the others the file is synced
after them. curl and aria2c are processes of their own, whose start is in their time: some milliseconds.

Processor time is that of all threads (ours) or of the process (theirs); what the system's own threads do is nobody's.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import trio
from msgspec import Struct

from benchmarks.measuring import TIMES, Bench, Contender, Row, interleaved, median, not_installed, ratios
from benchmarks.shop import NGINX, shop
from partita import System

CURL: Final = shutil.which("curl")
ARIA2C: Final = shutil.which("aria2c")
AT_ONCE: Final = 32
SEGMENTS: Final = 4

_TRUST: Final = "SSL_CERT_FILE"  # OpenSSL's own way to be told of one more authority


class Taken(Struct, frozen=True):
    """What one contender took for all of its files."""

    wall_s: float
    processor_s: float


Work = Callable[[Path], None]
"""Brings the files into a folder; they are synced when it comes back."""


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    sizes = bench.sizes
    if NGINX is None:  # the server of ours knows no TLS and no ranges
        return [not_installed("download", "downloads: nginx is not installed")]
    with shop(bench.folder("shop"), sizes.download_mib << 20, secure=True) as server:
        large = f"{server.origin}/large"
        secure = f"{server.secure_origin}/large"
        small = [f"{server.origin}/small/{number}" for number in range(sizes.download_files)]
        what = f"{sizes.download_mib} MiB to the disk"
        return [
            *_compared(
                bench,
                f"{what} over HTTP",
                partial(with_session, bench, [large]),
                {
                    "curl": (CURL, partial(with_curl, large, None), 1.0),
                    "aria2c": (ARIA2C, partial(with_aria2c, [large]), None),
                    "httpx": ("", partial(with_httpx, large), 2.5),
                },
                tells_processor_time=True,
            ),
            *_compared(
                bench,
                f"{what} over TLS",
                partial(with_session, bench, [secure], trust=server.certificate),
                {"curl": (CURL, partial(with_curl, secure, server.certificate), 0.9)},
            ),
            *_compared(
                bench,
                f"{what} over HTTP in {SEGMENTS} segments",
                partial(with_session, bench, [large], segments=SEGMENTS),
                {f"aria2c -x{SEGMENTS}": (ARIA2C, partial(with_aria2c, [large], segments=SEGMENTS), None)},
            ),
            *_compared(
                bench,
                f"{sizes.download_files} files of 10 KiB to the disk",
                partial(with_session, bench, small),
                {f"aria2c -j{AT_ONCE}": (ARIA2C, partial(with_aria2c, small), None)},
            ),
        ]


def _compared(
    bench: Bench,
    what: str,
    ours: Work,
    peers: dict[str, tuple[str | None, Work, float | None]],
    *,
    tells_processor_time: bool = False,
) -> Iterator[Row]:
    """``peers``: where each one's program is (None: nowhere), its work, and the goal beside it."""
    folder = bench.scratch / "files"
    taken: dict[str, list[Taken]] = {}

    def contender(name: str, work: Work) -> Contender:
        def run() -> float:
            folder.mkdir()
            try:
                found = _taken(partial(work, folder))
            finally:
                shutil.rmtree(folder)
            taken.setdefault(name, []).append(found)
            return 1 / found.wall_s

        return run

    there = {name: work for name, (program, work, _) in peers.items() if program is not None}
    contenders = {"partita": contender("partita", ours)}
    contenders |= {name: contender(name, work) for name, work in there.items()}
    figures = interleaved(min(bench.sizes.rounds, 5), contenders)
    for peer, (_, _, goal) in peers.items():
        name, title = f"download-{peer.replace(' ', '')}-{what.rsplit(' ', 1)[-1].lower()}", f"{what} / {peer}"
        if peer not in figures:
            yield not_installed(name, title)
            continue
        scores = ratios(figures["partita"], figures[peer])
        yield Row(
            name=name,
            what=title,
            ours=f"{1 / median(figures['partita']):.2f} s",
            peer=f"{1 / median(figures[peer]):.2f} s",
            score=median(scores),
            unit=TIMES,
            goal=goal,
            rounds=scores,
        )
        if tells_processor_time:
            yield _processor_time(name, title, bench.sizes.download_mib, taken["partita"], taken[peer])


def _processor_time(name: str, title: str, size_mib: int, ours: list[Taken], theirs: list[Taken]) -> Row:
    """The first round is the one that warms up."""
    mine, others = ([one.processor_s * 1024 / size_mib for one in taken[1:]] for taken in (ours, theirs))
    scores = ratios(mine, others)
    return Row(
        name=f"{name}-processor",
        what=f"processor seconds a GiB: {title}",
        ours=f"{median(mine):.2f} s",
        peer=f"{median(others):.2f} s",
        score=median(scores),
        unit=TIMES,
        better="lower",
        rounds=scores,
    )


def _taken(work: Callable[[], None]) -> Taken:
    wall, processor = time.perf_counter(), _processor_s()
    work()
    return Taken(time.perf_counter() - wall, _processor_s() - processor)


def _processor_s() -> float:
    """Of this process, and of the children that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


# -- who brings the files -------------------------------------------------------------------------------------------------


def with_session(bench: Bench, urls: list[str], folder: Path, *, trust: Path | None = None, segments: int = 1) -> None:
    """``session.download_url`` of a persistent session."""

    async def main() -> None:
        async with System(data_dir=bench.scratch / "data") as system:
            session = system.from_partition("persist:downloads")
            session.set_download_path(str(folder))
            session.limit_downloads(concurrent=AT_ONCE, per_host=AT_ONCE)
            begun = [session.download_url(url, segments=segments) for url in urls]
            for announced in begun:
                assert await (await announced).finished() == "completed"

    with _trusting(trust):
        trio.run(main)
    assert len(list(folder.iterdir())) == len(urls)


@contextmanager
def _trusting(certificate: Path | None) -> Iterator[None]:
    if certificate is None:
        yield
        return
    os.environ[_TRUST] = str(certificate)
    try:
        yield
    finally:
        del os.environ[_TRUST]


def with_curl(url: str, certificate: Path | None, folder: Path) -> None:
    """One file, and its sync."""
    assert CURL is not None
    trust = [] if certificate is None else ["--cacert", str(certificate)]
    subprocess.run([CURL, "--silent", "--fail", *trust, "--output", str(folder / "file"), url], check=True)
    _sync_all(folder)


def with_aria2c(urls: list[str], folder: Path, *, segments: int = 1) -> None:
    """One file, or many at once."""
    assert ARIA2C is not None
    listed = "".join(f"{url}\n out={number}\n" for number, url in enumerate(urls))
    options = [f"-x{segments}", f"-s{segments}", f"-j{AT_ONCE}", "--file-allocation=falloc"]
    quiet = ["--quiet", "--no-conf", "--enable-dht=false", "--input-file=-", f"--dir={folder}"]
    subprocess.run([ARIA2C, *options, *quiet], input=listed.encode(), check=True)
    _sync_all(folder)


def with_httpx(url: str, folder: Path) -> None:
    """Stock ``httpx.stream``, its fastest way to a file."""
    with httpx.stream("GET", url) as response, (folder / "file").open("wb", buffering=0) as file:
        for chunk in response.iter_raw():
            file.write(chunk)
    _sync_all(folder)


def _sync_all(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
