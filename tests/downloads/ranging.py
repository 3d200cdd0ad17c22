"""A server that sends a file by ranges, to as many as ask."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable

from servers.loopback import CHUNK, Reply, Seen

CONTENT = os.urandom((8 << 20) + 12_345)
DIGEST = hashlib.sha256(CONTENT).digest()

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def asked(seen: Seen, total_bytes: int = len(CONTENT)) -> tuple[int, int]:
    match = _RANGE.fullmatch(seen.header("range") or "bytes=0-")
    assert match is not None
    return int(match[1]), int(match[2]) + 1 if match[2] else total_bytes


class Ranges:
    """Serves the file by ranges. ``before``: told of each request's range, and how far it may be sent before it breaks off."""

    def __init__(
        self, before: Callable[[int, int], int | None] = lambda start, end: None, content: bytes = CONTENT
    ) -> None:
        self.before = before
        self.content = content
        self.asked: list[tuple[int, int]] = []

    def __call__(self, seen: Seen, reply: Reply) -> None:
        start, end = asked(seen, len(self.content))
        self.asked.append((start, end))
        headers = [
            ("Content-Type", "application/zip"),
            ("ETag", '"v1"'),
            ("Accept-Ranges", "bytes"),
            ("Content-Length", str(end - start)),
        ]
        if seen.header("range"):
            headers.append(("Content-Range", f"bytes {start}-{end - 1}/{len(self.content)}"))
        reply.head(206 if seen.header("range") else 200, headers)
        breaks_at = self.before(start, end)
        stops_at = end if breaks_at is None else breaks_at
        for at in range(start, stops_at, CHUNK):
            reply.write(self.content[at : min(at + CHUNK, stops_at)])
        if breaks_at is not None:
            reply.hang_up()
