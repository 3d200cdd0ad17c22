"""What a broker knows to be attached: ``WatchDevices``, ``DevicesChanged``, ``WatchEnded``."""

from __future__ import annotations

import pytest

from partita.actors.devices.listing import LISTED
from partita.events.device_facts import DeviceChange
from partita.events.devices import (
    AnswerChooser,
    BrokerAnswer,
    ChooserClosed,
    DeviceAttached,
    DeviceDetached,
    DeviceOffered,
    DevicesChanged,
    DeviceUpdated,
    DeviceWithdrawn,
    StopWatch,
    Watch,
    WatchDevices,
    WatchEnded,
    WatchStopped,
)
from partita.events.system import EffectLost

from .talk import Talk, belt, hid, kinds, one, reasons, told


def test_the_port_is_asked_once_and_who_asks_waits_for_the_first_list() -> None:
    talk = Talk()
    first = talk.say(WatchDevices())
    assert kinds(first) == ["WatchBegun"]
    assert isinstance(first.effects[0], Watch)
    assert first.waits == LISTED
    second = talk.say(WatchDevices())
    assert (second.events, second.effects, second.waits) == ((), (), LISTED)
    listed = talk.say(DevicesChanged(talk.state.watch, DeviceChange((hid("a"), hid("b"))), first=True))
    assert kinds(listed) == ["DeviceAttached", "DeviceAttached", "DevicesListed"]
    assert listed.answers == ((LISTED, BrokerAnswer("ok")),)
    assert talk.say(WatchDevices()).reply == BrokerAnswer("ok")


def test_what_is_there_already_is_no_news_and_what_comes_is() -> None:
    talk = Talk().watching(hid("a"))
    assert [known.device.key for known in talk.state.devices.values()] == ["a"]
    assert not one(talk.change(hid("b")), DeviceAttached).first
    gone = one(talk.change(gone=("a",)), DeviceDetached)
    assert gone.known.device.key == "a"
    assert list(talk.state.devices) == ["b"]


def test_a_device_that_comes_back_has_another_id() -> None:
    talk = Talk().watching(hid("a", "S1"))
    before = talk.known("a")
    talk.change(gone=("a",))
    talk.change(hid("a", "S1"))
    assert talk.known("a").id != before.id


def test_interfaces_of_one_device_share_its_id_and_no_others_do() -> None:
    talk = Talk().watching(hid("a", place="1-1"), hid("b", place="1-1"), hid("c", place="1-2"))
    first, second, other = (talk.known(key) for key in "abc")
    assert first.device_id == second.device_id != other.device_id
    assert len({first.id, second.id, other.id}) == 3


def test_another_device_under_a_known_key_is_unplugging_and_plugging() -> None:
    talk = Talk().watching(hid("a", "S1"))
    assert kinds(talk.change(hid("a", "S2"))) == ["DeviceDetached", "DeviceAttached"]
    assert kinds(talk.change(hid("a", "S3"), gone=("a",))) == ["DeviceDetached", "DeviceAttached"]
    updated = talk.change(hid("a", "S3", descriptor=b""))
    assert one(updated, DeviceUpdated).known.id == talk.known("a").id
    assert talk.change(hid("a", "S3", descriptor=b"")).events == ()


def test_a_new_watch_is_told_what_is_there_and_what_is_not_is_gone() -> None:
    talk = Talk().watching(hid("a"), hid("b"))
    talk.say(WatchEnded(talk.state.watch, "failed", "the library is gone"))
    talk.say(WatchDevices())
    listed = talk.say(DevicesChanged(talk.state.watch, DeviceChange((hid("b"), hid("c"))), first=True))
    assert kinds(listed) == ["DeviceDetached", "DeviceAttached", "DevicesListed"]


def test_what_an_earlier_watch_says_late_is_ignored() -> None:
    talk = Talk().watching(hid("a"))
    assert talk.say(DevicesChanged("0" * 32, DeviceChange(detached=("a",)))).events == ()


@pytest.mark.parametrize("defect", [False, True])
def test_when_nobody_watches_any_more_choosers_and_those_who_wait_are_refused(defect: bool) -> None:
    talk = Talk().watching(hid("a"))
    chooser = talk.choose()
    watch = talk.state.watch
    ended = talk.say(EffectLost(watch, "a defect") if defect else WatchEnded(watch, "denied", "no rights"))
    reason = "failed" if defect else "denied"
    assert one(ended, ChooserClosed).chooser == chooser.chooser
    assert one(ended, WatchStopped).reason == reason
    assert reasons(ended) == [reason]
    assert dict(ended.answers)[LISTED].reason == reason  # type: ignore[union-attr]
    assert (talk.state.watch, talk.state.choosers, talk.effects) == ("", {}, {})
    assert talk.say(WatchDevices()).effects, "the next one tries again"


def test_a_chooser_is_told_only_of_what_comes_into_its_list_or_leaves_it() -> None:
    talk = Talk().watching(hid("a"))
    talk.choose()
    came = talk.change(hid("b"), hid("malformed", descriptor=b"\xa1\x01\xc0\xc0"))
    assert one(came, DeviceOffered).device_id == talk.known("b").device_id
    second = talk.change(hid("b2", place="b"))
    assert "DeviceOffered" not in kinds(second), "another interface of what is in the list already"
    was = talk.known("a")
    gone = talk.change(gone=("a",))
    assert one(gone, DeviceWithdrawn).device == was
    assert "DeviceWithdrawn" not in kinds(talk.change(gone=("malformed",)))


def test_bluetooth_is_looked_for_while_a_chooser_is_open_and_no_longer() -> None:
    from partita.events.device_filters import BluetoothRequest

    talk = Talk("bluetooth")
    first = talk.choose(BluetoothRequest(filters=None))
    watch = talk.state.watch
    assert watch
    second = talk.choose(BluetoothRequest(filters=None), ticket="1/2")
    talk.say(DevicesChanged(watch, DeviceChange((belt("AA"),)), first=True))
    again = talk.change(belt("AA", "Belt of somebody"))
    assert kinds(again) == ["DeviceUpdated", "DeviceOffered", "DeviceOffered"], "it says something else of itself"
    assert "WatchStopped" not in kinds(talk.say(AnswerChooser(first.chooser)))
    last = talk.say(AnswerChooser(second.chooser, talk.known("AA").device_id))
    assert StopWatch(watch) in last.effects
    assert talk.effects == {}
    assert list(talk.state.devices) == ["AA"], "what was found is not forgotten"
    assert told(last)[0][:2] == ("p", "1/2")
