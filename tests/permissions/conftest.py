from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import partita


@pytest.fixture
def system(tmp_path: Path) -> Iterator[partita.System]:
    with partita.System(data_dir=tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def session(system: partita.System) -> partita.Session:
    return system.from_partition("scratch")


@pytest.fixture
def page(session: partita.Session) -> partita.Page:
    return session.new_page("https://shop.example/cart")
