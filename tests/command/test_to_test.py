"""``partita to-test`` and ``partita export --shareable``: what is taken out of a log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from partita.session import Session
from partita.store.partition import PartitionStore

from .conftest import PATIENCE_S, Command, Done, Kept, environment, some_history

SECRET = "s3cret-basket-of-apples"


def jar(session: Session) -> None:
    """Turn 2: a user agent; 3 to 5: a cookie, changed twice; 6: a download path in somebody's home."""
    session.set_user_agent("tester/1")
    for value in (SECRET, f"{SECRET}-and-pears", SECRET):
        session.cookies.set(url="https://shop.example/", name="basket", value=value).get(PATIENCE_S)
    session.set_download_path("/home/alice/Downloads")
    session.flush().get(PATIENCE_S)


def run_pytest(home: Path, file: Path) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:looptime_plugin", str(file)],
        capture_output=True,
        env=environment(home),
        cwd=file.parent,
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_the_file_that_is_written_passes_on_its_own(partita: Command, kept: Kept, home: Path, tmp_path: Path) -> None:
    folder = kept(jar)
    file = tmp_path / "alone" / "test_basket.py"
    file.parent.mkdir()
    done = partita("to-test", folder, "--from", 3, "--to", 6, "--out", file)
    assert (done.status, done.err) == (0, "")
    assert "4 turns" in done.out
    assert os.listdir(file.parent) == ["test_basket.py"]
    ran = run_pytest(home, file)
    assert ran.status == 0, ran.out
    assert "4 passed" in ran.out


def test_no_secret_no_user_and_no_path_of_the_machine_is_in_it(partita: Command, kept: Kept, tmp_path: Path) -> None:
    folder = kept(jar)
    file = tmp_path / "test_basket.py"
    told = partita("to-test", folder, "--from", 2, "--to", 6, "--out", file, "--json").json
    text = file.read_text("utf-8")
    assert "s3cret" not in text
    assert "alice" not in text
    assert str(tmp_path) not in text
    assert "/home/user/Downloads" in text
    assert told["secrets_replaced"] == 2
    assert told["left_out"] == told["diverging"] == []


def test_equal_secrets_have_equal_stand_ins(partita: Command, kept: Kept, home: Path, tmp_path: Path) -> None:
    folder = kept(jar)
    file = tmp_path / "test_basket.py"
    query = 'session.cookies.count == 1 and session.preferences.user_agent == "tester/1"'
    told = partita("to-test", folder, "--from", 3, "--to", 5, "--assert", query, "--out", file, "--json").json
    assert told["holds"] is True
    assert run_pytest(home, file).status == 0


def test_a_test_of_a_bug_fails_as_long_as_the_bug_is_there(
    partita: Command, kept: Kept, home: Path, tmp_path: Path
) -> None:
    folder = kept(jar)
    file = tmp_path / "test_basket.py"
    line = ("to-test", folder, "--from", 3, "--to", 5, "--expect-fixed", "--assert", "session.cookies.count == 2")
    done = partita(*line, "--out", file)
    assert done.status == 0
    assert "does not hold today" in done.out
    ran = run_pytest(home, file)
    assert ran.status == 1
    assert "1 failed, 1 passed" in ran.out


def test_a_rule_that_has_changed_since_is_told_and_fails_the_test(
    partita: Command, kept: Kept, home: Path, tmp_path: Path
) -> None:
    folder = kept(jar)
    file = tmp_path / "test_basket.py"
    assert partita("to-test", folder, "--from", 2, "--to", 2, "--out", file).status == 0
    edited = file.read_text("utf-8").replace(
        '["preferences.user_agent_set/1", "tester/1"', '["preferences.user_agent_set/1", "other/1"'
    )
    file.write_text(edited, "utf-8")
    ran = run_pytest(home, file)
    assert ran.status == 1
    assert "events[0].user_agent: 'other/1' was recorded, 'tester/1' is decided" in ran.out


def test_what_a_server_told_keeps_its_attributes(partita: Command, home: Path, tmp_path: Path, server: object) -> None:
    from servers.loopback import LoopbackServer, sends

    from partita.system import System

    assert isinstance(server, LoopbackServer)
    url = server.on("/login", sends(headers=[("Set-Cookie", f"sid={SECRET}; Path=/; Max-Age=600; HttpOnly")]))
    with System(data_dir=home, record="exchanges") as system:
        session = system.from_partition("persist:work")
        session.fetch(url).get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
    file = tmp_path / "test_login.py"
    told = partita("to-test", "persist:work", "--from", 1, "--to", 6, "--out", file, "--json").json
    assert told["left_out"] == told["diverging"] == []
    text = file.read_text("utf-8")
    assert SECRET not in text
    assert "; Path=/; Max-Age=600; HttpOnly" in text
    assert run_pytest(home, file).status == 0


def test_a_long_stretch_lies_in_a_file_beside_the_test(
    partita: Command, kept: Kept, home: Path, tmp_path: Path
) -> None:
    def many(session: Session) -> None:
        for number in range(300):
            session.set_user_agent(f"tester/{number} {'x' * 100}")
        session.flush().get(PATIENCE_S)

    folder = kept(many)
    file = tmp_path / "alone" / "test_many.py"
    file.parent.mkdir()
    told = partita("to-test", folder, "--from", 2, "--to", 301, "--out", file, "--json").json
    assert Path(told["beside"]).name == "test_many.stretch"
    assert sorted(os.listdir(file.parent)) == ["test_many.py", "test_many.stretch"]
    ran = run_pytest(home, file)
    assert "300 passed" in ran.out


def test_a_stretch_that_the_log_does_not_have_is_refused(partita: Command, kept: Kept) -> None:
    folder = kept(some_history)
    done = partita("to-test", folder, "--from", 3, "--to", 99)
    assert done.status == 2
    assert "goes from 1 to" in done.err
    done = partita("to-test", folder, "--from", 1, "--to", 2, "--assert", "session.")
    assert done.status == 2


def test_a_shareable_export_is_checked_and_can_be_looked_at(partita: Command, kept: Kept, tmp_path: Path) -> None:
    folder = kept(jar)
    file = tmp_path / "shared"
    done = partita("export", "--shareable", "--hide-users", folder, file)
    assert (done.status, done.err) == (0, "")
    assert "none is there" in done.out
    assert SECRET.encode() not in file.read_bytes()
    assert b"alice" not in file.read_bytes()
    assert partita("log", "verify", file).status == 0
    assert "•••" in partita("log", "show", file).out
    assert "(erased)" in partita("log", "show", "--reveal", file).out
    replayed = partita("replay", file, "--json")
    assert replayed.status == 0
    assert partita("log", "export", "--shareable", folder, tmp_path / "again").status == 0


def test_a_shareable_export_of_a_log_with_a_secret_in_clear_leaves_no_file(
    partita: Command, kept: Kept, tmp_path: Path
) -> None:
    def leaky(session: Session) -> None:
        jar(session)
        session.set_user_agent(f"agent/{SECRET}")
        session.flush().get(PATIENCE_S)

    folder = kept(leaky)
    done = partita("export", "--shareable", folder, tmp_path / "shared")
    assert done.status == 1
    assert "turn 7" in done.err
    assert SECRET not in done.err
    assert not (tmp_path / "shared").exists()
    with PartitionStore.read(folder) as store:
        assert store.position == 7
