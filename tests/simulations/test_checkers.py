"""Each checker complains when what it watches is broken, in words that a person understands."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import partita
from partita.actors.cookies import behavior, matching
from partita.actors.kernel.future import Future
from partita.actors.session.behavior import BEHAVIORS
from partita.events.downloads import DownloadState
from partita.events.preferences import SetUserAgent
from partita.simulation import CheckFailed, World
from partita.simulations.checker import Broken, Checker
from partita.simulations.checkers import ALWAYS
from partita.simulations.checkers.ahead_of_the_log import NoFileIsAheadOfTheLog
from partita.simulations.checkers.bytes_reported import ReportedBytesAreThere
from partita.simulations.checkers.damage import DamageIsFound
from partita.simulations.checkers.durability import DurableWhenTold
from partita.simulations.checkers.effects import EffectsAfterTheCommit
from partita.simulations.checkers.exchanges import ExchangesAreSound, note_arrival, note_call, note_wrong
from partita.simulations.checkers.files_discarded import CancelledFilesAreGone
from partita.simulations.checkers.mixing import NothingIsMixed, note_body, note_made
from partita.simulations.checkers.orphans import NothingIsLeftBehind
from partita.simulations.checkers.stored_bodies import StoredBodiesAreThere
from partita.simulations.checkers.stray_files import NoFileIsStray
from partita.simulations.disk.file import File
from partita.simulations.disk.medium import Damage
from partita.simulations.scenarios.following import ToldInOrder
from partita.store.keys import KEY_ID_BYTES, NONCE_BYTES


class Bench:
    """A quiet world, a session in it, and what its checkers say."""

    def __init__(self) -> None:
        self.world = World(1, quiet=True)
        self.inner = self.world._world
        self.world.host("a.test", lambda request: b"body of a file")
        self.open()

    def open(self) -> None:
        self.system = self.world.system()
        self.session: partita.Session = self.system.from_partition("persist:shop")
        self.partition = self.session._partition
        self.session.flush().get()

    def set_cookie(self, value: str = "1") -> None:
        expires = self.world.clock.now_us() / 1e6 + 86_400
        self.session.cookies.set(url="https://a.test/", name="sid", value=value, expiration_date=expires).get()

    @property
    def turns(self) -> dict[bytes, bytes]:
        directory = self.partition.store.directory
        assert directory is not None
        tables = self.world.disk._tables(directory)
        assert tables is not None
        return tables.rows["turns"].values

    def said(self, checker: str) -> str:
        """What the checkers complain of; all of it by this one."""
        with pytest.raises(CheckFailed) as caught:
            self.world.check()
        assert {violation.checker for violation in caught.value.violations} == {checker}
        return caught.value.violations[0].what


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.world.close()


def test_nobody_complains_of_what_is_in_order(bench: Bench) -> None:
    bench.set_cookie()
    bench.session.set_user_agent("shop/1.0")
    bench.world.check()
    bench.system.close()
    bench.world.check()


def test_all_of_them_have_names_of_their_own() -> None:
    names = [checker.name for checker in (*ALWAYS, ExchangesAreSound, ToldInOrder) if isinstance(checker, type)]
    assert len(names) == len(set(names)) == len(ALWAYS) + 2


def test_a_state_that_is_not_the_fold_of_the_log_is_named_with_both_values(bench: Bench) -> None:
    bench.session.set_user_agent("shop/1.0")
    bench.world.check()
    actor = bench.partition.actor("session")
    wrong = msgspec.structs.replace(actor.state.preferences, user_agent="shop/9.9")  # type: ignore[attr-defined]
    actor.state = msgspec.structs.replace(actor.state, preferences=wrong)
    assert bench.said("fold") == "session.preferences.user_agent is 'shop/9.9' in memory, and 'shop/1.0' by the log"


def test_a_turn_that_is_decided_otherwise_today_is_named_with_its_function(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = BEHAVIORS["session"]

    def loud(state: Any, message: SetUserAgent, ctx: Any) -> Any:
        return session.decide[SetUserAgent](state, msgspec.structs.replace(message, user_agent="LOUD"), ctx)

    rules = {**BEHAVIORS, "session": msgspec.structs.replace(session, decide={**session.decide, SetUserAgent: loud})}
    bench.system.close()
    monkeypatch.setattr("partita.simulation.BEHAVIORS", rules)
    bench.open()
    bench.session.set_user_agent("shop/1.0")
    said = bench.said("redecide")
    assert "decides otherwise" in said
    assert "LOUD" in said and "shop/1.0" in said


def test_a_log_that_does_not_verify_is_named_with_the_position(bench: Bench) -> None:
    bench.set_cookie()
    key, value = list(bench.turns.items())[-1]
    bench.turns[key] = value[:-1] + bytes([value[-1] ^ 1])
    with pytest.raises(CheckFailed) as caught:
        bench.world.check()
    (first, *_) = [violation for violation in caught.value.violations if violation.checker == "chain"]
    assert first.what.startswith("the log does not verify")
    assert first.position is not None


def broken(checker: Checker, ask: str, *arguments: Any) -> str:
    with pytest.raises(Broken) as caught:
        getattr(checker, ask)(*arguments)
    return caught.value.what


def test_who_is_told_too_early_is_told_of(bench: Bench) -> None:
    bench.set_cookie()
    last = bench.partition.position
    checker = DurableWhenTold(bench.inner)
    checker.told(bench.partition, last)
    said = broken(checker, "told", bench.partition, last + 1)
    assert said == f"turns up to {last + 1} are said to be durable, and the disk has them up to {last}"
    bench.world.disk.lying = True
    checker.told(bench.partition, last + 1)  # a lying disk is an excuse


def test_an_acknowledged_batch_that_is_gone_is_missed(bench: Bench) -> None:
    bench.set_cookie()
    checker = DurableWhenTold(bench.inner)
    checker.opened(bench.partition)
    bench.turns.popitem()
    assert broken(checker, "opened", bench.partition) == "a batch that was acknowledged is not there any more"


def test_an_effect_before_its_commit_is_named(bench: Bench) -> None:
    checker = EffectsAfterTheCommit(bench.inner)
    checker.opened(bench.partition)
    last = bench.partition.position
    door = SimpleNamespace(partition=bench.partition.key, cause=last)
    checker.carried(SimpleNamespace(), door)  # type: ignore[arg-type]
    door.cause = last + 1
    said = broken(checker, "carried", SimpleNamespace(), door)
    assert said == f"SimpleNamespace is carried out, and its turn is not durable yet (the disk has {last})"


def test_a_promise_that_is_not_kept_is_named_with_both_values(bench: Bench) -> None:
    bench.set_cookie("1")
    bench.inner.promises.acknowledged("a.test/sid", "1")
    bench.inner.promises.begin("a.test/sid", "2")
    bench.world.check()  # it may still come, or not
    bench.inner.promises.acknowledged("a.test/sid", "2")
    assert bench.said("promises") == "a.test/sid is '1'; by what its user was told it is '2'"


def test_a_nonce_that_seals_two_values_is_named(bench: Bench) -> None:
    watched = bench.world.disk.on_write
    assert watched is not None
    directory = bench.partition.store.directory
    assert directory is not None
    head = bytes(KEY_ID_BYTES + NONCE_BYTES)
    watched(directory, "blobs", b"one", head + b"a")
    watched(directory, "blobs", b"one", head + b"a")
    bench.world.check()  # the same value again
    watched(directory, "blobs", b"two", head + b"b")
    assert bench.said("nonces") == f"the nonce {head.hex()} seals two values in blobs of shop at {b'two'.hex()}"


def test_damage_that_nobody_finds_is_named(bench: Bench) -> None:
    bench.set_cookie()
    directory = bench.partition.store.directory
    assert directory is not None
    damage = Damage(directory, "turns", next(iter(bench.turns)), "torn")
    bench.world.disk.damaged.append(damage)
    said = broken(DamageIsFound(bench.inner), "opened", bench.partition)
    assert said == f"the disk has changed {damage}, and the log verifies"


def test_a_completed_download_of_other_bytes_is_named(bench: Bench) -> None:
    bench.session.set_download_path("/downloads")
    item = bench.session.download_url("https://a.test/file.bin").get()
    item.finished().get()
    bench.world.check()
    bench.world.disk.names.current[item.get_save_path()].content[0] ^= 1  # type: ignore[union-attr]
    said = bench.said("bytes")
    assert said.endswith("is completed, and its 14 bytes are none of the 1 bodies that were served")


def test_a_completed_download_whose_file_is_gone_is_named(bench: Bench) -> None:
    bench.session.set_download_path("/downloads")
    item = bench.session.download_url("https://a.test/file.bin").get()
    item.finished().get()
    del bench.world.disk.names.current[item.get_save_path()]
    assert bench.said("bytes").endswith(f"is completed, and {item.get_save_path()} is not there")


def test_a_download_that_counts_bytes_which_its_file_has_not_is_named(bench: Bench) -> None:
    actor = bench.partition.actor("download/1")
    actor.state = DownloadState(phase="receiving", part_path="/file.part", target_path="/file", received_bytes=10)
    checker = ReportedBytesAreThere(bench.inner)
    names = bench.world.disk.names.current
    names["/file.part"] = File(b"0123456789")
    checker.told(bench.partition, 2)
    names["/file"] = names.pop("/file.part")  # it has its name, and the turn that says so is on its way
    checker.told(bench.partition, 2)
    names["/file"] = File(b"012345")
    said = broken(checker, "told", bench.partition, 2)
    assert said == "download/1 has received 10 bytes, and 6 are in its file"


def test_a_file_that_was_ahead_of_the_log_when_its_process_crashed_is_named(bench: Bench) -> None:
    actor = bench.partition.actor("download/1")
    checker = NoFileIsAheadOfTheLog(bench.inner)
    checker.opened(bench.partition)
    names = bench.world.disk.names.current
    names["/file.part"] = File(b"0123456789")
    actor.state = DownloadState(phase="receiving", part_path="/file.part", received_bytes=10)
    checker.crashed("kill")
    actor.state = DownloadState(phase="interrupted", part_path="/file.part", received_bytes=3)
    checker.opened(bench.partition)  # all of it had been reported: how much was lost is one checkpoint's
    actor.state = DownloadState(phase="receiving", part_path="/file.part", received_bytes=6)
    checker.crashed("kill")
    actor.state = DownloadState(phase="interrupted", part_path="/file.part", received_bytes=6)
    checker.opened(bench.partition)
    actor.state = DownloadState(phase="receiving", part_path="/file.part", received_bytes=6)
    checker.crashed("kill")
    actor.state = DownloadState(phase="interrupted", part_path="/file.part", received_bytes=3)
    said = broken(checker, "opened", bench.partition)
    assert said == "download/1 was written behind a checkpoint at 6, and the log knows of 3"


def test_a_file_that_no_download_knows_is_named(bench: Bench) -> None:
    checker = NoFileIsStray(bench.inner)
    bench.partition.actor("download/1").state = DownloadState(
        phase="completed", part_path="/in/a.part", target_path="/in/a"
    )
    names = bench.world.disk.names.current
    names["/in/a"] = names["/elsewhere"] = File(b"0123456789")
    names["/in/b"] = File(b"")  # it keeps a name free
    checker.ended(bench.partition)
    names["/in/b"] = File(b"0")
    assert broken(checker, "ended", bench.partition) == "no download knows of /in/b"


def test_a_cancelled_download_that_leaves_its_file_is_named(bench: Bench) -> None:
    actor = bench.partition.actor("download/1")
    actor.state = DownloadState(phase="cancelled", part_path="/file.part", target_path="/file")
    checker = CancelledFilesAreGone(bench.inner)
    names = bench.world.disk.names.current
    names["/file.part"] = File(b"")  # it keeps a name free, and nobody knows for whom
    checker.ended(bench.partition)
    names["/file.part"] = File(b"0123456789")
    assert broken(checker, "ended", bench.partition) == "download/1 was cancelled, and /file.part is still there"
    bench.partition.actor("download/2").state = DownloadState(phase="interrupted", part_path="/file.part")
    checker.ended(bench.partition)


def test_cookies_that_are_touched_all_the_time_are_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.set_cookie()
    for _ in range(3):
        bench.world.run_for(10)
        bench.session.fetch("https://a.test/").get()
    bench.session.cookies.flush_store().get()
    bench.world.check()
    for module in (matching, behavior):
        monkeypatch.setattr(module, "STALE_AFTER_US", 1_000_000)
    for _ in range(3):
        bench.world.run_for(10)
        bench.session.fetch("https://a.test/").get()
    bench.session.cookies.flush_store().get()
    assert "was touched 10" in bench.said("touches")


def test_what_is_left_behind_is_named(bench: Bench) -> None:
    checker = NothingIsLeftBehind(bench.inner)
    checker.ended(bench.partition)
    fetching = bench.session.fetch("https://a.test/")
    bench.world.run_for(0)
    assert broken(checker, "ended", bench.partition).startswith("left behind: ")
    fetching.get()
    checker.ended(bench.partition)
    bench.inner.internet._answering[1] = "https://a.test/"
    bench.inner.internet._connections[1] = SimpleNamespace(life=bench.inner.life)  # type: ignore[assignment]
    assert broken(checker, "ended", bench.partition) == "responses were never closed: ('https://a.test/',)"
    bench.inner.internet._answering.clear()
    bench.inner.internet._in_use.append((bench.inner.life, lambda: 2))
    assert broken(checker, "ended", bench.partition) == "connections in use, and nobody uses them: 2"


def test_blobs_and_entries_that_do_not_agree_are_named(bench: Bench) -> None:
    checker = StoredBodiesAreThere(bench.inner)
    bench.world.host("kept.test")(lambda _: (200, {"Cache-Control": "max-age=60"}, b"kept"))
    bench.session.fetch("https://kept.test/").get()
    bench.session.flush().get()
    checker.ended(bench.partition)
    unnamed = bench.partition.put_blob(b"of nobody")
    bench.session.flush().get()
    assert broken(checker, "ended", bench.partition) == f"blobs that nobody names: ['{unnamed.hex()}']"
    bench.inner.reached("commit.failed")
    checker.ended(bench.partition)
    bench.partition.drop_blobs(bench.partition.store.blob_digests())
    bench.session.flush().get()
    said = broken(checker, "ended", bench.partition)
    assert said.startswith("the stored response of https://kept.test/ has no body: the blob ")


def test_bodies_that_are_mixed_are_named(bench: Bench) -> None:
    world, url = bench.inner, "https://a.test/"
    bench.session.fetch(url).get()
    checker = NothingIsMixed(world)
    note_body(world, url, b"body of a file")
    note_body(world, url, b"body of", whole=False)
    note_made(world, "app://a/", b"made")
    note_body(world, "app://a/", b"made")
    checker.ended(bench.partition)
    for received, whole in ((b"another body", True), (b"body of", True), (b"another", False)):
        note_body(world, url, received, whole=whole)
        said = broken(checker, "ended", bench.partition)
        assert said == f"the body of {url} is {len(received)} bytes that were never served there: {received!r}"
        world.memory["bodies"].clear()
    note_body(world, url, b"body of a file", sent=b"sent")
    assert broken(checker, "ended", bench.partition) == f"4 bytes were sent to {url}, and 14 others came back"


def test_exchanges_that_go_out_twice_or_are_not_answered_are_named(bench: Bench) -> None:
    world = bench.inner
    checker = ExchangesAreSound(world)
    call: Future[object] = Future()
    note_call(world, call)
    assert broken(checker, "ended", bench.partition) == "calls that nobody answered: [1]"
    call.set(None)
    note_arrival(world, "a.test", "1")
    checker.ended(bench.partition)
    note_arrival(world, "a.test", "1")
    said = "requests came more often than the 0 dead connections explain: [('a.test', '1')]"
    assert broken(checker, "ended", bench.partition) == said
    world.reached("exchange.stale_connection")
    checker.ended(bench.partition)
    world.memory["answered"].append(1)
    world.memory["arrived"].clear()
    assert broken(checker, "ended", bench.partition) == "a call was answered twice"
    note_wrong(world, "what must not be")
    assert broken(checker, "ended", bench.partition) == "what must not be"


def test_a_follower_with_a_gap_is_named(bench: Bench) -> None:
    checker = ToldInOrder(bench.inner)
    checker.opened(bench.partition)
    bench.set_cookie()
    turns = list(bench.partition.store.turns(1))
    told = bench.inner.memory["told"]
    told.append((1, turns))
    checker.ended(bench.partition)
    told.append((1, turns[1:]))
    assert broken(checker, "ended", bench.partition).startswith("a follower from 1 was told of [2")
    told[:] = [(1, [msgspec.structs.replace(turns[0], time=turns[0].time + 1)])]
    assert broken(checker, "ended", bench.partition) == "a follower was told of a turn that the log does not have"
