"""Each safeguard that is taken away is missed by a checker, within the seeds that the last full sweep recorded.

The full sweep is a command of its own: ``python -m tests.mutations``.
"""

import gc

import pytest
from mutations.catalogue import CATALOGUE
from mutations.edits import Edit, OutOfDate, edited
from mutations.mutation import Mutation
from mutations.sweeping import complaint_of, first_caught
from mutations.table import END, README, markdown, recorded

from partita.simulations.scenario import scenarios

pytestmark = pytest.mark.filterwarnings("ignore::partita.actors.kernel.future.UnobservedFailure")


@pytest.fixture(autouse=True)
def _futures_that_nobody_looks_at_stay_here():
    """A run without one of its safeguards leaves failures behind: they are not the next test's."""
    yield
    gc.collect()


WINDOW = 60
"""The run of a seed changes with the code: so many seeds from the recorded one on are tried."""


@pytest.mark.parametrize("mutation", [pytest.param(mutation, id=name) for name, mutation in CATALOGUE.items()])
def test_what_is_taken_away_is_missed(mutation: Mutation) -> None:
    known = recorded().get(mutation.name)
    assert known is not None, f"nobody has caught it yet: python -m tests.mutations --only {mutation.name}"
    caught = first_caught(mutation, range(known.seed, known.seed + WINDOW), (known.scenario,))
    assert caught is not None, f"the record is out of date: python -m tests.mutations --only {mutation.name}"
    without = complaint_of(caught.scenario, caught.seed, caught.level)
    assert without is None, f"seed {caught.seed} of {caught.scenario} complains without the mutation as well: {without}"


def test_no_two_mutations_have_one_name_and_each_is_looked_for_where_there_is_something() -> None:
    for name, mutation in CATALOGUE.items():
        assert name == mutation.name
        assert mutation.edits
        assert set(mutation.scenarios) <= set(scenarios())


def test_the_readme_has_the_table_of_the_record() -> None:
    text = README.read_text(encoding="utf-8")
    assert f"{markdown()}\n{END}" in text, "write it anew: python -m tests.mutations --only NAME"


def test_an_edit_lasts_as_long_as_its_block() -> None:
    where = "actors.downloads.ranges:range_fields"
    from partita.actors.downloads.ranges import range_fields

    with edited((Edit(where, "{offset}-", "{offset}+"), Edit(where, "offset}+", "offset}*"))):
        assert range_fields(7, '"v"')[0] == ("Range", "bytes=7*")
    assert range_fields(7, '"v"')[0] == ("Range", "bytes=7-")


def test_a_method_that_asks_its_base_class_can_be_edited() -> None:
    from partita.store.memory_environment import MemoryTables

    where = "simulations.disk.environment:StoredTables.__init__"
    with edited((Edit(where, "super().__init__()", "super().__init__(); self.seen = True"),)):
        from pathlib import Path

        from partita.simulations.disk.environment import StoredTables

        assert isinstance(StoredTables(Path("/x")), MemoryTables)
        assert StoredTables(Path("/x")).seen  # type: ignore[attr-defined]


@pytest.mark.parametrize("before", ["no such words", "e"])
def test_an_edit_of_words_that_do_not_stand_there_once_is_refused(before: str) -> None:
    with pytest.raises(OutOfDate, match="times in"), edited((Edit("store.log:Log.recover", before, ""),)):
        pass
