from __future__ import annotations

import pytest

from partita.actors.web_request.filters import hooks_for
from partita.events.network import ResourceType
from partita.events.web_request import Hook, RequestFilter, WebRequestState


def due(url: str, *filters: RequestFilter, kind: ResourceType = "xhr") -> list[str]:
    """The numbers of those filters that are for the request."""
    hooks = tuple(Hook(str(number), "completed", given) for number, given in enumerate(filters))
    return [hook.id for hook in hooks_for(WebRequestState({"completed": hooks}), "completed", url, kind)]


def test_without_hooks_nobody_is_asked() -> None:
    assert hooks_for(WebRequestState(), "completed", "https://a.test/", "xhr") == ()


def test_only_the_hooks_of_the_stage_are_asked() -> None:
    state = WebRequestState({"completed": (Hook("1", "completed"),)})
    assert hooks_for(state, "before_request", "https://a.test/", "xhr") == ()
    assert [hook.id for hook in hooks_for(state, "completed", "https://a.test/", "xhr")] == ["1"]


@pytest.mark.parametrize(
    ("given", "url", "kind", "is_due"),
    [
        (RequestFilter(), "https://a.test/", "xhr", True),
        (RequestFilter(), "app://x", "other", True),
        (RequestFilter(("https://a.test/*",)), "https://a.test/x", "xhr", True),
        (RequestFilter(("https://a.test/*",)), "https://b.test/x", "xhr", False),
        (RequestFilter(("https://a.test/*", "https://b.test/*")), "https://b.test/x", "xhr", True),
        (RequestFilter(("*://*.a.test/*",)), "https://x.y.a.test/", "xhr", True),
        (RequestFilter(("*://*.test/a", "*://*.a.test/b")), "https://x.a.test/a", "xhr", True),
        (RequestFilter(("http://[::1]/*",)), "http://[::1]:8080/", "xhr", True),
        (RequestFilter((), ("https://a.test/*",)), "https://a.test/x", "xhr", False),
        (RequestFilter(("<all_urls>",), ("*://*.a.test/*",)), "https://x.a.test/", "xhr", False),
        (RequestFilter(("<all_urls>",), ("*://*.a.test/*",)), "https://b.test/", "xhr", True),
        (RequestFilter(("https://a.test/*",), ("https://a.test/*",)), "https://a.test/", "xhr", False),
        (RequestFilter(types=("image",)), "https://a.test/", "xhr", False),
        (RequestFilter(types=("image", "xhr")), "https://a.test/", "xhr", True),
        (RequestFilter(types=("image",)), "https://a.test/", "other", False),
        (RequestFilter(("file:///*",)), "file:///etc/hosts", "xhr", True),
    ],
)
def test_which_requests_a_filter_is_for(given: RequestFilter, url: str, kind: ResourceType, is_due: bool) -> None:
    assert due(url, given, kind=kind) == (["0"] if is_due else [])
    assert due(url, given, RequestFilter(), kind=kind) == (["0", "1"] if is_due else ["1"])


def test_a_filter_of_ten_thousand_hosts_finds_the_one() -> None:
    given = RequestFilter(tuple(f"*://*.host{number}.test/*" for number in range(10_000)))
    assert due("https://a.host9999.test/", given) == ["0"]
    assert due("https://a.host10000.test/", given) == []
