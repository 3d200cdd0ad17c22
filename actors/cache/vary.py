"""Which variant of a resource a request asks for (RFC 9111 4.1). Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from partita.actors.cache.directives import members
from partita.actors.network.fields import Fields, every
from partita.events.cache import VaryValue

ANY: Final = "*"
_LANGUAGE: Final = "accept-language"
_QUALITY: Final = re.compile(r"[01](\.\d{0,3})?", re.ASCII)  # RFC 9110 12.4.2


def nominated(headers: Fields) -> tuple[str, ...] | None:
    """The request's fields that a response depends on, in lower case and in order; None when it depends on what nobody knows."""
    names = {member.lower() for line in every(headers, "vary") for member in members(line)}
    return None if ANY in names else tuple(sorted(names))


def chosen_by(url: str, names: Sequence[str], request: Fields) -> tuple[VaryValue, ...]:
    """The values of these fields in a request, as an entry keeps them."""
    return tuple(VaryValue(name, _digest(url, name, request)) for name in names)


def is_chosen(vary: tuple[VaryValue, ...], url: str, request: Fields, *, languages: tuple[str, ...] = ()) -> bool:
    """Whether the request chooses the response that was stored under ``vary``.

    ``languages`` are those of the stored response (``Content-Language``): when there is one, and it is the one that the
    request prefers to all others, no other variant could be better.
    """
    return all(
        value.digest == _digest(url, value.name, request)
        or (value.name == _LANGUAGE and len(languages) == 1 and _is_preferred(languages[0], request))
        for value in vary
    )


def _digest(url: str, name: str, request: Fields) -> str:
    lines = every(request, name)
    return _digest_of(url, name, lines) if lines else ""


@lru_cache(maxsize=2048)
def _digest_of(url: str, name: str, lines: tuple[str, ...]) -> str:
    normal = _normal(name, lines)
    return hashlib.sha256(f"{url}\n{name}\n{normal}".encode("utf-8", "surrogatepass")).hexdigest()


def _normal(name: str, lines: tuple[str, ...]) -> str:
    """Lines combined, without the space around list members; languages by their weight, then by their names."""
    if name != _LANGUAGE:
        return ",".join(member for line in lines for member in members(line))
    weighted = sorted((-weight, language) for language, weight in _languages(lines))
    return ",".join(f"{language};q={-weight}" for weight, language in weighted)


def _languages(lines: tuple[str, ...]) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for line in lines:
        for member in members(line):
            language, _, parameter = member.partition(";")
            quality, _, value = parameter.replace(" ", "").partition("=")
            weight = float(value) if quality.lower() == "q" and _QUALITY.fullmatch(value) else 1.0
            found.append((language.strip().lower(), weight))
    return found


def _is_preferred(language: str, request: Fields) -> bool:
    weighted = sorted(_languages(every(request, _LANGUAGE)), key=lambda one: -one[1])
    if not weighted or weighted[0][0] != language:
        return False
    return len(weighted) == 1 or weighted[1][1] < weighted[0][1]
