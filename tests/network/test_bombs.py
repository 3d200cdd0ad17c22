"""Bodies that unfold beyond all measure are stopped by a limit, and the memory stays flat (FEATURES F12, issue 4)."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import pytest
from durability.children import Child
from network.bombs import BOMBS
from servers.misbehaving import MisbehavingServer, says

CHILD = Path(__file__).with_name("unfolding.py")
GROWTH_KIB = 160 << 10
"""Whatever is read whole holds the body as it came (10 MiB at most) and what was unfolded until the limit (32 MiB), joined."""
GROWTH_OF_A_STREAM_KIB = 48 << 10


@lru_cache
def bomb(coding: str) -> bytes:
    return BOMBS[coding]()


def test_the_bombs_are_small() -> None:
    sizes = {coding: len(bomb(coding)) for coding in BOMBS}
    assert sizes["gzip"] < 10.5 * (1 << 20)
    assert sizes["br"] < 10 << 10
    assert sizes["gzip, gzip"] < 64 << 10


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_is_stopped_and_the_memory_stays_flat(tmp_path: Path, coding: str) -> None:
    content = bomb(coding)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(content)}\r\n"
    with MisbehavingServer() as server:
        url = server.on("/bomb", says(head.encode(), b"Cache-Control: max-age=600\r\n\r\n", content))
        with Child(str(CHILD), tmp_path, server.url("/good"), url) as child:
            said = [line.split() for line in child.finish()]
    assert [(how, *names) for how, _, *names in said] == [
        (how, "ERR_CONTENT_DECODING_FAILED") for how in ("stream", "fetch", "httpx", "httpx2", "rewrite")
    ]
    growth_kib = {how: int(growth) for how, growth, *_ in said}
    assert growth_kib["stream"] < GROWTH_OF_A_STREAM_KIB, growth_kib
    assert max(growth_kib.values()) < GROWTH_KIB, growth_kib
