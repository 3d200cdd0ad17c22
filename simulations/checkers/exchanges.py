"""What users asked for was sent once, to whom it was for, and each call was answered once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.future import Future
    from partita.actors.kernel.partition import Partition
    from partita.simulations.world import World

STALE: Final = "exchange.stale_connection"
"""The mark of such a connection. The host may have seen the request, and died before it said a word (RFC 9110 9.2.2)."""

_WRONG = "wrong"
_ARRIVED = "arrived"
_BEGUN = "begun"
_ANSWERED = "answered"


def note_wrong(world: World, what: str) -> None:
    """A host or a user has seen what must not be: a sentence for people."""
    world.memory.setdefault(_WRONG, []).append(what)


def note_arrival(world: World, host: str, request_id: str) -> None:
    """A request that no cache may answer has arrived. It is sent again only where a kept connection turned out to be dead."""
    world.memory.setdefault(_ARRIVED, []).append((host, request_id))


def note_call(world: World, call: Future[object]) -> None:
    """A call has begun: it has to come to its end, once, unless its process crashes."""
    begun: dict[int, int] = world.memory.setdefault(_BEGUN, {})
    number = len(begun) + 1
    begun[number] = world.life_number
    call.when_done(lambda: world.memory.setdefault(_ANSWERED, []).append(number))


class ExchangesAreSound(Checker):
    """Looks at what hosts and users noted."""

    name = "exchanges"

    def ended(self, partition: Partition) -> None:  # noqa: ARG002
        memory = self.world.memory
        for what in memory.get(_WRONG, ()):
            raise Broken(what)
        arrived: list[tuple[str, str]] = memory.get(_ARRIVED, [])
        twice = sorted({one for one in arrived if arrived.count(one) > 1})
        again = self.world.marks.get(STALE, 0)
        if len(arrived) - len(set(arrived)) > again:
            raise Broken(f"requests came more often than the {again} dead connections explain: {twice}")
        answered: list[int] = memory.get(_ANSWERED, [])
        if len(answered) != len(set(answered)):
            raise Broken("a call was answered twice")
        life = self.world.life_number
        begun: dict[int, int] = memory.get(_BEGUN, {})
        if lost := [number for number, of in begun.items() if of == life and number not in answered]:
            raise Broken(f"calls that nobody answered: {lost}")
