"""What a net log hears of an exchange (FEATURES N1): Chromium's events, from the machine's commands and words."""

from __future__ import annotations

import msgspec

from partita.actors.kernel.world import Door, NetworkRequest, Trace
from partita.actors.network.exchange.machine import Exchange
from partita.actors.network.exchange.words import (
    BodyBroke,
    BodyEnded,
    BodyLeft,
    CacheBroke,
    CacheOpened,
    Command,
    Deliver,
    Drain,
    Fail,
    HookAnswered,
    OpenCached,
    SendFailed,
    StoreCookies,
    Word,
)
from partita.actors.network.http import NetError
from partita.actors.network.redirects import Outgoing


class Tracer:
    """Notes one exchange under a source ``URL_REQUEST``."""

    def __init__(self, trace: Trace, asked: Outgoing) -> None:
        self._trace = trace
        trace.note("REQUEST_ALIVE", "begin", {"priority": "MEDIUM", "url": asked.url})
        self._begin_job(asked)

    def _begin_job(self, asked: Outgoing) -> None:
        self._asked = asked
        self._trace.note("URL_REQUEST_START_JOB", "begin", {"method": asked.method, "url": asked.url})

    @classmethod
    def of(cls, door: Door, asked: Outgoing) -> Tracer | None:
        """None when no net log is being written."""
        trace = door.world.net_logs.trace(door.partition, "URL_REQUEST")
        return None if trace is None else cls(trace, asked)

    def traced(self, request: NetworkRequest) -> NetworkRequest:
        """The request, so that the network notes what it does for it."""
        return msgspec.structs.replace(request, trace=self._trace)

    def wanted(self, machine: Exchange, command: Command) -> None:
        """The machine wants something."""
        note = self._trace.note
        match command:
            case OpenCached():
                note("HTTP_CACHE_OPEN_ENTRY", "begin")
            case StoreCookies(message=message):
                note("COOKIE_STORE_COOKIE_ADDED", "none", {"count": len(message.headers)})
            case Drain() if self._asked is not machine.asked:
                note("URL_REQUEST_REDIRECTED", "none", {"location": machine.asked.url})
                note("URL_REQUEST_START_JOB", "end")
                self._begin_job(machine.asked)
            case Deliver():
                note("URL_REQUEST_START_JOB", "end")
            case Fail(error=error):
                code = {"net_error": error.code} if isinstance(error, NetError) else {"net_error": -2}
                note("FAILED", "none", code)
                note("URL_REQUEST_START_JOB", "end", code)
                note("REQUEST_ALIVE", "end", code)
            case _:
                pass

    def heard(self, word: Word) -> None:
        """The machine is about to be told something."""
        note = self._trace.note
        match word:
            case CacheOpened():
                note("HTTP_CACHE_OPEN_ENTRY", "end")
            case CacheBroke():
                note("HTTP_CACHE_OPEN_ENTRY", "end", {"net_error": -401})
            case HookAnswered(answer=answer) if answer is not None and answer.cancel:
                note("CANCELLED", "none", {"net_error": -20})
            case SendFailed(error=error) | BodyBroke(error=error):
                note("FAILED", "none", {"net_error": error.code})
                if isinstance(word, BodyBroke):
                    note("REQUEST_ALIVE", "end", {"net_error": error.code})
            case BodyEnded():
                note("REQUEST_ALIVE", "end")
            case BodyLeft():
                note("REQUEST_ALIVE", "end", {"net_error": -3})
            case _:
                pass
