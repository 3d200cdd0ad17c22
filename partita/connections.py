"""``session.preconnect``, ``session.close_all_connections`` and the event ``preconnect`` (FEATURES F10, F11, E7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future, resolved
from partita.actors.network.connecting import MOST_SOCKETS
from partita.actors.network.urls import SCHEMES, parse_url, without_fragment, without_userinfo
from partita.actors.pages.hints import PreconnectHint
from partita.events import network
from partita.events.errors import InvalidURL

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class Preconnect(msgspec.Struct, frozen=True, rename="camel"):
    """The event ``preconnect``: a page's document asks for a connection to ``preconnect_url`` (FEATURES E7).

    ``allow_credentials``: whether requests with cookies are to come. The connection is made in any case.
    """

    preconnect_url: str
    allow_credentials: bool


def preconnect_handler(emit: Callable[[str, object], object]) -> Callable[[object], Future[None]]:
    """What stands in the table of handlers under :data:`partita.actors.pages.hinting.HANDLER`.

    ``emit(name, event)`` tells the session's listeners; the connection does not wait for them.
    """

    def on_hint(hint: object) -> Future[None]:
        assert isinstance(hint, PreconnectHint), "nobody else asks it"
        emit("preconnect", Preconnect(hint.preconnect_url, hint.allow_credentials))
        return resolved(None)

    return on_hint


def begin_preconnect(partition: Partition, *, url: str | None, num_sockets: int) -> None:
    """See :meth:`partita.Session.preconnect`."""
    try:
        target = parse_url(url) if url else ""
    except InvalidURL:
        target = ""
    if not target:
        raise TypeError("Must pass non-empty valid url to session.preconnect.")
    if not isinstance(num_sockets, int) or isinstance(num_sockets, bool) or not 1 <= num_sockets <= MOST_SOCKETS:
        raise TypeError(f"numSocketsToPreconnect is outside range [1,{MOST_SOCKETS}]")
    if target.startswith(tuple(f"{scheme}:" for scheme in SCHEMES)):  # to others there is nothing to connect
        address = without_fragment(without_userinfo(target)[0])
        partition.tell(checked(network.Preconnect(address, num_sockets)))


def begin_close_all_connections(partition: Partition) -> Future[None]:
    """See :meth:`partita.Session.close_all_connections`."""
    number, call = partition.carrying.open_call(None)
    taken = partition.ask(network.CloseAllConnections(number), durable=False)

    def on_taken() -> None:
        error = taken.failure()
        if error is not None:
            call.reject(error)

    taken.when_done(on_taken)
    return call.future.map(lambda _: None)
