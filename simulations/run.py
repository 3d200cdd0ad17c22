"""One run of one seed: processes that live and crash until the users are done, then the healed phase, then the last look.

::

    process 1 ──crash──▶ process 2 ── ... ──▶ process n: users done ──▶ heal ──▶ finish ──▶ closed ──▶ opened once more
    ╰────────────── safety: anything may go wrong ─────────────╯  ╰─ liveness: everything must come to its end ─╯
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from partita.actors.kernel.future import Future
from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.partition import Partition
from partita.events.errors import (
    KeyMissing,
    LogDamaged,
    StoreError,
    StoreFailed,
)
from partita.events.preferences import SetDownloadPath
from partita.events.session import SessionState
from partita.events.types import tag_of
from partita.simulations.audit import refusing
from partita.simulations.checkers import ALWAYS
from partita.simulations.lasting import is_busy, lasting
from partita.simulations.life import Crash, Dead
from partita.simulations.outcome import Level, Outcome, Plan
from partita.simulations.processes import was_played, watched_behaviors, watched_carriers
from partita.simulations.scenario import MAIN, Scenario, User, scenarios
from partita.simulations.stage import Stuck
from partita.simulations.users import EXPECTED, Users, within
from partita.simulations.watch import Watch
from partita.simulations.world import DATA_DIR, NOTHING_LEFT_OUT, World
from partita.store.partition import PartitionStore

MOST_CRASHES: Final = 6
"""After so many, the process crashes no more: the users are to come to their end."""

SAFETY_S: Final = 3600.0
"""So long, in virtual seconds, anything may go wrong."""

LIVENESS_S: Final = 4 * 3600.0
"""So long everything has to come to its end after that."""

REOPEN_S: Final = 1.0
"""A user whose partition cannot be opened tries again after so long, at first."""

LAST_TURNS: Final = 12

LAST_WORD: Final = "/said/last"
"""The download path that is set, with nobody waiting, right before everything is closed in order."""

MakeSystem = Callable[..., Any]
"""``partita.System``: the face lies above the simulations, so it is handed in."""


class Run:
    """See the module."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        make_system: MakeSystem,
        *,
        level: Level = "kernel",
        plan: Plan = NOTHING_LEFT_OUT,
    ) -> None:
        self.scenario = scenario
        self.plan = plan
        self.world = World(seed, level=level, plan=plan, settings=scenario.settings)
        self.watch = Watch(self.world, (*ALWAYS, *scenario.checkers), until_complaint=plan.until_complaint)
        if scenario.hosts is not None:
            scenario.hosts(self.world)
        self._make_system = make_system
        self.users = Users(scenario, self.world, self.watch, plan)
        self._ended = False
        self._unreadable = False
        self._turns = 0

    # -- processes --------------------------------------------------------------------------------------------------

    def go(self, log_path: Path | None = None) -> Outcome:
        """Run it to its end. ``log_path``: where the main partition's log is exported to."""
        world = self.world
        try:
            with self.watch.looking():
                while not self._ended:
                    self._live(self._process)
                if not self._unreadable and not self.watch.has_ended_the_run:
                    self._live(self._last_look)
            return self._outcome(log_path)
        finally:
            self.watch.mute()
            with self.watch.looking():  # who still runs is cut off: listeners, mostly
                world.close()

    def _live(self, program: Callable[[Kernel], Awaitable[None]]) -> None:
        world = self.world
        try:
            with refusing(level=world.level) as refusals:
                try:
                    world.stage.live(program)
                finally:
                    for refused in refusals.refused:  # whether anything has caught it or not
                        self.watch.complain("refusals", str(refused))
        except (Crash, Dead) as ending:
            if self.watch.has_ended_the_run:
                world.heal()
                world.stop()
                self._ended = True
                return
            crash = ending if isinstance(ending, Crash) else world.life.crash
            assert crash is not None, "only who has crashed is dead"
            world.crash(crash.kind)
            self.watch.crashed(crash.kind)
            if world.crashes >= MOST_CRASHES:
                world.faults.spare("crash.")
        except Stuck as stuck:
            self.watch.complain("liveness", str(stuck))
            world.crash("kill")
            self._ended = True

    async def _process(self, kernel: Kernel) -> None:
        """A process: open the partition, let the users go on; once they are done, heal and finish."""
        opened = await self._opened(kernel)
        if opened is None:
            return
        system, partition = opened
        await self._prepare(self._user(-1, system, kernel))
        users = [self.users.start(kernel, self._user(number, system, kernel)) for number in range(self.scenario.users)]
        left_s = max(0.0, SAFETY_S - self.world.stage.clock.monotonic())
        await within(kernel, self.world.stage.clock, left_s, *users)
        self.world.heal()
        if not await within(kernel, self.world.stage.clock, LIVENESS_S, *users):
            late = [number for number, user in enumerate(users) if not user.done]
            self.watch.complain(
                "liveness", f"users {late} wait for what does not come, though nothing goes wrong any more"
            )
        if self.scenario.finish is not None:
            await self._finish(kernel, system)
        main = system.from_partition(MAIN)._partition  # noqa: SLF001  # a user may have closed it, and opened it again
        if await self._settled(main):  # only then it can be read for certain
            if main is not partition:
                self.watch.opened(main)
            partition = main
            self._turns = partition.store.position
            self.watch.ended(partition)
            partition.tell(SetDownloadPath(LAST_WORD))
        else:
            self._unreadable = True
        self.watch.mute()
        system.close()
        self._ended = True

    async def _prepare(self, user: User) -> None:
        """What the scenario has each process do first, until it has been done."""
        pause_s = REOPEN_S
        while self.scenario.opened is not None:
            try:
                await self.scenario.opened(user)
            except Exception as error:  # noqa: BLE001  # see _take_steps
                if not isinstance(error, EXPECTED) and not was_played(f"{error!r}"):
                    self.watch.complain("users", f"what is done first raised {error!r}")
                    break
            else:
                break
            await user.sleep(pause_s)
            pause_s = min(2 * pause_s, 60.0)

    async def _opened(self, kernel: Kernel) -> tuple[Any, Partition] | None:  # noqa: C901  # each way an opening can fail
        """The system of a new process, its main partition open; None when the disk was damaged, and that was found."""
        pause_s = REOPEN_S
        while True:
            world = self.world
            system = self._system(kernel)
            try:
                partition: Partition = system.from_partition(MAIN)._partition  # noqa: SLF001  # checkers look inside
            except (LogDamaged, KeyMissing) as error:
                if not (world.disk.damaged if isinstance(error, LogDamaged) else world.disk.lied):
                    self.watch.complain(
                        "damage", f"the partition is said to be damaged, and nothing damaged it: {error}"
                    )
                self._ended = self._unreadable = True
                system.close()
                return None
            except StoreError as error:
                system.close()
                if world.healed:
                    self.watch.complain("liveness", f"nothing goes wrong any more, and opening the log raised {error}")
                    self._ended = self._unreadable = True
                    return None
                await world.stage.clock.sleep(pause_s)
                pause_s *= 2
                if pause_s > SAFETY_S:
                    world.heal()
            except Exception as error:
                if not was_played(f"{error!r}"):  # of an option that was told to the session as it opened
                    raise
                system.close()
            else:
                self.watch.opened(partition)
                if (
                    world.disk.damaged
                ):  # before the part that an opening checks: it has been asked for, and found or not
                    self._ended = self._unreadable = True
                    system.close()
                    return None
                return system, partition

    def _system(self, kernel: Kernel, *, beside: bool = False) -> Any:
        from partita.actors.session.behavior import BEHAVIORS, CARRIERS  # noqa: PLC0415

        world = self.world
        settings = world.knobs.settings
        old = settings["version.old"] and self.scenario.before is not None and world.life.number == 0
        behaviors = self.scenario.before if old and self.scenario.before is not None else BEHAVIORS
        ports = world.begin(beside=beside)
        return self._make_system(
            data_dir=DATA_DIR,
            world=ports,
            kernel=kernel,
            behaviors=watched_behaviors(behaviors, world.faults, self.watch),
            carriers=watched_carriers(CARRIERS, world.faults, self.watch, world.stage.clock.sleep),
            snapshot_every_turns=int(settings["snapshot.every_turns"]),
        )

    async def _last_look(self, kernel: Kernel) -> None:
        """Open it once more: what was closed in order is there."""
        opened = await self._opened(kernel)
        if opened is not None:
            system, partition = opened
            state = partition.actor("session").state
            assert isinstance(state, SessionState)
            if state.preferences.download_path != LAST_WORD:
                self.watch.complain("closing", "what was said before the partition was closed in order is not there")
            system.close()

    def _user(self, number: int, system: Any, kernel: Kernel) -> User:
        return User(
            number,
            system,
            self.world,
            another_system=lambda: self._system(kernel, beside=True),
            within=lambda seconds, future: within(kernel, self.world.stage.clock, seconds, future),
        )

    async def _finish(self, kernel: Kernel, system: Any) -> None:
        finished: Future[None] = Future()
        user = self._user(-1, system, kernel)
        finish = self.scenario.finish
        assert finish is not None

        async def last_step() -> None:
            try:
                await finish(user)
            except Exception as error:  # noqa: BLE001  # nothing goes wrong any more: it is a complaint
                self.watch.complain("liveness", f"finishing raised {type(error).__name__}: {error}")
            finished.set(None)

        kernel.carry_out(last_step, "finish")
        if not await within(kernel, self.world.stage.clock, LIVENESS_S, finished):
            self.watch.complain("liveness", "what has to come to its end does not, though nothing goes wrong any more")

    async def _settled(self, partition: Partition) -> bool:
        """Wait until no effect and no message is in flight, or there was time enough; what is left is the checkers' to name.

        Whether all is durable then. Nothing but damage may stand against that.
        """
        waited_s = 0.0
        with suppress(StoreFailed):
            await partition.flush()  # the effects of what is not durable have not begun
        has_news = bool(lasting(partition))  # perhaps: it gets a moment
        while waited_s < LIVENESS_S and (is_busy(partition) or has_news):
            has_news = False
            await self.world.stage.clock.sleep(60.0)
            waited_s += 60.0
        with suppress(StoreFailed):  # the first flush tells of what was undone before; the second one of nothing
            await partition.flush()
        try:
            await partition.flush()
        except StoreFailed as error:
            if not self.world.disk.damaged:
                self.watch.complain("liveness", f"nothing goes wrong any more, and flushing raised {error}")
            return False
        return True

    # -- what came of it --------------------------------------------------------------------------------------------

    def _outcome(self, log_path: Path | None) -> Outcome:
        world = self.world
        damaged = self._unreadable or world.disk.damaged
        digest, last_turns = self._damaged_log() if damaged else self._log(log_path)
        return Outcome(
            scenario=self.scenario.name,
            level=world.level,
            seed=world.seed,
            knobs=world.knobs,
            digest=digest,
            turns=self._turns,
            crashes=world.crashes,
            virtual_s=world.stage.clock.monotonic(),
            violations=tuple(self.watch.violations),
            faults=tuple(world.faults.struck),
            steps=tuple(self.users.taken),
            draws=world.stage.draws,
            reached=tuple(sorted(world.marks)),
            coverage=tuple(sorted(self.watch.coverage)),
            last_turns=last_turns,
        )

    def _damaged_log(self) -> tuple[str, tuple[str, ...]]:
        """Of a log that cannot be opened: a digest of its records as they are."""
        digest = hashlib.sha256()
        for key, value in sorted(
            self.world.disk.turns(DATA_DIR / "Partitions" / MAIN.removeprefix("persist:")).items()
        ):
            digest.update(key + value)
        return digest.hexdigest(), ()

    def _log(self, log_path: Path | None) -> tuple[str, tuple[str, ...]]:
        """The main log's digest, and its last turns for people."""
        world = self.world
        ports = world.begin()
        name = MAIN.removeprefix("persist:")
        folder = ports.folders.at(DATA_DIR / "Partitions" / name)
        with PartitionStore.open_in(folder, name=name, random_bytes=world.entropy.random_bytes) as store:
            self._turns = store.position
            if log_path is not None:
                store.export(log_path, include_keys=True)
            shown = store.turns(max(store.first_position, store.position - LAST_TURNS + 1))
            last_turns = tuple(
                f"{turn.position} {turn.actor} {tag_of(turn.message)} -> {', '.join(map(tag_of, turn.events))}"
                for turn in shown
            )
            return store.digest(), last_turns


def run(
    scenario: str,
    seed: int,
    make_system: MakeSystem,
    *,
    level: Level = "kernel",
    plan: Plan = NOTHING_LEFT_OUT,
    log_path: Path | None = None,
) -> Outcome:
    """Run a scenario, by its name, with a seed. Raises :class:`KeyError` for a name that there is not."""
    return Run(scenarios()[scenario], seed, make_system, level=level, plan=plan).go(log_path)
