"""``Cookie``: Electron's structure of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from partita.events.cookies import SameSite, StoredCookie


class Cookie(Struct, frozen=True, rename="camel", omit_defaults=False):
    """A cookie as ``cookies.get`` and ``changed`` show it; its JSON is Electron's.

    ``domain`` begins with a dot unless ``host_only``. ``expiration_date`` is in seconds since 1970, None (and
    ``session`` true) for a cookie that lasts as long as the session. ``partition_key`` is the top-level site, such as
    ``https://shop.example``, that a ``Partitioned`` cookie belongs to, None for another (WANTS 7; Electron has no such).
    """

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    session: bool
    same_site: SameSite
    expiration_date: float | None = None
    partition_key: str | None = None

    @property
    def url(self) -> str:
        """A URL that this cookie goes to: what ``cookies.set`` and ``cookies.remove`` ask for."""
        return f"{'https' if self.secure else 'http'}://{self.domain.removeprefix('.')}{self.path}"

    @classmethod
    def from_stored(cls, stored: StoredCookie) -> Cookie:
        """The public form of a cookie of the jar. Raises ``SecretErased`` when its value was cleared."""
        return cls(
            name=text_of(stored.name),
            value=text_of(stored.value.reveal_text()),
            domain=stored.domain if stored.host_only else f".{stored.domain}",
            host_only=stored.host_only,
            path=text_of(stored.path),
            secure=stored.secure,
            http_only=stored.http_only,
            session=stored.expiry_us is None,
            same_site=stored.same_site,
            expiration_date=None if stored.expiry_us is None else stored.expiry_us / 1_000_000,
            partition_key=stored.partition_key,
        )


def text_of(octets: str) -> str:
    """What the bytes say when they are UTF-8, as Electron shows them; else a character for each."""
    if octets.isascii():
        return octets
    try:
        return octets.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return octets
