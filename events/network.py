"""A request that the network is asked for (FEATURES F12). It changes no state of its own, so it leaves no turn."""

from __future__ import annotations

from typing import Literal

from partita.events.types import Effect, Message

Redirect = Literal["follow", "manual", "error"]
"""What a redirect means to the caller: go there, hand the 3xx response over, or fail (Fetch standard 2.2.5)."""

Credentials = Literal["include", "omit", "same-origin"]
"""Whether cookies are sent and stored. Without a page, same-origin means include (FEATURES F12d)."""


class Fetch(Message, frozen=True, tag="network.fetch/1"):
    """Send a request. The body stays with the call of that id: bulk bytes never ride in messages.

    ``timeout_s`` bounds each wait of the exchange (to connect, to send, for the next bytes), not the whole of it.
    """

    call_id: int
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    redirect: Redirect = "follow"
    credentials: Credentials = "include"
    timeout_s: float | None = None


class SendRequest(Effect, frozen=True, tag="network.send_request/1"):
    """The same, for the world to do. The call of that id is answered with the response; no outcome comes back."""

    call_id: int
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    redirect: Redirect = "follow"
    credentials: Credentials = "include"
    timeout_s: float | None = None
