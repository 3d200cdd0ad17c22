"""``partita debug`` and ``log show --where``: scripts of commands, secrets, errors, pdb, a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from partita.command.debug_shell import split
from partita.session import Session
from partita.store.codec import Codec
from partita.system import System

from .conftest import PATIENCE_S, Command, Kept, environment, some_history

SECRETS = ("apples", "pears")


def test_commands_run_one_after_the_other_and_print_what_they_find(partita: Command, kept: Kept) -> None:
    kept(some_history)
    done = partita("debug", "persist:work", "-c", "jump 2; why", "-c", "blame session.preferences.user_agent")
    assert done.status == 0, done.err
    assert "turn 2 of session" in done.out
    assert "session.preferences.user_agent  None    'tester/1'" in done.out
    assert "because of api call" in done.out
    assert "from outside" in done.out
    assert "session.preferences.user_agent was changed by turn 2" in done.out
    assert "\x1b" not in done.out


def test_every_command_has_a_form_for_programs(partita: Command, kept: Kept) -> None:
    kept(some_history)
    script = (
        "jump 1; step; back; step 3; when event is DownloadPathSet; back when event is CookieStored; show 2; list 4; state;"
        " state session.cookies['basket']; diff; diff 2; diff 2 4; why; blame session.cookies['basket'].value;"
        " eval session.cookies.count; eval list event is CookieStored; eval first event is CookieStored;"
        " eval last event is CookieStored; eval count event is CookieStored; eval now cookie.name; print position"
    )
    done = partita("debug", "persist:work", "--json", "-c", script)
    assert done.status == 0, done.err
    lines = done.lines
    assert [line["command"] for line in lines][:6] == ["jump", "step", "back", "step", "when", "back"]
    assert [line["position"] for line in lines][:6] == [1, 2, 1, 4, 5, 4]
    by_command = {line["command"]: line for line in lines}
    assert by_command["blame"]["turn"]["position"] == 4
    assert by_command["blame"]["path"].startswith("session.cookies.stems['shop.example']")
    assert by_command["why"]["outside"]["kind"] == "api"
    assert by_command["print"]["values"] == [4]
    evaluated = [line for line in lines if line["command"] == "eval"]
    assert evaluated[0]["values"] == [{"position": 1, "value": 0}, {"position": 3, "value": 1}]
    assert [turn["position"] for turn in evaluated[1]["turns"]] == [3, 4]
    assert [turn["position"] for turn in (*evaluated[2]["turns"], *evaluated[3]["turns"])] == [3, 4]
    assert evaluated[4]["count"] == 2
    assert by_command["diff"]["differences"]
    assert len(lines) == len(split(script))


def test_secrets_are_dots_in_all_of_it_and_shown_when_asked_for(partita: Command, kept: Kept) -> None:
    kept(some_history)
    script = (
        "jump 4; show; list; state; state session.cookies['basket']; diff; why; blame session.cookies['basket'];"
        " eval cookie.value; eval cookie; eval message; print state; print str(event); eval [cookie.value.upper()]"
    )
    for form in ((), ("--json",)):
        hidden = partita("debug", "persist:work", *form, "-c", script)
        assert hidden.status == 0, hidden.err
        for secret in SECRETS:
            assert secret not in hidden.out.lower() + hidden.err.lower()
        shown = partita("debug", "persist:work", "--reveal", *form, "-c", script)
        assert all(secret in shown.out for secret in SECRETS)
    compared = partita("debug", "persist:work", "-c", "eval list cookie.value == 'pears'", "--json").lines
    assert [turn["position"] for turn in compared[0]["turns"]] == [4]


def test_from_the_last_turn_a_search_begins_at_the_first(partita: Command, kept: Kept) -> None:
    kept(some_history)
    done = partita("debug", "persist:work", "-c", 'when event is CookieStored and cookie.name == "basket"')
    assert done.status == 0
    assert "turn 3 of session" in done.out


def test_what_is_not_found_is_exit_status_1_and_the_rest_is_still_done(partita: Command, kept: Kept) -> None:
    kept(some_history)
    done = partita(
        "debug", "persist:work", "-c", "jump 2; when event is CookieRemoved and cookie.name == 'x'; print position"
    )
    assert done.status == 1
    assert "no turn after 2" in done.out
    assert done.out.splitlines()[-1] == "2"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("when event is CookieStord", "did you mean CookieStored"),
        ("when position >", "does not parse at column"),
        ("eval position + 'x'", "at turn 1 the query raised at column 1"),
        ("jump 99", "no position 99"),
        ("jump x", "'x' is no position"),
        ("step 0", "counted from 1"),
        ("stap", "did you mean step"),
        ("blame", "blame PATH"),
        ("blame session.nothing", "nothing has ever stood"),
        ("why 0", "the first one is 1"),
        ("diff 1 2 3", "diff [N [M]]"),
        ("help stap", "did you mean step"),
        ("eval", "a query is an expression"),
    ],
)
def test_a_wrong_command_is_told_on_stderr_with_exit_status_2(
    partita: Command, kept: Kept, script: str, says: str
) -> None:
    kept(some_history)
    done = partita("debug", "persist:work", "-c", f"print position; {script}")
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.err
    assert done.out.splitlines()[0] != ""


def test_values_before_an_expression_raises_are_printed(partita: Command, kept: Kept) -> None:
    kept(some_history)
    done = partita("debug", "persist:work", "-c", "eval 10 // (4 - position)")
    assert done.status == 2
    assert [line.split() for line in done.out.splitlines()[1:]] == [["1", "3"], ["2", "5"], ["3", "10"]]
    assert "at turn 4" in done.err


def test_commands_come_from_standard_input_where_it_is_no_terminal(partita: Command, kept: Kept) -> None:
    kept(some_history)
    done = partita("debug", "persist:work", stdin=b"# a script\njump 2\n\nprint position\nhelp\nquit\nprint 1\n")
    assert done.status == 0
    assert "\n2\n" in done.out
    assert "blame PATH" in done.out
    assert done.out.rstrip().splitlines()[-1] != "1"


def test_pdb_stops_inside_the_decide_call_and_the_decision_is_compared(partita: Command, kept: Kept) -> None:
    kept(some_history)
    script = b"pdb 3\np message.name\np type(state).__name__\np message.value\nc\npdb 3\nq\nprint position\npdb 1\n"
    done = partita("debug", "persist:work", stdin=script)
    assert done.status == 0, done.err
    assert "behavior.py" in done.out
    assert "set_cookie()" in done.out
    assert "'basket'" in done.out
    assert "'CookiesState'" in done.out
    assert "apples" not in done.out
    assert "decided as turn 3 was" in done.out
    assert "left before it had decided" in done.out


def test_the_filter_of_the_log_is_the_same_language(partita: Command, kept: Kept) -> None:
    kept(some_history)

    def positions(where: str, *more: object) -> list[int]:
        done = partita("log", "show", "persist:work", "--json", "--where", where, *more)
        assert done.status == 0, done.err
        return [turn["position"] for turn in done.lines]

    assert positions('event is CookieStored and cookie.name == "basket"') == [3, 4]
    assert positions("session.cookies.count == 1") == [3, 4, 5]
    assert positions("session.cookies.count == 1", "--start", 4, "--stop", 4) == [4]
    assert positions("position > 0", "--actor", "download/") == []
    assert positions("position < 3", "--actor", "session") == [1, 2]
    failing = partita("log", "show", "persist:work", "--where", "1 // (3 - position) > 0")
    assert failing.status == 2
    assert "set_user_agent" in failing.out
    assert "at turn 3" in failing.err
    assert partita("log", "show", "persist:work", "--where", "cokie").status == 2


def test_the_tail_is_filtered_as_it_grows(partita: Command, home: Path) -> None:
    with System(data_dir=home) as system:
        session = system.from_partition("persist:work")
        some_history(session)
        tail = partita.begin(
            "log", "tail", "persist:work", "--json", "--start", 1, "--where", "session.cookies.count == 2"
        )
        session.cookies.set(url="https://shop.example/", name="second", value="v").get()
        assert tail.stdout is not None
        assert msgspec.json.decode(tail.stdout.readline())["message"]["name"] == "second"


def test_a_log_of_another_version_is_refused_by_the_name_of_its_type(
    partita: Command, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = Codec.batch

    def from_the_future(self: Codec, turns: object, previous: bytes) -> tuple[bytearray, bytes]:
        class Newer(msgspec.Struct, frozen=True, array_like=True, tag="preferences.set_theme/7"):
            theme: str

        changed = [
            msgspec.structs.replace(turn, message=Newer("dark"))
            if type(turn.message).__name__ == "SetUserAgent"
            else turn
            for turn in turns  # type: ignore[attr-defined]
        ]
        return encode(self, changed, previous)

    monkeypatch.setattr(Codec, "batch", from_the_future)
    kept(some_history)
    done = partita("debug", "persist:work", "-c", "jump 2")
    assert done.status == 1
    assert "preferences.set_theme/7" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("jump 2; why", ["jump 2", "why"]),
        ("print ';' ; why", ["print ';'", "why"]),
        ('when actor == "a;\\";b"; back', ['when actor == "a;\\";b"', "back"]),
        (" ; ;", []),
    ],
)
def test_commands_are_divided_outside_of_quotes_only(line: str, pieces: list[str]) -> None:
    assert split(line) == pieces


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_in_a_terminal_the_prompt_says_where_one_is_and_an_empty_line_steps_on(home: Path, kept: Kept) -> None:
    kept(some_history)
    import pty

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "partita", "debug", "persist:work"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**environment(home), "TERM": "dumb", "COLUMNS": "150"},
        close_fds=True,
    )
    os.close(follower)
    os.write(leader, b"jump 2\nback\n\nstap\nprint position\nquit\n")
    said = b""
    try:
        while True:
            said += os.read(leader, 4096)
    except OSError:  # the other end is closed: it has ended
        pass
    assert process.wait(PATIENCE_S) == 0
    os.close(leader)
    text = said.decode()
    assert "[5/5] session" in text or "[6/6] session" in text
    assert "[2/" in text
    assert "before the first turn" in text
    assert "there is no command 'stap'" in text


def test_history_that_begins_later_says_so(partita: Command, home: Path) -> None:
    with System(data_dir=home, retain_bytes=60_000) as system:
        session: Session = system.from_partition("persist:work")
        for number in range(300):
            session.cookies.set(
                url="https://shop.example/", name=f"n{number % 3}", value="v" * 500, expiration_date=4e9
            )
            if number % 50 == 49:
                session.flush().get()
                session.snapshot().get()
    done = partita("debug", "persist:work", "-c", "back 9999; back; blame session.cookies.count")
    assert done.status == 1
    assert "history starts here" in done.out
    assert "where history starts" in done.out
    asked = partita("debug", "persist:work", "-c", "jump 1")
    assert asked.status == 2
    assert "history starts at" in asked.err
