"""A page's download is asked for as by a link with ``download`` in its document (FEATURES E3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, Seen, ServedFile, sends

import partita
from partita.errors import InvalidURL, UsageError

PATIENCE_S = 30.0


@pytest.fixture
def session(tmp_path: Path) -> Iterator[partita.Session]:
    with partita.System(data_dir=tmp_path / "data") as system:
        opened = system.from_partition("persist:work")
        opened.set_download_path(str(tmp_path / "files"))
        for name, same_site in (("strict", "strict"), ("lax", "lax"), ("none", "no_restriction")):
            for host in ("127.0.0.1", "localhost"):
                opened.cookies.set(
                    url=f"https://{host}/" if name == "none" else f"http://{host}/",
                    name=name,
                    value="1",
                    same_site=same_site,
                    secure=name == "none",
                ).get()
        yield opened


def asked(session: partita.Session, server: LoopbackServer) -> Seen:
    (item,) = session.downloads()
    assert item.finished().get(PATIENCE_S) == "completed"
    return server.seen[-1]


def test_it_tells_the_server_of_the_page_as_a_navigation_does(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/shop/film.bin", sends(b"film"))
    page = session.new_page(server.url("/shop/list?id=7"))
    told: list[object] = []
    session.on("will-download", lambda event: told.append(event.web_contents))
    item = page.download_url("film.bin", headers={"X-Key": "k"}).get(PATIENCE_S)
    request = asked(session, server)
    assert told == [page]
    assert item.has_user_gesture() is False
    assert {name: request.header(name) for name in ("referer", "origin", "x-key")} == {
        "referer": server.url("/shop/list?id=7"),
        "origin": None,
        "x-key": "k",
    }
    fetch_metadata = {name: value for name, value in request.headers if name.startswith("sec-fetch")}
    assert fetch_metadata == {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "empty"}
    assert "strict=1" in (request.header("cookie") or "")


def test_a_click_is_told(session: partita.Session, server: LoopbackServer) -> None:
    url = server.on("/film.bin", sends(b"film"))
    item = session.new_page(server.url("/")).download_url(url, has_user_gesture=True).get(PATIENCE_S)
    assert item.has_user_gesture()
    assert asked(session, server).header("sec-fetch-user") == "?1"


def test_from_another_site_the_cookies_of_a_link_go_along(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/film.bin", sends(b"film"))
    page = session.new_page(server.url("/shop"))
    page.download_url(server.url("/film.bin", host="localhost")).get(PATIENCE_S)
    request = asked(session, server)
    assert request.header("cookie") == "lax=1; none=1"
    assert request.header("sec-fetch-site") == "cross-site"
    assert request.header("referer") == server.url("/")


def test_a_frame_of_another_site_downloads_as_a_third_party(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/film.bin", sends(b"film"))
    page = session.new_page(server.url("/shop"))
    frame = page.new_frame(server.url("/frame", host="localhost"))
    told: list[object] = []
    session.on("will-download", lambda event: told.append(event.web_contents))
    frame.download_url("film.bin").get(PATIENCE_S)
    request = asked(session, server)
    assert told == [page]
    assert request.header("cookie") == "none=1"
    assert request.header("sec-fetch-site") == "same-origin"


def test_a_page_that_was_closed_is_nobody_and_begins_nothing(session: partita.Session, server: LoopbackServer) -> None:
    page = session.new_page(server.url("/"))
    page.close()
    with pytest.raises(UsageError, match="gone"):
        page.download_url("film.bin")
    with pytest.raises(InvalidURL):
        session.new_page(server.url("/")).download_url("mailto:a@b")
    assert session.downloads() == []


def test_the_rest_of_a_pages_download_is_asked_for_as_its_beginning_was(
    session: partita.Session, server: LoopbackServer
) -> None:
    file = ServedFile(b"film" * 50_000, hang_up_at=[100_000])
    url = server.on("/film.bin", file)
    page = session.new_page(server.url("/shop"))
    item = page.download_url(url).get(PATIENCE_S)
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    page.close()
    item.resume()
    request = asked(session, server)
    assert request.header("range") is not None
    assert request.header("referer") == server.url("/shop")
