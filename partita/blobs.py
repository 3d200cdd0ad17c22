"""Bodies that are too large to be handed around with the details of a request (FEATURES F26)."""

from __future__ import annotations

import itertools
import threading
import uuid
import weakref
from typing import Final

from partita.actors.kernel.future import Future, resolved
from partita.actors.web_request.details import UploadData
from partita.events.errors import BlobUnavailable

LARGEST_BYTES: Final = 65_536
"""Bytes that are handed around as they are; more of them go by a name."""

_NAMES: Final = uuid.UUID("b10bb10b-70a1-4e57-9a9c-0c5a4b6f0d1e")


class Blobs:
    """The blobs of a system, by name: each is there as long as somebody keeps the object that names it."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._content)

    def upload(self, part: UploadData) -> UploadData:
        """A part of a request's body as a listener is shown it: with more than :data:`LARGEST_BYTES`, under a name."""
        content = part.bytes
        if content is None or len(content) <= LARGEST_BYTES:
            return part
        with self._lock:
            name = str(uuid.uuid5(_NAMES, str(next(self._numbers))))
            self._content[name] = content
        named = UploadData(type="blob", blob_uuid=name)
        weakref.finalize(named, self._content.pop, name, None).atexit = False
        return named

    def get(self, name: str) -> Future[bytes]:
        """The bytes of that name. Fails with :class:`BlobUnavailable` once nobody keeps what it was named by."""
        if not isinstance(name, str):
            raise TypeError(f"identifier: a str like 'b10bb10b-70a1-...', not {type(name).__name__}")
        content = self._content.get(name)
        if content is not None:
            return resolved(content)
        missing: Future[bytes] = Future()
        missing.set_exception(BlobUnavailable("Could not get blob data handle"))
        return missing
