"""Open devices, given back ones, pairings; and how all of it ends: the rest of a broker's table."""

from __future__ import annotations

import pytest

from partita.actors.devices.behavior import recovers
from partita.events.device_connections import (
    AskPairing,
    AskPairingHandler,
    CarryOut,
    CloseConnection,
    ConnectionClosed,
    ConnectionEnded,
    ConnectionOpened,
    HoldConnection,
    LetGo,
    NoteIncoming,
    PairingAnswered,
    PairingSettled,
    Payload,
    PerformOperation,
    StopPairing,
    TransferNoted,
)
from partita.events.device_facts import AttachedDevice, SerialFacts
from partita.events.device_filters import BluetoothRequest
from partita.events.device_transfers import (
    OpenHID,
    OpenSerial,
    ReceiveFeatureReport,
    SendFeatureReport,
    SendReport,
    WriteSerial,
)
from partita.events.devices import (
    AnswerChooser,
    BrokerAnswer,
    ChooserClosed,
    ConfigureBroker,
    ConnectDevice,
    DeviceChecked,
    DeviceRevoked,
    ForgetDevice,
    GrantsChanged,
    NoteDeviceCheck,
    Verdict,
    WithdrawDocuments,
)
from partita.events.errors import DeviceError
from partita.events.secret import Secret
from partita.events.system import EffectLost, Recover, ShutDown

from .talk import BANK, KEYED_SCALE, SHOP, Talk, belt, hid, kinds, one, reasons, told


def granted(*keys: str, serial_number: str = "S") -> Talk:
    """A broker with these devices attached, and granted to the shop."""
    talk = Talk().watching(*(hid(key, serial_number and serial_number + key) for key in keys))
    for key in keys:
        talk.say(AnswerChooser(talk.choose(ticket=f"0/{key}").chooser, talk.known(key).device_id))
    return talk


def test_a_device_is_opened_and_the_page_told_when_it_is_open() -> None:
    talk = granted("a")
    request = ConnectDevice(talk.known("a").id, OpenHID(report_ids=True))
    (hold,) = talk.put(request).effects
    assert isinstance(hold, HoldConnection)
    assert (hold.kind, hold.key, hold.options) == ("hid", "a", OpenHID(report_ids=True))
    assert told(talk.say(ConnectionOpened(hold.id))) == [("p", "1/1", BrokerAnswer("ok", (hold.id,)))]
    assert talk.say(ConnectionOpened(hold.id)).events == ()


@pytest.mark.parametrize(("key", "origin", "reason"), [("a", BANK, "not_granted"), ("gone", SHOP, "no_such_device")])
def test_what_is_not_there_or_not_granted_is_not_opened(key: str, origin: str, reason: str) -> None:
    talk = granted("a")
    known_id = talk.known("a").id if key == "a" else "0" * 32
    refused = talk.put(ConnectDevice(known_id, OpenHID()), origin=origin)
    assert refused.events == ()
    assert reasons(refused) == [reason]


@pytest.mark.parametrize("lost", [False, True])
def test_what_the_port_cannot_open_is_told(lost: bool) -> None:
    talk = granted("a")
    name = talk.connect("a", is_open=False)
    ended = talk.say(EffectLost(name, "a defect") if lost else ConnectionEnded(name, "busy", "somebody has it"))
    assert one(ended, ConnectionClosed).reason == ("failed" if lost else "busy")
    assert reasons(ended) == ["failed" if lost else "busy"]
    assert (talk.state.connections, list(talk.effects)) == ({}, [talk.state.watch])


def test_closing_is_waited_for_by_all_who_close() -> None:
    talk = granted("a")
    name = talk.connect("a")
    first = talk.say(CloseConnection(name))
    assert first.effects == (LetGo((name,)),)
    assert first.waits == name
    second = talk.say(CloseConnection(name))
    assert (second.events, second.effects, second.waits) == ((), (), name)
    ended = talk.say(ConnectionEnded(name, "ok"))
    assert ended.answers == ((name, None),)
    assert told(ended) == []
    assert talk.say(CloseConnection(name)).waits is None, "fine when it is gone"


@pytest.mark.parametrize("is_open", [False, True])
def test_what_is_unplugged_is_closed_and_who_waits_for_its_opening_told_at_once(is_open: bool) -> None:
    talk = granted("a", "b")
    name = talk.connect("a", is_open=is_open)
    other = talk.connect("b", ticket="1/2")
    unplugged = talk.change(gone=("a",))
    assert LetGo((name,)) in unplugged.effects
    assert reasons(unplugged) == ([] if is_open else ["gone"])
    late = talk.say(ConnectionOpened(name))
    assert (late.events, late.effects) == ((), ())
    assert told(talk.say(ConnectionEnded(name, "ok"))) == []
    assert list(talk.state.connections) == [other]


def test_operations_go_to_the_port_while_the_device_is_open_and_leave_no_turn() -> None:
    talk = granted("a")
    name = talk.connect("a", is_open=False)
    message = PerformOperation(name, SendReport(4), 7, 2.5)
    assert failure(talk, message) == "gone"
    talk.say(ConnectionOpened(name))
    decision = talk.say(message)
    assert (decision.events, decision.effects) == ((), (CarryOut(name, SendReport(4), 7, 2.5, talk.turns - 1),))
    talk.change(gone=("a",))
    assert failure(talk, message) == "gone"


def failure(talk: Talk, message: PerformOperation) -> str:
    decision = talk.say(message)
    assert decision.effects == ()
    assert isinstance(decision.refusal, DeviceError)
    return decision.refusal.failure


def test_reports_of_a_keyboard_are_protected_whatever_was_granted() -> None:
    talk = Talk().watching(hid("a", "S", descriptor=KEYED_SCALE))
    talk.say(AnswerChooser(talk.choose().chooser, talk.known("a").device_id))
    name = talk.connect("a")
    assert failure(talk, PerformOperation(name, SendReport(5), 1)) == "protected"
    for operation in (SendReport(4), SendFeatureReport(5), ReceiveFeatureReport(5, 6)):
        assert talk.say(PerformOperation(name, operation, 1)).refusal is None


def test_what_is_given_back_is_closed_for_that_origin_only() -> None:
    talk = granted("a", "b")
    talk.say(AnswerChooser(talk.choose(origin=BANK, page="q").chooser, talk.known("a").device_id))
    mine, other = talk.connect("a"), talk.connect("b", ticket="1/2")
    theirs = talk.connect("a", origin=BANK, page="q")
    back = talk.put(ForgetDevice(talk.known("a").device_id), ticket="1/3")
    assert one(back, DeviceRevoked).origin == SHOP
    assert LetGo((mine,)) in back.effects
    assert reasons(back) == ["ok"]
    assert {talk.state.connections[name].phase for name in (other, theirs)} == {"open"}
    assert sorted(talk.state.grants) == [BANK, SHOP]
    assert reasons(talk.put(ConnectDevice(talk.known("a").id, OpenHID()), ticket="1/4")) == ["not_granted"]


def test_what_is_given_back_while_it_is_unplugged_is_not_granted_when_it_comes_back() -> None:
    talk = granted("a")
    known = talk.known("a")
    talk.change(gone=("a",))
    assert reasons(talk.put(ForgetDevice(known.device_id))) == ["no_such_device"]
    assert talk.state.grants, "nobody said which"
    assert reasons(talk.put(ForgetDevice(known.device_id, known))) == ["ok"]
    assert talk.state.grants == {}
    assert talk.change(hid("a", "Sa")).events[0].origins == ()  # type: ignore[attr-defined]


def test_with_its_document_goes_what_it_has_and_nothing_of_others() -> None:
    talk = granted("a", "b", "c")
    opening = talk.connect("a", is_open=False)
    open_one = talk.connect("b", frame=3, ticket="1/2")
    staying = talk.connect("c", frame=1, ticket="1/3")
    choosers = [talk.choose(frame=frame, ticket=f"1/{frame + 4}").chooser for frame in (0, 1, 3)]
    gone = talk.say(WithdrawDocuments("p", (0, 3)))
    closed = [event for event in gone.events if isinstance(event, ChooserClosed)]
    assert [event.chooser for event in closed] == [choosers[0], choosers[2]]
    assert {event.answer.reason for event in closed} == {"document_gone"}
    assert LetGo((opening, open_one)) in gone.effects
    assert told(gone) == [], "the page has refused them itself"
    assert talk.state.connections[staying].phase == "open"
    assert talk.say(WithdrawDocuments("q", (0, 1, 3))).events == ()


# -- pairing --------------------------------------------------------------------------------------------------------------


def asked(kind: str) -> tuple[Talk, str, str]:
    talk = granted("a")
    name = talk.connect("a", is_open=False)
    decision = talk.say(AskPairing(name, kind, Secret("123456") if kind == "confirmPin" else None))  # type: ignore[arg-type]
    (effect,) = decision.effects
    assert isinstance(effect, AskPairingHandler)
    assert decision.waits == effect.id
    return talk, name, effect.id


@pytest.mark.parametrize(
    ("kind", "answer", "confirmed"),
    [
        ("confirm", {"confirmed": True, "handler": 1}, True),
        ("confirm", {"confirmed": False, "handler": 1}, False),
        ("confirm", {"confirmed": False}, False),
        ("confirm", {"confirmed": True, "failure": "it raised"}, False),
        ("confirmPin", {"confirmed": True}, True),
        ("providePin", {"confirmed": True, "pin": Secret("0000")}, True),
        ("providePin", {"confirmed": True}, False),
    ],
)
def test_a_pairing_is_confirmed_by_an_answer_that_is_one(kind: str, answer: dict[str, object], confirmed: bool) -> None:
    talk, name, question = asked(kind)
    message = PairingAnswered(question, **answer)  # type: ignore[arg-type]
    decision = talk.say(message)
    settled = one(decision, PairingSettled)
    assert (settled.confirmed, settled.connection) == (confirmed, name)
    ((to, said),) = decision.answers
    assert to == question
    assert isinstance(said, PairingAnswered)
    assert said.confirmed is confirmed
    assert talk.say(message).events == (), "the second time it settles nothing"


def test_a_pairing_whose_asking_is_a_defect_is_refused() -> None:
    talk, _, question = asked("confirm")
    lost = talk.say(EffectLost(question, "a defect"))
    assert not one(lost, PairingSettled).confirmed
    assert talk.state.pairings == {}


def test_with_the_connection_goes_what_its_device_wants_confirmed() -> None:
    talk, name, question = asked("confirm")
    ended = talk.say(ConnectionEnded(name, "gone", "out of range"))
    assert not one(ended, PairingSettled).confirmed
    assert StopPairing((question,)) in ended.effects
    assert dict(ended.answers)[question].confirmed is False  # type: ignore[union-attr]
    assert (talk.state.pairings, list(talk.effects)) == ({}, [talk.state.watch])
    assert talk.say(PairingAnswered(question, confirmed=True)).events == ()


def test_a_connection_that_is_gone_is_not_paired() -> None:
    said = Talk().say(AskPairing("0" * 32, "confirm")).reply
    assert isinstance(said, PairingAnswered)
    assert not said.confirmed


# -- processes and sessions -----------------------------------------------------------------------------------------------


def busy() -> Talk:
    """All there can be."""
    talk = granted("a")
    talk.change(hid("b"))
    talk.say(AnswerChooser(talk.choose(ticket="0/9").chooser, talk.known("b").device_id))
    name = talk.connect("a", is_open=False)
    talk.say(AskPairing(name, "confirm"))
    talk.choose(ticket="1/2")
    return talk


@pytest.mark.parametrize("keeps", [False, True])
def test_the_next_process_has_what_lasts_if_that_is_wanted(keeps: bool) -> None:
    talk = busy()
    if keeps:
        talk.say(ConfigureBroker(keeps_grants=True))
    before = talk.state.grants[SHOP]
    recovered = talk.say(Recover(2))
    assert talk.state.grants == ({SHOP: before[:1]} if keeps else {})
    assert one(recovered, GrantsChanged).grants == talk.state.grants
    assert one(recovered, ConnectionClosed).reason == one(recovered, ChooserClosed).answer.reason == "ended"
    assert not one(recovered, PairingSettled).confirmed
    state = talk.state
    assert (state.watch, state.devices, state.choosers, state.connections, state.pairings) == ("", {}, {}, {}, {})
    assert talk.effects == {}
    assert kinds(talk.say(Recover(3))) == ["Recovered"]


def test_what_is_under_way_as_a_session_is_closed_is_answered() -> None:
    talk = busy()
    down = talk.say(ShutDown())
    assert told(down) == [("p", "1/2", BrokerAnswer("ended"))]
    assert one(down, ConnectionClosed).reason == "ended"
    assert not one(down, PairingSettled).confirmed
    state = talk.state
    assert (state.choosers, state.connections, state.pairings, talk.effects) == ({}, {}, {}, {})


def test_an_opening_settles_what_is_left_and_only_that() -> None:
    talk = busy()
    assert recovers(talk.state)
    talk.say(ShutDown())
    assert recovers(talk.state), "what was attached and granted is left to the next process"
    talk.say(Recover(2))
    assert not recovers(talk.state)
    bluetooth = Talk("bluetooth")
    chooser = bluetooth.choose(BluetoothRequest(filters=None)).chooser
    bluetooth.watching(belt("AA"))
    bluetooth.say(AnswerChooser(chooser, bluetooth.known("AA").device_id))
    assert (bluetooth.effects, recovers(bluetooth.state)) == ({}, True), (
        "nothing is in flight, and something is granted"
    )


def test_configuring_twice_changes_nothing() -> None:
    talk = Talk()
    assert kinds(talk.say(ConfigureBroker(keeps_grants=True))) == ["BrokerConfigured"]
    assert kinds(talk.say(ConfigureBroker(keeps_grants=True))) == []


def test_what_handlers_say_and_what_devices_send_is_noted() -> None:
    talk = Talk()
    state = talk.state
    checked = talk.say(NoteDeviceCheck(SHOP, "id", Verdict(3, False), "it raised"))
    assert one(checked, DeviceChecked) == DeviceChecked(SHOP, "id", False, 3)
    assert talk.state == state
    noted = talk.say(NoteIncoming("0" * 32, 4, Payload(Secret(b"report"))))
    assert one(noted, TransferNoted) == TransferNoted("0" * 32)
    assert talk.state == state


def test_a_serial_port_is_opened_as_the_page_wants_it() -> None:
    talk = Talk("serial")
    port = AttachedDevice("/dev/ttyUSB0", "1-1", SerialFacts("ttyUSB0", "", 1, 2, "S"))
    talk.watching(port)
    options = OpenSerial(9600)
    request = ConnectDevice(talk.known(port.key).id, options, Verdict(1, True))
    (hold,) = talk.put(request).effects
    assert isinstance(hold, HoldConnection)
    assert (hold.kind, hold.options) == ("serial", options)
    talk.say(ConnectionOpened(hold.id))
    (written,) = talk.say(PerformOperation(hold.id, WriteSerial(), 1)).effects
    assert written == CarryOut(hold.id, WriteSerial(), 1, None, talk.turns - 1)
