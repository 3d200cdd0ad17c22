"""A log to give away: no secret is in it, in any form, and what is left of it can be used."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, sends

import partita
from partita.errors import SecretErased, SecretLeft
from partita.events.secret import Secret
from partita.log import replay
from partita.session import Session
from partita.store.partition import PartitionStore

PATIENCE_S = 30.0
COOKIE = "c00kie-value-of-the-server"
TOKEN = "t0ken-of-the-application"
BODY = "a body that came back, and is long enough"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with (
        LoopbackServer() as server,
        partita.System(data_dir=tmp_path / "data", record="exchanges") as system,
    ):
        server.on("/login", sends(BODY.encode(), headers=[("Set-Cookie", f"sid={COOKIE}; Max-Age=60")]))
        opened = system.from_partition("persist:x")
        opened.set_download_path("/home/alice/Downloads")
        opened.cookies.set(url="https://shop.example/", name="basket", value="apples-and-pears").get(PATIENCE_S)
        opened.fetch(server.url("/login"), headers={"Authorization": f"Bearer {TOKEN}"}).get(PATIENCE_S)
        opened.flush().get(PATIENCE_S)
        yield opened


def test_no_secret_is_in_the_file_and_the_rest_is(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "log"
    shared = session.log.export_shareable(file)
    content = file.read_bytes()
    for secret in (COOKIE, TOKEN, "apples-and-pears", BODY):
        encoded = secret.encode()
        assert not any(form in content for form in (encoded, encoded.hex().encode(), base64.b64encode(encoded)))
    assert shared.turns == session.log.position
    assert shared.secrets >= 5
    assert shared.bodies == 0
    with PartitionStore.read(file) as store:
        assert [type(turn.message) for turn in store.turns()] == [type(turn.message) for turn in session.log.turns()]
        assert [turn.time for turn in store.turns()] == [turn.time for turn in session.log.turns()]
        assert store.statistics().blobs == 0


def test_its_secrets_read_as_erased(session: Session, tmp_path: Path) -> None:
    session.log.export_shareable(tmp_path / "log")
    with PartitionStore.read(tmp_path / "log") as store:
        (value,) = (
            value
            for turn in store.turns()
            for value in [getattr(turn.message, "value", None)]
            if isinstance(value, Secret)
        )
        assert value.erased
        with pytest.raises(SecretErased):
            value.reveal()


def test_it_verifies_and_can_be_decided_again_but_for_what_needs_a_secret(session: Session, tmp_path: Path) -> None:
    session.log.export_shareable(tmp_path / "log")
    assert PartitionStore.verify_at(tmp_path / "log").ok
    report = replay(tmp_path / "log")
    assert report.agrees
    assert 1 <= len(report.skipped) < report.turns


def test_a_secret_that_stands_in_clear_elsewhere_is_found_and_no_file_is_left(session: Session, tmp_path: Path) -> None:
    encoded = base64.b64encode(f"user {COOKIE} of the shop".encode()).decode()
    session.set_user_agent(f"agent/{encoded}")
    session.flush().get(PATIENCE_S)
    with pytest.raises(SecretLeft) as caught:
        session.log.export_shareable(tmp_path / "log")
    assert caught.value.position == session.log.position
    assert "preferences.set_user_agent" in str(caught.value)
    assert COOKIE not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_bodies_come_along_when_they_are_asked_for(session: Session, tmp_path: Path) -> None:
    shared = session.log.export_shareable(tmp_path / "log", with_bodies=True)
    assert shared.bodies == 1
    digest = next(turn.message.content for turn in session.log.turns() if getattr(turn.message, "content", ""))
    with PartitionStore.read(tmp_path / "log") as store:
        assert store.blob(bytes.fromhex(digest)) == BODY.encode()
    assert PartitionStore.verify_at(tmp_path / "log").ok


def test_a_body_that_holds_a_secret_is_found(session: Session, tmp_path: Path) -> None:
    session.cookies.set(url="https://shop.example/", name="copy", value=BODY[:20].replace(" ", "_")).get(PATIENCE_S)
    session.log.export_shareable(tmp_path / "fine", with_bodies=True)
    session.cookies.set(url="https://shop.example/", name="copy", value=BODY.rsplit(maxsplit=1)[-1] + "x").get(
        PATIENCE_S
    )
    session.cookies.set(url="https://shop.example/", name="copy", value="enough").get(PATIENCE_S)
    with pytest.raises(SecretLeft, match="body"):
        session.log.export_shareable(tmp_path / "log", with_bodies=True)


def test_a_digest_of_a_body_that_was_left_out_cannot_be_tried(session: Session, tmp_path: Path) -> None:
    session.log.export_shareable(tmp_path / "log")
    digests = {turn.message.content for turn in session.log.turns() if getattr(turn.message, "content", "")}
    with PartitionStore.read(tmp_path / "log") as store:
        named = {turn.message.content for turn in store.turns() if getattr(turn.message, "content", "")}
    assert len(named) == len(digests) == 1
    assert not named & digests


def test_the_names_of_users_are_taken_out_of_paths_when_asked(session: Session, tmp_path: Path) -> None:
    session.log.export_shareable(tmp_path / "log", hide_users=True)
    assert b"alice" not in (tmp_path / "log").read_bytes()
    with PartitionStore.read(tmp_path / "log") as store:
        assert any(getattr(turn.message, "path", "") == "/home/user/Downloads" for turn in store.turns())


def test_a_log_whose_beginning_was_given_up_can_be_shared(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path / "data", retain_bytes=2000) as system:
        session = system.from_partition("persist:x")
        session.cookies.set(url="https://shop.example/", name="basket", value="apples-and-pears").get(PATIENCE_S)
        for number in range(100):
            session.set_user_agent(f"agent/{number}")
            if number % 10 == 0:
                session.snapshot().get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
        assert session.log.first_position > 1
        session.log.export_shareable(tmp_path / "log")
    assert b"apples" not in (tmp_path / "log").read_bytes()
    assert PartitionStore.verify_at(tmp_path / "log").ok
    assert replay(tmp_path / "log").agrees
    assert os.listdir(tmp_path) == ["data", "log"] or os.listdir(tmp_path) == ["log", "data"]
