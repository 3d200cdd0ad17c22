"""Who downloads at a time: the session's places, and the lines in front of them."""

from __future__ import annotations

import itertools
import time

import pytest
from downloads.talking import HEAD, ORDER, Conversation, effects_of, fetch_of, told
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.downloads import places
from partita.actors.downloads.ledger import behavior
from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.events.download_ledger import BeginDownload, DownloadsState, EndDownload, ForgetDownload
from partita.events.download_options import DownloadLimits, DownloadOptions, RetryPolicy
from partita.events.download_queue import (
    AdmitDownload,
    DownloadAdmitted,
    LimitDownloads,
    PlacesCleared,
    QueueDownload,
    ReleaseDownload,
)
from partita.events.downloads import (
    AwaitDownload,
    CancelDownload,
    DownloadBroke,
    DownloadHead,
    FetchDownload,
    InterruptDownload,
    PauseDownload,
    ResumeDownload,
    StartDownload,
)
from partita.events.system import Recover, Tell
from partita.events.types import Message


class Ledger:
    def __init__(self, **limits: int) -> None:
        self.state = DownloadsState()
        self._positions = itertools.count(1)
        self.urls: dict[str, str] = {}
        if limits:
            self.say(LimitDownloads(DownloadLimits(**limits)))

    def say(self, message: Message) -> Decision:
        ctx = Context(seed=b"s", position=next(self._positions), now_us=77, actor="session")
        decision = behavior.decide[type(message)](self.state, message, ctx)
        for event in decision.events:
            self.state = behavior.evolve[type(event)](self.state, event)
        return decision

    def begin(self, url: str = "http://h/f", priority: int = 0) -> str:
        download = str(self.say(BeginDownload(url, "/dir", options=DownloadOptions(priority=priority))).reply)
        self.urls[download] = url
        return download

    def end(self, download: str) -> list[str]:
        return admitted(self.say(EndDownload(download)))


def admitted(decision: Decision) -> list[str]:
    """Whom it says may go, after the events agree."""
    said = [
        effect.to.removeprefix("download/")
        for effect in decision.effects
        if isinstance(effect, Tell) and isinstance(effect.message, AdmitDownload)
    ]
    assert said == [event.id for event in decision.events if isinstance(event, DownloadAdmitted)] or not decision.events
    return said


def test_the_first_may_go_and_the_others_wait_for_their_end() -> None:
    ledger = Ledger(concurrent=2, per_host=2)
    first, second, third, fourth = (ledger.begin() for _ in range(4))
    assert set(ledger.state.running) == {first, second}
    assert ledger.end(first) == [third]
    assert ledger.end(third) == [fourth]
    assert ledger.end(second) == ledger.end(fourth) == []
    assert (ledger.state.running, ledger.state.busy, ledger.state.lines) == ({}, {}, {})


def test_one_that_has_to_wait_is_told_so_as_it_begins() -> None:
    ledger = Ledger(concurrent=1)
    said = []
    for _ in range(2):
        (tell,) = ledger.say(BeginDownload("http://h/f", "/dir")).effects
        assert isinstance(tell, Tell)
        assert isinstance(tell.message, StartDownload)
        said.append(tell.message.queued)
    assert said == [False, True]


def test_the_higher_priority_goes_first_and_among_equals_the_older() -> None:
    ledger = Ledger(concurrent=1)
    running = ledger.begin()
    low, middle, high, also_high = (ledger.begin(priority=priority) for priority in (-1, 0, 5, 5))
    order = []
    while running:
        (running,) = ledger.end(running) or [""]
        order.append(running)
    assert order == [high, also_high, middle, low, ""]


def test_a_host_that_has_its_share_does_not_keep_others_waiting() -> None:
    ledger = Ledger(concurrent=3, per_host=1)
    first = ledger.begin("http://a/1")
    second = ledger.begin("http://a/2", priority=9)
    other = ledger.begin("http://b/1")
    assert set(ledger.state.running) == {first, other}
    assert ledger.end(other) == []
    assert ledger.end(first) == [second]


@pytest.mark.parametrize("leaves", [ReleaseDownload, EndDownload, ForgetDownload])
def test_one_that_leaves_the_line_is_not_admitted_later(leaves: type[Message]) -> None:
    ledger = Ledger(concurrent=1)
    first, second, third = (ledger.begin() for _ in range(3))
    ledger.say(leaves(second))
    assert ledger.end(first) == [third]


def test_higher_limits_admit_at_once_and_lower_ones_stop_nobody() -> None:
    ledger = Ledger(concurrent=1)
    downloads = [ledger.begin() for _ in range(5)]
    assert admitted(ledger.say(LimitDownloads(DownloadLimits(concurrent=3)))) == downloads[1:3]
    assert admitted(ledger.say(LimitDownloads(DownloadLimits(concurrent=1)))) == []
    assert len(ledger.state.running) == 3
    assert ledger.end(downloads[0]) == ledger.end(downloads[1]) == []
    assert ledger.end(downloads[2]) == [downloads[3]]
    assert ledger.say(LimitDownloads(DownloadLimits(concurrent=1))) == NOTHING


@pytest.mark.parametrize(
    "limits", [DownloadLimits(concurrent=0), DownloadLimits(per_host=0), DownloadLimits(rate_bytes_s=-1)]
)
def test_limits_under_which_nothing_goes_are_refused(limits: DownloadLimits) -> None:
    ledger = Ledger()
    assert isinstance(ledger.say(LimitDownloads(limits)).refusal, ValueError)
    assert ledger.state.limits == DownloadLimits()


def test_who_asks_again_is_told_again_and_has_one_place() -> None:
    ledger = Ledger(concurrent=2, per_host=2)
    first = ledger.begin()
    decision = ledger.say(QueueDownload(first))
    assert (decision.events, admitted(decision)) == ((), [first])
    ledger.begin()
    waiting = ledger.begin()
    assert ledger.say(QueueDownload(waiting)) == NOTHING
    assert admitted(ledger.say(QueueDownload("nobody knows it"))) == ["nobody knows it"]


def test_an_opening_finds_all_places_free() -> None:
    ledger = Ledger(concurrent=1)
    first, second = ledger.begin(), ledger.begin()
    assert ledger.say(Recover(2)).events == (PlacesCleared(),)
    assert ledger.say(Recover(3)).events == ()
    assert admitted(ledger.say(QueueDownload(second))) == [second]
    assert admitted(ledger.say(QueueDownload(first))) == []
    assert ledger.end(second) == [first]


def test_options_that_make_no_sense_begin_nothing() -> None:
    ledger = Ledger()
    for options in (DownloadOptions(rate_bytes_s=-1), DownloadOptions(integrity="md5-AAAA")):
        assert isinstance(ledger.say(BeginDownload("http://h/f", "/dir", options=options)).refusal, ValueError)
    assert ledger.state == DownloadsState()


words = st.tuples(
    st.sampled_from([BeginDownload, EndDownload, ReleaseDownload, QueueDownload, ForgetDownload]),
    st.integers(0, 30),
    st.integers(-1, 1),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(words, max_size=60), st.integers(1, 3), st.integers(1, 2))
def test_no_order_of_words_keeps_a_place_empty_or_gives_it_twice(
    script: list[tuple[type[Message], int, int]], concurrent: int, per_host: int
) -> None:
    ledger = Ledger(concurrent=concurrent, per_host=per_host)
    known: list[str] = []
    for kind, number, priority in script:
        if kind is BeginDownload:
            known.append(ledger.begin(f"http://h{number % 2}/", priority))
        elif known:
            ledger.say(kind(known[number % len(known)]))  # type: ignore[call-arg]
        state = ledger.state
        waiting = [ticket for line in state.lines.values() for run in line for ticket in run]
        assert len(state.running) <= concurrent
        assert all(count <= per_host for count in state.busy.values())
        assert sum(state.busy.values()) == len(state.running)
        assert not {ticket[2] for ticket in waiting} & set(state.running)
        assert len({ticket[2] for ticket in waiting}) == len(waiting)
        assert places.next_up(state) is None
        for line in state.lines.values():
            tickets = [ticket for run in line for ticket in run]
            assert tickets == sorted(tickets)


def test_ten_thousand_wait_as_cheaply_as_ten() -> None:
    def seconds(waiting: int) -> float:
        ledger = Ledger(concurrent=1)
        downloads = [ledger.begin() for _ in range(waiting)]
        running, last = downloads[0], 200
        best = float("inf")
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(last // 5):
                ledger.begin()
                (running,) = ledger.end(running)
            best = min(best, time.perf_counter() - began)
        return best

    seconds(50)
    assert seconds(10_000) < 25 * seconds(50), "a turn must not copy all that wait"


# -- the download's side of it ----------------------------------------------------------------------------------------


def queued() -> Conversation:
    talk = Conversation(admits=False)
    talk.say(StartDownload(ORDER, queued=True))
    return talk


def test_a_download_that_waits_asks_for_nothing_until_it_is_admitted() -> None:
    talk = Conversation(admits=False)
    assert effects_of(talk.say(StartDownload(ORDER, queued=True)), FetchDownload) == []
    assert talk.state.phase == "queued"
    assert talk.say(AwaitDownload("stopped")).waits == "stopped"
    assert fetch_of(talk.say(AdmitDownload())).offset == 0
    assert talk.state.phase == "asking"
    assert talk.say(AdmitDownload()) == NOTHING


def test_one_that_goes_on_waits_for_a_place_too() -> None:
    talk = queued()
    talk.say(AdmitDownload())
    talk.say(DownloadHead(talk.fetch, HEAD))
    decision = talk.say(DownloadBroke(talk.fetch, "NETWORK_FAILED", 0))
    assert told(decision) == [ReleaseDownload("d1")]
    decision = talk.say(ResumeDownload())
    assert told(decision) == [QueueDownload("d1")]
    assert (talk.state.phase, talk.state.reason) == ("queued", "NONE")
    assert talk.say(AdmitDownload()).effects


def test_one_that_is_paused_in_the_queue_lets_others_go_first() -> None:
    talk = queued()
    assert told(talk.say(PauseDownload())) == [ReleaseDownload("d1")]
    assert talk.say(PauseDownload()) == NOTHING
    assert talk.say(AdmitDownload()) == NOTHING, "it was on its way"
    assert told(talk.say(ResumeDownload())) == [QueueDownload("d1")]
    assert told(talk.say(ResumeDownload())) == [QueueDownload("d1")], "nothing may have come of the first"
    assert talk.say(AdmitDownload()).effects


def test_one_that_is_cancelled_in_the_queue_ends() -> None:
    talk = queued()
    assert told(talk.say(CancelDownload())) == [EndDownload("d1")]
    assert talk.say(AdmitDownload()) == NOTHING


@pytest.mark.parametrize("on_open", [False, True])
def test_an_opening_finds_what_waited_interrupted_unless_its_policy_goes_on(*, on_open: bool) -> None:
    talk = Conversation(admits=False)
    policy = RetryPolicy(resume_on_open=on_open)
    order = type(ORDER)("d1", "http://h/f", "/dir", options=DownloadOptions(retry=policy))
    talk.say(StartDownload(order, queued=True))
    decision = talk.say(InterruptDownload(order))
    assert talk.state.phase == ("queued" if on_open else "interrupted")
    assert told(decision) == [QueueDownload("d1") if on_open else ReleaseDownload("d1")]
