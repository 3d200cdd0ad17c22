"""Registrable domains, by the public suffix list (publicsuffix.org), private section included, as Chromium uses it.

The list is data of a package, loaded when it is first asked for: a pure function of the host and of the installed list.
"""

from __future__ import annotations

from functools import cache, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@cache
def _suffix_list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415  80 ms that most programs never need

    return PublicSuffixList()


def is_ip_address(host: str) -> bool:
    """Whether a host is an IPv4 address, or an IPv6 address in its brackets."""
    if host.startswith("[") and host.endswith("]"):
        return True
    if not host.rpartition(".")[2].isdigit():
        return False
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str | None:
    """The part of a host that somebody can register: its public suffix and one label more, in lower case.

    None for a public suffix itself, an IP address, and what is no host name. One dot at the end is kept:
    ``example.com.`` is another domain than ``example.com``.
    """
    if is_ip_address(host):
        return None
    found = _suffix_list().privatesuffix(host)
    if found is None:
        return None
    return f"{found}." if host.endswith(".") else found
