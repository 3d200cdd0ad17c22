"""In memory one transaction goes on at a time; a reader that stays holds nobody up for ever, a writer does."""

from __future__ import annotations

import threading

import pytest

from partita.store import memory_environment
from partita.store.memory_environment import MemoryEnvironment

PATIENCE_S = 30


def begun_beside(environment: MemoryEnvironment) -> threading.Event:
    """Set when another thread has had a transaction."""
    begun = threading.Event()

    def begin() -> None:
        environment.begin().abort()
        begun.set()

    threading.Thread(target=begin, daemon=True).start()
    return begun


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_environment, "READER_S", 0.0)


def test_nobody_waits_for_ever_for_a_reader_that_stays() -> None:
    environment = MemoryEnvironment()
    reader = environment.begin()
    assert begun_beside(environment).wait(PATIENCE_S)
    reader.abort()
    environment.begin(write=True).commit()


def test_a_writer_that_has_not_written_yet_is_waited_for() -> None:
    environment = MemoryEnvironment()
    writer = environment.begin(write=True)
    begun = begun_beside(environment)
    assert not begun.wait(0.3), "several looks long"
    writer.put("meta", b"key", b"value")
    writer.commit()
    assert begun.wait(PATIENCE_S)


def test_what_a_forgotten_writer_has_changed_is_undone() -> None:
    environment = MemoryEnvironment()
    writer = environment.begin(write=True)
    writer.put("meta", b"key", b"value")
    del writer
    reader = environment.begin()
    assert reader.get("meta", b"key") is None
    reader.abort()
