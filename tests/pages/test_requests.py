"""What a page's requests say of it, and what may go along with them."""

from __future__ import annotations

import msgspec
import pytest

from partita.actors.network.fields import Fields
from partita.actors.pages.requests import credentials_go_along, fields_of, same_site_context, top_level_site
from partita.events.network import Credentials, Initiator, ReferrerPolicy, RequestMode, ResourceType

SHOP = "https://shop.example/cart"
WWW = "https://www.shop.example/"
OTHER = "https://other.example/"
THIRD = "https://third.example/"
PLAIN = "http://shop.example/"

CORS = Initiator(page="p1", url=SHOP, top_level_url=SHOP)
NO_CORS = msgspec.structs.replace(CORS, mode="no-cors")
LINK = msgspec.structs.replace(CORS, mode="navigate", user_activated=True)
TYPED = Initiator(page="p1", url="", top_level_url=SHOP, mode="navigate", user_activated=True)


def said(
    initiator: Initiator | None,
    *url_chain: str,
    method: str = "GET",
    headers: Fields = (),
    resource_type: ResourceType = "xhr",
    policy: ReferrerPolicy = "",
    earlier_policies: tuple[ReferrerPolicy, ...] = (),
) -> dict[str, str]:
    url = url_chain[-1]
    return dict(
        fields_of(url, method, headers, initiator, resource_type, url_chain, policy, earlier_policies=earlier_policies)
    )


# -- Sec-Fetch (Fetch Metadata 2) -----------------------------------------------------------------------------------------


def test_a_request_without_a_page_comes_from_nowhere() -> None:
    assert said(None, SHOP) == {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}
    assert said(None, SHOP, method="POST") == said(None, SHOP)


@pytest.mark.parametrize("initiator", [None, CORS, LINK, TYPED])
def test_nothing_is_told_where_it_could_be_read_on_the_way(initiator: Initiator | None) -> None:
    assert not [name for name in said(initiator, PLAIN) if name.startswith("Sec-")]
    assert said(initiator, "http://127.0.0.1:80/")["Sec-Fetch-Mode"]


@pytest.mark.parametrize(
    ("chain", "site"),
    [
        ([SHOP], "same-origin"),
        (["https://shop.example:8443/"], "same-site"),
        ([WWW], "same-site"),
        ([OTHER], "cross-site"),
        ([PLAIN, SHOP], "cross-site"),  # http is another site
        ([SHOP, WWW], "same-site"),
        ([WWW, SHOP], "same-site"),  # what was once left is not forgotten
        ([OTHER, SHOP], "cross-site"),
        ([SHOP, OTHER, WWW], "cross-site"),
    ],
)
def test_the_farthest_hop_says_where_a_request_comes_from(chain: list[str], site: str) -> None:
    assert said(CORS, *chain)["Sec-Fetch-Site"] == site


def test_who_types_an_address_comes_from_nowhere_through_all_redirects() -> None:
    assert said(TYPED, OTHER, SHOP)["Sec-Fetch-Site"] == "none"


@pytest.mark.parametrize(
    ("resource_type", "destination"),
    [
        ("mainFrame", "document"),
        ("subFrame", "iframe"),
        ("stylesheet", "style"),
        ("script", "script"),
        ("image", "image"),
        ("font", "font"),
        ("object", "object"),
        ("xhr", "empty"),
        ("ping", "empty"),
        ("cspReport", "report"),
        ("media", "video"),
        ("webSocket", "empty"),
        ("other", "empty"),
    ],
)
def test_the_destination_is_of_the_type_of_resource(resource_type: ResourceType, destination: str) -> None:
    assert said(CORS, SHOP, resource_type=resource_type)["Sec-Fetch-Dest"] == destination


def test_only_a_navigation_of_a_person_says_so() -> None:
    assert said(LINK, OTHER)["Sec-Fetch-User"] == "?1"
    assert "Sec-Fetch-User" not in said(msgspec.structs.replace(LINK, user_activated=False), OTHER)
    assert "Sec-Fetch-User" not in said(msgspec.structs.replace(CORS, user_activated=True), OTHER)
    assert said(LINK, OTHER)["Upgrade-Insecure-Requests"] == "1"
    assert "Upgrade-Insecure-Requests" not in said(CORS, OTHER)


# -- Origin (Fetch standard 3.2) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initiator", "method", "chain", "origin"),
    [
        (CORS, "GET", [SHOP], None),
        (CORS, "HEAD", [SHOP], None),
        (CORS, "POST", [SHOP], "https://shop.example"),
        (CORS, "GET", [OTHER], "https://shop.example"),
        (CORS, "GET", [WWW], "https://shop.example"),
        (CORS, "GET", [SHOP, OTHER], "https://shop.example"),
        (CORS, "GET", [OTHER, OTHER], "https://shop.example"),
        (CORS, "GET", [OTHER, SHOP], "null"),  # a third party sent it here
        (CORS, "GET", [OTHER, THIRD], "null"),
        (CORS, "POST", [SHOP, OTHER, SHOP], "null"),
        (NO_CORS, "GET", [OTHER], None),
        (NO_CORS, "POST", [OTHER], "https://shop.example"),
        (NO_CORS, "POST", [PLAIN], "null"),  # https is not told to http
        (LINK, "GET", [OTHER], None),
        (LINK, "POST", [OTHER], "https://shop.example"),
        (LINK, "POST", [OTHER, THIRD], "null"),
        (TYPED, "GET", [OTHER], None),
        (TYPED, "POST", [OTHER], "null"),
        (None, "POST", [OTHER], None),
    ],
)
def test_the_origin_goes_along_where_somebody_may_need_it(
    initiator: Initiator | None, method: str, chain: list[str], origin: str | None
) -> None:
    assert said(initiator, *chain, method=method).get("Origin") == origin


@pytest.mark.parametrize(
    ("policy", "same", "cross", "plain"),
    [
        ("", True, True, False),
        ("no-referrer", False, False, False),
        ("no-referrer-when-downgrade", True, True, False),
        ("same-origin", True, False, False),
        ("origin", True, True, True),
        ("strict-origin", True, True, False),
        ("origin-when-cross-origin", True, True, True),
        ("strict-origin-when-cross-origin", True, True, False),
        ("unsafe-url", True, True, True),
    ],
)
def test_the_referrer_policy_hides_the_origin_of_what_is_no_cors_request(
    policy: ReferrerPolicy, same: bool, cross: bool, plain: bool
) -> None:
    for url, shown in ((SHOP, same), (OTHER, cross), (PLAIN, plain)):
        assert said(LINK, url, method="POST", policy=policy)["Origin"] == ("https://shop.example" if shown else "null")
        assert said(CORS, url, method="POST", policy=policy)["Origin"] == "https://shop.example"


def test_a_page_without_an_origin_says_null() -> None:
    blank = Initiator(page="p1", url="about:blank", top_level_url="about:blank")
    told = said(blank, OTHER)
    assert (told["Origin"], told["Sec-Fetch-Site"], told.get("Referer")) == ("null", "cross-site", None)


# -- Referer --------------------------------------------------------------------------------------------------------------


def test_what_one_hop_did_not_say_no_later_one_says() -> None:
    assert said(CORS, SHOP)["Referer"] == SHOP
    assert said(CORS, OTHER)["Referer"] == "https://shop.example/"
    assert said(CORS, OTHER, SHOP)["Referer"] == "https://shop.example/"  # cut to the origin, and it stays cut
    assert "Referer" not in said(CORS, PLAIN, SHOP)


def test_a_redirect_that_loosens_the_policy_cannot_bring_back_what_was_held_back() -> None:
    assert (
        said(CORS, OTHER, THIRD, policy="unsafe-url", earlier_policies=("origin",))["Referer"]
        == "https://shop.example/"
    )
    assert "Referer" not in said(CORS, OTHER, THIRD, policy="unsafe-url", earlier_policies=("no-referrer",))
    assert said(CORS, OTHER, THIRD, policy="unsafe-url", earlier_policies=("unsafe-url",))["Referer"] == SHOP


def test_a_page_may_name_another_referrer_or_none() -> None:
    assert (
        said(msgspec.structs.replace(CORS, referrer="https://shop.example/x"), SHOP)["Referer"]
        == "https://shop.example/x"
    )
    assert "Referer" not in said(msgspec.structs.replace(CORS, referrer=""), SHOP)
    assert (
        said(msgspec.structs.replace(TYPED, referrer="https://search.example/q"), SHOP)["Referer"]
        == "https://search.example/"
    )
    assert "Referer" not in said(TYPED, SHOP)


def test_what_the_caller_says_wins() -> None:
    given = (("origin", "https://mine.example"), ("REFERER", "x"), ("sec-fetch-site", "y"))
    told = said(CORS, OTHER, headers=given)
    assert told == {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    assert said(None, OTHER, headers=(("Sec-Fetch-Mode", "cors"),)) == {
        "Sec-Fetch-Site": "none",
        "Sec-Fetch-Dest": "empty",
    }


# -- cookies and cache ----------------------------------------------------------------------------------------------------

FRAME = Initiator(page="p1", url=OTHER, top_level_url=SHOP)
WITHIN = Initiator(page="p1", url=WWW, top_level_url=SHOP, cross_site_ancestor=True)


@pytest.mark.parametrize(
    ("initiator", "resource_type", "method", "chain", "context"),
    [
        (None, "xhr", "POST", [OTHER], "strict"),
        (None, "mainFrame", "POST", [OTHER], "strict"),
        (CORS, "xhr", "GET", [SHOP], "strict"),
        (CORS, "image", "POST", [WWW], "strict"),
        (CORS, "xhr", "GET", [OTHER], "cross_site"),
        (CORS, "xhr", "GET", [PLAIN], "cross_site"),  # schemeful
        (CORS, "xhr", "GET", [OTHER, SHOP], "strict"),  # Chromium does not look at the chain
        (FRAME, "xhr", "GET", [OTHER], "cross_site"),  # same site as the frame, not as the page
        (FRAME, "xhr", "GET", [SHOP], "cross_site"),
        (WITHIN, "xhr", "GET", [SHOP], "cross_site"),
        (CORS, "subFrame", "GET", [SHOP], "strict"),
        (CORS, "subFrame", "GET", [OTHER], "cross_site"),
        (FRAME, "subFrame", "GET", [SHOP], "cross_site"),
        (LINK, "mainFrame", "GET", [SHOP], "strict"),
        (LINK, "mainFrame", "POST", [WWW], "strict"),
        (LINK, "mainFrame", "GET", [OTHER], "lax"),
        (LINK, "mainFrame", "HEAD", [OTHER], "lax"),
        (LINK, "mainFrame", "POST", [OTHER], "lax_unsafe"),
        (LINK, "mainFrame", "PUT", [OTHER], "lax_unsafe"),
        (LINK, "mainFrame", "GET", [OTHER, SHOP], "strict"),
        (LINK, "mainFrame", "GET", [PLAIN], "lax"),
        (FRAME, "mainFrame", "GET", [SHOP], "lax"),
        (TYPED, "mainFrame", "GET", [OTHER], "strict"),
        (TYPED, "mainFrame", "POST", [OTHER], "strict"),
        (LINK, "other", "GET", [OTHER], "lax"),  # a download
        (LINK, "other", "GET", [SHOP], "strict"),
        (msgspec.structs.replace(FRAME, mode="navigate"), "other", "GET", [OTHER], "cross_site"),
        (msgspec.structs.replace(WITHIN, url=SHOP, mode="navigate"), "other", "GET", [OTHER], "cross_site"),
        (CORS, "other", "GET", [OTHER], "cross_site"),
    ],
)
def test_the_same_site_context_is_that_of_the_page_and_of_what_is_asked(
    initiator: Initiator | None, resource_type: ResourceType, method: str, chain: list[str], context: str
) -> None:
    assert same_site_context(method, tuple(chain), initiator, resource_type) == context


@pytest.mark.parametrize(
    ("credentials", "mode", "chain", "go_along"),
    [
        ("same-origin", "cors", [SHOP], True),
        ("same-origin", "cors", [WWW], False),
        ("same-origin", "no-cors", [OTHER], False),
        ("same-origin", "cors", [SHOP, OTHER], False),
        ("same-origin", "cors", [OTHER, SHOP], False),  # the response is a CORS one by now
        ("same-origin", "navigate", [OTHER], True),
        ("include", "cors", [OTHER], True),
        ("omit", "cors", [SHOP], False),
    ],
)
def test_credentials_of_the_same_origin_end_where_it_is_left(
    credentials: Credentials, mode: RequestMode, chain: list[str], go_along: bool
) -> None:
    initiator = msgspec.structs.replace(CORS, mode=mode)
    assert credentials_go_along(credentials, initiator, tuple(chain)) is go_along


def test_without_a_page_same_origin_means_include() -> None:
    assert credentials_go_along("same-origin", None, (OTHER,))
    assert not credentials_go_along("omit", None, (OTHER,))


def test_the_top_level_site_is_that_of_the_main_frame() -> None:
    assert top_level_site(OTHER, None, "xhr") == ""
    assert top_level_site(OTHER, CORS, "xhr") == "https://shop.example"
    assert top_level_site("https://www.other.example/", LINK, "mainFrame") == "https://other.example"
    assert top_level_site(OTHER, CORS, "subFrame") == "https://shop.example"


def test_pages_without_a_site_are_kept_apart() -> None:
    first, second = (Initiator(page=page, url="about:blank", top_level_url="about:blank") for page in ("p1", "p2"))
    assert top_level_site(OTHER, first, "xhr") != top_level_site(OTHER, second, "xhr")
