"""A playback in which nothing moves: whom to let through, and when to give up.

It can be that the turn that is next never comes: the application does something else than it did. Then everything stands
still with something held back. After a moment, who called is no longer looked at, and what is not recorded is let through;
when nothing comes of that either, it is said what was to come and what came.

Time that passes on the disk is no such moment: a busy one takes longer. It counts against the patience of who waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from partita.actors.kernel.file_steps import BusyFiles
from partita.actors.recorded_world.divergence import diverged
from partita.actors.recorded_world.opening import is_same
from partita.events.errors import PlaybackError

if TYPE_CHECKING:
    from partita.actors.kernel.world import Clock
    from partita.actors.recorded_world.opening import AnyTurn
    from partita.actors.recorded_world.partition import Held, PlayedPartition

TICK_S: Final = 0.05
RELIEF_S: Final = 0.25
"""When nothing moves for so long, who called is no longer looked at, what is not recorded is let through, and what never was
to come is no longer waited for."""

PATIENCE_S: Final = 10.0


class Watch:
    """Over one partition that is played back, on the kernel's thread.

    ``patience_s``: how long a caller may wait for its turn before that counts as a divergence; None is for ever.
    """

    def __init__(self, partition: PlayedPartition, live: Clock, patience_s: float | None) -> None:
        self._partition = partition
        self._live = live
        self._patience_s = patience_s
        self._quiet_s = 0.0
        self._waited_s = 0.0
        self._has_moved = False
        self._is_on = False
        self._doubts: list[PlaybackError] = []
        self.finishing = False
        """Whether the application closes the partition, and waits for what was recorded up to there."""

    @property
    def is_relieved(self) -> bool:
        """Whether nothing has moved for so long that less is looked at."""
        return self._quiet_s >= RELIEF_S

    def moved(self) -> None:
        """Something was taken."""
        self._has_moved = True
        self._quiet_s = self._waited_s = 0.0

    def begin(self) -> None:
        """Something waits: watch as long as anything does."""
        if not self._is_on and not self._partition.stopped:
            self._is_on = True
            self._partition.kernel.carry_out(self._look, f"playback of {self._partition.name}")

    @contextmanager
    def doubting(self, error: PlaybackError) -> Iterator[None]:
        """Somebody waits for what the recording may not have: when nothing else moves, ``error`` ends the playback."""
        self._doubts.append(error)
        self.begin()
        try:
            yield
        finally:
            self._doubts.remove(error)

    async def _look(self) -> None:
        partition = self._partition
        try:
            while self._is_anything_awaited():
                self._has_moved = False
                await self._live.sleep(TICK_S)
                if self._has_moved:
                    continue
                self._waited_s += TICK_S
                self._quiet_s = 0.0 if self._is_writing() else self._quiet_s + TICK_S
                partition.go_on()
                if not self._has_moved:
                    self._despair()
        except Exception as error:
            partition.fail(PlaybackError(f"the playback itself failed: {error!r}", position=partition.position + 1))
            raise
        finally:
            self._is_on = False

    def _is_anything_awaited(self) -> bool:
        partition = self._partition
        if partition.error is not None or partition.stopped:
            return False
        finishing = self.finishing and partition.position < partition.opening.last_word
        return bool(partition.held or self._doubts) or finishing

    def _is_writing(self) -> bool:
        """Whether something is on its way to the disk: what comes of it has not come yet."""
        files = self._partition.world.files
        return bool(self._partition.committer.backlog) or (isinstance(files, BusyFiles) and files.under_way > 0)

    def _despair(self) -> None:
        """Give up, unless what is awaited may still come; beyond the recording nothing is."""
        partition = self._partition
        if partition.expected is None:
            return
        hopeless = self._hopeless() if self.is_relieved else None
        if hopeless is not None:
            self._give_up(partition.expected, hopeless)
        elif self.is_relieved and self._doubts and not self.finishing:
            partition.fail(self._doubts[0])
        elif self._patience_s is not None and self._waited_s >= self._patience_s and self._is_called():
            self._give_up(partition.expected, None)

    def _is_called(self) -> bool:
        """Whether somebody outside waits: else the application may just have nothing to say yet."""
        return self.finishing or any(self._partition.is_said(envelope) for _, envelope in self._partition.held)

    def _hopeless(self) -> Held | None:
        """The first of those held back that the recording does not have at all."""
        partition = self._partition
        for actor, envelope in partition.held:
            ahead = partition.opening.alike(actor.name, type(envelope[0]), partition.position)
            if partition.would_be_recorded(actor, envelope) and not any(
                is_same(turn.message, envelope[0]) for turn in ahead
            ):
                if self.finishing and not partition.is_said(envelope):
                    continue  # begun as it was closing: it may not have come so far then
                return actor, envelope
        return None

    def _give_up(self, expected: AnyTurn, hopeless: Held | None) -> None:
        partition = self._partition
        held = [*([hopeless] if hopeless is not None else []), *partition.held]
        missing = None if hopeless is not None else partition.devices.missing(partition.position)
        error, partition.said_instead = diverged(partition.opening, expected, held, missing, finishing=self.finishing)
        partition.fail(error)
