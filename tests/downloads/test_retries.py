"""A download that goes on by itself: when, and what one can do about it meanwhile."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest
from downloads.talking import HEAD, NOW_US, ORDER, Conversation, effects_of, fetch_of, told

from partita.actors.downloads import interruptions
from partita.actors.downloads.timers import wait_to_retry
from partita.actors.kernel.behavior import NOTHING
from partita.events.download_ledger import EndDownload
from partita.events.download_options import DownloadOptions, RetryPolicy, check_options
from partita.events.download_retries import DownloadRetryDropped, RetryDue, WaitToRetry
from partita.events.downloads import (
    AwaitDownload,
    CancelDownload,
    ChooseTarget,
    DownloadBroke,
    DownloadHead,
    InterruptDownload,
    PauseDownload,
    ReportProgress,
    ResumeDownload,
    StartDownload,
    StopFetch,
)
from partita.events.system import EffectLost, EffectSettled, Recover

POLICY = RetryPolicy(attempts=3, first_s=1.0, factor=2.0, cap_s=3.0, jitter=0.0)


def receiving(policy: RetryPolicy = POLICY) -> Conversation:
    talk = Conversation()
    talk.say(StartDownload(msgspec.structs.replace(ORDER, options=DownloadOptions(retry=policy))))
    talk.say(DownloadHead(talk.fetch, HEAD))
    talk.say(ChooseTarget(talk.fetch, "/dir/f.bin", "/dir/f.bin.part", claimed=True))
    return talk


def broke(talk: Conversation, received: int = 0, reason: str = "NETWORK_FAILED", wait_s: float = 0.0) -> float | None:
    """Break it; the seconds that it waits now."""
    decision = talk.say(DownloadBroke(talk.fetch, reason, received, "gone", wait_s))  # type: ignore[arg-type]
    waits = effects_of(decision, WaitToRetry)
    return waits[0].delay_s if waits else None  # type: ignore[attr-defined]


def due(talk: Conversation) -> None:
    assert talk.state.retry_id is not None
    talk.say(RetryDue(talk.state.retry_id))


def test_it_waits_longer_each_time_that_nothing_came_and_then_gives_up() -> None:
    talk = receiving()
    waited = []
    for _ in range(3):
        waited.append(broke(talk))
        assert talk.state.retry_at_us == NOW_US + round((waited[-1] or 0) * 1e6)
        due(talk)
        assert (talk.state.phase, talk.state.retry_at_us) == ("asking", 0)
    assert waited == [1.0, 2.0, 3.0], "doubled, and capped"
    assert broke(talk) is None
    assert (talk.state.phase, talk.state.retry_id) == ("interrupted", None)
    assert talk.say(AwaitDownload("stopped")).reply == "interrupted"


def test_attempts_are_counted_anew_where_it_comes_further_than_ever() -> None:
    talk = receiving()
    assert [broke(talk), due(talk)][0] == 1.0
    assert [broke(talk), due(talk)][0] == 2.0
    talk.say(DownloadHead(talk.fetch, HEAD))
    talk.say(ReportProgress(talk.fetch, 10))
    assert broke(talk, 10) == 1.0
    due(talk)
    talk.say(DownloadHead(talk.fetch, HEAD))
    talk.say(ReportProgress(talk.fetch, 10))
    assert broke(talk, 10) == 2.0, "it began again, and came no further than before"


def test_while_it_waits_it_has_not_stopped() -> None:
    talk = receiving()
    assert talk.say(AwaitDownload("stopped")).waits == "stopped"
    decision = talk.say(DownloadBroke(talk.fetch, "NETWORK_FAILED", 0))
    assert decision.answers == (("announced", "interrupted"), ("running", "interrupted"))
    assert talk.say(AwaitDownload("stopped")).waits == "stopped"


def test_jitter_is_drawn_in_the_turn_and_stays_within_its_bounds() -> None:
    policy = RetryPolicy(attempts=200, first_s=8.0, factor=1.0, cap_s=8.0, jitter=0.5)
    talk = receiving(policy)
    waited = []
    for _ in range(100):
        waited.append(broke(talk) or 0.0)
        due(talk)
    assert len(set(waited)) > 90
    assert 4.0 <= min(waited) < 5.0
    assert 11.0 < max(waited) <= 12.0


def test_what_the_server_asks_for_is_waited_but_not_for_ever() -> None:
    assert broke(receiving(), wait_s=30.0) == 30.0
    assert broke(receiving(), wait_s=0.5) == 1.0
    assert broke(receiving(), wait_s=1e9) == 3600.0


@pytest.mark.parametrize(
    ("status", "value", "seconds"),
    [
        (503, "120", 120.0),
        (429, "Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        (429, "Thu, 01 Jan 1970 00:00:40 GMT", 0.0),
        (503, "soon", 0.0),
        (503, "-3", 0.0),
        (503, "9" * 40, 999_999_999.0),
        (500, "120", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(status: int, value: str, seconds: float) -> None:
    assert interruptions.retry_after_s(status, (("Retry-After", value),), 60_000_000) == seconds


def test_resuming_by_hand_does_not_wait() -> None:
    talk = receiving()
    broke(talk, 400)
    waiting = talk.state.retry_id
    decision = talk.say(ResumeDownload())
    assert effects_of(decision, StopFetch) == [StopFetch(waiting)]
    assert EffectSettled(str(waiting)) in decision.events
    assert fetch_of(decision).offset == 400
    assert (talk.state.attempts, talk.state.retry_id) == (0, None)
    assert talk.say(RetryDue(str(waiting))) == NOTHING


def test_pausing_while_it_waits_leaves_it_to_be_resumed_by_hand() -> None:
    talk = receiving()
    broke(talk, 400)
    waiting = talk.state.retry_id
    decision = talk.say(PauseDownload())
    assert decision.events == (DownloadRetryDropped(), EffectSettled(str(waiting)))
    assert effects_of(decision, StopFetch) == [StopFetch(waiting)]
    assert ("stopped", "interrupted") in decision.answers
    assert talk.say(PauseDownload()) == NOTHING
    assert fetch_of(talk.say(ResumeDownload())).offset == 400


def test_cancelling_while_it_waits_stops_what_waits() -> None:
    talk = receiving()
    broke(talk, 400)
    waiting = talk.state.retry_id
    decision = talk.say(CancelDownload())
    assert effects_of(decision, StopFetch) == [StopFetch(waiting)]
    assert EffectSettled(str(waiting)) in decision.events
    assert told(decision) == [EndDownload("d1")]
    assert (talk.state.phase, talk.state.retry_id) == ("cancelled", None)


def test_a_reason_that_does_not_pass_is_not_tried_again() -> None:
    assert broke(receiving(), reason="FILE_TOO_LARGE") is None


@pytest.mark.parametrize("on_open", [False, True])
def test_after_a_crash_it_goes_on_if_the_policy_says_so(*, on_open: bool) -> None:
    talk = receiving(msgspec.structs.replace(POLICY, resume_on_open=on_open))
    talk.say(ReportProgress(talk.fetch, 400))
    talk.say(Recover(2))
    assert talk.state.phase == "interrupted"
    decision = talk.say(InterruptDownload(ORDER))
    assert talk.state.phase == ("asking" if on_open else "interrupted")
    assert bool(decision.effects) is on_open


@pytest.mark.parametrize("on_open", [False, True])
def test_what_waits_outlives_a_crash_if_the_policy_says_so(*, on_open: bool) -> None:
    talk = receiving(msgspec.structs.replace(POLICY, resume_on_open=on_open))
    broke(talk, 400)
    waiting = talk.state.retry_id
    talk.say(Recover(2))
    assert talk.state.retry_id == (waiting if on_open else None)
    assert talk.say(InterruptDownload(ORDER)) == NOTHING


def test_a_defect_of_what_waits_leaves_it_to_be_resumed_by_hand() -> None:
    talk = receiving()
    broke(talk)
    assert talk.say(EffectLost("another", "boom")) == NOTHING
    decision = talk.say(EffectLost(str(talk.state.retry_id), "boom"))
    assert decision.events == (DownloadRetryDropped(),)
    assert ("stopped", "interrupted") in decision.answers


@pytest.mark.parametrize(
    "options",
    [
        DownloadOptions(rate_bytes_s=-1),
        DownloadOptions(retry=RetryPolicy(attempts=-1)),
        DownloadOptions(retry=RetryPolicy(factor=0.5)),
        DownloadOptions(retry=RetryPolicy(first_s=float("nan"))),
        DownloadOptions(retry=RetryPolicy(jitter=1.5)),
    ],
)
def test_options_that_make_no_sense_are_refused(options: DownloadOptions) -> None:
    with pytest.raises(ValueError, match="not"):
        check_options(options)


class Clock:
    """Sleeping is all that takes time; what is too short to be told from nothing takes none."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.slept = 0

    def now_us(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept += 1
        assert self.slept < 1000, "time stands still"
        self.now += seconds


@pytest.mark.parametrize("began_s", [0.0, 3_600.1, 1e9 + 0.3])
def test_what_waits_comes_to_its_end_whatever_the_clock_shows(began_s: float) -> None:
    talk = receiving()
    broke(talk)
    waiting = str(talk.state.retry_id)
    clock = Clock(began_s)
    world = SimpleNamespace(clock=clock)
    door = SimpleNamespace(world=world, actor="download/d1", published=lambda _: talk.state)
    with pytest.raises(StopIteration) as ended:
        wait_to_retry(WaitToRetry(waiting, 10**15, 2.2), door).send(None)  # type: ignore[arg-type]
    assert ended.value.value == RetryDue(waiting)
    assert 2.19 < clock.now - began_s < 2.3

    talk.say(PauseDownload())
    with pytest.raises(StopIteration):
        wait_to_retry(WaitToRetry(waiting, 10**15, 1e9), door).send(None)  # type: ignore[arg-type]
    assert clock.now - began_s < 2.3, "it was given up"
