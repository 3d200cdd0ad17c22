"""Recorded exchanges as a HAR 1.2 archive (http://www.softwareishard.com/blog/har-12-spec/). Pure.

An entry is a request and its response: a redirect, and a request that was sent again, is an entry of its own. What the log does
not know stays unsaid as the format has it: -1. Times are those of the turns: when a request was about to go out, when the head
of its response had come, when the last of its body had.

What the format has no place for stands under names with an underscore: ``_exchange`` and ``_position`` find the turns in the
log again, ``_error`` is the network's error, ``_encoding`` says that a request's body is base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from partita.actors.cookies.parsing import ParsedCookie, parse_set_cookie
from partita.actors.network.decoding import decoded
from partita.actors.network.http import NetError
from partita.actors.network.urls import resolved
from partita.events.errors import InvalidURL, KeyMissing, SecretErased
from partita.events.exchanges import (
    BeginExchange,
    ExchangeBegun,
    NoteBody,
    NoteFailure,
    NoteRequest,
    NoteResponse,
    RecordedField,
    RecordedFields,
)
from partita.events.secret import REDACTED
from partita.events.turn import Turn

AnyTurn = Turn[Any, Any, Any]
Json = dict[str, Any]

Content = Callable[[str], bytes | None]
"""The bytes that a SHA-256 in hexadecimal names; None when they are not there."""

VERSION: Final = "1.2"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_SITE: Final = {"no_restriction": "None", "lax": "Lax", "strict": "Strict"}
_FORM: Final = "application/x-www-form-urlencoded"
_TEXTUAL: Final = ("text/", "application/json", "application/javascript", "application/xml", "image/svg+xml", _FORM)


class _Hop:
    """One request, and what came of it."""

    def __init__(self, turn: AnyTurn, request: NoteRequest, purpose: str) -> None:
        self.position = turn.position
        self.began_us = self.ended_us = turn.time
        self.request = request
        self.purpose = purpose
        self.response: NoteResponse | None = None
        self.head_us: int | None = None
        self.pieces: list[str] = []
        self.size_bytes = 0
        self.is_whole = False
        self.error = ""

    def take(self, turn: AnyTurn) -> None:
        """The next word of it."""
        word = turn.message
        self.ended_us = turn.time
        if isinstance(word, NoteResponse):
            self.response, self.head_us = word, turn.time
        elif isinstance(word, NoteBody):
            self.size_bytes += sum(word.sizes)
            self.is_whole = word.is_last
            if word.content:
                self.pieces.append(word.content)
        elif isinstance(word, NoteFailure):
            self.error = f"net::{word.error}" + (f": {word.detail}" if word.detail else "")


def har_of(
    turns: Iterable[AnyTurn], content: Content, *, bodies: bool = True, secrets: bool = False, version: str = ""
) -> Json:
    """The archive of the exchanges in ``turns``, in the order in which their requests went out.

    ``bodies``: those of requests and responses are in it. ``secrets``: so are cookies, and every header field that may carry
    a credential; else their values are dots. ``version`` is partita's.
    """
    shown = _Shown(content, bodies=bodies, secrets=secrets)
    entries = [shown.entry(hop) for hop in _hops(turns)]
    creator = {"name": "partita", "version": version}
    return {"log": {"version": VERSION, "creator": creator, "pages": [], "entries": entries}}


def _hops(turns: Iterable[AnyTurn]) -> Iterator[_Hop]:
    purposes: dict[str, str] = {}
    hops: list[_Hop] = []
    newest: dict[str, _Hop] = {}
    for turn in turns:
        word = turn.message
        if isinstance(word, BeginExchange):
            purposes.update((event.exchange, word.purpose) for event in turn.events if isinstance(event, ExchangeBegun))
        elif isinstance(word, NoteRequest):
            hop = newest[word.exchange] = _Hop(turn, word, purposes.get(word.exchange, ""))
            hops.append(hop)
        elif isinstance(word, (NoteResponse, NoteBody, NoteFailure)) and word.exchange in newest:
            newest[word.exchange].take(turn)
    return iter(hops)


class _Shown:
    """Hops as entries, with what may be seen of them."""

    def __init__(self, content: Content, *, bodies: bool, secrets: bool) -> None:
        self._content = content
        self._bodies = bodies
        self._secrets = secrets

    def entry(self, hop: _Hop) -> Json:
        wait_us = (hop.ended_us if hop.head_us is None else hop.head_us) - hop.began_us
        receive_us = 0 if hop.head_us is None else hop.ended_us - hop.head_us
        found: Json = {
            "startedDateTime": (_EPOCH + timedelta(microseconds=hop.began_us)).isoformat(timespec="milliseconds"),
            "time": (wait_us + receive_us) / 1000,
            "request": self._request(hop),
            "response": self._response(hop),
            "cache": {},
            "timings": {
                "blocked": -1,
                "dns": -1,
                "connect": -1,
                "ssl": -1,
                "send": 0,  # not known either, but the format wants a time here
                "wait": wait_us / 1000,
                "receive": receive_us / 1000,
            },
            "_exchange": hop.request.exchange,
            "_position": hop.position,
        }
        if hop.purpose:
            found["_purpose"] = hop.purpose
        if hop.error:
            found["_error"] = hop.error
        elif not hop.is_whole:
            found["comment"] = "the recording does not have the end of this response"
        return found

    # -- requests -----------------------------------------------------------------------------------------------------

    def _request(self, hop: _Hop) -> Json:
        request = hop.request
        version = hop.response.http_version if hop.response is not None else ""
        body = self._content(request.body) if request.body else b""
        found: Json = {
            "method": request.method,
            "url": request.url,
            "httpVersion": version or "HTTP/1.1",
            "cookies": self._sent_cookies(request.headers),
            "headers": self._headers(request.headers),
            "queryString": _pairs(urlsplit(request.url).query),
            "headersSize": -1,
            "bodySize": -1 if body is None else len(body),
        }
        if request.body:
            found["postData"] = self._post_data(_mime_type(request.headers), body)
        return found

    def _post_data(self, mime_type: str, body: bytes | None) -> Json:
        found: Json = {"mimeType": mime_type, "text": ""}
        if body is None:
            return {**found, "comment": "the body is not in the log any more"}
        if not self._bodies:
            return found
        text = _text(body, mime_type)
        if text is None:
            return {**found, "text": base64.b64encode(body).decode("ascii"), "_encoding": "base64"}
        if mime_type.partition(";")[0].strip().lower() == _FORM:
            return {"mimeType": mime_type, "params": _pairs(text)}  # the one or the other, never both
        return {**found, "text": text}

    def _sent_cookies(self, fields: RecordedFields) -> list[Json]:
        found = []
        for field in fields:
            if field.name.lower() == "cookie":
                for pair in _revealed(field).split(";") if _is_readable(field) else ():
                    name, equals, value = pair.strip().partition("=")
                    name, value = (name, value) if equals else ("", name)
                    found.append({"name": name, "value": value if self._secrets else REDACTED})
        return found

    # -- responses ----------------------------------------------------------------------------------------------------

    def _response(self, hop: _Hop) -> Json:
        response = hop.response
        if response is None:  # as Chrome's developer tools write it
            return {
                "status": 0,
                "statusText": "",
                "httpVersion": "",
                "cookies": [],
                "headers": [],
                "content": {"size": 0, "mimeType": "x-unknown"},
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": -1,
            }
        return {
            "status": response.status,
            "statusText": response.reason,
            "httpVersion": response.http_version,
            "cookies": self._set_cookies(response.headers, hop.began_us),
            "headers": self._headers(response.headers),
            "content": self._response_content(hop, response.headers),
            "redirectURL": _redirect_url(hop.request.url, response),
            "headersSize": -1,
            "bodySize": hop.size_bytes,
        }

    def _response_content(self, hop: _Hop, fields: RecordedFields) -> Json:
        mime_type = _mime_type(fields)
        found: Json = {"size": hop.size_bytes, "mimeType": mime_type}
        coding = _value(fields, "content-encoding")
        if not hop.size_bytes or not (self._bodies or coding):
            return found
        pieces = [self._content(piece) for piece in hop.pieces]
        if any(piece is None for piece in pieces):
            return {**found, "comment": "the body is not in the log any more"}
        body = b"".join(piece for piece in pieces if piece is not None)
        try:
            plain = decoded(body, coding)
        except NetError as error:
            return {**found, "comment": f"the body stands here as it came: {error.detail}"} | self._shown_body(body, "")
        found["size"] = len(plain)
        if coding:
            found["compression"] = len(plain) - hop.size_bytes
        return found | self._shown_body(plain, mime_type)

    def _shown_body(self, body: bytes, mime_type: str) -> Json:
        if not self._bodies:
            return {}
        text = _text(body, mime_type)
        if text is None:
            return {"text": base64.b64encode(body).decode("ascii"), "encoding": "base64"}
        return {"text": text}

    def _set_cookies(self, fields: RecordedFields, now_us: int) -> list[Json]:
        found = []
        for field in fields:
            if field.name.lower() != "set-cookie" or not _is_readable(field):
                continue
            cookie = parse_set_cookie(_revealed(field))
            if isinstance(cookie, ParsedCookie):
                found.append(self._set_cookie(cookie, now_us))
        return found

    def _set_cookie(self, cookie: ParsedCookie, now_us: int) -> Json:
        found: Json = {"name": cookie.name, "value": cookie.value if self._secrets else REDACTED}
        if cookie.path is not None:
            found["path"] = cookie.path
        if cookie.domain is not None:
            found["domain"] = cookie.domain
        expires_s = cookie.expires_s if cookie.max_age_s is None else now_us // 1_000_000 + cookie.max_age_s
        if expires_s is not None:
            found["expires"] = _moment(expires_s)
        found |= {"httpOnly": cookie.http_only, "secure": cookie.secure}
        if cookie.same_site in _SAME_SITE:
            found["sameSite"] = _SAME_SITE[cookie.same_site]
        return found

    def _headers(self, fields: RecordedFields) -> list[Json]:
        return [{"name": field.name, "value": self._header_value(field)} for field in fields]

    def _header_value(self, field: RecordedField) -> str:
        if field.secret is not None and not (self._secrets and _is_readable(field)):
            return REDACTED
        return _revealed(field)


def _is_readable(field: RecordedField) -> bool:
    try:
        _ = field.value
    except (KeyMissing, SecretErased):
        return False
    return True


def _revealed(field: RecordedField) -> str:
    return field.value


def _value(fields: RecordedFields, name: str) -> str:
    return ", ".join(_revealed(field) for field in fields if field.name.lower() == name and _is_readable(field))


def _mime_type(fields: RecordedFields) -> str:
    return _value(fields, "content-type") or "x-unknown"


def _pairs(query: str) -> list[Json]:
    return [{"name": name, "value": value} for name, value in parse_qsl(query, keep_blank_values=True)]


def _text(body: bytes, mime_type: str) -> str | None:
    """A body as text; None for one that is none."""
    kind, _, parameters = mime_type.partition(";")
    kind = kind.strip().lower()
    charset = ""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"')
    if not charset and not kind.startswith(_TEXTUAL) and not kind.endswith(("+json", "+xml")):
        return None
    try:
        return body.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return None


def _redirect_url(base: str, response: NoteResponse) -> str:
    location = _value(response.headers, "location")
    if response.status not in _REDIRECTS or not location:
        return ""
    try:
        return resolved(base, location)
    except InvalidURL:
        return location


def _moment(seconds: int) -> str:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    except OverflowError:
        return (_EPOCH if seconds < 0 else datetime.max.replace(tzinfo=UTC)).isoformat(timespec="milliseconds")
