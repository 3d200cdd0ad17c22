"""The debugger as a library: moving, why, blame, values over time, the decide call of a turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from servers.loopback import LoopbackServer, sends

import partita
from partita.actors.kernel.behavior import Behavior
from partita.actors.replay.debugger import Debugger
from partita.actors.replay.divergence import Difference
from partita.actors.replay.paths import MISSING
from partita.actors.session.behavior import BEHAVIORS
from partita.errors import HistoryTrimmed, InvalidPosition, InvalidQuery, QueryFailed
from partita.events.preferences import SetDownloadPath, SetUserAgent
from partita.events.turn import External

URL = "https://shop.example/"


@pytest.fixture
def log(session: partita.Session) -> Iterator[Debugger]:
    with partita.debug(str(session.storage_path)) as opened:
        yield opened


def test_it_begins_at_the_last_turn_and_moves_within_the_log(log: Debugger) -> None:
    assert (log.begin, log.position, log.last) == (0, 7, 7)
    assert log.back() == 1
    assert log.back(100) == 6
    assert log.turn is None
    assert log.back() == 0
    assert log.forward(3) == 3
    assert log.turn is not None
    assert log.turn.position == 3
    log.jump(5)
    assert log.forward(100) == 2
    with pytest.raises(InvalidPosition):
        log.jump(8)
    assert log.position == 7


def test_it_runs_to_conditions_in_both_directions_and_stays_where_there_is_none(log: Debugger) -> None:
    log.jump(0)
    assert log.when('event is CookieStored and cookie.name == "a"')
    assert log.position == 2
    assert log.when('event is CookieStored and cookie.name == "a"')
    assert log.position == 6
    assert not log.when("event is CookieStored")
    assert log.position == 6
    assert log.when("event is CookieStored", backward=True)
    assert log.position == 4
    assert log.when("session.cookies.count == 1", backward=True)
    assert log.position == 2
    assert not log.when("session.cookies.count == 9", backward=True)
    assert log.position == 2


def test_a_condition_that_raises_names_the_turn_and_moves_nowhere(log: Debugger) -> None:
    log.jump(2)
    with pytest.raises(QueryFailed, match="turn 5"):
        log.when("1 // (position - 5) > 9")
    assert log.position == 2
    log.jump(7)
    with pytest.raises(QueryFailed, match="turn 5"):
        log.when("1 // (position - 5) > 9", backward=True)
    assert log.position == 7
    assert log.when("1 // (position - 5) == 1", backward=True)  # found before it would raise
    assert log.position == 6


def test_each_turn_shows_what_it_changed(log: Debugger) -> None:
    assert log.changes(5) == [Difference("session.preferences.user_agent", None, "shop/1.0")]
    assert {change.path for change in log.changes(7)} == {
        "session.cookies.stems['shop.example']['b\\nshop.example\\n/\\n']",
        "session.cookies.count",
    }
    assert log.changes(0) == []
    assert log.changes(1) == []  # an opening of a new partition changes nothing
    assert log.between(4, 4) == []


def test_blame_finds_the_turn_that_last_changed_a_path(log: Debugger) -> None:
    for path, turn in (
        ("session.preferences.user_agent", 5),
        ("preferences.user_agent", 5),
        ("session.preferences", 5),
        ("session", 7),
        ("session.cookies.count", 7),
        ("session.cookies['a']", 6),
        ("session.cookies['a'].value", 6),
        ("session.cookies['c'].value", 4),
        ("session.cookies['shop.example']", 7),
        ("state.cookies.count", 7),  # that of the turn's own actor, which is the session's
    ):
        found = log.blame(path)
        assert found.turn is not None, path
        assert found.turn.position == turn, path
    log.jump(5)
    earlier = log.blame("session.cookies['a']")
    assert earlier.turn is not None
    assert earlier.turn.position == 2
    assert earlier.before is MISSING
    assert earlier.path == "session.cookies.stems['shop.example']['a\\nshop.example\\n/\\n']"


def test_blame_finds_who_took_away_what_is_there_no_more(log: Debugger) -> None:
    found = log.blame("session.cookies['b']")
    assert found.turn is not None
    assert found.turn.position == 7
    assert found.after is MISSING


def test_blame_of_what_never_changed_says_so(log: Debugger) -> None:
    found = log.blame("session.preferences.accept_languages")
    assert found.turn is None
    assert found.after is None


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("session.preferences.user_agnt", "nothing has ever stood.*user_agent, accept_languages"),
        ("session.cookies['zzz']", "nothing has ever stood"),
        ("download/ab12.phase", "no actor's name begins with 'download/ab12'"),
        ("session.cookies[", "is no path"),
        ("session.cookies[0 + 1]", "is no path"),
        ("session.__class__", "is no path"),
        ("session.cookies.get('a')", "is no path"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_with_what_there_is(log: Debugger, path: str, says: str) -> None:
    with pytest.raises(InvalidQuery, match=says):
        log.blame(path)


def test_values_over_time_leave_out_repetitions(log: Debugger) -> None:
    assert list(log.values("session.cookies.count")) == [(1, 0), (2, 1), (3, 2), (4, 3), (7, 2)]
    assert list(log.values("cookie.name"))[:3] == [(2, "a"), (3, "b"), (4, "c")]
    log.jump(3)
    assert list(log.values("session.cookies.count")) == [(1, 0), (2, 1), (3, 2)]
    assert [turn.position for turn in log.holding("event is CookieStored")] == [2, 3]


def test_values_before_the_turn_at_which_an_expression_raises_are_given(log: Debugger) -> None:
    seen = []
    with pytest.raises(QueryFailed, match="turn 4"):
        for position, _ in log.values("1 // (4 - position)"):
            seen.append(position)
    assert seen == [1, 3]  # 0, 0, 1


def test_why_leads_from_a_download_to_the_call_from_outside(system: partita.System, tmp_path: Path) -> None:
    session = system.from_partition("persist:loads")
    with LoopbackServer() as server:
        url = server.on("/film.bin", sends(b"x" * 1000))
        session.set_download_path(str(tmp_path))
        item = session.download_url(url).get()
        item.finished().get()
    session.flush().get()
    with partita.debug(str(session.storage_path)) as log:
        assert log.when("event is DownloadCompleted", backward=True) or log.evaluate("event is DownloadCompleted") == [
            True
        ]
        chain = log.why()
        assert chain.turns[0].position == log.position
        assert [type(turn.message).__name__ for turn in chain.turns][-2:] == ["StartDownload", "BeginDownload"]
        assert isinstance(chain.outside, External)
        assert chain.outside.kind == "api"
        log.jump(log.last)
        log.when("event is DownloadCompleted", backward=True)
        here = log.blame("state.phase")
        assert here.path == f"download/{item.id}.phase"
        assert (here.before, here.after) == ("receiving", "completed")
        log.jump(log.last)
        begin = item.id[:6]
        phase = log.blame(f"download/{begin}.phase")
        assert phase.turn is not None
        assert phase.path == f"download/{item.id}.phase"
        assert (phase.before, phase.after) == ("receiving", "completed")
        assert log.evaluate(f"actors['download/{begin}'].phase") == ["completed"]


def test_the_decide_call_of_a_turn_can_be_made_again(log: Debugger) -> None:
    deciding = log.deciding(5)
    decision = deciding.decide()
    assert decision is not None
    assert decision.events == deciding.turn.events
    assert deciding.function is not None
    assert deciding.function.__name__ == "set_user_agent"
    assert isinstance(deciding.state, msgspec.Struct)
    again = deciding.decide()
    assert again == decision


def test_a_log_that_was_exported_without_its_keys_can_be_walked_and_blamed(
    session: partita.Session, tmp_path: Path
) -> None:
    session.log.export(tmp_path / "log")
    with partita.debug(tmp_path / "log") as log:
        assert log.changes(6)[0].path.endswith(".value")
        found = log.blame("session.cookies['a'].value")
        assert found.turn is not None
        assert found.turn.position == 6
        assert len(list(log.values("cookie.value"))) == 6


def trimmed(system: partita.System) -> Path:
    """A log that retention has cut: what is left begins behind a snapshot."""
    session = system.from_partition("persist:trimmed")
    for number in range(300):
        session.cookies.set(url=URL, name=f"n{number % 3}", value="v" * 500, expiration_date=4e9)
        if number % 50 == 49:
            session.flush().get()
            session.snapshot().get()
    session.set_user_agent("late/1")
    session.flush().get()
    return Path(str(session.storage_path))


def test_where_history_was_given_up_it_says_where_it_starts(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path, retain_bytes=60_000) as system:
        folder = trimmed(system)
    with partita.debug(folder) as log:
        assert log.begin > 0
        with pytest.raises(InvalidPosition, match=f"history starts at {log.begin + 1}"):
            log.jump(log.begin - 1)
        assert log.back(10_000) > 0
        assert log.position == log.begin
        assert log.turn is None
        assert log.states["session"].cookies.count == 3  # type: ignore[attr-defined]
        assert log.forward() == 1
        log.jump(log.last)
        never = log.blame("session.cookies.count")
        assert never.turn is None
        with pytest.raises(HistoryTrimmed):
            log.store.turns(1)


def test_through_hides_what_comes_after(session: partita.Session) -> None:
    with partita.debug(str(session.storage_path), through=4) as log:
        assert log.last == 4
        assert log.blame("session.cookies['a']").turn.position == 2  # type: ignore[union-attr]


def test_an_actor_without_a_rule_for_a_message_is_told_from_one_with(tmp_path: Path) -> None:
    from toys.counting import BEHAVIORS as TOYS
    from toys.counting import partition

    from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher

    kernel = SimulatedDispatcher(1)
    toy = partition(kernel)
    toy.ask(SetDownloadPath("/a")).get()
    toy.ask(SetUserAgent("3"), to="worker/001").get()
    toy.flush().get()
    log = Debugger(toy.store, TOYS)
    assert log.deciding(1).function is None  # system.recover: the kernel's own
    assert log.deciding(2).function is not None
    assert [type(turn.message).__name__ for turn in log.why(log.last).turns] == ["SetUserAgent"] * 4
    assert log.evaluate("actors['worker/001'].download_path") == ["3"]
    toy.close()
    kernel.close()


def test_actors_of_other_kinds_than_the_log_knows_are_refused_by_name(log: Debugger) -> None:
    only: dict[str, Behavior[Any]] = {"download": BEHAVIORS["download"]}
    with pytest.raises(partita.PartitaError, match="'session'"):
        Debugger(log.store, only).changes(2)
