"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]

CONFTEST = """
import sys, types

class World:
    open = []
    seen = []

    def __init__(self, seed, **options):
        assert not World.open, "two worlds at once"
        self.options = options
        World.open.append(self)
        World.seen.append(seed)
        self.seed = seed
        self.broken = False

    def check(self):
        assert not self.broken, f"the checker complains of seed {self.seed}"

    def told(self):
        return "network.reset 3 times; crashes: 0"

    def close(self):
        World.open.remove(self)

sys.modules["partita.simulation"] = types.SimpleNamespace(World=World)

def pytest_sessionfinish():
    assert not World.open
    print("worlds:", *World.seen)
"""


class Suite:
    """A small suite of tests and a run of pytest over it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        pytester.makeconftest(CONFTEST)
        pytester.syspathinsert()

    def __call__(self, source: str, *arguments: str) -> pytest.RunResult:
        self._pytester.makepyfile(test_shop=source)
        return self._pytester.runpytest_inprocess("--strict-markers", *arguments, "-p", "partita.pytest_plugin")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # whether it is installed or not
    return Suite(pytester)


MANY = """
import pytest

@pytest.mark.seeds(5)
def test_it(world, tmp_path, request):
    assert world.seed != 3
"""


def worlds(result: pytest.RunResult) -> list[int]:
    (line,) = (line for line in result.outlines if "worlds:" in line)
    return [int(word) for word in line.partition("worlds:")[2].split()]


def test_a_test_without_the_marker_gets_one_world(suite: Suite) -> None:
    result = suite("def test_it(world):\n    assert world.seed == 0\n")
    result.assert_outcomes(passed=1)
    assert worlds(result) == [0]


def test_a_test_runs_under_each_seed_in_a_world_of_its_own(suite: Suite) -> None:
    result = suite(MANY.replace("!= 3", "in range(5)"))
    result.assert_outcomes(passed=1)
    assert worlds(result) == [0, 1, 2, 3, 4]


def test_a_failing_seed_is_named_with_the_command_that_runs_it_alone(suite: Suite) -> None:
    result = suite(MANY)
    result.assert_outcomes(failed=1)
    assert worlds(result) == [0, 1, 2, 3]
    result.stdout.fnmatch_lines(
        [
            "*simulated world*",
            'seed 3, number 4 of 5; alone: pytest "test_shop.py::test_it" --seed 3',
            "what went wrong in it: network.reset 3 times; crashes: 0",
        ]
    )


def test_the_command_runs_this_seed_alone(suite: Suite) -> None:
    result = suite(MANY, "test_shop.py::test_it", "--seed", "3")
    result.assert_outcomes(failed=1)
    assert worlds(result) == [3]
    result.stdout.fnmatch_lines(['seed 3; alone: pytest "test_shop.py::test_it" --seed 3'])
    assert worlds(suite(MANY, "--seed", "4")) == [4]


def test_another_count_can_be_asked_for(suite: Suite) -> None:
    assert worlds(suite(MANY, "--seeds", "2")) == [0, 1]


def test_a_range_says_which(suite: Suite) -> None:
    source = MANY.replace("seeds(5)", "seeds(range(10, 13))")
    assert worlds(suite(source)) == [10, 11, 12]
    assert worlds(suite(source, "--seeds", "2")) == [10, 11]


def test_what_else_the_marker_is_given_is_the_world_s(suite: Suite) -> None:
    source = MANY.replace("seeds(5)", "seeds(2, without='disk.')").replace(
        "world.seed != 3", "world.options == {'without': 'disk.'}"
    )
    suite(source).assert_outcomes(passed=1)
    suite(source, "--seed", "3").assert_outcomes(passed=1)


def test_the_checkers_have_their_say_when_the_test_has_passed(suite: Suite) -> None:
    result = suite("import pytest\n@pytest.mark.seeds(5)\ndef test_it(world):\n    world.broken = world.seed == 2\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the checker complains of seed 2*", "seed 2, number 3 of 5; *"])
    suite("def test_it(world):\n    world.broken = True\n").assert_outcomes(failed=1)


def test_other_fixtures_stay_as_they_are(suite: Suite) -> None:
    result = suite(
        "import pytest\nmade = []\n"
        "@pytest.fixture\ndef basket():\n    made.append(1)\n    return []\n"
        "@pytest.mark.seeds(3)\ndef test_it(world, basket):\n    basket.append(world.seed)\n    assert len(made) == 1\n"
    )
    result.assert_outcomes(passed=1)


def test_a_fixture_made_of_the_world_works_for_one_seed_and_is_refused_for_many(suite: Suite) -> None:
    source = (
        "import pytest\n"
        "@pytest.fixture\ndef shop(world):\n    return world\n"
        "@pytest.mark.seeds(3)\ndef test_it(shop, world):\n    assert shop is world\n"
    )
    result = suite(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the fixture shop takes `world`*make it a function that the test calls*"])
    suite(source, "--seed", "2").assert_outcomes(passed=1)


def test_the_marker_without_the_fixture_is_an_error(suite: Suite) -> None:
    result = suite("import pytest\n@pytest.mark.seeds(3)\ndef test_it():\n    pass\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*needs the fixture `world`*"])


def test_a_marker_with_nothing_in_it_is_an_error(suite: Suite) -> None:
    for marker in ("seeds()", "seeds(0)", "seeds(1, 2)"):
        result = suite(f"import pytest\n@pytest.mark.{marker}\ndef test_it(world):\n    pass\n")
        result.assert_outcomes(errors=1)


def test_a_world_of_the_suite_s_own_is_left_alone(suite: Suite) -> None:
    result = suite(
        "import pytest\n@pytest.fixture\ndef world():\n    return 7\ndef test_it(world):\n    assert world == 7\n"
    )
    result.assert_outcomes(passed=1)
    assert worlds(result) == []


def test_methods_and_parameters_go_together_with_it(suite: Suite) -> None:
    result = suite(
        "import pytest\nclass TestShop:\n"
        "    @pytest.mark.parametrize('size', [1, 2])\n    @pytest.mark.seeds(2)\n"
        "    def test_it(self, world, size):\n        assert world.seed < 2\n"
    )
    result.assert_outcomes(passed=2)
    assert worlds(result) == [0, 1, 0, 1]


def test_a_world_is_closed_when_the_test_failed(suite: Suite) -> None:
    result = suite(MANY + "\ndef test_after(world):\n    pass\n")
    result.assert_outcomes(failed=1, passed=1)


def test_another_plugin_that_calls_tests_still_does(suite: Suite, pytester: pytest.Pytester) -> None:
    """As pytest-trio calls async tests."""
    pytester.makepyfile(
        calls_trio="import inspect, trio\n"
        "def pytest_pyfunc_call(pyfuncitem):\n"
        "    if inspect.iscoroutinefunction(pyfuncitem.obj):\n"
        "        trio.run(lambda: pyfuncitem.obj(world=pyfuncitem.funcargs['world']))\n"
        "        return True\n"
    )
    source = (
        "import pytest, trio\n"
        "@pytest.mark.seeds(3)\n"
        "async def test_it(world):\n    await trio.sleep(0)\n    assert world.seed != 1\n"
    )
    result = suite(source, "-p", "calls_trio")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["seed 1, number 2 of 3; *"])


def test_the_marker_is_in_pytest_s_help(suite: Suite) -> None:
    result = suite("", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.seeds(count_or_range, ?*options):*"])


def test_options_that_another_plugin_has_are_left_to_it(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        other="def pytest_addoption(parser):\n    parser.addoption('--seed', type=int)\n    parser.addoption('--seeds')\n"
    )
    result = suite(MANY, "-p", "other", "--world-seed", "2", "--seed", "3")
    result.assert_outcomes(passed=1)
    assert worlds(result) == [2]


def test_nothing_heavy_is_imported_when_pytest_starts() -> None:
    heavy = (
        "{'trio', 'httpx', 'msgspec', 'lmdb', 'rich', 'partita.events', 'partita.simulations', 'partita.simulation'}"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, partita.pytest_plugin; print(*{heavy} & set(sys.modules))"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == []
