"""A download that began elsewhere, said to its actor and to the session's ledger."""

from __future__ import annotations

import pytest
from downloads.talking import NOW_US, TAKEN_OVER, Conversation, asking, discarded, fetch_of, told

from partita.actors.downloads.ledger import behavior as ledger
from partita.actors.downloads.restoring import LONGEST_URL_CHAIN
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.events.download_ledger import AddInterruptedDownload, DownloadAdded, DownloadsState, ForgetDownload
from partita.events.download_origins import EarlierDownload
from partita.events.downloads import (
    AwaitDownload,
    CancelDownload,
    InterruptDownload,
    ResumeDownload,
    StartDownload,
    TurnDownDownload,
)
from partita.events.system import Tell

EARLIER = TAKEN_OVER.origin.earlier
assert EARLIER is not None


@pytest.mark.parametrize("first", [StartDownload(TAKEN_OVER), InterruptDownload(TAKEN_OVER)])
def test_it_is_born_interrupted_also_when_its_first_turn_was_lost(first: StartDownload | InterruptDownload) -> None:
    talk = Conversation()
    assert talk.say(first).effects == ()
    state = talk.state
    assert (state.phase, state.reason, state.received_bytes) == ("interrupted", "NETWORK_TIMEOUT", 400)
    assert (state.target_path, state.part_path, state.filename) == ("/dir/mine.bin", "/dir/mine.bin", "mine.bin")
    assert talk.say(AwaitDownload("announced")).reply == "interrupted"


def test_resuming_asks_for_the_rest_with_what_is_known_of_the_beginning() -> None:
    talk = Conversation()
    talk.say(StartDownload(TAKEN_OVER))
    fetch = fetch_of(talk.say(ResumeDownload()))
    assert (fetch.offset, fetch.total_bytes, fetch.e_tag, fetch.last_modified) == (400, 1000, '"v1"', "Mon")
    assert (fetch.order.url, fetch.part_path) == ("http://h/f.bin", "/dir/mine.bin")


def test_cancelling_deletes_its_file() -> None:
    talk = Conversation()
    talk.say(StartDownload(TAKEN_OVER))
    assert discarded(talk.say(CancelDownload())) == [(("/dir/mine.bin",), "")]


def test_turned_down_it_leaves_the_list_and_its_file() -> None:
    talk = Conversation()
    talk.say(StartDownload(TAKEN_OVER))
    decision = talk.say(TurnDownDownload())
    assert told(decision) == [ForgetDownload("d1")]
    assert discarded(decision) == []
    assert talk.state.phase == "refused"
    assert asking().say(TurnDownDownload()).events == ()


def ledger_says(earlier: EarlierDownload, started_us: int | None = None) -> Decision:
    ctx = Context(seed=b"s", position=1, now_us=NOW_US, actor="session")
    return ledger.decide[AddInterruptedDownload](DownloadsState(), AddInterruptedDownload(earlier, (), started_us), ctx)


@pytest.mark.parametrize(("given", "began"), [(None, NOW_US), (5, 5)])
def test_the_ledger_gives_it_an_id_and_an_actor(given: int | None, began: int) -> None:
    decision = ledger_says(EARLIER, given)
    (added,), (tell,) = decision.events, decision.effects
    assert isinstance(added, DownloadAdded)
    assert added.order.started_us == began
    assert (added.order.url, added.order.directory, added.order.save_path) == (
        "http://h/f.bin",
        "/dir",
        "/dir/mine.bin",
    )
    assert tell == Tell(to=f"download/{added.order.id}", message=StartDownload(added.order))


EMPTY = "Must pass non-empty path, urlChain and length."


@pytest.mark.parametrize(
    ("path", "chain", "offset", "length", "text"),
    [
        ("", ("http://h/",), 0, 1, EMPTY),
        ("/f", (), 0, 1, EMPTY),
        ("/f", ("http://h/", ""), 0, 1, EMPTY),
        ("/f", ("http://h/",), 0, 0, EMPTY),
        ("/f", ("http://h/",), 5, 5, "Must pass an offset value less than length."),
        ("/f", ("http://h/",), -1, 5, "offset"),
        ("f", ("http://h/",), 0, 5, "absolute"),
        ("/f\0", ("http://h/",), 0, 5, "absolute"),
        ("/f", ("http://h/",) * (LONGEST_URL_CHAIN + 1), 0, 5, "urlChain"),
    ],
)
def test_the_ledger_refuses_what_cannot_be_one(
    path: str, chain: tuple[str, ...], offset: int, length: int, text: str
) -> None:
    decision = ledger_says(EarlierDownload(path, chain, offset, length))
    assert text in str(decision.refusal)
    assert decision.events == ()


def test_a_path_of_windows_has_a_name_there() -> None:
    decision = ledger_says(EarlierDownload("C:\\files\\film.bin", ("http://h/",), 0, 5))
    (added,) = decision.events
    assert added.order.directory == "C:\\files"
