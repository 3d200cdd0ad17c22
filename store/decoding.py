"""Decoders of types, made by one thread at a time.

msgspec looks into a type when it is first asked for one that decodes it, and keeps what it has found with the type from the
start. A second thread that comes upon a type which is only half looked into decodes with that, and the process crashes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import msgspec

T = TypeVar("T")

_LOOKING: Final = threading.Lock()


def decoder(
    kind: Any,
    *,
    ext_hook: Callable[[int, memoryview], Any] | None = None,
    dec_hook: Callable[[type, Any], Any] | None = None,
) -> msgspec.msgpack.Decoder[Any]:
    """A decoder of MessagePack for that type; the hooks are msgspec's."""
    with _LOOKING:
        return msgspec.msgpack.Decoder(kind, ext_hook=ext_hook, dec_hook=dec_hook)


def converted(given: object, kind: type[T], **options: Any) -> T:
    """What was given, as a value of that type; the options are those of :func:`msgspec.convert`.

    Raises :class:`msgspec.ValidationError`.
    """
    with _LOOKING:
        return cast("T", msgspec.convert(given, kind, **options))
