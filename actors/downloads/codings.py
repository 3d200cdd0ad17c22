"""Whether a file is stored as its server has coded it (Chromium's ``FixUpContentEncoding``, and what its downloads do). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

from partita.actors.network.decoding import Decoder, decoder_for
from partita.actors.network.fields import Fields, first

_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "gzip": frozenset({"application/gzip", "application/x-gzip", "application/x-gunzip", "application/x-gtar"}),
    "br": frozenset({"application/x-brotli", "application/brotli"}),
    "zstd": frozenset({"application/zstd", "application/x-zstd"}),
}
_EXTENSIONS: Final[Mapping[str, frozenset[str]]] = {
    "gzip": frozenset({".gz", ".tgz", ".svgz"}),
    "br": frozenset({".br"}),
    "zstd": frozenset({".zst", ".tzst"}),
}


def decoder_of(content_encoding: str, mime_type: str, name: str) -> Decoder | None:
    """What undoes the coding of a body on its way to the file; None when it is stored as it comes.

    ``Content-Encoding: gzip`` on a ``.tar.gz`` is a server's slip: it means the file, not its way over the network.
    """
    decoder = decoder_for(content_encoding)
    coding = content_encoding.rpartition(",")[2].strip().lower().removeprefix("x-")
    type_of = mime_type.partition(";")[0].strip().lower()
    if type_of in _TYPES.get(coding, ()) or PurePath(name).suffix.lower() in _EXTENSIONS.get(coding, ()):
        return None
    return decoder


def is_coded(headers: Fields) -> bool:
    """Whether a part of the file came in some coding, though none was asked for: nobody knows where in the file it belongs."""
    return (first(headers, "content-encoding") or "identity").strip().lower() != "identity"
