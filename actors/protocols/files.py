"""Files as responses: of ``file:`` URLs, and of handlers that answer with a path (FEATURES R11, WANTS 48)."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from partita.actors.kernel.file_ports import ReadableFile
from partita.actors.kernel.world import Door, NetworkRequest, NetworkResponse
from partita.actors.network import fields
from partita.actors.network.fields import Fields
from partita.actors.network.http import NetError
from partita.actors.protocols.bodies import FileBody, LocalResponse, WholeBody
from partita.actors.protocols.http_dates import http_date
from partita.actors.protocols.media_types import content_type, media_type_of
from partita.actors.protocols.ranges import part_asked_for

_ERRORS: Final[Mapping[int, str]] = {
    errno.ENOENT: "ERR_FILE_NOT_FOUND",
    errno.ENOTDIR: "ERR_FILE_NOT_FOUND",
    errno.EISDIR: "ERR_FILE_NOT_FOUND",  # Chromium lists a folder; nobody who fetches one wants that
    errno.ENAMETOOLONG: "ERR_FILE_NOT_FOUND",
    errno.ELOOP: "ERR_FILE_NOT_FOUND",
    errno.EINVAL: "ERR_FILE_NOT_FOUND",
    errno.EACCES: "ERR_ACCESS_DENIED",
    errno.EPERM: "ERR_ACCESS_DENIED",
    errno.EMFILE: "ERR_INSUFFICIENT_RESOURCES",
    errno.ENFILE: "ERR_INSUFFICIENT_RESOURCES",
    errno.ENOMEM: "ERR_OUT_OF_MEMORY",
}

_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416
_READS: Final = ("GET", "HEAD")


async def file_response(door: Door, request: NetworkRequest) -> NetworkResponse:
    """The file that the ``file:`` URL of a request names. Raises :class:`NetError`."""
    if request.method not in _READS:
        raise NetError("ERR_METHOD_NOT_SUPPORTED", f"a file can be fetched by GET and HEAD, not by {request.method}")
    return await response_of_file(door, path_of(request.url), request)


def path_of(url: str) -> str:
    """The absolute path that a ``file:`` URL names. Raises :class:`NetError`."""
    parts = urlsplit(url)
    if parts.netloc and parts.netloc.lower() != "localhost":
        raise NetError("ERR_INVALID_URL", f"{url!r} names a file of another machine")
    path = unquote(parts.path, errors="surrogateescape")
    if "\0" in path or not path.startswith("/"):
        raise NetError("ERR_INVALID_URL", f"{url!r} names no file")
    drive = path[1:3]
    return path[1:] if len(drive) == 2 and drive[0].isalpha() and drive[1] == ":" else path  # noqa: PLR2004  # "C:"


async def response_of_file(
    door: Door,
    path: str,
    request: NetworkRequest,
    *,
    status: int = 200,
    headers: Fields = (),
    charset: str | None = None,
) -> NetworkResponse:
    """A file as the answer to ``request``, or the part of it that is asked for. Raises :class:`NetError`.

    ``headers`` go before those that the file makes; ``charset``: of a text.
    """
    if fields.first(headers, "content-type") is None:
        headers = (*headers, ("Content-Type", content_type(media_type_of(path), charset)))
    try:
        file = await door.world.files.open_to_read(path)
    except OSError as error:
        name = _ERRORS.get(error.errno or 0, "ERR_FAILED")
        raise NetError(name, f"{path!r}: {error.strerror or error}") from error
    except ValueError as error:  # a name that the system cannot write
        raise NetError("ERR_FILE_NOT_FOUND", f"{path!r}: {error}") from error
    try:
        return await _response(file, request, status, headers)
    except BaseException:
        await file.close()
        raise


async def _response(file: ReadableFile, request: NetworkRequest, status: int, headers: Fields) -> NetworkResponse:
    size = file.size_bytes
    own = (
        ("Last-Modified", http_date(file.modified_us)),
        ("Accept-Ranges", "bytes"),
    )
    given = {name.lower() for name, _ in headers}
    headers = (
        *(field for field in headers if field[0].lower() != "content-length"),
        *(field for field in own if field[0].lower() not in given),
    )
    part = part_asked_for(request.headers, headers, size) if status == 200 and request.method == "GET" else None  # noqa: PLR2004
    if part == "unsatisfiable":
        await file.close()
        return LocalResponse(
            _UNSATISFIABLE,
            (*fields.without(headers, frozenset({"content-type"})), *unsatisfiable_fields(size)),
            WholeBody(b""),
        )
    start, stop = (0, size) if part is None else part
    if part is not None:
        status = _PARTIAL
        headers = (*headers, ("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    headers = (*headers, ("Content-Length", str(stop - start)))
    if request.method == "HEAD":
        await file.close()
        return LocalResponse(status, headers, WholeBody(b""))
    return LocalResponse(status, headers, FileBody(file, start, stop))


def unsatisfiable_fields(size_bytes: int) -> Fields:
    """What a 416 says (RFC 9110 15.5.17)."""
    return (("Content-Range", f"bytes */{size_bytes}"), ("Content-Length", "0"))
