"""Has the checkers look on while processes run, and keeps what they complain of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, TextIO, get_args

from partita.actors.kernel.carrying import EffectDefect
from partita.actors.kernel.fold import kind_of
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.world import Door
from partita.events import points
from partita.events.errors import LogDamaged, StoreError
from partita.events.types import Effect, Message, State, tag_of
from partita.simulations.checker import Broken, Checker
from partita.simulations.life import Crash, CrashKind
from partita.simulations.outcome import Violation
from partita.simulations.processes import was_played

if TYPE_CHECKING:
    from partita.simulations.world import World

Coverage = tuple[str, str, str]
"""Kind of actor, its state as far as that has a name, message."""

Question = Literal["opened", "told", "carried", "crashed", "ended"]
_QUESTIONS: Final[tuple[Question, ...]] = get_args(Question)


def _who_answers(question: Question, checkers: Sequence[Checker]) -> list[tuple[str, Callable[..., None]]]:
    """Of each checker that looks at this moment: its name, and how it is asked. Most look at few."""
    base = getattr(Checker, question)
    return [
        (checker.name, getattr(checker, question))
        for checker in checkers
        if getattr(type(checker), question) is not base
    ]


class Watch:
    """The checkers of one run, and what they saw. ``until_complaint``: the process is ended where one first complains."""

    def __init__(
        self, world: World, checkers: Sequence[Callable[[World], Checker]], *, until_complaint: bool = False
    ) -> None:
        self._world = world
        self._until_complaint = until_complaint
        self.has_ended_the_run = False
        made = [make(world) for make in checkers]
        self._asked = {question: _who_answers(question, made) for question in _QUESTIONS}
        self.violations: list[Violation] = []
        self._muted = True
        self.coverage: dict[Coverage, None] = {}

    # -- what happens -----------------------------------------------------------------------------------------------

    def mute(self) -> None:
        """A process ends in order: listeners that still run are cut off, and that is no defect."""
        self._muted = True

    def opened(self, partition: Partition) -> None:
        """A process has opened a partition."""
        self._muted = False
        partition.subscribe(lambda position: self._ask("told", partition, position))
        self._ask("opened", partition)

    def crashed(self, kind: CrashKind) -> None:
        """The process has crashed."""
        self._ask("crashed", kind)

    def ended(self, partition: Partition) -> None:
        """Everybody has finished; the partition is open for the last time."""
        self._ask("ended", partition)

    def complain(self, checker: str, what: str, position: int | None = None) -> None:
        """Keep a complaint. The same one twice is one."""
        violation = Violation(checker, what, position)
        if violation not in self.violations:
            self.violations.append(violation)

    def _ask(self, question: Question, *about: object) -> None:
        for name, answer in self._asked[question]:
            try:
                answer(*about)
            except Broken as broken:
                self.complain(name, broken.what, broken.position)
            except LogDamaged as error:
                if not self._world.disk.damaged:
                    self.complain("damage", f"{error}, and nothing damaged it", error.position)
            except StoreError as error:  # after a failure it can be read again once it is written again
                if self._world.healed:
                    self.complain(name, str(error))
        life = self._world.life
        if self._until_complaint and self.violations and life.alive:
            self.has_ended_the_run = True
            raise life.end(Crash("kill", "the first complaint"))

    # -- what the rules and carriers of a process tell ------------------------------------------------------------

    def decided(self, actor: str, state: State, message: Message) -> None:
        """See :class:`partita.simulations.processes.Watcher`."""
        self.coverage[kind_of(actor), getattr(state, "phase", ""), tag_of(message)] = None

    def carried(self, effect: Effect, door: Door) -> None:
        """See :class:`partita.simulations.processes.Watcher`."""
        self._ask("carried", effect, door)

    # -- warnings ---------------------------------------------------------------------------------------------------

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While it lasts, points in production code ask this world, and warnings of defects are complaints."""
        before = points.watch(self._world)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.showwarning = self._warned
                yield
        finally:
            points.watch(before)

    def _warned(  # noqa: PLR0917  # see below
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,  # noqa: ARG002  # the shape that the warnings module asks for
        lineno: int,  # noqa: ARG002
        file: TextIO | None = None,  # noqa: ARG002
        line: str | None = None,  # noqa: ARG002
    ) -> None:
        if self._muted or not self._world.life.alive:
            return  # what a dead process leaves behind concerns nobody
        text = str(message)
        is_defect = issubclass(category, EffectDefect) or category.__name__ == "ListenerFailed"
        if is_defect and not was_played(text):
            self.complain("defects", text)
