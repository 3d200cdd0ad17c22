"""``session.at(n)``, ``session.fork(name, at=n)``, snapshots: the past, looked at and branched off."""

from __future__ import annotations

from pathlib import Path

import pytest

import partita
from partita.actors.kernel.fold import fold
from partita.actors.session.behavior import BEHAVIORS
from partita.errors import InvalidPartitionName, InvalidPosition

URL = "https://shop.example/"


def values(session: partita.Session | object) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in session.cookies.get().get()}  # type: ignore[attr-defined]


def test_every_position_shows_the_session_as_it_was(session: partita.Session) -> None:
    assert session.log.position == 7
    jars = [values(session.at(position)) for position in range(8)]
    assert jars == [
        {},
        {},
        {"a": "a1"},
        {"a": "a1", "b": "b1"},
        {"a": "a1", "b": "b1", "c": "c1"},
        {"a": "a1", "b": "b1", "c": "c1"},
        {"b": "b1", "c": "c1", "a": "a2"},
        {"c": "c1", "a": "a2"},
    ]
    assert session.at(4).get_user_agent() != "shop/1.0"
    assert session.at(5).get_user_agent() == "shop/1.0"
    assert session.at(3).get_storage_path() == session.storage_path
    assert session.at(3).is_persistent()


@pytest.mark.parametrize("position", [-1, 8, 10**9])
def test_a_position_that_the_log_has_not_is_refused_and_told_what_there_is(
    session: partita.Session, position: int
) -> None:
    with pytest.raises(InvalidPosition, match="from 1 to 7"):
        session.at(position)
    with pytest.raises(InvalidPosition, match="from 1 to 7"):
        session.fork("persist:x", at=position)


def test_a_snapshot_changes_nothing_that_is_seen(session: partita.Session) -> None:
    before = values(session.at(6))
    assert session.snapshot().get() == 7
    session.cookies.set(url=URL, name="d", value="d1", expiration_date=4e9).get()
    assert values(session.at(6)) == before
    assert values(session.at(8)) == {"c": "c1", "a": "a2", "d": "d1"}
    store = session._partition.store
    assert store.newest_snapshot() is not None
    assert fold(store, BEHAVIORS).images["session"][0] == session._state


@pytest.mark.parametrize("name", ["persist:branch", "branch"])
def test_a_fork_has_the_past_and_a_future_of_its_own(
    system: partita.System, session: partita.Session, name: str, tmp_path: Path
) -> None:
    branch = system.from_partition("persist:history").fork(name, at=4)
    assert system.from_partition(name) is branch
    assert values(branch) == {"a": "a1", "b": "b1", "c": "c1"}
    branch.cookies.remove(URL, "c").get()
    assert values(session) == {"c": "c1", "a": "a2"}
    parent = branch._partition.store.parent
    assert parent is not None
    assert (parent.name, parent.position) == ("history", 4)
    assert not branch.log.verify().damage
    first = [turn.message for turn in branch.log.turns()][:4]
    assert first == [turn.message for turn in session.log.turns()][:4]
    if name.startswith("persist:"):
        branch.close()
        assert values(system.from_partition(name)) == {"a": "a1", "b": "b1"}


def test_a_fork_never_writes_over_what_is_there(system: partita.System, session: partita.Session) -> None:
    system.from_partition("persist:taken").cookies.set(url=URL, name="mine", expiration_date=4e9, value="1").get()
    with pytest.raises(InvalidPartitionName, match="choose another name"):
        session.fork("persist:taken")
    system.from_partition("persist:taken").close()
    with pytest.raises(InvalidPartitionName, match="choose another name"):
        session.fork("persist:taken")
    assert values(system.from_partition("persist:taken")) == {"mine": "1"}


def test_snapshots_are_taken_by_themselves_and_an_opening_uses_them(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path, snapshot_every_turns=10) as system:
        session = system.from_partition("persist:much")
        for number in range(35):
            session.cookies.set(url=URL, name=f"n{number}", value="v", expiration_date=4e9)
        session.flush().get()
        newest = session._partition.store.newest_snapshot()
        assert newest is not None
        assert newest.position >= 30
        jar = values(session)
    with partita.System(data_dir=tmp_path) as system:
        assert values(system.from_partition("persist:much")) == jar
