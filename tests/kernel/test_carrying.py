"""What the effects of an actor know of each other."""

from __future__ import annotations

from functools import partial

from toys.counting import dispatcher, partition

from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Door
from partita.events.download_retries import RetryDue, WaitToRetry

PATIENCE_S = 30.0


def test_an_effect_can_wait_until_its_actor_has_nothing_else_under_way() -> None:
    said: list[str] = []
    going: dict[str, Future[None]] = {name: Future() for name in ("first", "elsewhere", "later")}
    waits: Future[None] = Future()
    alone: Future[None] = Future()

    async def carry(effect: WaitToRetry, door: Door) -> RetryDue | None:
        if effect.id == "second":
            waits.set(None)
            await door.alone()
            said.append("second is alone")
            alone.set(None)
        else:
            await going[effect.id]
            said.append(f"{effect.id} ends")
        return None

    with dispatcher() as kernel:
        toy = partition(kernel, carriers={WaitToRetry: carry})

        def begin() -> None:
            for actor, effect_id in (
                ("session/one", "first"),
                ("session/two", "elsewhere"),
                ("session/one", "second"),
                ("session/one", "later"),
            ):
                toy.carrying.begin(actor, WaitToRetry(effect_id, 0, 0.0), 1)

        kernel.call_soon(begin)
        waits.get(PATIENCE_S)
        kernel.call_soon(lambda: going["first"].set(None))
        alone.get(PATIENCE_S)
        assert said == ["first ends", "second is alone"]
        for name in ("elsewhere", "later"):
            kernel.call_soon(partial(going[name].set, None))
        toy.close()
