"""What a session on a disk that fails is looked at with."""

from __future__ import annotations

from partita.actors.kernel.fold import fold
from partita.actors.session.behavior import BEHAVIORS
from partita.session import Session


def put(session: Session, name: str) -> None:
    session.cookies.set(url="https://faulty.example/", name=name, value=name).get(30)


def names(session: Session) -> set[str]:
    return {cookie.name for cookie in session.cookies.get().get(30)}


def state_is_that_of_the_log(session: Session) -> None:
    session.flush().get(30)
    folded = fold(session._partition.store, BEHAVIORS).images
    for name, actor in session._partition.actors.items():
        if name in folded:
            assert (actor.state, dict(actor.pending)) == (folded[name][0], dict(folded[name][1]))
    assert session.log.verify().ok
