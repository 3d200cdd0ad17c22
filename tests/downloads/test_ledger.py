from __future__ import annotations

from partita.actors.downloads.ledger import behavior
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.events.download_ledger import (
    BeginDownload,
    DownloadAdded,
    DownloadEnded,
    DownloadForgotten,
    DownloadsState,
    EndDownload,
    ForgetDownload,
)
from partita.events.download_queue import PlacesCleared
from partita.events.downloads import DownloadOrder, InterruptDownload, StartDownload
from partita.events.secret import Secret
from partita.events.system import Recover, Tell
from partita.events.types import Message


def say(state: DownloadsState, message: Message, position: int = 1) -> tuple[DownloadsState, Decision]:
    ctx = Context(seed=b"s", position=position, now_us=77, actor="session")
    decision = behavior.decide[type(message)](state, message, ctx)
    for event in decision.events:
        state = behavior.evolve[type(event)](state, event)
    return state, decision


def begun(count: int) -> tuple[DownloadsState, list[str]]:
    state, ids = DownloadsState(), []
    for number in range(1, count + 1):
        state, decision = say(state, BeginDownload(f"http://h/{number}", "/dir"), number)
        ids.append(str(decision.reply))
    return state, ids


def test_a_download_that_is_begun_has_an_id_and_an_actor() -> None:
    headers = (("Authorization", Secret("Bearer x")),)
    state, decision = say(DownloadsState(), BeginDownload("http://h/f", "/dir", headers, "/dir/mine"))
    order = DownloadOrder(str(decision.reply), "http://h/f", "/dir", headers, "/dir/mine", 77)
    assert decision.events == (DownloadAdded(order),)
    assert decision.effects == (Tell(to=f"download/{order.id}", message=StartDownload(order)),)
    assert state.items[order.id].order == order
    assert not state.items[order.id].ended
    assert "Bearer" not in repr(decision)


def test_downloads_stay_on_the_list_in_their_order_when_they_have_ended() -> None:
    state, ids = begun(3)
    state, decision = say(state, EndDownload(ids[1]))
    assert decision.events == (DownloadEnded(ids[1]),)
    assert list(state.items) == ids
    assert [entry.ended for entry in state.items.values()] == [False, True, False]
    assert say(state, EndDownload(ids[1]))[1].events == ()
    assert say(state, EndDownload("nobody"))[1].events == ()


def test_header_fields_are_let_go_when_nothing_will_be_sent_again() -> None:
    state, decision = say(DownloadsState(), BeginDownload("http://h/", "/dir", (("X", Secret("s")),)))
    state, _ = say(state, EndDownload(str(decision.reply)))
    assert state.items[str(decision.reply)].order.headers == ()


def test_a_download_that_is_forgotten_is_off_the_list() -> None:
    state, ids = begun(2)
    state, decision = say(state, ForgetDownload(ids[0]))
    assert decision.events == (DownloadForgotten(ids[0]),)
    assert list(state.items) == ids[1:]
    assert say(state, ForgetDownload(ids[0]))[1].events == ()


def test_an_opening_interrupts_what_had_not_ended() -> None:
    state, ids = begun(3)
    state, _ = say(state, EndDownload(ids[0]))
    _, decision = say(state, Recover(2))
    assert decision.events == (PlacesCleared(),)
    assert decision.effects == tuple(
        Tell(to=f"download/{download}", message=InterruptDownload(state.items[download].order)) for download in ids[1:]
    )


def test_what_was_published_stays_as_it_was() -> None:
    before, ids = begun(1)
    say(before, BeginDownload("http://h/2", "/dir"), 2)
    say(before, EndDownload(ids[0]), 3)
    assert list(before.items) == ids
    assert not before.items[ids[0]].ended
