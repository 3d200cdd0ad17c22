from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from devices.emulated.subject import Subject, needs_umockdev
from devices.emulated.testbed import Testbed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "emulated" in item.path.parts:
            item.add_marker(needs_umockdev)


@pytest.fixture
def bed() -> Iterator[Testbed]:
    testbed = Testbed()
    try:
        yield testbed
    finally:
        testbed.close()


@pytest.fixture
def begin(bed: Testbed) -> Iterator[Callable[..., Subject]]:
    """Begins a program; it is ended after the test, and must end well."""
    begun: list[Subject] = []

    def begin(*arguments: str) -> Subject:
        begun.append(Subject(bed, *arguments))
        return begun[-1]

    yield begin
    codes = [subject.close() for subject in begun]
    assert not any(codes), "a program ended with an error"


@pytest.fixture
def subject(begin: Callable[..., Subject]) -> Subject:
    return begin()
