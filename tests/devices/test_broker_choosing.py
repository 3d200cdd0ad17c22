"""Choosers and the grants that they make: ``ChooseDevice``, ``AnswerChooser`` (FEATURES E12 to E22, F18)."""

from __future__ import annotations

import pytest

from partita.events.device_filters import BluetoothRequest, HIDDeviceFilter, HIDRequest
from partita.events.device_grants import EphemeralGrant, LastingGrant
from partita.events.devices import (
    AnswerChooser,
    BrokerAnswer,
    ChooseDevice,
    ChooserClosed,
    DeviceGranted,
    GrantsChanged,
    Verdict,
)

from .descriptors import collection, field
from .talk import BANK, SHOP, Talk, belt, hid, kinds, one, reasons, told

FIDO = collection(0xF1D0, 1, field(count=64))


def test_the_list_has_what_the_page_asks_for_and_no_security_key() -> None:
    talk = Talk().watching(hid("a"), hid("b", product_id=2), hid("key", descriptor=FIDO))
    everything = talk.choose()
    assert everything.opened.offered == (talk.known("a").device_id, talk.known("b").device_id)
    some = talk.choose(HIDRequest((HIDDeviceFilter(vendor_id=0x1209, product_id=2),)), ticket="1/2")
    assert some.opened.offered == (talk.known("b").device_id,)
    rest = talk.choose(HIDRequest((), (HIDDeviceFilter(vendor_id=0x1209, product_id=2),)), ticket="1/3")
    assert rest.opened.offered == (talk.known("a").device_id,)


def test_without_the_permission_nobody_is_asked() -> None:
    talk = Talk().watching(hid("a"))
    decision = talk.put(ChooseDevice(HIDRequest(), None, permitted=False))
    assert decision.events == ()
    assert reasons(decision) == ["cancelled"]


def test_what_is_chosen_is_granted_to_that_origin_and_to_no_other() -> None:
    talk = Talk().watching(hid("a", "S1"))
    chooser = talk.choose()
    chosen = talk.say(AnswerChooser(chooser.chooser, talk.known("a").device_id))
    assert kinds(chosen) == ["ChooserClosed", "DeviceGranted"]
    assert told(chosen) == [("p", "1/1", BrokerAnswer("ok", (talk.known("a").device_id,)))]
    assert isinstance(one(chosen, DeviceGranted).grant.grant, LastingGrant)
    assert list(talk.state.grants) == [SHOP]
    talk.connect("a")
    with pytest.raises(ValueError, match="not enough values"):
        talk.connect("a", origin=BANK, ticket="9/9")


@pytest.mark.parametrize(
    ("device_id", "answer"),
    [("", BrokerAnswer("cancelled")), ("nobody's", BrokerAnswer("unknown_device", failure="nobody's"))],
)
def test_nothing_or_something_unknown_is_no_choice(device_id: str, answer: BrokerAnswer) -> None:
    talk = Talk().watching(hid("a"))
    closed = talk.say(AnswerChooser(talk.choose().chooser, device_id))
    assert [answer for _, _, answer in told(closed)] == [answer]
    assert talk.state.grants == {}


def test_a_device_that_is_attached_and_not_in_the_list_is_no_choice() -> None:
    talk = Talk().watching(hid("a"), hid("b", product_id=2))
    chooser = talk.choose(HIDRequest((HIDDeviceFilter(vendor_id=0x1209, product_id=1),)))
    assert reasons(talk.say(AnswerChooser(chooser.chooser, talk.known("b").device_id))) == ["unknown_device"]


def test_the_first_answer_counts() -> None:
    talk = Talk().watching(hid("a"), hid("b"))
    chooser = talk.choose().chooser
    talk.say(AnswerChooser(chooser, talk.known("a").device_id))
    second = talk.say(AnswerChooser(chooser, talk.known("b").device_id))
    assert (second.events, second.effects) == ((), ())


def test_a_device_that_was_unplugged_while_somebody_chose_is_no_choice() -> None:
    talk = Talk().watching(hid("a"))
    chooser, device_id = talk.choose().chooser, talk.known("a").device_id
    talk.change(gone=("a",))
    assert reasons(talk.say(AnswerChooser(chooser, device_id))) == ["unknown_device"]


def test_ten_documents_ask_at_once_and_each_gets_its_own_answer() -> None:
    talk = Talk().watching(hid("a", "S1"))
    choosers = [talk.choose(page=f"p{n}", origin=f"https://{n}.example", ticket=f"{n}/1").chooser for n in range(10)]
    assert len(set(choosers)) == 10
    for number, chooser in reversed(list(enumerate(choosers))):
        device_id = talk.known("a").device_id if number % 2 else ""
        ((page, ticket, answer),) = told(talk.say(AnswerChooser(chooser, device_id)))
        assert (page, ticket, answer.reason) == (f"p{number}", f"{number}/1", "ok" if number % 2 else "cancelled")
    assert sorted(talk.state.grants) == [f"https://{n}.example" for n in (1, 3, 5, 7, 9)]


# -- what becomes of grants -----------------------------------------------------------------------------------------------


def granted(talk: Talk, key: str, **of: str) -> None:
    talk.say(AnswerChooser(talk.choose(**of).chooser, talk.known(key).device_id))


def test_a_device_without_a_serial_number_is_granted_until_it_is_unplugged() -> None:
    talk = Talk().watching(hid("a"))
    granted(talk, "a")
    assert isinstance(talk.state.grants[SHOP][0].grant, EphemeralGrant)
    assert one(talk.change(gone=("a",)), GrantsChanged).grants == {}
    attached = talk.change(hid("a"))
    assert attached.events[0].origins == ()  # type: ignore[attr-defined]


def test_a_device_with_a_serial_number_is_granted_when_it_comes_back_elsewhere() -> None:
    talk = Talk().watching(hid("a", "S1"))
    granted(talk, "a")
    assert talk.change(gone=("a",)).events[0].origins == (SHOP,)  # type: ignore[attr-defined]
    assert talk.change(hid("b", "S1")).events[0].origins == (SHOP,)  # type: ignore[attr-defined]


def test_with_a_twin_beside_it_a_grant_is_for_the_first_one_only_and_no_longer_lasting() -> None:
    talk = Talk().watching(hid("a", "S1"))
    granted(talk, "a")
    came = talk.change(hid("b", "S1"))
    assert came.events[0].origins == ()  # type: ignore[attr-defined]
    grant = talk.state.grants[SHOP][0].grant
    assert grant == EphemeralGrant("hid", talk.known("a").device_id)
    talk.change(gone=("a",))
    assert talk.state.grants == {}


def test_of_two_twins_the_chosen_one_is_granted_until_it_is_unplugged() -> None:
    talk = Talk().watching(hid("a", "S1"), hid("b", "S1"))
    granted(talk, "b")
    assert talk.state.grants[SHOP][0].grant == EphemeralGrant("hid", talk.known("b").device_id)


def test_under_a_handler_a_choice_grants_only_what_cannot_be_known_again() -> None:
    talk = Talk().watching(hid("a", "S1"), hid("b"))
    for key in "ab":
        chooser = talk.choose(handler=4).chooser
        closed = talk.say(AnswerChooser(chooser, talk.known(key).device_id))
        assert one(closed, ChooserClosed).answer.reason == "ok"
    assert [each.grant for each in talk.state.grants[SHOP]] == [EphemeralGrant("hid", talk.known("b").device_id)]
    talk.connect("a", verdict=Verdict(4, True))
    talk.connect("b", verdict=Verdict(4, False), ticket="1/2")
    with pytest.raises(ValueError, match="not enough values"):
        talk.connect("a", verdict=Verdict(4, False), ticket="1/3")


def test_what_may_be_used_of_a_bluetooth_device_adds_up() -> None:
    talk = Talk("bluetooth")
    for number, services in enumerate((("one",), ("two", "one"))):
        chooser = talk.choose(BluetoothRequest(filters=None, services=services), ticket=f"1/{number}").chooser
        talk.watching(belt("AA"))
        talk.say(AnswerChooser(chooser, talk.known("AA").device_id))
    (grant,) = talk.state.grants[SHOP]
    assert grant.services == ("one", "two")
