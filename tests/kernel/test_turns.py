"""What becomes of one message, on either kernel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from msgspec.structs import replace
from toys.counting import CRASH, LOOK, REFUSE, RELEASE, SESSION, WAIT, WORKER, dispatcher, partition

from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.events.errors import SystemClosed, WouldDeadlock
from partita.events.preferences import DownloadPathSet, PreferencesState, SetDownloadPath, SetUserAgent
from partita.events.system import Recovered, Tell, TurnFailed
from partita.events.turn import External


@pytest.fixture(params=["live", "simulated"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    if request.param == "live":
        with dispatcher() as live:
            yield live
    else:
        simulated = SimulatedDispatcher(1)
        yield simulated
        simulated.close()


@pytest.fixture
def toy(kernel: Kernel) -> Iterator[Partition]:
    opened = partition(kernel)
    yield opened
    opened.close()


def path(value: str) -> SetDownloadPath:
    return SetDownloadPath(value)


def test_every_opening_begins_with_a_recovered_turn(toy: Partition) -> None:
    toy.flush().get()
    first = next(iter(toy.store.turns()))
    assert first.position == 1
    assert first.cause == External("system", toy.store.epoch)
    assert first.events == (Recovered(toy.store.epoch),)


def test_an_ask_is_answered_when_its_turn_is_durable(toy: Partition) -> None:
    assert toy.ask(path("/a")).get() == "/a"
    turns = list(toy.store.turns())
    assert turns[-1].message == path("/a")
    assert turns[-1].position == toy.store.position == 2
    assert turns[-1].cause == External("api", 1)


def test_a_turn_without_events_leaves_no_turn(toy: Partition) -> None:
    toy.ask(path("/a")).get()
    before = toy.store.position
    assert toy.ask(path(LOOK)).get() == "/a"
    toy.flush().get()
    assert toy.store.position == before


def test_a_call_reads_what_was_set_before_it(toy: Partition) -> None:
    for number in range(20):
        toy.call(path(f"/{number}"))
        assert toy.call(path(LOOK)) == f"/{number}"


def test_a_refusal_is_raised_at_the_caller_and_changes_nothing(toy: Partition) -> None:
    toy.flush().get()
    before = toy.store.position
    with pytest.raises(ValueError, match="no such path"):
        toy.call(path(REFUSE))
    toy.flush().get()
    assert toy.store.position == before


def test_a_defect_drops_the_turn_whole_keeps_its_message_and_the_actor_lives_on(toy: Partition) -> None:
    toy.ask(path("/a")).get()
    with pytest.raises(ZeroDivisionError, match="defect"):
        toy.ask(path(CRASH)).get()
    failed = list(toy.store.turns())[-1]
    assert failed.message == path(CRASH)
    (event,) = failed.events
    assert isinstance(event, TurnFailed)
    assert event.error == "ZeroDivisionError: the rule has a defect"
    assert "set_path" in event.traceback
    assert toy.call(path(LOOK)) == "/a"


def test_a_message_that_nobody_knows_is_a_defect_of_its_sender(toy: Partition) -> None:
    from partita.events.preferences import SetUserAgent

    with pytest.raises(LookupError, match="session has no row for SetUserAgent"):
        toy.ask(SetUserAgent("x")).get()


def test_whoever_waits_is_answered_by_a_later_turn(toy: Partition) -> None:
    waiting = toy.ask(path(WAIT))
    assert toy.call(path(LOOK)) is None
    assert not waiting.done
    toy.ask(path(RELEASE)).get()
    assert waiting.get() == "released"


def test_times_never_go_backwards(kernel: Kernel) -> None:
    class Falling:
        now = 1_000

        def now_us(self) -> int:
            self.now -= 10
            return self.now

    toy = partition(kernel, clock=Falling())
    for number in range(5):
        toy.call(path(f"/{number}"))
    toy.flush().get()
    times = [turn.time for turn in toy.store.turns()]
    assert times == sorted(times)
    toy.close()


def test_a_closed_partition_says_so_and_everything_said_before_is_durable(toy: Partition) -> None:
    waiting = toy.ask(path(WAIT))
    said = [toy.ask(path(f"/{number}")) for number in range(50)]
    assert said[-1].get() == "/49"
    toy.close()
    with pytest.raises(SystemClosed):
        waiting.get()
    with pytest.raises(SystemClosed, match="open it again"):
        toy.ask(path("/late")).get()


def test_a_stopped_actor_turns_messages_away_and_is_made_anew_when_named_again(toy: Partition) -> None:
    toy.ask(path("/a")).get()
    ref = toy.actor("session").actor_ref
    assert ref.stop() is True
    assert not ref.is_alive()
    assert toy.ask(path(LOOK)).get() is None


def test_pykkas_reference_works(toy: Partition) -> None:
    ref = toy.actor("session").actor_ref
    ref.tell(path("/told"))
    assert ref.ask(path(LOOK)) == "/told"
    assert ref.actor_urn == "session"


def test_blocking_on_the_kernels_own_thread_is_refused_or_simulated(kernel: Kernel) -> None:
    toy = partition(kernel)
    if isinstance(kernel, SimulatedDispatcher):
        assert toy.ask(path("/a")).get() == "/a"
    else:
        seen: list[object] = []
        done = threading.Event()

        def on_the_thread() -> None:
            try:
                toy.ask(path("/a")).get()
            except WouldDeadlock as error:
                seen.append(error)
            seen.append(toy.call(path(LOOK)))  # drains the mailbox inline
            done.set()

        kernel.call_soon(on_the_thread)
        assert done.wait(10)
        assert "await the future" in str(seen[0])
        assert seen[1] == "/a"
    toy.close()


def test_a_synchronous_member_inside_a_turn_is_refused(kernel: Kernel) -> None:
    from partita.actors.kernel.behavior import Behavior, Decision
    from partita.events.preferences import PreferencesState

    box: list[Partition] = []

    def nosy(state: object, message: object, ctx: object) -> Decision:
        return Decision(reply=box[0].call(path("/inner")))

    behaviors = {"session": Behavior("session", PreferencesState, {SetDownloadPath: nosy}, {})}
    with ExitStack() as stack:
        toy = partition(kernel, behaviors=behaviors)
        stack.callback(toy.close)
        box.append(toy)
        with pytest.raises(WouldDeadlock, match="inside a turn"):
            toy.ask(path("/outer")).get()


def test_who_tells_somebody_that_cannot_be_has_told_nobody_and_changed_nothing(kernel: Kernel) -> None:
    def tell(state: PreferencesState, message: SetDownloadPath, ctx: Context) -> Decision:
        told = SetUserAgent("0")
        return Decision((DownloadPathSet(message.path),), (Tell("worker/1", told), Tell("nobody/1", told)))

    teller = replace(SESSION, decide={SetDownloadPath: tell})
    opened = partition(kernel, behaviors={"session": teller, "worker": WORKER})
    with pytest.raises(KeyError, match="nobody"):
        opened.ask(path("/a")).get()
    opened.flush().get()
    assert opened.actor("session").state == PreferencesState()
    assert opened.actor("worker/1").state == PreferencesState()
    assert [type(turn.events[0]) for turn in opened.store.turns()] == [Recovered, TurnFailed]
    assert opened.position == opened.store.position
    opened.close()
