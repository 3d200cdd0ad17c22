"""Which schemes there are, and what they may do (FEATURES R1 to R10, T20). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from partita.actors.network.urls import REFUSED_SCHEMES, scheme_of
from partita.events.protocols import CustomScheme, Privileges, ProtocolsState, SchemeHandler
from partita.store.decoding import converted

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.\-]*")  # RFC 3986 3.1
_LONGEST: Final = 64
_NONE: Final[frozenset[str]] = frozenset()
_CODE_CACHE_NEEDS_STANDARD: Final = (
    "Code cache can only be enabled when the custom scheme is registered as standard scheme."
)


def checked_scheme(scheme: object) -> str:
    """A scheme that can have a handler, in lower case. Raises :class:`TypeError` or :class:`ValueError`."""
    if not isinstance(scheme, str):
        raise TypeError(f"a scheme is a str, not {type(scheme).__name__}")
    lower = scheme.lower()
    if len(lower) > _LONGEST or not _SCHEME.fullmatch(lower):
        raise ValueError(
            f"{scheme[:80]!r} is no scheme: a letter, then letters, digits, '+', '-' and '.', {_LONGEST} characters at most"
        )
    if lower in REFUSED_SCHEMES:
        raise ValueError(f"{lower!r} names no place to ask, so nobody can answer for it (FEATURES F12a)")
    return lower


def checked_schemes(schemes: object) -> tuple[CustomScheme, ...]:
    """What ``register_schemes_as_privileged`` is given, in its checked form.

    Each is a :class:`CustomScheme`, or a mapping with Electron's names: ``{"scheme": "app", "privileges": {"standard": True}}``.
    Raises :class:`TypeError` or :class:`ValueError`, with Electron's text where it has one (FEATURES R9).
    """
    if isinstance(schemes, (str, bytes, Mapping, CustomScheme)) or not isinstance(schemes, Iterable):
        raise TypeError(f"schemes are a list of CustomScheme, not {type(schemes).__name__}")
    checked = tuple(_checked(each) for each in schemes)
    names = [each.scheme for each in checked]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"the scheme {doubled!r} is there more than once")
    return checked


def _checked(given: object) -> CustomScheme:
    if isinstance(given, CustomScheme):
        given = msgspec.to_builtins(given)
    try:
        custom = converted(given, CustomScheme)
        _no_unknown_names(given)
    except msgspec.ValidationError as error:
        raise TypeError(f"no custom scheme: {error}") from None
    if custom.privileges.code_cache and not custom.privileges.standard:
        raise ValueError(_CODE_CACHE_NEEDS_STANDARD)
    return CustomScheme(checked_scheme(custom.scheme), custom.privileges)


def _no_unknown_names(given: object) -> None:
    assert isinstance(given, Mapping)
    for struct, names in ((CustomScheme, given), (Privileges, given.get("privileges", {}))):
        known = {field.encode_name for field in msgspec.structs.fields(struct)}
        if unknown := next((name for name in names if name not in known), None):
            raise TypeError(f"no custom scheme: there is no {unknown!r}, but {', '.join(map(repr, sorted(known)))}")


@lru_cache(maxsize=64)
def _standard(privileged: tuple[CustomScheme, ...]) -> frozenset[str]:
    return frozenset(each.scheme for each in privileged if each.privileges.standard)


def standard_schemes(state: ProtocolsState) -> frozenset[str]:
    """The custom schemes whose URLs have a host and a path, and that have cookies (FEATURES R2)."""
    return _standard(state.privileged) if state.privileged else _NONE


@lru_cache(maxsize=64)
def _secure(privileged: tuple[CustomScheme, ...]) -> frozenset[str]:
    return frozenset(each.scheme for each in privileged if each.privileges.secure)


def secure_schemes(state: ProtocolsState) -> frozenset[str]:
    """The custom schemes whose origins are trustworthy, as those of https are (FEATURES R3)."""
    return _secure(state.privileged) if state.privileged else _NONE


def privileges_of(state: ProtocolsState, scheme: str) -> Privileges:
    """What a scheme may do; nothing, unless somebody said so."""
    return next((each.privileges for each in state.privileged if each.scheme == scheme), Privileges())


def handler_for(state: ProtocolsState, url: str, *, bypass: bool = False) -> SchemeHandler | None:
    """Who answers a request for ``url`` (in its normal form) in place of the network; None when nobody does.

    ``bypass``: no handler is asked (FEATURES F12j, H7).
    """
    if bypass or not (state.registered or state.intercepted):
        return None
    scheme = scheme_of(url)
    return state.intercepted.get(scheme) or state.registered.get(scheme)


def handler_name(handler: SchemeHandler) -> str:
    """What the function of a handler is called in the table of handlers."""
    return f"protocol/{handler.scheme}/{handler.number}"
