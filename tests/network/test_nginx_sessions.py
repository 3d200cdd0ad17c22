"""Sessions against a server that nobody here wrote: what a program sees, and what nginx's own log says of it."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import re
import threading
import time
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from durability.waiting import until
from network.enduring import nothing_is_left
from servers.nginx import Nginx, Served, needs_nginx, nginx

import partita
from partita.errors import NetError
from partita.events.network import CacheMode

PATIENCE_S = 60.0
MIB = 1 << 20
LARGE_BYTES = 64 * MIB
TEXT = b"To be, or not to be, that is the question.\n" * 5_000
BINARY = bytes(range(256)) * 400

pytestmark = needs_nginx


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx")) as running:
        (running.root / "text").write_bytes(TEXT)
        (running.root / "binary").write_bytes(BINARY)
        (running.root / "small").write_bytes(b"small")
        (running.root / "excuse").write_bytes(b"sorry")
        (running.root / "text.gz").write_bytes(gzip.compress(TEXT))
        (running.root / "folder").mkdir()
        (running.root / "folder" / "index.html").write_bytes(b"index")
        with (running.root / "large").open("wb") as file:
            for number in range(LARGE_BYTES // MIB):
                file.write(large_part(number))
        yield running


@pytest.fixture
def session(tmp_path: Path) -> Iterator[partita.Session]:
    with partita.System(data_dir=tmp_path) as system:
        opened = system.from_partition("persist:nginx")
        yield opened
        nothing_is_left(system)
        assert opened.log.verify().ok


def large_part(number: int) -> bytes:
    """A MiB that is like no other."""
    return random.Random(number).randbytes(MIB)


def large_digest() -> str:
    digest = hashlib.sha256()
    for number in range(LARGE_BYTES // MIB):
        digest.update(large_part(number))
    return digest.hexdigest()


def get(session: partita.Session, url: str, *, cache: CacheMode = "no-store", **options: Any) -> httpx.Response:
    """Past the cache, unless said otherwise: nginx's files are fresh by their age alone."""
    return session.fetch(url, cache=cache, **options).get(PATIENCE_S)


def cached(session: partita.Session, url: str, **options: Any) -> httpx.Response:
    return get(session, url, cache="default", **options)


def served(server: Nginx, path: str, count: int) -> list[Served]:
    """What the server's log says of a path, as soon as it has that many lines of it."""

    def lines() -> list[Served]:
        return [line for line in server.served() if line.path == path]

    until(lambda: len(lines()) >= count, f"{count} requests for {path} in nginx's log", patience_s=10)
    assert len(lines()) == count
    return lines()


# -- connections ------------------------------------------------------------------------------------------------------------


def test_one_after_the_other_goes_over_one_connection(server: Nginx, session: partita.Session) -> None:
    for _ in range(50):
        assert get(session, server.url("/small?one")).content == b"small"
    lines = served(server, "/small?one", 50)
    assert len({line.connection for line in lines}) == 1
    assert [line.of_connection for line in lines] == list(range(1, 51))


def test_five_hundred_at_once_share_six_connections(server: Nginx, session: partita.Session) -> None:
    futures = [session.fetch(server.url("/binary?all"), cache="no-store") for _ in range(500)]
    assert {future.get(PATIENCE_S).content for future in futures} == {BINARY}
    assert len({line.connection for line in served(server, "/binary?all", 500)}) == 6


def test_a_server_that_ends_its_connections_after_three_requests_is_dialed_again(
    server: Nginx, session: partita.Session
) -> None:
    for _ in range(10):
        assert get(session, server.url("/few/small")).content == b"small"
    lines = served(server, "/few/small", 10)
    assert [line.of_connection for line in lines] == [1, 2, 3] * 3 + [1]


def test_a_connection_that_the_server_is_just_closing_costs_no_request(server: Nginx, session: partita.Session) -> None:
    """nginx keeps it for 5 ms: each pause before the next request is about as long, so many fall into the closing."""
    pauses = random.Random(1)
    for number in range(150):
        time.sleep(pauses.uniform(0.004, 0.0065))
        if number % 3:
            assert get(session, server.url("/hasty/small")).content == b"small"
        else:
            assert get(session, server.url("/asked/"), method="POST", content=b"x").text == "POST"
            assert get(session, server.url("/hasty/small")).content == b"small"
    connections = {line.connection for line in server.served() if line.path == "/hasty/small"}
    assert len(connections) > 20, "the server did close them"


# -- ranges -----------------------------------------------------------------------------------------------------------------


def test_ranges_as_the_server_cuts_them(server: Nginx, session: partita.Session) -> None:
    url, whole = server.url("/binary?cut"), len(BINARY)
    for asked, start, stop in (
        ("0-0", 0, 1),
        ("1000-1999", 1000, 2000),
        ("-256", whole - 256, whole),
        ("500-", 500, whole),
    ):
        response = get(session, url, headers={"Range": f"bytes={asked}"})
        assert (response.status_code, response.content) == (206, BINARY[start:stop])
        assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{whole}"
    beyond = get(session, url, headers={"Range": f"bytes={whole}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{whole}")


def test_several_ranges_in_one_answer(server: Nginx, session: partita.Session) -> None:
    response = get(session, server.url("/binary?several"), headers={"Range": "bytes=0-9,100-109,-5"})
    assert response.status_code == 206
    parts = BytesParser().parsebytes(
        b"Content-Type: " + response.headers["content-type"].encode() + b"\r\n\r\n" + response.content
    )
    assert parts.get_content_type() == "multipart/byteranges"
    cut = [(part["content-range"], part.get_payload(decode=True)) for part in parts.walk() if not part.is_multipart()]
    assert [content for _, content in cut] == [BINARY[0:10], BINARY[100:110], BINARY[-5:]]


def test_a_range_holds_only_for_the_version_that_it_was_asked_of(server: Nginx, session: partita.Session) -> None:
    url = server.url("/binary?version")
    tag = get(session, url, method="HEAD").headers["etag"]
    same = get(session, url, headers={"Range": "bytes=5-9", "If-Range": tag})
    assert (same.status_code, same.content) == (206, BINARY[5:10])
    other = get(session, url, headers={"Range": "bytes=5-9", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, BINARY)


def test_a_part_of_what_is_kept_is_not_asked_for(server: Nginx, session: partita.Session) -> None:
    url = server.url("/kept/binary")
    assert cached(session, url).content == BINARY
    part = cached(session, url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content, part.extensions["from_cache"]) == (206, BINARY[100:200], True)
    served(server, "/kept/binary", 1)


# -- codings ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "framing"), [("/zipped/text", "chunked"), ("/packed/text", "length"), ("/unframed/text", "end")]
)
def test_gzip_however_it_is_framed(server: Nginx, session: partita.Session, path: str, framing: str) -> None:
    """Made on the way and in chunks; lying there ready, with its length; until the connection ends."""
    response = get(session, server.url(path))
    assert response.content == TEXT
    assert response.headers["content-encoding"] == "gzip"
    assert ("transfer-encoding" in response.headers) is (framing == "chunked")
    assert ("content-length" in response.headers) is (framing == "length")
    with session.stream(server.url(path)) as streamed:
        assert b"".join(streamed.iter_bytes()) == TEXT
    with session.stream(server.url(path), cache="no-store") as raw:
        assert gzip.decompress(b"".join(raw.iter_raw())) == TEXT
    assert get(session, server.url("/small")).content == b"small"


@pytest.mark.parametrize("path", ["/zipped/text", "/packed/text", "/text"])
def test_a_coding_that_the_server_does_not_know_leaves_the_body_as_it_is(
    server: Nginx, session: partita.Session, path: str
) -> None:
    response = get(session, server.url(path), headers={"Accept-Encoding": "br"})
    assert response.content == TEXT
    assert "content-encoding" not in response.headers


# -- methods and statuses -----------------------------------------------------------------------------------------------------


def test_head_says_the_length_and_brings_nothing(server: Nginx, session: partita.Session) -> None:
    for path in ("/binary", "/zipped/text", "/missing"):
        response = get(session, server.url(path), method="HEAD")
        assert response.content == b""
    assert get(session, server.url("/binary"), method="HEAD").headers["content-length"] == str(len(BINARY))
    assert get(session, server.url("/small")).content == b"small"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_keeps_or_changes_the_method_by_its_status(
    server: Nginx, session: partita.Session, status: int
) -> None:
    for method in ("GET", "HEAD", "POST", "PUT"):
        kept = status in (307, 308) or method in ("GET", "HEAD") or (method == "PUT" and status != 303)
        content = b"x" if method in ("POST", "PUT") else None
        response = get(session, server.url(f"/to/{status}"), method=method, content=content)
        assert response.headers["asked"] == (method if kept else "GET")
        assert [hop.status_code for hop in response.history] == [status]
    manual = get(session, server.url(f"/to/{status}"), redirect="manual")
    assert (manual.status_code, manual.headers["location"]) == (status, server.url("/asked/"))


def test_the_slash_behind_a_folder(server: Nginx, session: partita.Session) -> None:
    response = get(session, server.url("/folder"))
    assert (response.text, response.url.path, response.history[0].status_code) == ("index", "/folder/", 301)


def test_a_round_without_an_end_ends(server: Nginx, session: partita.Session) -> None:
    with pytest.raises(NetError) as caught:
        get(session, server.url("/round/"))
    assert (caught.value.name, caught.value.code) == ("ERR_TOO_MANY_REDIRECTS", -310)
    rounds = [line for line in server.served() if line.path.startswith("/round/")]
    assert len(rounds) == 21
    assert len({line.connection for line in rounds}) == 1


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/gone", 410, b"sorry"), ("/broken", 500, b"sorry"), ("/refused", 502, b"sorry"), ("/missing", 404, None)],
)
def test_an_error_page_is_an_answer(
    server: Nginx, session: partita.Session, path: str, status: int, body: bytes | None
) -> None:
    response = get(session, server.url(path))
    assert response.status_code == status
    assert response.content == body or (body is None and b"nginx" in response.content)


def test_tls_where_there_is_none_has_its_name(server: Nginx, session: partita.Session) -> None:
    with pytest.raises(NetError) as caught:
        get(session, server.url("/small").replace("http:", "https:"))
    assert (caught.value.name, caught.value.code) == ("ERR_SSL_PROTOCOL_ERROR", -107)
    assert get(session, server.url("/small")).content == b"small"


# -- the cache --------------------------------------------------------------------------------------------------------------


def test_what_is_unchanged_is_asked_about_and_not_sent_again(server: Nginx, session: partita.Session) -> None:
    (server.root / "page").write_bytes(b"first")
    url = server.url("/checked/page")
    came = [cached(session, url) for _ in range(3)]
    assert [(response.status_code, response.content) for response in came] == [(200, b"first")] * 3
    assert [line.status for line in served(server, "/checked/page", 3)] == [200, 304, 304]
    (server.root / "page").write_bytes(b"and second")
    os.utime(server.root / "page", (1, 1))
    assert cached(session, url).content == b"and second"
    assert get(session, url, cache="only-if-cached").content == b"and second"
    assert [line.status for line in served(server, "/checked/page", 4)] == [200, 304, 304, 200]


def test_what_is_fresh_is_not_asked_about_also_after_the_session_was_opened_again(
    server: Nginx, tmp_path: Path
) -> None:
    for _ in range(2):
        with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:nginx")
            assert cached(session, server.url("/kept/text")).content == TEXT
            assert cached(session, server.url("/kept/text")).content == TEXT
    served(server, "/kept/text", 1)


# -- large bodies -----------------------------------------------------------------------------------------------------------


def test_64_mib_come_whole(server: Nginx, session: partita.Session) -> None:
    digest = hashlib.sha256()
    with session.stream(server.url("/large")) as response:
        assert response.headers["content-length"] == str(LARGE_BYTES)
        for chunk in response.iter_bytes():
            digest.update(chunk)
    assert digest.hexdigest() == large_digest()


@pytest.mark.parametrize("framed", ["length", "chunks"])
def test_64_mib_go_whole(server: Nginx, session: partita.Session, framed: str) -> None:
    path = f"/put/{framed}"
    target = server.root / "put" / framed
    if framed == "length":
        with (server.root / "large").open("rb") as file:
            response = get(session, server.url(path), method="PUT", content=file)
    else:
        parts = (large_part(number) for number in range(LARGE_BYTES // MIB))
        response = get(session, server.url(path), method="PUT", content=parts)
    assert response.status_code == 201
    with target.open("rb") as stored:
        assert hashlib.file_digest(stored, "sha256").hexdigest() == large_digest()
    assert get(session, server.url(path), method="DELETE").status_code == 204
    assert not target.exists()


def test_an_upload_that_is_refused_is_not_sent_to_its_end(server: Nginx, session: partita.Session) -> None:
    made = 0

    def parts() -> Iterator[bytes]:
        nonlocal made
        for number in range(4 * LARGE_BYTES // MIB):
            made += 1
            yield large_part(number)

    assert get(session, server.url("/small?upload"), method="POST", content=parts()).status_code == 405
    assert made < 100, "the server's refusal was heard"
    assert get(session, server.url("/small")).content == b"small"


def test_a_client_that_has_enough_leaves_in_the_middle(server: Nginx, session: partita.Session) -> None:
    url = server.url("/large?left")
    with session.stream(url) as response:
        assert len(next(response.iter_bytes())) > 0
    assert get(session, server.url("/small")).content == b"small"
    (line,) = served(server, "/large?left", 1)
    assert line.body_bytes < LARGE_BYTES
    with pytest.raises(NetError, match="ERR_CACHE_MISS"):
        get(session, url, cache="only-if-cached")


def test_what_comes_slowly_comes_as_it_is_sent(server: Nginx, session: partita.Session) -> None:
    with session.stream(server.url("/slow/binary"), cache="no-store") as response:
        chunks = response.iter_bytes()
        first = next(chunks)
        assert not [line for line in server.served() if line.path == "/slow/binary"], "the server is not done with it"
        assert first + b"".join(chunks) == BINARY


def test_a_server_that_begins_anew_with_other_workers_loses_nothing(server: Nginx, session: partita.Session) -> None:
    """A graceful reload in the middle of one slow body and of many small requests."""
    stop = threading.Event()
    came: list[bytes] = []
    failed: list[BaseException] = []

    def ask_on() -> None:
        try:
            while not stop.is_set():
                came.append(get(session, server.url("/small?reload")).content)
        except BaseException as error:
            failed.append(error)

    asking = [threading.Thread(target=ask_on) for _ in range(3)]
    for thread in asking:
        thread.start()
    try:
        with session.stream(server.url("/slow/binary?reload"), cache="no-store") as response:
            chunks = response.iter_bytes()
            first = next(chunks)
            server.reload()
            assert first + b"".join(chunks) == BINARY
    finally:
        stop.set()
        for thread in asking:
            thread.join(PATIENCE_S)
    assert not failed, failed
    assert set(came) == {b"small"}


def test_the_same_server_from_a_program_under_trio(server: Nginx, tmp_path: Path) -> None:
    async def main() -> None:
        async with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("inline")
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(one, session)

    async def one(session: partita.Session) -> None:
        async with session.stream(server.url("/zipped/text"), cache="no-store") as response:
            assert re.fullmatch(rb"(?s)To be.*\n", await response.aread())
        assert (await session.fetch(server.url("/small"))).content == b"small"

    trio.run(main)
