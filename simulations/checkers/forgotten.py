"""What lives as long as its process is gone when the next one has begun (FEATURES C29, F22; DESIGN, 5).

Session cookies are spared where the session was told to keep them (WANTS 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.actors.kernel.fold import Fold
from partita.events.cookies import CookiesState
from partita.events.permissions import PermissionsState
from partita.events.session import SessionState
from partita.events.system import Recovered
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class ForgottenByTheNextProcess(Checker):
    """Folds the log at the end, and looks after each opening. Where history was given up, not at all."""

    name = "forgotten"

    def ended(self, partition: Partition) -> None:
        if partition.store.first_position > 1:
            return
        fold = Fold(partition.behaviors)
        for turn in partition.store.folding_turns(1):
            fold.run((turn,))
            if turn.actor != "session" or not any(isinstance(event, Recovered) for event in turn.events):
                continue
            state, _ = fold.images["session"]
            assert isinstance(state, SessionState)
            if state.preferences.user_agent is not None:
                raise Broken(f"a process begins with the user agent {state.preferences.user_agent!r}", turn.position)
            if state.web_request.hooks:
                raise Broken(f"a process begins with listeners: {state.web_request.hooks}", turn.position)
            _without_handlers(state.permissions, turn.position)
            if not state.cookies.persist_session:
                _without_session_cookies(state.cookies, turn.position)


def _without_handlers(state: PermissionsState, position: int) -> None:
    if state.handlers or state.pending:
        raise Broken(f"a process begins with handlers, or with what they were asked: {state}", position)


def _without_session_cookies(state: CookiesState, position: int) -> None:
    for stem in state.stems.values():
        for cookie in stem.values():
            if cookie.expiry_us is None:
                raise Broken(f"a process begins with the session cookie {cookie.name!r}", position)
