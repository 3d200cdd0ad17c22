"""``record="exchanges"``: what is in the log, in what order, and what is not there in clear."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from servers.loopback import LoopbackServer, ServedFile, redirects, sends

import partita
from partita.actors.exchanges import partition as recording
from partita.events.downloads import ReportProgress
from partita.events.exchanges import BeginExchange, NoteBody, NoteFailure, NoteRequest, NoteResponse
from partita.log import replay
from partita.session import Session
from partita.store.committer import _Blob

PATIENCE_S = 30.0
SECRETS = {
    "cookie": "c00kie-value-of-the-server",
    "token": "Bearer t0ken-of-the-application",
    "answer": "x-secret-of-the-server",
    "question": "body-that-was-posted-and-is-long-enough",
    "body": "body-that-came-back-and-is-long-enough",
}
CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with partita.System(data_dir=tmp_path / "data", record="exchanges") as system:
        opened = system.from_partition("persist:x")
        opened.set_download_path(str(tmp_path / "downloads"))
        yield opened


def words(session: Session) -> list[object]:
    session.flush().get(PATIENCE_S)
    return [turn.message for turn in session.log.turns() if type(turn.message).__module__.endswith("exchanges")]


def test_an_exchange_is_recorded_hop_by_hop(session: Session, server: LoopbackServer) -> None:
    server.on("/login", redirects("/home", cookies=("sid=1",)))
    server.on("/home", sends(b"home"))
    session.fetch(server.url("/login"), method="POST", content=b"name=x").get(PATIENCE_S)
    begin, first, moved, moved_end, second, head, body = words(session)
    assert isinstance(begin, BeginExchange)
    assert (begin.purpose, begin.method, begin.url) == ("fetch", "POST", server.url("/login"))
    assert isinstance(first, NoteRequest)
    assert isinstance(second, NoteRequest)
    assert [(one.method, one.url) for one in (first, second)] == [
        ("POST", server.url("/login")),
        ("GET", server.url("/home")),
    ]
    assert first.body == begin.body
    assert not second.body
    assert isinstance(moved, NoteResponse)
    assert isinstance(head, NoteResponse)
    assert (moved.status, head.status) == (302, 200)
    assert isinstance(moved_end, NoteBody)
    assert moved_end.is_last
    assert isinstance(body, NoteBody)
    assert (sum(body.sizes), body.is_last) == (4, True)
    store = session._partition.store
    assert store.blob(bytes.fromhex(first.body)) == b"name=x"
    assert store.blob(bytes.fromhex(body.content)) == b"home"
    assert session._state.exchanges.count == 1


def test_a_failure_is_recorded_with_its_name_and_detail(session: Session) -> None:
    with pytest.raises(partita.NetError) as caught:
        session.fetch("http://127.0.0.1:1/").get(PATIENCE_S)
    failure = words(session)[-1]
    assert isinstance(failure, NoteFailure)
    assert (failure.error, failure.detail) == (caught.value.name, caught.value.detail)


def test_what_a_download_says_is_safe_came_before_in_the_log(session: Session, server: LoopbackServer) -> None:
    item = session.download_url(server.on("/file", ServedFile(CONTENT))).get(PATIENCE_S)
    item.finished().get(PATIENCE_S)
    session.flush().get(PATIENCE_S)
    came = 0
    pieces = 0
    for turn in session.log.turns():
        if isinstance(turn.message, NoteBody):
            came += sum(turn.message.sizes)
            pieces += 1
        elif isinstance(turn.message, ReportProgress):
            assert turn.message.received_bytes <= came
    assert came == len(CONTENT)
    assert 4 <= pieces <= 60


def test_a_disk_that_is_far_behind_holds_the_network_back(
    session: Session, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_WAITING_BYTES", 1 << 20)
    committer = session._partition.committer
    waiting: list[int] = []
    put_blob = committer.put_blob

    def counted(content: bytes) -> bytes:
        waiting.append(sum(len(item.content) for item in list(committer._queue) if isinstance(item, _Blob)))
        return put_blob(content)

    monkeypatch.setattr(committer, "put_blob", counted)
    item = session.download_url(server.on("/file", ServedFile(CONTENT * 4))).get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert len(waiting) >= 16
    assert max(waiting) < 4 << 20


def test_nothing_secret_lies_on_the_disk_in_clear(tmp_path: Path, server: LoopbackServer) -> None:
    headers = [("Set-Cookie", f"sid={SECRETS['cookie']}; Max-Age=60"), ("X-Session", SECRETS["answer"])]
    server.on("/login", sends(SECRETS["body"].encode(), headers=headers))
    with partita.System(data_dir=tmp_path, record="exchanges") as system:
        session = system.from_partition("persist:x")
        for _ in range(2):
            session.fetch(
                server.url("/login").replace("http://", "http://user:pa55word@"),
                method="POST",
                content=SECRETS["question"],
                headers={"X-Api-Token": SECRETS["token"]},
            ).get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
        session.snapshot().get(PATIENCE_S)
        session.log.export(tmp_path / "log")
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "keys"]
    assert len(files) >= 2
    for secret in [*SECRETS.values(), "pa55word"]:
        encoded = secret.encode()
        forms = [encoded, encoded.hex().encode(), base64.b64encode(encoded), quote(secret).encode()]
        for path in files:
            content = path.read_bytes()
            assert not any(form in content for form in forms), (secret, path)
    whole = base64.b64encode(b"user:pa55word")
    assert not any(whole in path.read_bytes() for path in files)


def test_todays_code_decides_a_recorded_session_as_it_was(tmp_path: Path, server: LoopbackServer) -> None:
    with partita.System(data_dir=tmp_path, record="exchanges") as system:
        session = system.from_partition("persist:x")
        session.set_download_path(str(tmp_path / "downloads"))
        item = session.download_url(server.on("/file", ServedFile(CONTENT))).get(PATIENCE_S)
        item.finished().get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
    assert replay(tmp_path / "Partitions" / "x").agrees


def test_by_default_no_exchange_is_recorded(tmp_path: Path, server: LoopbackServer) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:x")
        session.fetch(server.on("/home", sends(b"home"))).get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
        assert session.log.position == 1
        assert session._partition.store.statistics().blobs == 0


def test_a_level_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'state', 'exchanges'"):
        partita.System(data_dir=tmp_path, record="all")  # type: ignore[arg-type]


def test_bodies_that_nobody_names_any_more_go_with_the_oldest_turns(tmp_path: Path, server: LoopbackServer) -> None:
    server.on("/n", lambda seen, reply: reply.send(f"answer {seen.path}".encode()))
    server.on("/same", sends(b"always the same"))
    with partita.System(data_dir=tmp_path, record="exchanges", retain_bytes=20_000) as system:
        session = system.from_partition("persist:x")
        for number in range(60):
            session.fetch(server.url(f"/n?{number}")).get(PATIENCE_S)
            session.fetch(server.url("/same")).get(PATIENCE_S)
            session.flush().get(PATIENCE_S)
            if number % 5 == 4:
                session.snapshot().get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
        store = session._partition.store
        first = session.log.first_position
        assert first > 1
        named = {
            bytes.fromhex(turn.message.content)
            for turn in session.log.turns(first)
            if isinstance(turn.message, NoteBody) and turn.message.content
        }
        assert all(store.blob(digest) is not None for digest in named)
        assert len(named) <= store.statistics().blobs <= len(named) + 1  # an exchange that began before may end after
        assert store.statistics().blobs < 40
        assert store.verify().ok
