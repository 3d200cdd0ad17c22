"""No host is sent a cookie that it may not have: each says of itself, by its ticket, who set it and with which line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from partita.simulations.checker import Broken, Checker
from partita.simulations.cookie_lines import Refused, read_line
from partita.simulations.cookie_oracle import Url, default_path, domain_matches, path_matches, site_of

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class Ticket(Struct, frozen=True):
    """Where a cookie was set, and the line (for one that the API set: a line that says the same)."""

    url: str
    line: str = ""


class Seen(Struct, frozen=True):
    """What a host saw of a request, and which lines it answered with.

    ``by`` says what the request came from: ``fetch URL`` and ``navigate URL`` for the document of that URL, which fetched it
    or was left for it; empty for none.
    """

    url: str
    method: str
    cookies: str
    lines: tuple[str, ...] = ()
    by: str = ""

    @property
    def crosses(self) -> bool:
        """Whether it came from another site."""
        return bool(self.by) and site_of(self.by.partition(" ")[2]) != site_of(self.url)

    @property
    def is_navigation(self) -> bool:
        """Whether it replaces the document."""
        return self.by.startswith("navigate ")

    @property
    def top_level_site(self) -> str:
        """The site in the address bar."""
        return site_of(self.by.partition(" ")[2] if self.by.startswith("fetch ") else self.url)


class CookiesGoWhereTheyMay(Checker):
    """Looks at what hosts noted (``world.memory["cookies seen"]``), at the end.

    ``world.memory["same-site lost"]``: cookies went through a file that has no word for SameSite, which is not looked at then.
    """

    name = "cookie_tickets"

    def ended(self, partition: Partition) -> None:  # noqa: ARG002
        tickets: dict[str, Ticket] = self.world.memory.get("tickets", {})
        everything: list[Seen] = self.world.memory.get("cookies seen", [])
        setters: dict[str, list[Seen]] = {}
        for seen in everything:
            for line in seen.lines:
                setters.setdefault(line, []).append(seen)
        for seen in everything:
            for pair in filter(None, seen.cookies.split("; ")):
                value = pair.partition("=")[2] or pair
                if value not in tickets:
                    raise Broken(f"{seen.url} was sent {pair!r}, which nobody has set")
                ticket = tickets[value]
                wrong = _objection(ticket, pair, seen, setters.get(ticket.line, []))
                if wrong is None and not self.world.memory.get("same-site lost"):
                    wrong = _same_site_objection(ticket, seen, setters.get(ticket.line, []))
                if wrong:
                    raise Broken(f"{seen.url} was sent {pair!r}, set by {ticket.url} ({ticket.line}): {wrong}")


def _objection(ticket: Ticket, pair: str, seen: Seen, setters: list[Seen]) -> str | None:
    """What is wrong with sending it there; None when nothing is. ``setters``: the answers that had its line."""
    source, target = Url(ticket.url), Url(seen.url)
    try:
        said = read_line(ticket.line)
    except Refused as refused:
        return f"it must not be stored ({refused})"
    domain = (said.last("domain") or "").removeprefix(".")
    path = said.last("path") or ""
    is_secure = said.last("secure") is not None
    sites = {setter.top_level_site for setter in setters}
    objections = {
        "it was set by another name": pair != (f"{said.name}={said.value}" if said.name else said.value),
        "it is another host's": not domain_matches(target.host, domain or source.host),
        "it is host-only": not domain and target.host != source.host,
        "it is another path's": not path_matches(target.path, path if path[:1] == "/" else default_path(source.path)),
        "it is Secure": is_secure and not target.secure,
        "it had expired before it was set": said.last("max-age") in ("0", "-1"),
        "it is of another top-level site": said.last("partitioned") is not None
        and bool(setters)
        and seen.top_level_site not in sites,
    }
    return next((what for what, holds in objections.items() if holds), None)


def _same_site_objection(ticket: Ticket, seen: Seen, setters: list[Seen]) -> str | None:
    said = read_line(ticket.line)
    same_site = (said.last("samesite") or "").lower()
    if same_site == "none":
        return "SameSite=None has to be Secure" if said.last("secure") is None else None
    objections = {
        "the request is not same-site": seen.crosses and not seen.is_navigation,
        "it is strict, and the link is another site's": seen.crosses and same_site == "strict",
        "it is lax, and the form another site's": seen.crosses and same_site == "lax" and seen.method == "POST",
        "only cross-site responses have set it": bool(setters)
        and all(setter.crosses and not setter.is_navigation for setter in setters),
    }
    return next((what for what, holds in objections.items() if holds), None)
