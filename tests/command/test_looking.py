"""Looking at a partition from another process: partitions, log show, state, diff, replay, and what a bad question gets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, sends

from partita import __version__
from partita.command.planted_rule import changed_behaviors
from partita.command.reading import reading
from partita.events.cookies import CookiesReceived
from partita.session import Session
from partita.store.lmdb_environment import LmdbEnvironment
from partita.store.partition import PartitionStore
from partita.system import System

from .conftest import PATIENCE_S, ROOT, Command, Kept, environment, some_history


def test_partitions_are_listed_with_their_positions(partita: Command, home: Path) -> None:
    assert partita("partitions").status == 0
    with System(data_dir=home) as system:
        some_history(system.from_partition("persist:Work / home"))
        system.default_session.flush().get()
        system.from_partition("scratch").flush().get()
    found = partita("partitions", "--json").json["partitions"]
    assert [one["name"] for one in found] == ["", "persist:Work / home"]
    assert found[1]["position"] >= 5
    assert Path(found[1]["folder"]).is_dir()
    assert "persist:Work / home" in partita("partitions").out


def test_turns_are_shown_with_cause_message_and_events(partita: Command, kept: Kept) -> None:
    kept(some_history)
    turns = partita("log", "show", "persist:work", "--json").lines
    assert [turn["position"] for turn in turns] == list(range(1, len(turns) + 1))
    assert turns[0]["message"]["type"] == "system.recover/1"
    agent = next(turn for turn in turns if turn["message"]["type"] == "preferences.set_user_agent/1")
    assert agent["message"]["user_agent"] == "tester/1"
    assert agent["cause"]["type"] == "external"
    assert agent["events"][0]["type"] == "preferences.user_agent_set/1"
    assert agent["at"].endswith("Z")
    shown = partita("log", "show", "persist:work").out
    assert "preferences.set_user_agent(user_agent='tester/1')" in shown
    assert "· preferences.user_agent_set(" in shown
    assert "\x1b" not in shown


def test_turns_are_chosen_by_position_and_actor(
    partita: Command, kept: Kept, server: LoopbackServer, tmp_path: Path
) -> None:
    url = server.on("/film.bin", sends(b"x" * 1000))

    def download(session: Session) -> None:
        some_history(session)
        session.set_download_path(str(tmp_path))
        session.download_url(url).get().finished().get()

    kept(download)
    some = partita("log", "show", "persist:work", "--json", "--start", 2, "--stop", 3).lines
    assert [turn["position"] for turn in some] == [2, 3]
    session = partita("log", "show", "persist:work", "--json", "--actor", "session").lines
    assert {turn["actor"] for turn in session} == {"session"}
    downloads = partita("log", "show", "persist:work", "--json", "--actor", "download/").lines
    (actor,) = {turn["actor"] for turn in downloads}
    begun = partita("log", "show", "persist:work", "--json", "--actor", actor[:13]).lines
    assert begun == downloads
    everything = partita("log", "show", "persist:work", "--json").lines
    assert len(session) + len(downloads) == len(everything)


@pytest.mark.parametrize("arguments", [("log", "show"), ("state",), ("diff", 2, 99), ("replay",)])
def test_secrets_are_dots_in_every_form(partita: Command, kept: Kept, arguments: tuple[object, ...]) -> None:
    kept(some_history)
    command, rest = (arguments[:2], ()) if arguments[0] == "log" else (arguments[:1], arguments[1:])
    last = len(partita("log", "show", "persist:work", "--json").lines)
    rest = tuple(last if one == 99 else one for one in rest)
    for form in ((), ("--json",)):
        done = partita(*command, "persist:work", *rest, *form)
        assert done.status == 0
        assert "pears" not in done.out
        assert "apples" not in done.out


def test_secrets_are_shown_when_asked_for(partita: Command, kept: Kept) -> None:
    kept(some_history)
    assert "'apples'" in repr(partita("log", "show", "persist:work", "--json", "--reveal").lines)
    assert "pears" in partita("log", "show", "persist:work", "--reveal").out
    assert "pears" in partita("state", "persist:work", "--reveal").out


def test_state_is_that_of_the_position(partita: Command, kept: Kept) -> None:
    kept(some_history)
    turns = partita("log", "show", "persist:work", "--json").lines
    at = next(turn["position"] for turn in turns if turn["message"]["type"] == "preferences.set_user_agent/1")
    before = partita("state", "persist:work", "--at", at - 1, "--json").json
    after = partita("state", "persist:work", "--at", at, "--json").json
    assert (before["position"], after["position"]) == (at - 1, at)
    assert before["actors"]["session"]["preferences"]["user_agent"] is None
    assert after["actors"]["session"]["preferences"]["user_agent"] == "tester/1"
    assert partita("state", "persist:work", "--at", 0, "--json").json["actors"] == {}
    tree = partita("state", "persist:work").out
    assert "user_agent = 'tester/1'" in tree
    assert "download_path = '/tmp/somewhere'" in tree


def test_diff_names_each_field_that_differs(partita: Command, kept: Kept) -> None:
    kept(some_history)
    turns = partita("log", "show", "persist:work", "--json").lines
    last = turns[-1]["position"]
    found = partita("diff", "persist:work", last - 1, last, "--json").json
    assert (found["left"], found["right"]) == (last - 1, last)
    assert found["differences"] == [
        {"path": "session.preferences.download_path", "left": None, "right": "/tmp/somewhere"}
    ]
    table = partita("diff", "persist:work", last - 1, last).out
    assert "session.preferences.download_path" in table
    assert "nothing differs" in partita("diff", "persist:work", last, last).out


def test_replay_agrees_with_what_todays_code_did(partita: Command, kept: Kept) -> None:
    kept(some_history)
    done = partita("replay", "persist:work", "--json")
    assert (done.status, done.json["divergences"]) == (0, [])
    assert done.json["turns"] >= 5
    assert "0 divergences" in partita("replay", "persist:work").out


def test_replay_shows_a_divergence_side_by_side(partita: Command, home: Path, server: LoopbackServer) -> None:
    """A log that was written by other rules than today's."""
    with System(data_dir=home) as system:
        system._behaviors = changed_behaviors()
        session = system.from_partition("persist:work")
        session.fetch(server.on("/", sends(b"", headers=[("Set-Cookie", "id=7; Max-Age=900")]))).get()
        session.flush().get()
    done = partita("replay", "persist:work")
    assert (done.status, done.err) == (1, "")
    assert "1 divergence" in done.out
    assert "events[0].cookie.same_site  'strict'  'unspecified'" in done.out
    assert "partita.actors.cookies.behavior." in done.out
    assert "behavior.py:" in done.out
    assert "turn before" in done.out
    assert "state before" in done.out
    (divergence,) = partita("replay", "persist:work", "--json").json["divergences"]
    assert divergence["turn"]["message"]["type"] == CookiesReceived.__struct_config__.tag
    assert divergence["differences"][0] == {
        "path": "events[0].cookie.same_site",
        "left": "strict",
        "right": "unspecified",
    }
    assert divergence["turn_before"]["position"] == divergence["position"] - 1


def test_the_default_session_is_the_empty_name_and_need_not_be_said(partita: Command, home: Path) -> None:
    with System(data_dir=home) as system:
        some_history(system.default_session)
    assert partita("log", "show", "", "--json").out == partita("log", "show", "--json").out != ""


def test_a_partition_can_be_looked_at_while_another_process_has_it_open(partita: Command, system: System) -> None:
    session = system.from_partition("persist:work")
    some_history(session)
    assert partita("state", "persist:work", "--json").json["position"] == session.log.position
    done = partita("fetch", "http://127.0.0.1:1/", "-p", "persist:work")
    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert str(os.getpid()) in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("log", "show", "persist:nowhere"),
        ("log", "tail", "persist:nowhere"),
        ("log", "verify", "persist:nowhere"),
        ("state", "work"),
        ("state", "./nowhere"),
        ("downloads", "persist:no\nwhere"),
        ("log", "show", "persist:" + "x" * 10_000),
        ("state", "persist:work", "--at", 999),
        ("diff", "persist:work", 1, 999),
        ("fetch", "http://127.0.0.1/", "-H", "nocolon"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line_and_status_2(
    partita: Command, kept: Kept, arguments: tuple[object, ...]
) -> None:
    kept(some_history)
    done = partita(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("partita: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("nonsense",), ("diff", "persist:work"), ("state", "--at", "x"), ("log",)])
def test_wrong_arguments_are_status_2(partita: Command, arguments: tuple[str, ...]) -> None:
    assert partita(*arguments).status == 2


def test_a_reader_that_goes_away_ends_it_quietly(partita: Command, kept: Kept) -> None:
    def much(session: Session) -> None:
        for number in range(2000):
            session.set_user_agent(f"tester/{number}")

    kept(much)
    process = partita.begin("log", "show", "persist:work", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["position"] == 1
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 0
    assert process.stderr.read() == b""


def test_tail_follows_a_writing_process_without_a_gap(partita: Command, system: System) -> None:
    session = system.from_partition("persist:work")
    some_history(session)
    process = partita.begin("log", "tail", "persist:work", "--start", 1, "--json")
    assert process.stdout is not None
    positions = [json.loads(process.stdout.readline())["position"]]
    for number in range(300):
        session.set_user_agent(f"tester/{number}")
        if number % 50 == 0:
            session.flush().get()
    session.flush().get()
    last = session.log.position
    while positions[-1] < last:
        positions.append(json.loads(process.stdout.readline())["position"])
    assert positions == list(range(1, last + 1))
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_S)[1] == b""
    assert process.returncode == 130


def test_a_ctrl_c_in_the_middle_of_a_transaction_ends_a_command_at_once(home: Path, kept: Kept) -> None:
    kept(some_history)
    opened: list[PartitionStore] = []
    with pytest.raises(KeyboardInterrupt), reading("persist:work", home) as store:
        opened.append(store)
        environment = LmdbEnvironment(home / "Partitions" / "work", read_only=True)
        transaction = environment.begin()
        environment.close()  # the last to close it is who reads
        raise KeyboardInterrupt
    transaction.abort()
    opened[0].close()


def test_tail_begins_with_the_last_turns(partita: Command, system: System) -> None:
    session = system.from_partition("persist:work")
    for number in range(40):
        session.set_user_agent(f"tester/{number}")
    session.flush().get()
    process = partita.begin("log", "tail", "persist:work")
    assert process.stdout is not None
    heading, first = process.stdout.readline(), process.stdout.readline()
    assert b"message" in heading
    assert int(first.split()[0]) == session.log.position - 9


def test_the_module_and_the_command_are_one(home: Path) -> None:
    """``partita`` as pyproject declares it, and ``python -m partita``."""
    code = "import sys; sys.argv = ['partita', '--help']; from partita.command import main; main()"
    texts = [
        subprocess.run(
            [sys.executable, *how],
            capture_output=True,
            text=True,
            env=environment(home),
            cwd=ROOT,
            check=True,
            timeout=PATIENCE_S,
        ).stdout
        for how in (["-c", code], ["-m", "partita", "--help"])
    ]
    assert texts[0] == texts[1]
    for name in ("tour", "fetch", "download", "downloads", "partitions", "log", "state", "diff", "replay"):
        assert f"\n  {name} " in texts[0]


def test_the_version_is_told(partita: Command) -> None:
    assert partita("--version") == (0, f"partita {__version__}\n", "")
