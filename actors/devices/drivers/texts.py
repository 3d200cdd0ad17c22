"""Texts that devices say of themselves: what a log can hold, whatever they say."""

from __future__ import annotations


def well_formed(text: str | None) -> str:
    """``text`` in which what is half of a pair of surrogates is U+FFFD; two halves that belong together are one character."""
    if not text:
        return ""
    return text.rstrip("\0").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def from_utf8(data: bytes) -> str:
    """As the system's files have them: without the end of the line; what is no UTF-8 is U+FFFD."""
    return data.rstrip(b"\n\0").decode("utf-8", "replace")


def from_string_descriptor(data: bytes) -> str:
    """What a USB string descriptor says (USB 2.0 9.6.7): UTF-16 behind two bytes of header."""
    return data[2 : data[0] if data else 0].decode("utf-16-le", "replace").rstrip("\0")
