"""Every effect that somebody waits for is settled once, after the turn that asked for it (DESIGN, decided in advance, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.system import EffectSettled
from partita.events.types import AwaitedEffect
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class SettledOnce(Checker):
    """Reads the whole log at the end. Where history was given up, an effect may have been asked for before it begins."""

    name = "outcomes"

    def ended(self, partition: Partition) -> None:
        store = partition.store
        if store.first_position > 1:
            return
        pending: set[str] = set()
        for turn in store.turns(1):
            for event in turn.events:
                if isinstance(event, EffectSettled):
                    if event.effect_id not in pending:
                        raise Broken(f"the effect {event.effect_id} is settled, and is not in flight", turn.position)
                    pending.remove(event.effect_id)
            pending.update(effect.id for effect in turn.effects if isinstance(effect, AwaitedEffect))
