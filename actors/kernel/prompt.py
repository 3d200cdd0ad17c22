"""Effects that may end before they wait for anything: they begin without a task, and get one when they need it.

To hand an effect to a task of its own costs a round of the event loop. What answers from memory (a response out of the cache)
waits for nothing, so a :class:`Prompt` carrier runs as a plain coroutine up to :meth:`Door.before_waiting`; only what goes on
from there is given a task. Until then it must not touch the event loop: no scope, no nursery, nothing that parks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Final

from msgspec import Struct

from partita.events.types import Message


class Prompt(Struct, frozen=True):
    """A carrier that awaits :meth:`Door.before_waiting` before it waits the first time."""

    carry: Callable[..., Awaitable[Message | None]]

    def __call__(self, *arguments: object) -> Awaitable[Message | None]:
        """Carry out an effect, as every carrier does."""
        return self.carry(*arguments)


class _TaskWanted:
    __slots__ = ()


TASK_WANTED: Final = _TaskWanted()
"""What a coroutine that was begun without a task yields, once, when it needs one."""


@coroutine
def task_wanted() -> Generator[_TaskWanted, None, None]:
    """Go on in a task. Only in a coroutine that :func:`first_step` has begun."""
    yield TASK_WANTED


def first_step(begun: Coroutine[object, None, None]) -> bool:
    """Run a coroutine up to where it needs a task: True when it does, False when it has ended."""
    try:
        wanted = begun.send(None)
    except StopIteration:
        return False
    assert wanted is TASK_WANTED, "it waits before it has a task: await before_waiting() first"
    return True


@coroutine
def rest_of(begun: Coroutine[object, object, None]) -> Generator[object, object, None]:
    """What is left of a coroutine after its :func:`first_step`."""
    yield from begun
