"""What servers do to downloads, and what a download makes of it: state, reason, file. The guide has the same table.

Each row is a server's answers, one after the other, and how the download stands after the first try and after ``resume()``.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import Struct
from servers.misbehaving import PATIENCE_S, MisbehavingServer, Wire
from servers.virtual import Bench, run

import partita
from partita import RetryPolicy
from partita.errors import DownloadFailed
from partita.events.downloads import RESUMABLE
from partita.simulations.internet import Entity, serve

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "downloads.md"
CONTENT = bytes(range(256)) * 1024
OTHER = CONTENT[::-1]
HALF = len(CONTENT) // 2

Answer = Callable[[Wire], object]


def head(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def whole(content: bytes = CONTENT, tag: str = '"v1"', sends: int | None = None, *, resets: bool = False) -> Answer:
    """All of it is announced, the first ``sends`` bytes come."""

    def answer(wire: Wire) -> None:
        wire.say(head("200 OK", f"Content-Length: {len(content)}", f"ETag: {tag}", "Connection: close"))
        wire.say(content[:sends])
        if resets:
            wire.reset()

    return answer


def rest(
    content: bytes = CONTENT,
    tag: str = '"v1"',
    *,
    first: int | None = None,
    says: str | None = None,
    sends: int | None = None,
) -> Answer:
    """A 206 with what was asked for, up to ``sends`` bytes; ``first``: another place; ``says``: another Content-Range."""

    def answer(wire: Wire) -> None:
        asked = wire.head.partition(b"bytes=")[2].partition(b"-")[0]
        begin = int(asked or 0) if first is None else first
        told = says or f"bytes {begin}-{len(content) - 1}/{len(content)}"
        body = content[begin:]
        wire.say(head("206 Partial", f"Content-Range: {told}", f"Content-Length: {len(body)}", f"ETag: {tag}"))
        wire.say(body[:sends])

    return answer


def refuses(status: str, *fields: str) -> Answer:
    def answer(wire: Wire) -> None:
        wire.say(head(status, "Content-Length: 2", "Connection: close", *fields) + b"no")

    return answer


def chunks_break_off(wire: Wire) -> None:
    wire.say(head("200 OK", "Transfer-Encoding: chunked", 'ETag: "v1"'))
    wire.say(b"%x\r\n%s\r\n" % (HALF, CONTENT[:HALF]) + b"fff")


def garbage(wire: Wire) -> None:
    wire.say(b"\x16\x03\x01 is no status line\r\n\r\n")


def nothing(wire: Wire) -> None:
    wire.reset()


def cuts(chance: random.Random) -> Iterator[Answer]:
    """All of the file, then its rest and its rest, each cut at another byte; the fifth is whole."""
    places = sorted(chance.sample(range(1, len(CONTENT)), 4))
    yield whole(sends=places[0])
    for start, end in pairwise(places):
        yield rest(sends=end - start)
    yield rest()


BROKEN = whole(sends=HALF)


class Misdeed(Struct, frozen=True):
    """``first`` and ``then``: state and reason after the first try, and after ``resume()``; ``then`` is None where it is over.

    One without ``answers`` has a test of its own.
    """

    does: str
    answers: tuple[Answer, ...]
    first: tuple[str, str]
    then: tuple[str, str] | None
    file: bytes | None = None
    """What the target holds in the end; None where there is no file."""
    retry: RetryPolicy | None = None


COMPLETED = ("completed", "NONE")
BY_ITSELF = RetryPolicy(attempts=3, first_s=0.01, jitter=0)
SHORT = ("interrupted", "SERVER_CONTENT_LENGTH_MISMATCH")

# fmt: off
TABLE = (
    Misdeed("closes the connection in the middle", (BROKEN, rest()), SHORT, COMPLETED, CONTENT),
    Misdeed("resets the connection in the middle", (whole(sends=HALF, resets=True), rest()),
            ("interrupted", "NETWORK_FAILED"), COMPLETED, CONTENT),
    Misdeed("breaks off a chunked body", (chunks_break_off, whole()), ("interrupted", "NETWORK_FAILED"), COMPLETED, CONTENT),
    Misdeed("announces more than it has", (whole(sends=len(CONTENT) - 1), BROKEN), SHORT, SHORT),
    Misdeed("sends more than it announced", (lambda wire: wire.say(head("200 OK", "Content-Length: 5") + CONTENT),),
            COMPLETED, None, CONTENT[:5]),
    Misdeed("ignores the range", (BROKEN, whole()), SHORT, COMPLETED, CONTENT),
    Misdeed("has another file by now, and sends all of it", (BROKEN, whole(OTHER, '"v2"')), SHORT, COMPLETED, OTHER),
    Misdeed("has another file by now, and sends its rest", (BROKEN, rest(OTHER, '"v2"'), whole(OTHER, '"v2"')),
            SHORT, COMPLETED, OTHER),
    Misdeed("answers 206 from another place", (BROKEN, rest(first=7), whole()), SHORT, COMPLETED, CONTENT),
    Misdeed("answers 206 with a Content-Range that is none", (BROKEN, rest(says="bytes all"), whole()),
            SHORT, COMPLETED, CONTENT),
    Misdeed("answers 206 of a file of another length", (BROKEN, rest(says=f"bytes {HALF}-9/10"), whole()),
            SHORT, COMPLETED, CONTENT),
    Misdeed("answers 206 and was not asked for a range", (rest(),), ("interrupted", "SERVER_FAILED"), None),
    Misdeed("answers 416 to the range", (BROKEN, refuses("416 No"), whole()), SHORT, COMPLETED, CONTENT),
    Misdeed("answers 416 to everything", (refuses("416 No"),), ("interrupted", "SERVER_NO_RANGE"), None),
    Misdeed("answers 429", (BROKEN, refuses("429 Slow", "Retry-After: 1"), rest()),
            SHORT, ("interrupted", "SERVER_FAILED")),
    Misdeed("answers 503", (BROKEN, refuses("503 Later"), rest()), SHORT, ("interrupted", "SERVER_FAILED")),
    Misdeed("answers 429 with `Retry-After`, under a retry policy",
            (BROKEN, refuses("429 Slow", "Retry-After: 1"), rest()), COMPLETED, None, CONTENT, BY_ITSELF),
    Misdeed("answers 503 twice, under a retry policy", (BROKEN, refuses("503 Later"), refuses("503 Later"), rest()),
            COMPLETED, None, CONTENT, BY_ITSELF),
    Misdeed("closes the connection again and again, under a retry policy of three attempts",
            (whole(sends=0), *[whole(sends=0)] * 3), SHORT, None, None, BY_ITSELF),
    Misdeed("closes the connection at four bytes of its choice, under a retry policy of three attempts in a row",
            tuple(cuts(random.Random(5))), COMPLETED, None, CONTENT, BY_ITSELF),
    Misdeed("sends one byte a minute", (), COMPLETED, None, CONTENT),
    Misdeed("answers 404 by now", (BROKEN, refuses("404 Gone")), SHORT, ("interrupted", "SERVER_BAD_CONTENT")),
    Misdeed("answers 401 by now", (BROKEN, refuses("401 Who")), SHORT, ("interrupted", "SERVER_UNAUTHORIZED")),
    Misdeed("answers 403 by now", (BROKEN, refuses("403 Not you")), SHORT, ("interrupted", "SERVER_FORBIDDEN")),
    Misdeed("answers 204 by now", (BROKEN, lambda wire: wire.say(head("204 None"))), SHORT,
            ("interrupted", "SERVER_BAD_CONTENT")),
    Misdeed("answers with garbage by now", (BROKEN, garbage), SHORT, ("interrupted", "NETWORK_FAILED")),
    Misdeed("resets the connection before it answers", (BROKEN, nothing, nothing), SHORT, ("interrupted", "NETWORK_FAILED")),
)
# fmt: on


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


@pytest.mark.parametrize("misdeed", [pytest.param(one, id=one.does.replace(" ", "-")) for one in TABLE if one.answers])
def test_what_a_download_makes_of_it(server: MisbehavingServer, tmp_path: Path, misdeed: Misdeed) -> None:
    folder = tmp_path / "files"
    answers = iter(misdeed.answers)

    def answer(wire: Wire) -> object:
        return next(answers)(wire)

    url = server.on("/data.bin", answer)
    with partita.System(data_dir=tmp_path / "home") as system:
        session = system.from_partition("persist:work")
        session.set_download_path(str(folder))
        with contextlib.suppress(DownloadFailed):  # no answer that could be announced
            session.download_url(url, retry=misdeed.retry).get(PATIENCE_S)
        (item,) = session.downloads()
        assert (item.stopped().get(PATIENCE_S), item.last_reason) == misdeed.first
        if misdeed.then is not None:
            assert item.can_resume()
            item.resume()
            assert (item.stopped().get(PATIENCE_S), item.last_reason) == misdeed.then
        is_over = not item.can_resume()
        kept = 0 if is_over else item.get_received_bytes()
    found = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
    if misdeed.file is not None:
        assert found == {"data.bin": misdeed.file}
    elif is_over or not kept:
        assert not any(found.values()), "nothing of it is left"
    else:
        assert found["data.bin.part"][:kept] == CONTENT[:kept]


def test_one_byte_a_minute_is_a_download_like_any_other() -> None:
    """In virtual time, in which it takes the better part of an hour."""
    content = CONTENT[:48]
    row = next(row for row in TABLE if not row.answers)

    async def program(bench: Bench) -> tuple[tuple[str, str], bytes, float, int]:
        bench.internet.chunk_bytes = 1

        def slow_down(event: object) -> None:
            bench.internet.bandwidth = 1 / 60  # the head has come

        with bench.system() as system:
            session = system.from_partition("slow")
            session.set_download_path("/files")
            session.on("will-download", slow_down)
            item = await session.download_url("https://slow.test/data.bin")
            begun_at, position = bench.clock.monotonic(), session.log.position
            state = await item.finished()
            taken_s = bench.clock.monotonic() - begun_at
            found = bytes(bench.files.content["/files/data.bin"])
            return (state, item.last_reason), found, taken_s, session.log.position - position

    hosts = {"slow.test": lambda request: serve(request, Entity(content, e_tag='"v1"'))}
    standing, found, taken_s, turns = run("kernel", program, hosts=hosts)
    assert (standing, found) == (row.first, content)
    assert taken_s >= 60 * (len(content) - 1)
    assert turns <= len(content) + 3, "a turn for what has come, and no more"


def markdown() -> str:
    """The table of the guide."""
    lines = ["| the server | then it is | after `resume()` | the file |", "|---|---|---|---|"]
    for row in TABLE:
        first, then = (_standing(one) if one else "" for one in (row.first, row.then))
        lines.append(f"| {row.does} | {first} | {then} | {_file(row)} |")
    return "\n".join(lines)


def _standing(standing: tuple[str, str]) -> str:
    state, reason = standing
    return f"`{state}`" if reason == "NONE" else f"`{state}`: `{reason}`"


def _file(row: Misdeed) -> str:
    if row.file is not None:
        return {CONTENT: "whole", OTHER: "the new one, whole"}.get(row.file, "what was announced")
    return "what has come stays in `.part`" if row.then is not None and row.then[1] in RESUMABLE else "none"


def test_the_guide_has_the_table() -> None:
    assert markdown() in GUIDE.read_text(encoding="utf-8"), f"write it anew:\n{markdown()}"
