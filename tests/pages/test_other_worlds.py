"""Pages in a simulated world, and played back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer, sends

import partita
from partita import World

SHOP = "https://shop.test/"
OTHER = "https://other.test/api"


@pytest.mark.parametrize("seed", range(4))
def test_a_simulated_world_sees_the_same_pages(seed: int) -> None:
    with World(seed=seed, quiet=True) as world:
        seen: list[tuple[str | None, str | None]] = []
        hinted: list[str] = []

        @world.host("shop.test")
        def shop(request: Any) -> object:
            link = '<https://other.test>; rel=preconnect, </x>; rel="preconnect"'
            return 200, {"Content-Type": "text/html", "Link": link}, b"<link rel=preconnect href=//cdn.test>"

        @world.host("other.test")
        def other(request: Any) -> object:
            seen.append((request.headers.get("origin"), request.headers.get("sec-fetch-site")))
            return {}

        with world.system() as system:
            session = system.from_partition("persist:shop")
            session.on("preconnect", lambda event: hinted.append(event.preconnect_url))
            page = session.new_page()
            page.load_url(SHOP).get()
            page.fetch(OTHER).get()
            assert page.get_url() == SHOP
        assert seen == [("https://shop.test", "cross-site")]
        assert hinted == ["https://other.test/", "https://shop.test/", "https://cdn.test/"]
        world.check()


def test_a_page_is_played_back_as_it_was(server: LoopbackServer, tmp_path: Path) -> None:
    body = b"<link rel=preconnect href=http://127.0.0.1:1/>"
    server.on("/shop", sends(body, headers=[("Content-Type", "text/html"), ("Referrer-Policy", "origin")]))
    server.on("/api", sends(b"{}"))

    def shopping(system: partita.System) -> tuple[str, str, str]:
        page = system.from_partition("persist:shop").new_page()
        text = page.load_url(server.url("/shop")).get(30).text
        answer = page.fetch("/api").get(30).text
        return text, answer, page.id

    with partita.System(data_dir=tmp_path, record="exchanges") as system:
        then = shopping(system)
    with partita.playback(tmp_path) as playing:
        now = shopping(playing)
    assert now == then
    assert playing.report().agrees
    assert len(server.seen) == 2
