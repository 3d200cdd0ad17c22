"""Which hooks a request is for. Pure; what is compiled is kept."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from partita.actors.web_request.patterns import Pattern, Target, compiled, target
from partita.events.network import ResourceType
from partita.events.web_request import Hook, RequestFilter, Stage, WebRequestState

_KEPT: Final = 1024


class _AnyOf:
    """Many patterns: those that name a host are looked up by it, so a list of thousands costs what a short one does."""

    __slots__ = ("_anywhere", "_by_host")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._anywhere: list[Pattern] = []
        self._by_host: dict[str, list[Pattern]] = {}
        for text in patterns:
            pattern = compiled(text)
            if pattern.host:
                self._by_host.setdefault(pattern.host, []).append(pattern)
            else:
                self._anywhere.append(pattern)

    def matches(self, url: Target) -> bool:
        if any(pattern.matches_target(url) for pattern in self._anywhere):
            return True
        if self._by_host:
            host = url.host
            while True:
                if any(pattern.matches_target(url) for pattern in self._by_host.get(host, ())):
                    return True
                _, dot, host = host.partition(".")
                if not dot:
                    return False
        return False


class _Compiled:
    __slots__ = ("_exclude", "_types", "_urls")

    def __init__(self, given: RequestFilter) -> None:
        self._urls = _AnyOf(given.urls) if given.urls else None
        self._exclude = _AnyOf(given.exclude_urls) if given.exclude_urls else None
        self._types = frozenset(given.types)

    def matches(self, url: Target, resource_type: ResourceType) -> bool:
        if self._types and resource_type not in self._types:
            return False
        if self._exclude is not None and self._exclude.matches(url):
            return False
        return self._urls is None or self._urls.matches(url)


@lru_cache(maxsize=_KEPT)
def _compiled_filter(given: RequestFilter) -> _Compiled:
    return _Compiled(given)


_EVERYTHING: Final = RequestFilter()


def handler_name(hook_id: str) -> str:
    """What the listener of a hook is set under, in the handlers port."""
    return f"web_request/{hook_id}"


def hooks_for(state: WebRequestState, stage: Stage, url: str, resource_type: ResourceType) -> tuple[Hook, ...]:
    """The hooks of a stage that a request is for, in the order they are asked: Electron's sole one, then the added ones.

    ``url`` is absolute, in its normal form. What its host answers does not matter here: only the request's words do.
    """
    hooks = state.hooks.get(stage)
    if not hooks:
        return ()
    if len(hooks) == 1 and hooks[0].filter == _EVERYTHING:
        return hooks
    where = target(url)
    return tuple(hook for hook in hooks if _compiled_filter(hook.filter).matches(where, resource_type))
