"""A plan as a text: it says the same when it is read again, and a shell leaves it alone."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import InvalidPlan, UsageError
from partita.simulations.faults import Fault
from partita.simulations.outcome import Plan
from partita.simulations.plans import Run, plan_of, plan_text

NAMES = st.text("abcz.-_09", min_size=1, max_size=8)
FAULTS = st.sets(st.builds(Fault, NAMES, st.integers(1, 40)), max_size=12)
PLANS = st.builds(
    Plan,
    faults=st.none() | FAULTS.map(lambda faults: tuple(sorted(faults))),
    steps=st.none() | st.sets(st.integers(0, 60)).map(lambda steps: tuple(sorted(steps))),
    schedule=st.none() | st.integers(0, 10**9),
    until_complaint=st.booleans(),
)


@given(PLANS)
def test_a_plan_reads_back_as_what_it_was(plan: Plan) -> None:
    text = plan_text(plan)
    assert plan_of(text) == plan
    assert shlex.quote(text) == (text or "''")


def test_it_can_be_read_by_people() -> None:
    plan = Plan(
        faults=(Fault("network.reset", 1), Fault("disk.full", 2), Fault("network.reset", 2), Fault("network.reset", 7)),
        steps=(1, 2, 3, 9),
        schedule=12,
        until_complaint=True,
    )
    assert plan_text(plan) == "faults=disk.full:2,network.reset:1-2+7/steps=1-3+9/schedule=12/end=complaint"
    assert plan_text(Plan(faults=(), steps=())) == "faults=none/steps=none"
    assert plan_text(Plan()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "faults",
        "faults=",
        "faults=a",
        "faults=a:",
        "faults=a:x",
        "faults=a:3-1",
        "faults=a b:1",
        "steps=",
        "steps=1,2",
        "steps=1-99999999999",
        "schedule=",
        "schedule=-1",
        "schedule=none",
        "end=soon",
        "schedule=٣",
        "steps=1/steps=2",
        "users=1",
    ],
)
def test_a_text_that_is_no_plan_is_refused_and_told_how_one_looks(text: str) -> None:
    with pytest.raises(InvalidPlan, match="for example faults=") as raised:
        plan_of(text)
    assert isinstance(raised.value, UsageError)


def test_a_run_is_one_command() -> None:
    assert Run("shop", 17).command() == "partita simulate shop --seed 17"
    assert Run("shop", 17, "trio", Plan(steps=(1,))).command() == (
        "partita simulate shop --seed 17 --level trio --plan steps=1"
    )
