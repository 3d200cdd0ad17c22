"""The origin server of http-tests/cache-tests, and what its client expects, as ``../shared/suites/README.md`` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from partita.actors.cache import dates

Fields = tuple[tuple[str, str], ...]
Case = Mapping[str, Any]

DATES = ("date", "expires", "last-modified")
PAUSE_S = 3
NOT_VALIDATED = 999


def value_of(headers: Fields, name: str) -> str | None:
    values = [value for given, value in headers if given.lower() == name.lower()]
    return ", ".join(values) if values else None


@dataclass
class Response:
    status: int
    reason: str
    headers: Fields
    body: bytes = b""
    interim: tuple[tuple[int, Fields], ...] = ()


@dataclass
class Seen:
    number: int
    method: str
    headers: Fields


@dataclass
class Origin:
    """Answers the requests of one case."""

    case: Case
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    validators: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, number: int, method: str, url: str, headers: Fields, now_us: int) -> Response | None:
        """The response to a request that the client numbers so; None: the connection is closed."""
        asked = self.case["requests"][number - 1]
        seen = self.seen.setdefault(url_id(url), [])
        seen.append(Seen(number, method, headers))
        if asked.get("disconnect"):
            return None
        status, reason = asked.get("response_status", [200, "OK"])
        fields = self._fields(asked, url, now_us)
        sent = {name.lower(): value for name, value in fields}
        fields += [
            ("Server-Request-Count", str(len(seen))),
            ("Request-Numbers", " ".join(str(one.number) for one in seen)),
            ("Server-Now", dates.formatted(now_us)),
        ]
        stored = self.validators.get(url, {})
        is_conditional = (
            value_of(headers, "If-None-Match") is not None or value_of(headers, "If-Modified-Since") is not None
        )
        matches = (stored.get("etag") is not None and value_of(headers, "If-None-Match") == stored["etag"]) or (
            stored.get("last-modified") is not None
            and value_of(headers, "If-Modified-Since") == stored["last-modified"]
        )
        interim = tuple(
            (one[0], tuple((name, value) for name, value in (one[1] if len(one) > 1 else [])))
            for one in asked.get("interim_responses", [])
        )
        if matches:
            return Response(304, "Not Modified", tuple(fields), interim=interim)
        if asked.get("expected_type", "").endswith("_validated") and not is_conditional:
            status, reason = NOT_VALIDATED, "Not Validated"
        self.validators[url] = sent
        body = asked.get("response_body", url_id(url)) if "response_body" in asked else url_id(url)
        content = b"" if body is None or method == "HEAD" else body.encode()
        return Response(status, reason, tuple(fields), content, interim)

    def _fields(self, asked: Mapping[str, Any], url: str, now_us: int) -> list[tuple[str, str]]:
        old = [name.lower() for name in asked.get("rfc850date", [])]
        fields: list[tuple[str, str]] = []
        for name, value, *_ in asked.get("response_headers", []):
            text = str(value)
            if isinstance(value, int) and name.lower() in DATES:
                moment_us = now_us + value * 1_000_000
                text = rfc850(moment_us) if name.lower() in old else dates.formatted(moment_us)
            elif asked.get("magic_locations") and name.lower() in ("location", "content-location"):
                text = f"{url}/{value}" if value else url
            fields.append((name, text))
        return fields


def url_id(url: str) -> str:
    return url.removeprefix("http://origin.test/").partition("/")[0].partition("?")[0]


def rfc850(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%A, %d-%b-%y %H:%M:%S GMT")


def url_for(case: Case, asked: Mapping[str, Any]) -> str:
    url = f"http://origin.test/{case['id']}"
    if "filename" in asked:
        url += f"/{asked['filename']}"
    if "query_arg" in asked:
        url += f"?{asked['query_arg']}"
    return url


def request_fields(asked: Mapping[str, Any], previous: Response | None) -> Fields:
    """What the client's program says to send. An integer If-Modified-Since counts from the previous answer."""
    fields = []
    for name, value in asked.get("request_headers", []):
        text = str(value)
        if asked.get("magic_ims") and name.lower() == "if-modified-since" and previous is not None:
            now_us = dates.parsed(value_of(previous.headers, "Server-Now") or "")
            assert now_us is not None
            text = dates.formatted(now_us + int(value) * 1_000_000)
        fields.append((name, text.strip()))
    return tuple(fields)


def problems(case: Case, number: int, got: Response | None, origin: Origin) -> list[str]:
    """What the client does not like about the answer to its request of this number."""
    asked = case["requests"][number - 1]
    url = url_for(case, asked)
    if got is None:
        return [] if asked.get("disconnect") and "expected_type" not in asked else ["no answer"]
    return [
        *_of_type(asked, number, got, origin.seen.get(url_id(url), [])),
        *_of_status_and_body(asked, got, url),
        *_of_fields(asked, got),
        *_of_request(asked, number, origin.seen.get(url_id(url), [])),
    ]


def _of_type(asked: Mapping[str, Any], number: int, got: Response, seen: list[Seen]) -> list[str]:
    expected = asked.get("expected_type")
    counted = value_of(got.headers, "Server-Request-Count")
    count = int(counted) if counted is not None else None
    mine = [one for one in seen if one.number == number]
    if expected == "cached":
        is_cached = count < number if count is not None else got.status == 304 and not mine
        return [] if is_cached else [f"not from the cache (count {count})"]
    if expected == "not_cached":
        return [] if count == number else [f"from the cache (count {count})"]
    if expected in ("etag_validated", "lm_validated"):
        name = "If-None-Match" if expected == "etag_validated" else "If-Modified-Since"
        return [] if mine and value_of(mine[-1].headers, name) is not None else [f"no {name} was seen"]
    return []


def _of_status_and_body(asked: Mapping[str, Any], got: Response, url: str) -> list[str]:
    found = []
    status = asked.get("expected_status", asked.get("response_status", [200])[0])
    if status is not None and got.status != status:
        found.append(f"status {got.status}, not {status}")
    if asked.get("check_body") is False or asked.get("request_method") == "HEAD" or got.status in (204, 304):
        return found
    text = asked.get("expected_response_text", asked.get("response_body", url_id(url)))
    if text is not None and got.body != text.encode():
        found.append(f"body {got.body!r}, not {text!r}")
    return found


def _of_fields(asked: Mapping[str, Any], got: Response) -> list[str]:
    found = []
    for expected in asked.get("expected_response_headers", []):
        if isinstance(expected, str):
            if value_of(got.headers, expected) is None:
                found.append(f"{expected} is missing")
            continue
        name, *rest = expected
        value = value_of(got.headers, name)
        if rest[0] == "=" and len(rest) > 1:
            good = value == value_of(got.headers, rest[1])
        elif rest[0] == ">" and len(rest) > 1:
            good = value is not None and value.isdigit() and int(value) > rest[1]
        elif isinstance(rest[0], int) and name.lower() in DATES:
            now_us = dates.parsed(value_of(got.headers, "Server-Now") or "")
            good = now_us is not None and value == dates.formatted(now_us + rest[0] * 1_000_000)
        else:
            good = value == str(rest[0])
        if not good:
            found.append(f"{name} is {value!r}; expected {rest}")
    for unexpected in asked.get("expected_response_headers_missing", []):
        name, *values = [unexpected] if isinstance(unexpected, str) else unexpected
        value = value_of(got.headers, name)
        if value is not None and (not values or value == values[0]):
            found.append(f"{name} is there")
    if "expected_interim_responses" in asked:
        expected_statuses = [one[0] for one in asked["expected_interim_responses"]]
        if [status for status, _ in got.interim] != expected_statuses:
            found.append(f"interim responses {got.interim}")
    return found


def _of_request(asked: Mapping[str, Any], number: int, seen: list[Seen]) -> list[str]:
    mine = [one for one in seen if one.number == number]
    found = []
    if "expected_method" in asked and (not mine or mine[-1].method != asked["expected_method"]):
        found.append(f"the method was {[one.method for one in mine]}")
    for expected in asked.get("expected_request_headers", []):
        name, *values = [expected] if isinstance(expected, str) else expected
        value = value_of(mine[-1].headers, name) if mine else None
        if value is None or (values and value != str(values[0])):
            found.append(f"the request's {name} was {value!r}")
    return found
