"""What a handler has answered, in the network's words: which header fields it makes (FEATURES R27), which error. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from partita.actors.network import net_errors
from partita.actors.network.fields import Fields, check_fields, without
from partita.actors.network.http import NetError
from partita.actors.protocols.media_types import content_type
from partita.actors.protocols.structures import MimeTypedBuffer, ProtocolResponse, ProtocolResponseUploadData

_HTML: Final = "text/html"
OF_THE_CONNECTION: Final = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_SNAKE: Final = {field.encode_name: field.name for field in msgspec.structs.fields(ProtocolResponse)}
_NAMES: Final = frozenset(_SNAKE.values())
_LEAST_STATUS: Final = 200
_LAST_STATUS: Final = 599


def malformed(what: str) -> NetError:
    """An answer that is none of its kind."""
    return NetError("ERR_FAILED", what)


def reply_of(result: object) -> ProtocolResponse | None:
    """The structure that a handler has answered with; None for a plain value. Raises :class:`NetError`."""
    if isinstance(result, ProtocolResponse):
        reply = result
    elif isinstance(result, MimeTypedBuffer):
        reply = ProtocolResponse(data=result.data, mime_type=result.mime_type, charset=result.charset)
    elif isinstance(result, Mapping):
        reply = _of_mapping(result)
    else:
        return None
    if reply.error is not None:
        raise error_of(reply.error)
    return reply


def _of_mapping(given: Mapping[object, object]) -> ProtocolResponse:
    """Electron's names, or ours. What there is no field for says nothing, as in JavaScript."""
    known: dict[str, Any] = {}
    for name, value in given.items():
        field = _SNAKE.get(name, name) if isinstance(name, str) else None
        if field in _NAMES and value is not None:
            known[field] = value
    upload = known.get("upload_data")
    if isinstance(upload, Mapping):
        known["upload_data"] = _upload_of(upload)
    return ProtocolResponse(**known)


def _upload_of(given: Mapping[Any, Any]) -> ProtocolResponseUploadData:
    kind = given.get("contentType", given.get("content_type", ""))
    data = given.get("data", b"")
    if not isinstance(kind, str) or not isinstance(data, (str, bytes)):
        raise malformed("uploadData is a contentType and data, a str or bytes")
    return ProtocolResponseUploadData(kind, data)


def error_of(number: object) -> NetError:
    """FEATURES R26: ``{error: int}``."""
    if isinstance(number, int) and not isinstance(number, bool):
        name = net_errors.name_of(number)
        if name is not None:
            return NetError(name, f"the handler answered with the error {number}")
    return NetError("ERR_FAILED", f"the handler answered with the error {number!r}, which Chromium does not have")


def status_of(reply: ProtocolResponse) -> int:
    """The status. Raises :class:`NetError` for what is none."""
    status = reply.status_code
    if isinstance(status, bool) or not isinstance(status, int) or not _LEAST_STATUS <= status <= _LAST_STATUS:
        raise malformed(f"a status is a number from 200 to 599, not {status!r}")
    return status


def fields_of(reply: ProtocolResponse, *, media_type: str | None = _HTML, shared: bool = False) -> Fields:
    """The header fields of an answer. Raises :class:`NetError` for such as no response can have.

    ``media_type``: what it is when it does not say so, None for nothing to be said; ``shared``: any origin may read it.
    """
    headers = _checked(reply.headers or {})
    given = {name.lower() for name, _ in headers}
    made = []
    if "content-type" not in given and (kind := _text("mimeType", reply.mime_type) or media_type) is not None:
        made.append(("Content-Type", content_type(kind, _text("charset", reply.charset))))
    if shared and "access-control-allow-origin" not in given:
        made.append(("Access-Control-Allow-Origin", "*"))
    return (*headers, *_checked_pairs(made))


def _checked(headers: object) -> Fields:
    if not isinstance(headers, Mapping):
        raise malformed(f"headers are a mapping, not {type(headers).__name__}")
    pairs: list[tuple[Any, Any]] = []
    for name, value in headers.items():
        many = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
        pairs.extend((name, _shown(each)) for each in (value if many else (value,)))
    return _checked_pairs(pairs)


def _shown(value: object) -> object:
    return str(value) if isinstance(value, (int, float)) else value


def _checked_pairs(pairs: Sequence[tuple[Any, Any]]) -> Fields:
    own = [pair for pair in pairs if not isinstance(pair[0], str) or pair[0].lower() not in OF_THE_CONNECTION]
    try:
        return check_fields(own)
    except (TypeError, ValueError) as error:
        raise malformed(f"the handler's headers cannot be sent: {error}") from None


def response_fields(headers: Fields) -> Fields:
    """The fields of a whole response, without those that say how it was framed on its way here."""
    return without(headers, OF_THE_CONNECTION - {"content-length"})


def encoded(text: str, reply: ProtocolResponse) -> bytes:
    """FEATURES R13: a str in the charset that is said of it; UTF-8 when nobody knows that charset."""
    charset = _text("charset", reply.charset) or "utf-8"
    try:
        return text.encode(charset)
    except (LookupError, UnicodeEncodeError):
        return text.encode("utf-8", "replace")


def path_in(value: object) -> str | None:
    """The path that a value is, if it is one."""
    if isinstance(value, str):
        return value
    as_path = getattr(value, "__fspath__", None)
    path = as_path() if callable(as_path) else None
    return path if isinstance(path, str) else None


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise malformed(f"{name} is a str, not {type(value).__name__}")
    return value
