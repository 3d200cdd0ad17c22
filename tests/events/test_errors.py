"""One tree of errors, in one module."""

from __future__ import annotations

import inspect

import pytest

from partita.events import errors

ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]


@pytest.mark.parametrize("error", ALL)
def test_every_error_hangs_on_the_tree(error: type[Exception]) -> None:
    assert issubclass(error, errors.PartitaError)
    assert error.__doc__


@pytest.mark.parametrize("error", ALL)
def test_the_modules_drawing_names_every_error(error: type[Exception]) -> None:
    assert errors.__doc__ is not None
    assert error.__name__ in errors.__doc__


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.InvalidPartitionName, ValueError),
        (errors.InvalidURL, ValueError),
        (errors.InvalidPosition, ValueError),
        (errors.WouldDeadlock, RuntimeError),
    ],
)
def test_a_misuse_is_what_python_calls_it_as_well(error: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(error, builtin)


def test_an_error_carries_what_a_program_asks_of_it() -> None:
    assert errors.PartitionInUse("in use", pid=7).pid == 7
    assert errors.PartitionInUse("in use", pid=None).pid is None
    assert errors.LogDamaged("damaged", position=3).position == 3
    assert errors.UnknownTag("unknown", tag="future.thing/9").tag == "future.thing/9"
