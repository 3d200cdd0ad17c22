"""httpx has a successor, ``httpx2``: the same words under another name, and clients of the one do not know the other's classes.

partita speaks httpx. A client of the successor that runs through a session's transport gets what it looks for all the same:
responses that are of its own class as well, and errors that its ``except`` clauses know. Nothing is imported for it: the module
is the one that its request is of.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, cast

from partita.actors.network.http import NetError, Request, Response
from partita.actors.network.responses import OfSession

_OURS: Final = Request.__module__.partition(".")[0]


def answer_for(request: object, response: Response) -> Response:
    """The response, in the words of the client that made the request."""
    if isinstance(request, Request):
        return response
    words = _words_of(request)
    stream: Any = response.stream
    translated: Any = object.__new__(_response_class(words))
    translated.__dict__.update({name: value for name, value in response.__dict__.items() if name != "headers"})
    kind = _stream_class(words, type(stream))  # type: ignore[arg-type]  # mypy takes a class for unhashable
    translated.stream = object.__new__(kind)
    translated.stream.__dict__.update(stream.__dict__)
    return cast("Response", translated)


def error_for(request: object, error: NetError) -> NetError:
    """The error, in the words of the client that made the request."""
    if isinstance(request, Request):
        return error
    translated = _error_class(_words_of(request), type(error))(  # type: ignore[arg-type]  # see above
        error.name, error.detail, request=cast("Request", request)
    )
    translated.__cause__ = error.__cause__
    return translated


def _words_of(request: object) -> ModuleType:
    return sys.modules[type(request).__module__.partition(".")[0]]


@lru_cache
def _response_class(words: ModuleType) -> type[Any]:
    return type("SessionResponse", (OfSession, words.Response), {"headers_class": words.Headers})


@lru_cache
def _stream_class(words: ModuleType, kind: type[Any]) -> type[Any]:
    return type(kind.__name__, (kind, words.AsyncByteStream, words.SyncByteStream), {})


@lru_cache
def _error_class(words: ModuleType, kind: type[NetError]) -> type[NetError]:
    theirs = next(each for each in kind.__mro__ if each.__module__.partition(".")[0] == _OURS)
    return cast("type[NetError]", type(kind.__name__, (kind, getattr(words, theirs.__name__)), {}))
