"""What a request says of where it comes from: the ``Referer`` field (Referrer Policy, W3C). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, get_args

from partita.actors.network import fields
from partita.actors.network.fields import Fields
from partita.actors.pages.sites import is_potentially_trustworthy, origin_of, same_origin
from partita.events.network import ReferrerPolicy

DEFAULT: Final[ReferrerPolicy] = "strict-origin-when-cross-origin"
"""What the empty policy means (Referrer Policy 3)."""

POLICIES: Final[tuple[ReferrerPolicy, ...]] = get_args(ReferrerPolicy)
"""All nine, the empty one first."""

_TOKENS: Final = frozenset(POLICIES) - {""}
_LONGEST: Final = 4096
_TOLD_SCHEMES: Final = ("http://", "https://")

# -- the policies (Referrer Policy 3.1 to 3.8; 8.3, step 8) -------------------------------------------------------------

_Rule = Callable[[str, str, str], str | None]
"""``rule(referrer, origin, url)``: what is told of ``referrer``, or of its ``origin``, in a request to ``url``."""


def _downgrades(referrer: str, url: str) -> bool:
    return is_potentially_trustworthy(referrer) and not is_potentially_trustworthy(url)


def _no_referrer(referrer: str, origin: str, url: str) -> str | None:  # noqa: ARG001  # a row of the table
    return None


def _no_referrer_when_downgrade(referrer: str, origin: str, url: str) -> str | None:  # noqa: ARG001
    return None if _downgrades(referrer, url) else referrer


def _same_origin(referrer: str, origin: str, url: str) -> str | None:  # noqa: ARG001
    return referrer if same_origin(referrer, url) else None


def _origin(referrer: str, origin: str, url: str) -> str | None:  # noqa: ARG001
    return origin


def _strict_origin(referrer: str, origin: str, url: str) -> str | None:
    return None if _downgrades(referrer, url) else origin


def _origin_when_cross_origin(referrer: str, origin: str, url: str) -> str | None:
    return referrer if same_origin(referrer, url) else origin


def _strict_origin_when_cross_origin(referrer: str, origin: str, url: str) -> str | None:
    if same_origin(referrer, url):
        return referrer
    return None if _downgrades(referrer, url) else origin


def _unsafe_url(referrer: str, origin: str, url: str) -> str | None:  # noqa: ARG001
    return referrer


_RULES: Final[Mapping[ReferrerPolicy, _Rule]] = {
    "": _strict_origin_when_cross_origin,
    "no-referrer": _no_referrer,
    "no-referrer-when-downgrade": _no_referrer_when_downgrade,
    "same-origin": _same_origin,
    "origin": _origin,
    "strict-origin": _strict_origin,
    "origin-when-cross-origin": _origin_when_cross_origin,
    "strict-origin-when-cross-origin": _strict_origin_when_cross_origin,
    "unsafe-url": _unsafe_url,
}


@lru_cache(maxsize=1024)
def referrer_for(source: str, url: str, policy: ReferrerPolicy) -> str | None:
    """The ``Referer`` of a request to ``url`` that comes from ``source``; None for none (Referrer Policy 8.3).

    Only http and https URLs are told, as in Chromium; one of more than 4,096 characters is cut to its origin.
    """
    referrer = stripped(source)
    if referrer is None:
        return None
    origin = f"{origin_of(referrer)}/"
    if len(referrer) > _LONGEST:
        referrer = origin
    return _RULES[policy](referrer, origin, url)


def stripped(url: str) -> str | None:
    """A URL without what is nobody's business: user, password and fragment (Referrer Policy 8.4). None: not told."""
    url = url.partition("#")[0]
    if not url.startswith(_TOLD_SCHEMES):
        return None
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash or '/'}{path}"


# -- the field Referrer-Policy ------------------------------------------------------------------------------------------


def parsed_policy(headers: Fields) -> ReferrerPolicy:
    """The policy that a response asks for: the last of its tokens that is known; empty for none (Referrer Policy 8.1)."""
    found: ReferrerPolicy = ""
    for value in fields.every(headers, "referrer-policy"):
        for token in value.split(","):
            name = token.strip(" \t").lower()
            if name in _TOKENS:
                found = name
    return found


def policy_after(policy: ReferrerPolicy, response_headers: Fields) -> ReferrerPolicy:
    """The policy of a request after a redirect: the response's, when it asks for one (Referrer Policy 8.2)."""
    return parsed_policy(response_headers) or policy
