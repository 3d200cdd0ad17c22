"""The jar is what RFC 6265bis makes of the messages in the log, by a second reading of it (:mod:`..cookie_oracle`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.cookies import (
    CookieRemoved,
    CookiesReceived,
    CookieStored,
    ImportCookies,
    PersistSessionCookies,
    RemoveCookies,
    SetCookie,
)
from partita.events.session import SessionState
from partita.events.system import Recover, TurnFailed
from partita.simulations.checker import Broken, Checker
from partita.simulations.cookie_lines import Refused
from partita.simulations.cookie_oracle import CookieOracle, shown

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

OF_THE_JAR = (CookiesReceived, SetCookie, ImportCookies, RemoveCookies, PersistSessionCookies, Recover)


class CookiesAreByTheRfc(Checker):
    """Reads the whole log after each opening and at the end, when nothing is on its way to the disk."""

    name = "cookie_oracle"

    def opened(self, partition: Partition) -> None:
        self._compare(partition)

    def ended(self, partition: Partition) -> None:
        self._compare(partition)

    def _compare(self, partition: Partition) -> None:
        store = partition.store
        if partition.position != store.position or store.first_position > 1:
            return  # memory runs ahead, or history was given up
        oracle, now_us = CookieOracle(), 0
        for turn in store.turns(1):
            now_us = turn.time
            if turn.actor != "session" or any(isinstance(event, TurnFailed) for event in turn.events):
                continue
            others = any(isinstance(event, (CookieStored, CookieRemoved)) for event in turn.events)
            if not (others or isinstance(turn.message, OF_THE_JAR)):
                continue
            try:
                oracle.take(turn.time, turn.message, turn.events)
            except Refused as refused:
                raise Broken(f"{turn.message} was taken; by the RFC it is not: {refused}", turn.position) from None
        state = partition.actor("session").state
        assert isinstance(state, SessionState)
        found = sorted(
            (
                shown(cookie)
                for bucket in state.cookies.stems.values()
                for cookie in bucket.values()
                if cookie.expiry_us is None or cookie.expiry_us > now_us
            ),
            key=repr,
        )
        expected = oracle.jar(now_us)
        if found != expected:
            missing = [cookie for cookie in expected if cookie not in found]
            beyond = [cookie for cookie in found if cookie not in expected]
            raise Broken(f"by the RFC the jar has {missing[:2]} instead of {beyond[:2]}", store.position)
