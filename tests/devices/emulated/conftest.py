from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from devices.emulated.bench import Bench
from devices.emulated.subject import Subject, needs_umockdev


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "emulated" in item.path.parts:
            item.add_marker(needs_umockdev)


@pytest.fixture
def bed() -> Iterator[Bench]:
    testbed = Bench()
    try:
        yield testbed
    finally:
        testbed.close()


@pytest.fixture
def begin(bed: Bench) -> Iterator[Callable[..., Subject]]:
    """Begins a program; it is ended after the test, and must end well."""
    begun: list[Subject] = []

    def begin(*arguments: str) -> Subject:
        begun.append(Subject(bed, *arguments))
        begun[-1].shows_life()
        return begun[-1]

    yield begin
    codes = [subject.close() for subject in begun]
    assert not any(codes), "a program ended with an error"


@pytest.fixture
def subject(begin: Callable[..., Subject]) -> Subject:
    return begin()
