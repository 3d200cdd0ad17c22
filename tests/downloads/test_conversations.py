"""The actor ``download/<id>``, spoken with: no kernel, no world."""

from __future__ import annotations

import pytest
from downloads.talking import (
    HEAD,
    NOW_US,
    ORDER,
    Conversation,
    asking,
    deciding,
    discarded,
    effects_of,
    fetch_of,
    interrupted,
    receiving,
    told,
)

from partita.actors.kernel.behavior import NOTHING
from partita.events.download_ledger import EndDownload, ForgetDownload
from partita.events.download_options import NO_OPTIONS, DownloadOptions, RetryPolicy
from partita.events.download_queue import DownloadQueued, ReleaseDownload
from partita.events.downloads import (
    AwaitDownload,
    CancelDownload,
    ChooseTarget,
    DownloadBroke,
    DownloadCancelled,
    DownloadCompleted,
    DownloadFinished,
    DownloadHead,
    DownloadHeadFields,
    DownloadHeadReceived,
    DownloadInterrupted,
    DownloadNotWanted,
    DownloadOptionsChanged,
    DownloadPaused,
    DownloadProgressed,
    DownloadResumed,
    DownloadStarted,
    DownloadTurnedDown,
    DownloadUnpaused,
    InterruptDownload,
    PauseDownload,
    ReportProgress,
    ResumeDownload,
    StartDownload,
    StopFetch,
    TargetChosen,
)
from partita.events.errors import DownloadFailed, DownloadRefused
from partita.events.system import EffectSettled, Recover


def test_a_download_from_its_order_to_its_file() -> None:
    talk = Conversation()
    decision = talk.say(StartDownload(ORDER))
    fetch = fetch_of(decision)
    assert decision.events == (DownloadStarted(ORDER, fetch.id),)
    assert (fetch.order, fetch.offset, fetch.target_path) == (ORDER, 0, "")

    decision = talk.say(DownloadHead(fetch.id, HEAD))
    assert decision.events == (DownloadHeadReceived(HEAD, "f.bin"),)
    assert decision.reply == "f.bin"

    decision = talk.say(ChooseTarget(fetch.id, "/dir/f.bin", "/dir/f.bin.part", claimed=True))
    assert decision.events == (TargetChosen("/dir/f.bin", "/dir/f.bin.part", claimed=True, choice=3),)
    assert ("announced", "receiving") in decision.answers

    assert talk.say(ReportProgress(fetch.id, 600)).events == (DownloadProgressed(600),)

    decision = talk.say(DownloadFinished(fetch.id, 1000))
    assert decision.events == (DownloadCompleted(1000, NOW_US),)
    assert told(decision) == [EndDownload("d1")]
    assert {("done", "completed"), ("stopped", "completed")} <= set(decision.answers)
    assert (talk.state.phase, talk.state.received_bytes, talk.state.effect_id) == ("completed", 1000, None)


def test_a_listener_of_will_download_prevents_it() -> None:
    talk = deciding()
    decision = talk.say(DownloadNotWanted(talk.fetch))
    assert decision.events == (DownloadTurnedDown(NOW_US),)
    assert told(decision) == [ForgetDownload("d1")]
    (refusal,) = [answer for milestone, answer in decision.answers if milestone == "announced"]
    assert isinstance(refusal, DownloadRefused)
    assert ("done", "refused") in decision.answers
    assert isinstance(talk.say(AwaitDownload("announced")).refusal, DownloadRefused)


def test_a_request_that_fails_before_a_head_could_not_begin() -> None:
    talk = asking()
    decision = talk.say(DownloadBroke(talk.fetch, "SERVER_BAD_CONTENT", 0, "404 Not Found"))
    assert told(decision) == [EndDownload("d1")]
    (failed,) = [answer for milestone, answer in decision.answers if milestone == "announced"]
    assert isinstance(failed, DownloadFailed)
    assert "SERVER_BAD_CONTENT (404 Not Found)" in str(failed)
    assert ("done", "interrupted") in decision.answers


def test_a_server_that_hangs_up_leaves_a_download_that_can_go_on() -> None:
    talk = receiving(400)
    decision = talk.say(DownloadBroke(talk.fetch, "NETWORK_FAILED", 450, "gone"))
    assert decision.events == (DownloadInterrupted("NETWORK_FAILED", 450, "gone", NOW_US),)
    assert told(decision) == [ReleaseDownload("d1")], "it has not ended, and its file stays"
    assert len(decision.effects) == 1
    assert ("stopped", "interrupted") in decision.answers
    assert "done" not in dict(decision.answers)

    decision = talk.say(ResumeDownload())
    fetch = fetch_of(decision)
    assert decision.events == (DownloadQueued(), DownloadResumed(fetch.id))
    assert (fetch.offset, fetch.total_bytes, fetch.e_tag) == (450, 1000, '"v1"')
    assert (fetch.target_path, fetch.part_path) == ("/dir/f.bin", "/dir/f.bin.part")

    rest = DownloadHeadFields(url_chain=("http://h/f.bin",), status=206, offset=450, total_bytes=1000, e_tag='"v1"')
    talk.say(DownloadHead(fetch.id, rest))
    assert (talk.state.phase, talk.state.received_bytes) == ("receiving", 450), "nobody is asked for a target twice"
    talk.say(DownloadFinished(fetch.id, 1000))
    assert talk.state.phase == "completed"


def test_a_server_that_sends_all_of_it_again_begins_at_nothing() -> None:
    talk = interrupted(400)
    talk.say(ResumeDownload())
    talk.say(DownloadHead(talk.fetch, HEAD))
    assert talk.state.received_bytes == 0


def test_a_reason_that_does_not_pass_ends_it_and_leaves_nothing_behind() -> None:
    talk = receiving(400)
    decision = talk.say(DownloadBroke(talk.fetch, "FILE_TOO_LARGE", 400))
    assert discarded(decision) == [(("/dir/f.bin.part",), "/dir/f.bin")]
    assert effects_of(decision, StopFetch) == [], "it has ended by itself"
    assert told(decision) == [EndDownload("d1")]
    assert talk.say(ResumeDownload()).events == ()
    assert talk.say(CancelDownload()).events == ()


def test_a_pause_holds_the_fetch_and_resume_lets_it_go() -> None:
    talk = receiving(400)
    assert talk.say(PauseDownload()).events == (DownloadPaused(),)
    assert talk.say(PauseDownload()).events == ()
    assert talk.say(AwaitDownload("running")).waits == "running"
    decision = talk.say(ResumeDownload())
    assert decision.events == (DownloadUnpaused(),)
    assert decision.effects == (), "the connection was held"
    assert ("running", "receiving") in decision.answers
    assert talk.say(ResumeDownload()).events == ()


def test_a_pause_in_the_handler_counts() -> None:
    talk = deciding()
    talk.say(PauseDownload())
    talk.say(ChooseTarget(talk.fetch, "/dir/f.bin", "/dir/f.bin.part", claimed=True))
    assert talk.state.paused


def test_cancelling_stops_the_fetch_and_deletes_what_was_received() -> None:
    talk = receiving(400)
    fetch = talk.fetch
    decision = talk.say(CancelDownload())
    assert decision.events == (DownloadCancelled(NOW_US), EffectSettled(fetch))
    assert effects_of(decision, StopFetch) == [StopFetch(fetch)]
    assert discarded(decision) == [(("/dir/f.bin.part",), "/dir/f.bin")]
    assert told(decision) == [EndDownload("d1")]
    assert ("done", "cancelled") in decision.answers
    assert talk.say(CancelDownload()).events == ()
    assert talk.say(ResumeDownload()).events == ()


def test_a_file_of_the_callers_own_choice_is_not_deleted_by_cancelling() -> None:
    talk = deciding()
    talk.say(ChooseTarget(talk.fetch, "/home/me/mine.bin", "/home/me/mine.bin.part", claimed=False))
    decision = talk.say(CancelDownload())
    assert discarded(decision) == [(("/home/me/mine.bin.part",), "")]


def test_a_crash_interrupts_and_a_second_opening_says_nothing_new() -> None:
    talk = receiving(400)
    decision = talk.say(Recover(2))
    assert decision.events == (DownloadInterrupted("CRASH", 400, ended_us=NOW_US),)
    assert decision.effects == (), "nothing is left to stop"
    assert talk.say(InterruptDownload(ORDER)) == NOTHING
    assert talk.say(Recover(3)) == talk.say(InterruptDownload(ORDER)) == NOTHING
    assert fetch_of(talk.say(ResumeDownload())).offset == 400


def test_the_sessions_word_of_the_crash_may_come_after_the_resumption() -> None:
    talk = receiving(400)
    talk.say(Recover(2))
    talk.say(ResumeDownload())
    assert talk.say(InterruptDownload(ORDER)) == NOTHING
    assert talk.state.phase == "asking"


def test_a_download_whose_first_turn_was_lost_exists_all_the_same() -> None:
    talk = Conversation()
    decision = talk.say(InterruptDownload(ORDER))
    assert decision.events == (DownloadStarted(ORDER), DownloadInterrupted("CRASH", 0, ended_us=NOW_US))
    fetch = fetch_of(talk.say(ResumeDownload()))
    assert (fetch.order, fetch.offset, fetch.target_path) == (ORDER, 0, "")


def test_what_the_session_did_not_hear_is_told_again() -> None:
    talk = receiving()
    talk.say(DownloadFinished(talk.fetch, 1000))
    decision = talk.say(InterruptDownload(ORDER))
    assert (decision.events, told(decision)) == ((), [EndDownload("d1")])

    talk = deciding()
    talk.say(DownloadNotWanted(talk.fetch))
    decision = talk.say(InterruptDownload(ORDER))
    assert (decision.events, told(decision)) == ((), [ForgetDownload("d1")])


def test_the_network_going_away_stops_the_fetch_for_now() -> None:
    talk = receiving(400)
    fetch = talk.fetch
    decision = talk.say(InterruptDownload(ORDER, "NETWORK_DISCONNECTED"))
    assert effects_of(decision, StopFetch) == [StopFetch(fetch)]
    assert EffectSettled(fetch) in decision.events


def test_the_word_of_a_fetch_that_was_given_up_no_longer_counts() -> None:
    talk = interrupted(400)
    talk.say(ResumeDownload())
    for message in (
        DownloadHead("old", HEAD),
        ChooseTarget("old", "/x", "/x.part"),
        ReportProgress("old", 999),
        DownloadFinished("old", 1000),
        DownloadBroke("old", "NETWORK_FAILED", 0),
        DownloadNotWanted("old"),
    ):
        before = talk.state
        decision = talk.say(message)
        assert decision.events == ()
        assert decision.reply is None
        assert talk.state == before


def test_progress_that_is_no_news_leaves_no_turn() -> None:
    talk = receiving(400)
    assert talk.say(ReportProgress(talk.fetch, 400)).events == ()


@pytest.mark.parametrize("message", [ResumeDownload(), PauseDownload(), CancelDownload(), AwaitDownload("done")])
def test_a_download_that_nobody_began_is_refused(message: object) -> None:
    decision = Conversation().say(message)  # type: ignore[arg-type]
    assert isinstance(decision.refusal, DownloadFailed)
    assert "download/d1" in str(decision.refusal)
    assert decision.events == ()


def test_one_may_ask_late() -> None:
    talk = receiving()
    assert talk.say(AwaitDownload("announced")).reply == "receiving"
    assert talk.say(AwaitDownload("done")).waits == "done"
    talk.say(DownloadFinished(talk.fetch, 1000))
    for milestone in ("announced", "stopped", "done", "running"):
        assert talk.say(AwaitDownload(milestone)).reply == "completed"


def test_how_it_comes_can_be_said_anew_when_it_goes_on() -> None:
    talk = interrupted()
    faster = DownloadOptions(retry=RetryPolicy(attempts=3), segments=4)
    decision = talk.say(ResumeDownload(faster))
    assert DownloadOptionsChanged(faster) in decision.events
    assert talk.state.order is not None
    assert talk.state.order.options == faster
    assert talk.say(ResumeDownload(NO_OPTIONS)).events == (), "it is under way"
    talk.say(DownloadBroke(talk.fetch, "NETWORK_FAILED", 400))
    assert talk.state.retry_id is not None, "and has a policy now"
    assert DownloadOptionsChanged(faster) not in talk.say(ResumeDownload(faster)).events
