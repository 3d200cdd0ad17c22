"""What tests of bad input share: a failure has its name, and afterwards all is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from durability.waiting import until
from servers.misbehaving import MisbehavingServer

import partita
from partita.actors.network.ports import LiveNetwork
from partita.errors import NetError

PATIENCE_S = 30.0


@contextmanager
def it_goes_on(system: partita.System, session: partita.Session, server: MisbehavingServer) -> Iterator[None]:
    """Before and behind the block a good request is answered; behind it no connection is open but that one's."""
    is_good(session, server)
    yield
    is_good(session, server)
    is_good(session, server)
    nothing_is_left(system, server)
    assert session.log.verify().ok


def is_good(session: partita.Session, server: MisbehavingServer) -> None:
    assert session.fetch(server.url("/good")).get(PATIENCE_S).content == b"good"


def nothing_is_left(system: partita.System, server: MisbehavingServer | None = None) -> None:
    """No effect and no call is under way, and no connection in use; of those with ``server`` one is open at most."""
    network = system.world.network
    assert isinstance(network, LiveNetwork)

    def counts() -> tuple[int, ...]:
        now = network.statistics()
        partitions = list(system.partitions)
        effects = sum(partition.statistics().effects for partition in partitions)
        calls = sum(len(partition.carrying.calls) for partition in partitions)
        kept = 0 if server is None else max(0, now.idle - 1) + max(0, server.open - 1)
        return now.in_use, now.dialing, now.waiting, effects, calls, kept

    until(lambda: not any(counts()), "nothing is under way, and one connection is kept at most", patience_s=PATIENCE_S)


def failure(session: partita.Session, url: str, **options: object) -> NetError:
    """What a fetch fails with."""
    with pytest.raises(NetError) as caught:
        session.fetch(url, **options).get(PATIENCE_S)  # type: ignore[arg-type]
    return caught.value


def streamed_failure(session: partita.Session, url: str, **options: object) -> NetError:
    """What a stream fails with, at its head or in its body."""
    with pytest.raises(NetError) as caught, session.stream(url, **options) as response:  # type: ignore[arg-type]
        for _ in response.iter_bytes():
            pass
    return caught.value


def is_called(error: NetError, name: str, code: int) -> None:
    assert (error.name, error.code, str(error)) == (name, code, f"net::{name}")
    assert error.detail, "it says for people what happened"
    assert isinstance(error, httpx.TransportError)
