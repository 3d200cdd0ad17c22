"""The pytest plugin: a test in a simulated world, under many seeds.

    @pytest.mark.seeds(1000)
    def test_a_basket_survives_a_crash(world):
        ...

The fixture ``world`` is a fresh :class:`partita.simulation.World` for each seed; the checkers have their say when the test's
own assertions have passed. What else the marker is given is the world's: ``@pytest.mark.seeds(1000, faults=["network."])``.

``pytest PATH::TEST --seed 17`` runs one seed alone; ``--seeds 50`` says how many for all tests that have the marker.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, cast

import pytest

if TYPE_CHECKING:
    from partita.simulation import World

FIXTURE: Final = "world"
MARKER: Final = "seeds"


class _Closable(Protocol):
    def check(self) -> None: ...

    def close(self) -> None: ...

    def told(self) -> str: ...


class _Seeds:
    """The seeds of one test, and which of them is being run."""

    def __init__(self, seeds: Iterable[int], options: Mapping[str, object] | None = None) -> None:
        self._options = options or {}
        self.all = tuple(seeds) if not isinstance(seeds, range) else seeds
        self.current: int | None = None
        self.world: _Closable | None = None
        self.looping = False

    def open(self, seed: int) -> _Closable:
        self.current = seed
        face = importlib.import_module("partita.simulation")  # only now: pytest starts without it
        world: _Closable = face.World(seed, **self._options)
        self.world = world
        return world

    def close(self) -> None:
        world, self.world = self.world, None
        if world is not None:
            world.close()


_SEEDS: Final = pytest.StashKey[_Seeds]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--seed`` and ``--seeds``; where another plugin has those names already, only ``--world-seed`` and ``--world-seeds``."""
    group = parser.getgroup("partita", "simulated worlds")
    groups = {id(one): one for one in [*getattr(parser, "_groups", ()), getattr(parser, "_anonymous", group)]}.values()
    taken = {name for one in groups for option in one.options for name in option.names()}
    for name, text in (
        ("seed", "run simulated worlds under this seed alone"),
        ("seeds", "run @pytest.mark.seeds under so many"),
    ):
        names = [option for option in (f"--{name}", f"--world-{name}") if option not in taken]
        group.addoption(*names, dest=f"world_{name}", type=int, default=None, metavar="N", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "seeds(count_or_range, **options): run the test in a simulated world (fixture `world`) under each of these seeds;"
        " options are partita.World's.",
    )


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A simulated world: a fresh one for each seed."""
    seeds = request.node.stash.setdefault(_SEEDS, _seeds_of(request.node))
    yield cast("World", seeds.open(next(iter(seeds.all))))
    seeds.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call the test once for each seed."""
    if not _is_ours(pyfuncitem):
        if pyfuncitem.get_closest_marker(MARKER) is not None:
            pytest.fail(f"@pytest.mark.{MARKER} needs the fixture `{FIXTURE}`: take it as an argument", pytrace=False)
        return None
    seeds = pyfuncitem.stash[_SEEDS]
    if seeds.looping:
        return None  # the calls below: whoever knows how to call a test does
    if len(seeds.all) > 1:
        _refuse_what_is_made_of_the_world(pyfuncitem)
    seeds.looping = True
    for number, seed in enumerate(seeds.all):
        if number:
            seeds.close()
            pyfuncitem.funcargs[FIXTURE] = seeds.open(seed)
        pyfuncitem.ihook.pytest_pyfunc_call(pyfuncitem=pyfuncitem)
        if seeds.world is not None:
            seeds.world.check()
    seeds.current = None
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the seed that failed, and the command that runs it alone."""
    report = yield
    seeds = item.stash.get(_SEEDS, None)
    if report.failed and seeds is not None and seeds.current is not None and call.excinfo is not None:
        number = next(at for at, seed in enumerate(seeds.all, 1) if seed == seeds.current)
        of = f", number {number} of {len(seeds.all)}" if len(seeds.all) > 1 else ""
        told = f"seed {seeds.current}{of}; alone: pytest {item.nodeid!r} --seed {seeds.current}".replace("'", '"')
        if seeds.world is not None:
            told += f"\nwhat went wrong in it: {seeds.world.told()}"
        report.sections.append(("simulated world", told))
    return report


def _seeds_of(item: pytest.Item) -> _Seeds:
    """What the command line says, else the marker, else seed 0 alone."""
    alone, count = item.config.getoption("world_seed"), item.config.getoption("world_seeds")
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return _Seeds((0 if alone is None else alone,))
    if len(marker.args) != 1:
        pytest.fail(
            f"@pytest.mark.{MARKER}(1000), or @pytest.mark.{MARKER}(range(...)): one argument; the world's by name",
            pytrace=False,
        )
    if alone is not None:
        return _Seeds((alone,), marker.kwargs)
    asked = range(marker.args[0]) if isinstance(marker.args[0], int) else marker.args[0]
    if count is not None:
        first = next(iter(asked), 0)
        asked = range(first, first + count)
    seeds = _Seeds(asked, marker.kwargs)
    if not seeds.all:
        pytest.fail(f"@pytest.mark.{MARKER}: no seeds", pytrace=False)
    return seeds


def _is_ours(item: pytest.Function) -> bool:
    """Whether the test's ``world`` is this plugin's, and not one that its own suite has."""
    with suppress(AttributeError, KeyError, IndexError):
        return item._fixtureinfo.name2fixturedefs[FIXTURE][-1].func.__module__ == __name__  # noqa: SLF001  # pytest has no public way
    return False


def _refuse_what_is_made_of_the_world(item: pytest.Function) -> None:
    """A fixture that takes ``world`` would go on with the first seed's."""
    fixtures = item._fixtureinfo.name2fixturedefs  # noqa: SLF001  # pytest has no public way
    of_the_world = {name for name, found in fixtures.items() if FIXTURE in found[-1].argnames and name != FIXTURE}
    if of_the_world:
        pytest.fail(
            f"the fixture {', '.join(sorted(of_the_world))} takes `{FIXTURE}`, of which there is a new one for each seed:"
            " make it a function that the test calls",
            pytrace=False,
        )
