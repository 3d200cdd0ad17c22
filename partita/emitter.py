"""``on``, ``once``, ``off``: how every object of the API tells its listeners (API.md, rule 4; FEATURES M6)."""

from __future__ import annotations

import threading
import traceback
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, overload

import msgspec

from partita.actors.kernel.delivery import Place, place_of_caller
from partita.actors.kernel.future import Future

Listener = Callable[[Any], object]
L = TypeVar("L", bound=Listener)


class ListenerFailed(RuntimeWarning):
    """A listener raised. The others were told all the same."""


class _Registration(msgspec.Struct, frozen=True, eq=False):
    listener: Listener
    place: Place
    once: bool
    since: int


class Emitter:
    """Knows its listeners, and runs each where it was registered.

    ``events``: the names that it emits; listening to another one is a :class:`ValueError`, for it would never be told.
    """

    def __init__(self, events: Iterable[str], default_place: Place) -> None:
        self._events: Final = tuple(events)
        self._default_place = default_place
        self._listeners: dict[str, tuple[_Registration, ...]] = {}
        self._listening = threading.Lock()

    @overload
    def on(self, name: str, listener: L, *, deliver_on: Place | None = None) -> L: ...
    @overload
    def on(self, name: str, listener: None = None, *, deliver_on: Place | None = None) -> Callable[[L], L]: ...
    def on(self, name: str, listener: L | None = None, *, deliver_on: Place | None = None) -> L | Callable[[L], L]:
        """Call ``listener(event)`` at each ``name``; alone, ``@emitter.on(name)`` decorates.

        It runs in the trio or asyncio loop that it is registered in, else on the system's callback thread;
        ``deliver_on`` chooses another place.
        """
        if listener is None:
            return lambda decorated: self.on(name, decorated, deliver_on=deliver_on)
        self._add(name, listener, deliver_on, once=False)
        return listener

    def once(self, name: str, listener: L, *, deliver_on: Place | None = None) -> L:
        """The same for the next ``name`` only."""
        self._add(name, listener, deliver_on, once=True)
        return listener

    def off(self, name: str, listener: Listener) -> None:
        """Take the listener's newest registration back; nothing happens when it has none."""
        self._known(name)
        with self._listening:
            known = self._listeners.get(name, ())
            for registration in reversed(known):
                if registration.listener == listener:
                    self._listeners[name] = tuple(other for other in known if other is not registration)
                    return

    def remove_all_listeners(self, name: str | None = None) -> None:
        """Take back all listeners of ``name``, or all there are."""
        if name is None:
            self._listeners.clear()
        else:
            self._listeners.pop(self._known(name), None)

    def listener_count(self, name: str) -> int:
        """How many listen to ``name``."""
        return len(self._listeners.get(self._known(name), ()))

    # -- for the classes that emit ----------------------------------------------------------------------------------

    def _first_listener(self) -> None:
        """Somebody listens, or one more does."""

    def _since(self) -> int:
        """From which position on a new listener is told."""
        return 0

    def _emit(self, name: str, event: object, position: int | None = None) -> list[Future[Any]]:
        """Run the listeners of ``name``; with a ``position``, those that were there before that turn was taken."""
        told: list[Future[Any]] = []
        for registration in self._due(name, position):
            place = registration.place if registration.place.alive() else self._default_place
            done = place.run(registration.listener, event)
            done.when_done(lambda done=done: _report(done, name))  # type: ignore[misc]
            told.append(done)
        return told

    def _due(self, name: str, position: int | None) -> list[_Registration]:
        """Those to be told; one that listens once is taken away, so that nobody tells it twice."""
        with self._listening:
            known = self._listeners.get(name, ())
            due = [listener for listener in known if position is None or position > listener.since]
            if any(listener.once for listener in due):
                self._listeners[name] = tuple(other for other in known if not (other.once and other in due))
            return due

    def _known(self, name: str) -> str:
        if name not in self._events:
            raise ValueError(f"no event {name!r} here: there is {', '.join(map(repr, self._events))}")
        return name

    def _add(self, name: str, listener: Listener, place: Place | None, *, once: bool) -> None:
        if not callable(listener):
            raise TypeError(f"a listener is a function of one event, not {listener!r}")
        place = place or place_of_caller(self._default_place)
        self._known(name)
        with self._listening:
            registration = _Registration(listener, place, once, self._since())
            self._listeners[name] = (*self._listeners.get(name, ()), registration)
        self._first_listener()


def _report(done: Future[Any], name: str) -> None:
    error = done.failure()
    if error is not None:
        text = "".join(traceback.format_exception(error))
        warnings.warn(f"a listener of {name!r} raised:\n{text}", ListenerFailed, stacklevel=1)
