"""Re-decide: the same code agrees with its own log; changed code is found, field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import partita
from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.replay.divergence import Difference, differences
from partita.actors.replay.redecide import redecide
from partita.actors.session.behavior import BEHAVIORS
from partita.errors import KeyMissing
from partita.events.cookies import RemoveCookies
from partita.events.preferences import SetUserAgent, UserAgentSet
from partita.events.session import SessionState
from partita.store.partition import PartitionStore

URL = "https://shop.example/"


def shouting(state: SessionState, message: SetUserAgent, ctx: Context) -> Decision:
    """A changed rule: it writes the user agent in capitals."""
    return Decision((UserAgentSet(message.user_agent.upper(), message.accept_languages),))


def broken(state: SessionState, message: RemoveCookies, ctx: Context) -> Decision:
    raise KeyError("today's defect")


def changed(**rows: Any) -> dict[str, Behavior[Any]]:
    session = BEHAVIORS["session"]
    types = {"set_user_agent": SetUserAgent, "remove": RemoveCookies}
    decide = {**session.decide, **{types[name]: row for name, row in rows.items()}}
    return {**BEHAVIORS, "session": msgspec.structs.replace(session, decide=decide)}


def test_the_same_code_agrees_with_its_own_log(session: partita.Session) -> None:
    path = str(session.storage_path)
    report = partita.replay(path)
    assert report.agrees
    assert (report.first, report.last, report.turns, report.skipped) == (1, 7, 7, ())


def test_a_changed_rule_is_found_and_shown_with_its_function_and_what_was_before(session: partita.Session) -> None:
    report = redecide(PartitionStore.read(str(session.storage_path)), changed(set_user_agent=shouting))
    (found,) = report.divergences
    assert found.position == 5
    assert found.differences == (Difference("events[0].user_agent", "shop/1.0", "SHOP/1.0"),)
    assert found.function.startswith(f"{__name__}.shouting")
    assert "test_redecide.py" in found.function
    assert found.turn_before is not None
    assert found.turn_before.position == 4
    assert isinstance(found.state_before, SessionState)
    assert found.state_before.preferences.user_agent is None
    assert not report.agrees


def test_a_rule_that_raises_now_is_a_divergence_and_the_rest_is_still_judged(session: partita.Session) -> None:
    rules = changed(set_user_agent=shouting, remove=broken)
    store = PartitionStore.read(str(session.storage_path))
    report = redecide(store, rules)
    assert [found.position for found in report.divergences] == [5, 7]
    assert report.divergences[1].raised == 'KeyError: "today\'s defect"'
    assert report.turns == 7
    assert [found.position for found in redecide(store, rules, limit=1).divergences] == [5]
    assert redecide(store, rules, start=6, stop=6).agrees


def test_a_failed_turn_agrees_when_it_fails_in_the_same_way(system: partita.System) -> None:
    from toys.counting import BEHAVIORS as TOYS
    from toys.counting import CRASH, partition

    from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
    from partita.events.preferences import SetDownloadPath

    kernel = SimulatedDispatcher(1)
    toy = partition(kernel)
    with pytest.raises(ZeroDivisionError):
        toy.ask(SetDownloadPath(CRASH)).get()
    assert redecide(toy.store, TOYS).agrees
    mended = {
        **TOYS,
        "session": msgspec.structs.replace(TOYS["session"], decide={SetDownloadPath: lambda s, m, c: Decision()}),
    }
    (found,) = redecide(toy.store, mended).divergences
    assert found.position == 2
    toy.close()
    kernel.close()


def test_differences_name_the_path_of_each_leaf() -> None:
    left = (UserAgentSet("a", None), {"x": [1, 2], "only": 1})
    right = (UserAgentSet("b", None), {"x": [1, 3, 4]})
    assert list(differences(left, right)) == [
        Difference("[0].user_agent", "a", "b"),
        Difference("[1]['x'][1]", 2, 3),
        Difference("[1]['x'][2]", "(absent)", 4),
        Difference("[1]['only']", 1, "(absent)"),
    ]
    assert list(differences(left, left)) == []


def test_a_turn_whose_secrets_were_erased_is_skipped_and_the_rest_is_judged(session: partita.Session) -> None:
    store = session._partition.store
    store.erase_key(store.keyring.current)
    session.close()
    report = partita.replay(str(session.storage_path))
    assert report.agrees
    assert set(report.skipped) >= {2, 3, 4}
    assert 5 not in report.skipped


def test_a_log_without_its_keys_is_not_judged(session: partita.Session, tmp_path: Path) -> None:
    session.log.export(tmp_path / "log")
    with pytest.raises(KeyMissing):
        partita.replay(tmp_path / "log")
    session.log.export(tmp_path / "with-keys", include_keys=True)
    assert partita.replay(tmp_path / "with-keys").agrees
