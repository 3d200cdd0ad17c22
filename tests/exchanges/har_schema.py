"""The HAR 1.2 format as a JSON schema, from its specification (http://www.softwareishard.com/blog/har-12-spec/)."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

MOMENT: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
TEXT: Final = {"type": "string"}
COUNT: Final = {"type": "integer", "minimum": -1}
KNOWN_MS: Final = {"type": "number", "minimum": 0}
MS: Final = {"anyOf": [KNOWN_MS, {"const": -1}]}


def fields(required: Json, optional: Json | None = None, **rules: object) -> Json:
    """An object with these fields, a comment, and what begins with an underscore; nothing else."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {}), "comment": TEXT},
        "patternProperties": {"^_": {}},
        "additionalProperties": False,
        **rules,
    }


def listed(items: Json) -> Json:
    return {"type": "array", "items": items}


PAIR: Final = fields({"name": TEXT, "value": TEXT})
COOKIE: Final = fields(
    {"name": TEXT, "value": TEXT},
    {
        "path": TEXT,
        "domain": TEXT,
        "expires": MOMENT,
        "httpOnly": {"type": "boolean"},
        "secure": {"type": "boolean"},
        "sameSite": {"enum": ["Strict", "Lax", "None"]},  # not of the specification: as Chrome and Firefox export it
    },
)
PARAM: Final = fields({"name": TEXT}, {"value": TEXT, "fileName": TEXT, "contentType": TEXT})
POST_DATA: Final = fields(
    {"mimeType": TEXT},
    {"params": listed(PARAM), "text": TEXT},
    oneOf=[{"required": ["params"]}, {"required": ["text"]}],
)
REQUEST: Final = fields(
    {
        "method": TEXT,
        "url": {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:[^#]+$"},
        "httpVersion": TEXT,
        "cookies": listed(COOKIE),
        "headers": listed(PAIR),
        "queryString": listed(PAIR),
        "headersSize": COUNT,
        "bodySize": COUNT,
    },
    {"postData": POST_DATA},
)
CONTENT: Final = fields(
    {"size": {"type": "integer", "minimum": 0}, "mimeType": TEXT},
    {"compression": {"type": "integer"}, "text": TEXT, "encoding": {"const": "base64"}},
)
RESPONSE: Final = fields(
    {
        "status": {"type": "integer"},
        "statusText": TEXT,
        "httpVersion": TEXT,
        "cookies": listed(COOKIE),
        "headers": listed(PAIR),
        "content": CONTENT,
        "redirectURL": TEXT,
        "headersSize": COUNT,
        "bodySize": COUNT,
    }
)
TIMINGS: Final = fields(
    {"send": KNOWN_MS, "wait": KNOWN_MS, "receive": KNOWN_MS}, {"blocked": MS, "dns": MS, "connect": MS, "ssl": MS}
)
CACHED: Final = fields({"lastAccess": MOMENT, "eTag": TEXT, "hitCount": COUNT}, {"expires": MOMENT})
ENTRY: Final = fields(
    {
        "startedDateTime": MOMENT,
        "time": KNOWN_MS,
        "request": REQUEST,
        "response": RESPONSE,
        "cache": fields({}, {"beforeRequest": CACHED, "afterRequest": CACHED}),
        "timings": TIMINGS,
    },
    {"pageref": TEXT, "serverIPAddress": TEXT, "connection": TEXT},
)
PAGE: Final = fields(
    {
        "startedDateTime": MOMENT,
        "id": TEXT,
        "title": TEXT,
        "pageTimings": fields({}, {"onContentLoad": MS, "onLoad": MS}),
    }
)
PROGRAM: Final = fields({"name": TEXT, "version": TEXT})
HAR: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["log"],
    "additionalProperties": False,
    "properties": {
        "log": fields(
            {"version": {"const": "1.2"}, "creator": PROGRAM, "entries": listed(ENTRY)},
            {"browser": PROGRAM, "pages": listed(PAGE)},
        )
    },
}
