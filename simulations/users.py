"""The users of one run: which steps each takes is drawn from the seed; a crash cuts one short, and the next process goes on."""

from __future__ import annotations

from typing import Any, Final

from partita.actors.kernel.future import Future
from partita.actors.kernel.kernel import CarriedOut, Kernel
from partita.actors.kernel.world import Clock
from partita.actors.network.http import NetError
from partita.events.errors import DownloadFailed, DownloadRefused, StoreError, SystemClosed
from partita.simulations.knobs import OFF
from partita.simulations.outcome import Plan
from partita.simulations.processes import was_played
from partita.simulations.scenario import Scenario, Step, User
from partita.simulations.streams import key_of, numbered, stream_of
from partita.simulations.watch import Watch
from partita.simulations.world import World

EXPECTED: Final = (StoreError, NetError, DownloadFailed, DownloadRefused, SystemClosed, TimeoutError)
"""What a user may be told when something goes wrong, and goes on with the next step."""


class Users:
    """All of them."""

    def __init__(self, scenario: Scenario, world: World, watch: Watch, plan: Plan) -> None:
        self.taken: list[int] = []
        """The numbers of the steps that were begun, in order."""
        self.steps = _drawn_steps(scenario, world.seed, plan)
        """Of each, the steps with their numbers."""
        self._scenario_name = scenario.name
        self._world = world
        self._watch = watch
        self._next_step = [0] * scenario.users

    def start(self, kernel: Kernel, user: User) -> Future[None]:
        """One of them goes on with his steps, in a process that has just begun; done when he has taken the last."""
        done: Future[None] = Future()

        async def steps() -> None:
            await self._take_steps(user)
            done.set(None)

        kernel.carry_out(steps, f"user {user.number}")
        return done

    async def _take_steps(self, user: User) -> None:
        steps, life = self.steps[user.number], self._world.life
        key = key_of(self._world.seed, "users", self._scenario_name)
        pause_s = self._world.knobs.settings["users.pause_s"]
        while self._next_step[user.number] < len(steps):
            number, step = steps[self._next_step[user.number]]
            self._next_step[user.number] += 1
            self.taken.append(number)
            random = numbered(key, number)
            if pause_s:  # else they go on at once, together with whatever else is under way
                await user.sleep(random.random() * pause_s)
            try:
                await step(user, random)
            except EXPECTED as error:
                self._world.reached(f"user.told.{type(error).__name__}")
            except Exception as error:  # noqa: BLE001  # nothing else may ever reach a user
                if not life.alive:
                    return  # it is cut off in the middle: what it meets on its way out concerns nobody
                if was_played(f"{error!r}"):
                    continue
                self._watch.complain("users", f"step {number} ({step.__name__}) raised {type(error).__name__}: {error}")


def _drawn_steps(scenario: Scenario, seed: int, plan: Plan) -> list[list[tuple[int, Step]]]:
    """For each user the steps, numbered through all of them."""
    names = [name for name in scenario.steps if stream_of(seed, "knobs", f"step:{name}").random() >= OFF / 2]
    names = names or list(scenario.steps)
    key = key_of(seed, "users", "steps")
    fewest, most = scenario.steps_each
    allowed = None if plan.steps is None else set(plan.steps)
    drawn: list[list[tuple[int, Step]]] = []
    number = 0
    for user in range(scenario.users):
        count = fewest + stream_of(seed, "users", f"count:{user}").below(most - fewest + 1)
        steps = []
        for _ in range(count):
            number += 1
            if allowed is None or number in allowed:
                steps.append((number, scenario.steps[numbered(key, number).choice(names)]))
        drawn.append(steps)
    return drawn


async def within(kernel: Kernel, clock: Clock, seconds: float, *waited_for: Future[Any]) -> bool:
    """Wait for all of these, but so long at most; whether all came."""
    gate: Future[None] = Future()
    left = len(waited_for)
    timer: CarriedOut | None = None

    def open_gate() -> None:
        if not gate.done:
            gate.set(None)

    def one_done() -> None:
        nonlocal left
        left -= 1
        if not left:
            open_gate()

    async def ring() -> None:
        await clock.sleep(seconds)
        open_gate()

    for future in waited_for:
        future.when_done(one_done)
    if not gate.done and left:
        timer = kernel.carry_out(ring, "time is up")
        await gate
        timer.stop()
    return left == 0
