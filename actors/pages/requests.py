"""What a page adds to its requests, and how its place decides on cookies and cache. Pure.

The exchange asks at every hop, with all URLs so far. A request without a page is told from none: no ``Origin``, no
``Referer``, ``Sec-Fetch-Site: none`` (FEATURES F12g), all same-site cookies, no site of its own.

An :class:`Initiator` whose ``url`` is empty is a navigation that nobody's document began: a person, by the address bar, or the
program, by ``page.load_url()``.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from partita.actors.network.fields import Fields
from partita.actors.pages.referrer import policy_after, referrer_for
from partita.actors.pages.sites import OPAQUE, is_potentially_trustworthy, origin_of, same_origin, same_site, site_of
from partita.events.network import Credentials, Initiator, ReferrerPolicy, ResourceType

if TYPE_CHECKING:
    from partita.actors.cookies.matching import SameSiteContext

__all__ = ["credentials_go_along", "fields_of", "policy_after", "same_site_context", "top_level_site"]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 9.2.1
_WITHOUT_ORIGIN: Final = frozenset({"GET", "HEAD"})  # Fetch standard 3.2

_DESTINATIONS: Final[Mapping[ResourceType, str]] = {
    "mainFrame": "document",
    "subFrame": "iframe",
    "stylesheet": "style",
    "script": "script",
    "image": "image",
    "font": "font",
    "object": "object",
    "xhr": "empty",
    "ping": "empty",
    "cspReport": "report",
    "media": "video",
    "webSocket": "empty",
    "other": "empty",
}
"""Fetch standard 2.2.5: the destination of each type of resource."""

_OF_NO_PAGE: Final[Fields] = (("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "empty"))


def fields_of(  # noqa: PLR0917  # all of it decides
    asked_url: str,
    method: str,
    headers: Fields,
    initiator: Initiator | None,
    resource_type: ResourceType,
    url_chain: tuple[str, ...],
    policy: ReferrerPolicy,
    *,
    earlier_policies: tuple[ReferrerPolicy, ...] = (),
) -> Fields:
    """The header fields to be added to one hop, in Chromium's order; those that ``headers`` holds already are left out.

    ``url_chain``: all URLs of the exchange, ``asked_url`` last. ``policy`` is the referrer policy as of this hop
    (:func:`policy_after`), ``earlier_policies`` are those of the hops before, as far as they differ: what a hop did not say of
    where it comes from, no later one says either (Fetch standard 4.1, step 8).
    """
    if initiator is None:
        return _of_no_page(headers) if is_potentially_trustworthy(asked_url) else ()
    own: list[tuple[str, str]] = []
    if initiator.mode == "navigate":
        own.append(("Upgrade-Insecure-Requests", "1"))  # Upgrade Insecure Requests 3.2.1
    origin = _origin_field(asked_url, method, initiator, url_chain, policy)
    if origin is not None:
        own.append(("Origin", origin))
    if is_potentially_trustworthy(asked_url):
        own.append(("Sec-Fetch-Site", _fetch_site(initiator, url_chain)))
        own.append(("Sec-Fetch-Mode", initiator.mode))
        if initiator.mode == "navigate" and initiator.user_activated:
            own.append(("Sec-Fetch-User", "?1"))
        own.append(("Sec-Fetch-Dest", _DESTINATIONS[resource_type]))
    referrer = _referrer(initiator, url_chain, (*earlier_policies, policy))
    if referrer is not None:
        own.append(("Referer", referrer))
    return _not_given(tuple(own), headers)


def _of_no_page(headers: Fields) -> Fields:
    """By far the most requests are such ones, and hardly any of them says something of this kind itself."""
    for name, _ in headers:
        if name[:4].lower() == "sec-":
            return _not_given(_OF_NO_PAGE, headers)
    return _OF_NO_PAGE


def _not_given(own: Fields, headers: Fields) -> Fields:
    """What a caller gave wins."""
    if not headers:
        return own
    given = {name.lower() for name, _ in headers}
    return tuple(field for field in own if field[0].lower() not in given)


def _fetch_site(initiator: Initiator, url_chain: tuple[str, ...]) -> str:
    """Fetch Metadata 2.3: how far the chain led away from the page."""
    if not initiator.url:
        return "none"
    relation = "same-origin"
    for url in url_chain:
        if same_origin(url, initiator.url):
            continue
        if not same_site(url, initiator.url):
            return "cross-site"
        relation = "same-site"
    return relation


def _origin_field(
    url: str, method: str, initiator: Initiator, url_chain: tuple[str, ...], policy: ReferrerPolicy
) -> str | None:
    """Fetch standard 3.2, "append a request Origin header"."""
    origin = OPAQUE if _is_tainted(initiator, url_chain) else origin_of(initiator.url)
    if initiator.mode == "cors" and _left_the_origin(initiator, url_chain):
        return origin
    if method in _WITHOUT_ORIGIN:
        return None
    return origin if initiator.mode == "cors" or _may_say_origin(url, initiator.url, policy) else OPAQUE


def _may_say_origin(url: str, page_url: str, policy: ReferrerPolicy) -> bool:
    """Fetch standard 3.2, step 4.2: what the referrer policy hides of a request that is no CORS one."""
    match policy:
        case "no-referrer":
            return False
        case "same-origin":
            return same_origin(url, page_url)
        case "origin" | "origin-when-cross-origin" | "unsafe-url":
            return True
        case _:  # the strict ones, and the default
            return not page_url.startswith("https:") or url.startswith("https:")


def _is_tainted(initiator: Initiator, url_chain: tuple[str, ...]) -> bool:
    """Fetch standard 2.2.5, "redirect-taint": a third party had a say in where the request goes."""
    return any(
        not same_origin(following, last) and not same_origin(initiator.url, last)
        for last, following in pairwise(url_chain)
    )


def _left_the_origin(initiator: Initiator, url_chain: tuple[str, ...]) -> bool:
    """Whether any hop was cross-origin: the response tainting is then no longer "basic" (Fetch standard 4.1, step 12)."""
    return any(not same_origin(url, initiator.url) for url in url_chain)


def _referrer(initiator: Initiator, url_chain: tuple[str, ...], policies: tuple[ReferrerPolicy, ...]) -> str | None:
    """What is left of the document's URL after every hop (Fetch standard 4.1, step 8; 4.4, step 19)."""
    referrer = initiator.url if initiator.referrer is None else initiator.referrer
    missing = len(url_chain) - len(policies)
    for at, url in enumerate(url_chain):
        told = referrer_for(referrer, url, policies[max(0, at - missing)]) if referrer else None
        if told is None:
            return None
        referrer = told
    return referrer or None


def credentials_go_along(credentials: Credentials, initiator: Initiator | None, url_chain: tuple[str, ...]) -> bool:
    """Whether cookies are sent and stored at this hop (Fetch standard 4.6, step 8.6; FEATURES F12d).

    ``same-origin`` ends with the first hop that leaves the page's origin, and means ``include`` without a page.
    """
    if credentials == "same-origin" and initiator is not None and initiator.mode != "navigate":
        return not _left_the_origin(initiator, url_chain)
    return credentials != "omit"


def same_site_context(
    method: str, url_chain: tuple[str, ...], initiator: Initiator | None, resource_type: ResourceType
) -> SameSiteContext:
    """Which same-site cookies a hop may carry (RFC 6265bis 5.2, as Chromium's ``ComputeSameSiteContext`` has it).

    Sites are schemeful. Redirects do not count: the rule that they do (``CookieSameSiteConsidersRedirectChain``) is off by
    default in Chromium, which found that it breaks logins (crbug.com/1221316).
    """
    if initiator is None:
        return "strict"
    url = url_chain[-1]
    by_the_same_site = not initiator.url or same_site(initiator.url, url)
    if _is_top_level(initiator, resource_type):
        if by_the_same_site:
            return "strict"
        return "lax" if method in _SAFE_METHODS else "lax_unsafe"
    within_one_site = not initiator.cross_site_ancestor and same_site(initiator.top_level_url, url)
    return "strict" if by_the_same_site and within_one_site else "cross_site"


def top_level_site(url: str, initiator: Initiator | None, resource_type: ResourceType) -> str:
    """The site that isolates cache and partitioned cookies: that of the page's main frame; empty without a page.

    A page that has no site (``about:blank``) is kept apart from all others by its id.
    """
    if initiator is None:
        return ""
    site = site_of(url if _is_top_level(initiator, resource_type) else initiator.top_level_url)
    return site if site != OPAQUE else f"{OPAQUE}:{initiator.page}"


def _is_top_level(initiator: Initiator, resource_type: ResourceType) -> bool:
    """A navigation of the main frame, or a link of its document whose target turns out to be a file (``<a download>``)."""
    if resource_type == "mainFrame":
        return True
    is_download = resource_type == "other" and initiator.mode == "navigate"
    return is_download and initiator.url == initiator.top_level_url and not initiator.cross_site_ancestor
