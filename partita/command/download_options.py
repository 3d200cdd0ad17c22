"""What ``partita download`` can be told of how files come: texts of the command line, read and checked."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from partita.command.ending import WrongUsage
from partita.events.download_options import MOST_ATTEMPTS, MOST_SEGMENTS, RetryPolicy

MOST_CONCURRENT: Final = 1000
LONGEST_WAIT_S: Final = 86_400.0
FASTEST_BYTES_S: Final = 1 << 50

_UNITS: Final[Mapping[str, int]] = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_RATE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmg]?)(?:i?b)?(?:/s)?", re.IGNORECASE | re.ASCII)
_RETRY: Final = re.compile(
    r"(\d{1,6})(?:,(\d{1,6}(?:\.\d{1,3})?)s?(?:\.\.(\d{1,6}(?:\.\d{1,3})?)s?)?)?", re.IGNORECASE | re.ASCII
)
_DIGEST_BYTES: Final[Mapping[str, int]] = {"sha256": 32, "sha384": 48, "sha512": 64}


def parse_concurrent(text: str) -> int:
    """``8``: downloads at a time. Raises :class:`WrongUsage`."""
    return _count("--concurrent", text, MOST_CONCURRENT)


def parse_segments(text: str) -> int:
    """``4``: connections for each file. Raises :class:`WrongUsage`."""
    return _count("--segments", text, MOST_SEGMENTS)


def parse_rate(text: str) -> int:
    """``500k``, ``2M``, ``1.5MiB/s``, or plain bytes: bytes a second, by powers of 1024; 0 is no limit.

    Raises :class:`WrongUsage`.
    """
    if text.strip() == "0":
        return 0
    match = _RATE.fullmatch(text.strip())
    rate = 0 if match is None else int(float(match[1]) * _UNITS[match[2].lower()])
    if not 1 <= rate <= FASTEST_BYTES_S:
        raise WrongUsage(
            f"--rate is a number of bytes a second, as in 500k, 2M or 1.5G, or 0 for no limit, not {text!r}"
        )
    return rate


def parse_retry(text: str) -> RetryPolicy:
    """``5``, ``5,2s`` or ``5,2s..60s``: attempts, the first wait, the longest. Raises :class:`WrongUsage`."""
    match = _RETRY.fullmatch(text.strip())
    if match is not None:
        first = 1.0 if match[2] is None else float(match[2])
        cap = max(first, 60.0) if match[3] is None else float(match[3])
        if int(match[1]) <= MOST_ATTEMPTS and first <= cap <= LONGEST_WAIT_S:
            return RetryPolicy(int(match[1]), first_s=first, cap_s=cap)
    raise WrongUsage(
        f"--retry is a number of attempts (at most {MOST_ATTEMPTS}), then how long to wait, as in 5 or 5,2s..60s, not {text!r}"
    )


def parse_integrity(text: str, urls: int) -> str:
    """``sha256-<base64>`` or ``sha256:<hex>``, of the one URL: as Subresource Integrity writes it. Raises :class:`WrongUsage`."""
    if urls != 1:
        raise WrongUsage(f"--integrity is for one URL, and there are {urls}")
    return " ".join(_digest(word) for word in text.split()) or _no_digest(text)


def _digest(word: str) -> str:
    algorithm, _, digest = word.partition("-" if "-" in word else ":")
    length = _DIGEST_BYTES.get(algorithm.lower())
    if length is None:
        return _no_digest(word)
    try:
        octets = base64.b64decode(digest, validate=True) if "-" in word else bytes.fromhex(digest)
    except (binascii.Error, ValueError):
        return _no_digest(word)
    if len(octets) != length:
        return _no_digest(word)
    return f"{algorithm.lower()}-{base64.b64encode(octets).decode()}"


def _no_digest(text: str) -> str:
    known = ", ".join(_DIGEST_BYTES)
    raise WrongUsage(f"--integrity is sha256-BASE64 or sha256:HEX (or another of {known}), not {text!r}")


def _count(option: str, text: str, most: int) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise WrongUsage(f"{option} is a number from 1 to {most}, not {text!r}")
    return number


def urls_in(file: str) -> list[str]:
    """The URLs of a file, or with ``-`` of the standard input: one a line, without blank lines and those that begin with ``#``.

    Raises :class:`WrongUsage` when it cannot be read, or names none.
    """
    try:
        text = (sys.stdin.buffer.read() if file == "-" else Path(file).expanduser().read_bytes()).decode("utf-8-sig")
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise WrongUsage(f"-i {file}: {why}") from None
    lines = [line.strip() for line in text.splitlines()]
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise WrongUsage(f"-i {file}: there is no URL in it")
    return urls
