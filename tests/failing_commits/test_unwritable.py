"""A turn that no log can hold is a defect of whoever said it: it is given up, and the partition lives on."""

from __future__ import annotations

from typing import Any

import pytest
from durability.waiting import until
from failing_commits.looking import state_is_that_of_the_log
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile

from partita.actors.downloads import carriers, ranges
from partita.errors import StoreFailed
from partita.events.downloads import DownloadFinished, DownloadHead
from partita.session import Session
from partita.store.committer import Committer

CONTENT = bytes(range(256)) * 400
NO_NUMBER = 1 << 70
"""More than msgpack, and so the log, has digits for."""


def test_an_outcome_that_cannot_be_written_loses_its_effect(
    session: Session, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finished(effect_id: str, received_bytes: int) -> Any:
        return DownloadFinished(effect_id, received_bytes + NO_NUMBER)

    url = server.on("/file.bin", ServedFile(CONTENT))
    with monkeypatch.context() as patch:
        patch.setattr(carriers, "DownloadFinished", finished)
        item = session.download_url(url).get(30)
        until(lambda: item.get_state() == "interrupted", "the fetch counts as lost")
        assert item.last_reason == "CRASH"
        assert "DownloadFinished" in item._state.detail
        assert "cannot be written" in item._state.detail
    session.set_user_agent("After/1")
    session.flush().get(30)
    item.resume()
    assert item.finished().get(30) == "completed"
    assert len(server.seen) == 1, "all of it was there"
    state_is_that_of_the_log(session)


def test_what_an_effect_says_on_its_way_is_given_up_and_the_next_flush_tells(
    session: Session, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, replies, commit_once = ServedFile(CONTENT), session._partition.replies, Committer.commit_once

    def once_somebody_waits(seen: Seen, reply: Reply) -> None:
        until(lambda: replies.waiting > 0, "whoever began it waits to hear of it")
        file(seen, reply)

    def with_his_answer(committer: Committer[Any]) -> bool:
        if any(entry[0] is not None and isinstance(entry[0].message, DownloadHead) for entry in list(committer._queue)):
            until(lambda: not replies.waiting, "his answer is to go with the turn that is undone")
        return commit_once(committer)

    url = server.on("/file.bin", once_somebody_waits)
    with monkeypatch.context() as patch:
        patch.setattr(Committer, "commit_once", with_his_answer)
        patch.setattr(ranges, "total_of", lambda status, headers, offset: NO_NUMBER)
        item = session.download_url(url).get(30)
        until(lambda: item.get_state() == "interrupted", "there is no room for so many bytes")
    with pytest.raises(StoreFailed, match="DownloadHead"):
        session.flush().get(30)
    session.flush().get(30)
    item.resume()
    assert item.finished().get(30) == "completed"
    state_is_that_of_the_log(session)


def test_others_of_its_batch_are_taken_again(
    session: Session, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that the committer had with it is undone, and only it is given up."""
    whole, total_of = len(CONTENT), ranges.total_of
    files = [ServedFile(CONTENT[number:], hold_at=1000) for number in range(1, 4)]
    others = [session.download_url(server.on(f"/{len(file.content)}.bin", file)).get(30) for file in files]

    def is_no_number_for_one(status: int, headers: Any, offset: int) -> int:
        total_bytes = total_of(status, headers, offset)
        return NO_NUMBER if total_bytes == whole else total_bytes

    monkeypatch.setattr(ranges, "total_of", is_no_number_for_one)
    session.flush().get(30)
    item = session.download_url(server.on("/file.bin", ServedFile(CONTENT))).get(30)
    for file in files:
        file.go_on.set()
    until(lambda: item.get_state() == "interrupted", "there is no room for so many bytes")
    until(lambda: all(other.get_state() == "completed" for other in others), "the others come to their end")
    with pytest.raises(StoreFailed, match="DownloadHead"):
        session.flush().get(30)
    state_is_that_of_the_log(session)
