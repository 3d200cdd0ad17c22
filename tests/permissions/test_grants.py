"""Deny by default, and grants that stay (WANTS 35)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import partita
from partita.actors.permissions import names

from .asking import PATIENCE_S, answers, permissions_of

DETAILS: dict[str, dict[str, Any]] = {"openExternal": {"external_url": "a:b"}, "media": {"media_types": ["video"]}}
SHOP = "https://shop.example/"


class Counting:
    """Grants, and counts how often it was asked."""

    def __init__(self, answer: bool = True) -> None:
        self.asked = 0
        self.answer = answer

    def __call__(self, request: object) -> bool:
        self.asked += 1
        return self.answer


@pytest.mark.parametrize("permission", names.REQUESTED)
def test_under_deny_nothing_is_granted_without_a_handler(system: partita.System, permission: str) -> None:
    page = system.from_partition("strict", permissions="deny").new_page(SHOP)
    assert page.request_permission(permission, **DETAILS.get(permission, {})).get(PATIENCE_S) is False
    assert page.check_permission(permission) is False


def test_under_deny_a_handler_grants_what_it_likes(system: partita.System) -> None:
    session = system.from_partition("strict", permissions="deny")
    page = session.new_page(SHOP)
    session.set_permission_request_handler(lambda request: request.permission == "midi")
    session.set_permission_check_handler(lambda check: check.permission == "usb")
    assert page.request_permission("midi").get(PATIENCE_S) is True
    assert page.request_permission("geolocation").get(PATIENCE_S) is False
    assert (page.check_permission("usb"), page.check_permission("midi")) == (True, False)


def test_the_option_counts_when_the_session_is_opened_and_not_for_good(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        assert permissions_of(system.from_partition("persist:a", permissions="deny")).default == "deny"
    with partita.System(data_dir=tmp_path) as system:
        assert permissions_of(system.from_partition("persist:a")).default == "electron"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"permissions": "ask"}, ValueError),
        ({"permissions": None}, ValueError),
        ({"keep_permission_grants": 1}, TypeError),
    ],
)
def test_an_option_that_is_none_is_refused(
    system: partita.System, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        system.from_partition("a", **options)


def test_without_the_option_each_request_is_asked(session: partita.Session, page: partita.Page) -> None:
    handler = Counting()
    session.set_permission_request_handler(handler)
    assert [page.request_permission("midi").get(PATIENCE_S) for _ in range(2)] == [True, True]
    assert handler.asked == 2
    assert session.permission_grants() == []


def test_a_grant_outlives_its_page_its_handler_and_its_process(tmp_path: Path) -> None:
    for opened in range(2):
        with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:a", permissions="deny", keep_permission_grants=True)
            handler = Counting()
            session.set_permission_request_handler(handler)
            for _ in range(2):
                page = session.new_page(SHOP)
                assert page.request_permission("midi").get(PATIENCE_S) is True
                page.close()
            assert handler.asked == (0 if opened else 1)
            session.set_permission_request_handler(None)
            page = session.new_page(SHOP)
            assert page.request_permission("midi").get(PATIENCE_S) is True
            assert (page.check_permission("midi"), page.check_permission("midiSysex")) == (True, False)
            assert [answer.reason for answer in answers(session)][-1] == "grant"
            (grant,) = session.permission_grants()
            assert (grant.permission, grant.origin, grant.embedding_origin) == ("midi", SHOP[:-1], SHOP[:-1])
            assert session.at(session.log.position).permission_grants() == [grant]


def test_a_refusal_is_not_kept(system: partita.System) -> None:
    session = system.from_partition("a", keep_permission_grants=True)
    handler = Counting(answer=False)
    session.set_permission_request_handler(handler)
    page = session.new_page(SHOP)
    assert [page.request_permission("midi").get(PATIENCE_S) for _ in range(2)] == [False, False]
    assert handler.asked == 2


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (SHOP, "https://other.example/"),  # the origin within the shop
        ("https://other.example/", SHOP),  # the shop within another
        ("https://other.example/", "https://other.example/"),
        ("http://shop.example/", "http://shop.example/"),
        ("https://shop.example:8443/", "https://shop.example:8443/"),
        ("https://www.shop.example/", "https://www.shop.example/"),
    ],
)
def test_no_grant_goes_to_another_origin(system: partita.System, outer: str, inner: str) -> None:
    session = system.from_partition("a", permissions="deny", keep_permission_grants=True)
    session.set_permission_request_handler(lambda request: True)
    assert session.new_page(SHOP).request_permission("midi").get(PATIENCE_S) is True
    session.set_permission_request_handler(None)
    page = session.new_page(outer)
    frame = page.main_frame if inner == outer else page.new_frame(inner)
    assert frame.request_permission("midi").get(PATIENCE_S) is False
    assert frame.check_permission("midi") is False


def test_a_grant_is_for_these_details_only(system: partita.System) -> None:
    session = system.from_partition("a", permissions="deny", keep_permission_grants=True)
    handler = Counting()
    session.set_permission_request_handler(handler)
    page = session.new_page(SHOP)
    for url in ("zoom:1", "zoom:2", "zoom:1"):
        page.request_permission("openExternal", external_url=url).get(PATIENCE_S)
    assert handler.asked == 2
    page.request_permission("media", media_types=["audio"]).get(PATIENCE_S)
    checks = [page.check_permission("media", media_type=kind) for kind in ("audio", "video", "unknown")]  # type: ignore[arg-type]
    assert checks == [True, False, True]
    assert page.check_permission("openExternal", external_url="zoom:2")
    assert not page.check_permission("openExternal", external_url="zoom:3")


@pytest.mark.parametrize("url", ["about:blank", "file:///home/index.html"])
def test_who_has_no_origin_keeps_nothing(system: partita.System, url: str) -> None:
    session = system.from_partition("a", keep_permission_grants=True)
    handler = Counting()
    session.set_permission_request_handler(handler)
    page = session.new_page(url)
    assert [page.request_permission("midi").get(PATIENCE_S) for _ in range(2)] == [True, True]
    assert handler.asked == 2
    assert session.permission_grants() == []


def test_a_display_is_chosen_each_time(system: partita.System) -> None:
    session = system.from_partition("a", keep_permission_grants=True)
    session.set_permission_request_handler(lambda request: True)
    assert session.new_page(SHOP).request_permission("display-capture").get(PATIENCE_S) is True
    assert session.permission_grants() == []


def test_grants_can_be_taken_back(system: partita.System) -> None:
    session = system.from_partition("a", permissions="deny", keep_permission_grants=True)
    session.set_permission_request_handler(lambda request: True)
    pages = [session.new_page(SHOP), session.new_page("https://other.example/")]
    for page in pages:
        for permission in ("midi", "geolocation", "notifications"):
            page.request_permission(permission).get(PATIENCE_S)
    session.set_permission_request_handler(None)
    assert session.revoke_permission("https://shop.example", "midi") == 1
    assert session.revoke_permission("https://shop.example", "midi") == 0
    assert [pages[0].check_permission(each) for each in ("midi", "geolocation")] == [False, True]
    assert session.revoke_permission(SHOP) == 2
    assert {grant.origin for grant in session.permission_grants()} == {"https://other.example"}
    assert pages[0].request_permission("geolocation").get(PATIENCE_S) is False
    with pytest.raises(ValueError, match="there is no permission 'all'"):
        session.revoke_permission(SHOP, "all")
    with pytest.raises(TypeError, match="an origin is a str"):
        session.revoke_permission(None)  # type: ignore[arg-type]
