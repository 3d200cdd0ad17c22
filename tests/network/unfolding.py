"""A child that asks for a bomb, and says what it failed with and by how much its memory grew.

    unfolding.py DATA_DIR GOOD_URL BOMB_URL

It says ``HOW GROWTH_KIB NAME...`` for each way to ask: ``stream``, ``fetch``, by clients of httpx and its successor, and
``rewrite`` (a listener sees the body first).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import httpx2
from durability.children import say

import partita
from partita.errors import NetError
from partita.web_request import Details


def memory_kib(field: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{field}:")[2].split()[0])


def failure(session: partita.Session, url: str, how: str) -> str:
    try:
        if how == "stream":
            with session.stream(url) as response:
                for _ in response.iter_bytes():
                    pass
        elif how in CLIENTS:
            with CLIENTS[how].Client(transport=session.sync_transport()) as client:
                client.get(url)
        else:
            session.fetch(url).get(60)
    except NetError as error:
        return error.name
    return "none"


CLIENTS: dict[str, Any] = {"httpx": httpx, "httpx2": httpx2}


def looks_on(details: Details) -> None:
    assert details.body is not None


def main() -> None:
    data_dir, good, bomb = sys.argv[1:]
    with partita.System(data_dir=data_dir) as system:
        session = system.from_partition("persist:bomb")
        assert session.fetch(good).get(60).content == b"good"
        for how in ("stream", "fetch", *CLIENTS, "rewrite"):
            if how == "rewrite":
                session.web_request.add_response_body(looks_on)
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is that of now
            before = memory_kib("VmRSS")
            names = {failure(session, bomb, how) for _ in range(3)}  # the second time it may come from the cache
            say(how, memory_kib("VmHWM") - before, *names)
        assert session.fetch(good).get(60).content == b"good"


if __name__ == "__main__":
    main()
