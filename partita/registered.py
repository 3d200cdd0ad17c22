"""A function of the program's that is asked, and the place where it was registered (API.md, rules 4 and 5)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.actors.kernel.delivery import Callbacks, Place
    from partita.actors.kernel.future import Future


class Registered:
    """Runs a function where it was registered: in ``place``, or where callbacks run when that loop has ended.

    There a plain function runs after the others, on the callback thread; an async one beside them, so that one that never ends
    holds nobody up.
    """

    def __init__(
        self, function: Callable[..., object], *, place: Place, callbacks: Callbacks, async_callbacks: Place
    ) -> None:
        self.function = function
        self._place = place
        self._fallback: Place = async_callbacks if is_async(function) else callbacks
        self._in_a_loop = place is not callbacks

    def run(self, arguments: tuple[object, ...], ended: Callable[[Future[Any]], None]) -> None:
        """Run it; ``ended`` is given the future of what came of it, once it is done."""
        began = False

        def begin() -> object:
            nonlocal began
            began = True
            return self.function(*arguments)

        def on_ran() -> None:
            if ran.failure() is not None and not began:  # its loop ended just now
                again = self._fallback.run(begin)
                again.when_done(lambda: ended(again))
            else:
                ended(ran)

        if self._in_a_loop and self._place.alive():
            ran = self._place.run(begin)
            ran.when_done(on_ran)
        else:
            ran = self._fallback.run(begin)
            ran.when_done(lambda: ended(ran))


def is_async(function: Callable[..., object]) -> bool:
    """Whether it is an async function, or an object whose call is."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
