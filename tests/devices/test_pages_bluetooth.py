"""Web Bluetooth, from a page to a simulated device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.devices.bluetooth import WebBluetoothDevice
from partita.devices.frame import nothing
from partita.events.errors import NetworkError, NotFoundError, NotSupportedError, SecurityError
from partita.page import Page
from tests.devices.peripherals import CONTROL_POINT, TIMEOUT_S, Belt, Rig, rig, settled


@pytest.fixture
def belt(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        made.plug(Belt())
        yield made


def page_of(belt: Rig) -> Page:
    page = belt.session.new_page("https://gym.example/")
    belt.choose_first(page, "select-bluetooth-device")
    return page


def chosen(belt: Rig, **options: Any) -> WebBluetoothDevice:
    wanted = {"filters": [{"services": ["heart_rate"]}], **options}
    return page_of(belt).navigator.bluetooth.request_device(**wanted).get(TIMEOUT_S)


def connected(belt: Rig, **options: Any) -> WebBluetoothDevice:
    device = chosen(belt, **options)
    device.gatt.connect().get(TIMEOUT_S)
    return device


def test_the_page_is_asked_again_while_devices_come(tmp_path: Path) -> None:
    with rig(tmp_path) as belt:
        page = belt.session.new_page("https://gym.example/")
        lists: list[list[str]] = []

        @page.on("select-bluetooth-device")
        def choose(event: Any) -> None:
            event.prevent_default()
            lists.append([device.device_name for device in event.device_list])
            if lists[-1]:
                event.callback(event.device_list[0].device_id)

        asked = page.navigator.bluetooth.request_device(filters=[{"name": "Belt"}])
        settled(lambda: lists == [[]])
        belt.plug(Belt())
        assert asked.get(TIMEOUT_S).name == "Belt"
        assert lists == [[], ["Belt"]]
        assert "WatchStopped" in belt.events("broker/bluetooth"), "nobody scans when nobody chooses"


def test_services_and_values(belt: Rig) -> None:
    device = connected(belt)
    service = device.gatt.get_primary_service("heart_rate").get(TIMEOUT_S)
    measurement = service.get_characteristic("heart_rate_measurement").get(TIMEOUT_S)
    assert measurement.read_value().get(TIMEOUT_S) == b"\0\x48"
    assert measurement.value == b"\0\x48"
    told: list[bytes] = []
    measurement.on("characteristicvaluechanged", lambda event: told.append(event.value))
    measurement.start_notifications().get(TIMEOUT_S)
    settled(lambda: told == [b"\0\x50"])
    measurement.stop_notifications().get(TIMEOUT_S)
    control = service.get_characteristic(CONTROL_POINT).get(TIMEOUT_S)
    control.write_value_with_response(b"\1").get(TIMEOUT_S)
    control.write_value_without_response(b"\2").get(TIMEOUT_S)
    with pytest.raises(NotSupportedError):
        control.read_value()
    descriptor = measurement.get_descriptor("gatt.characteristic_user_description").get(TIMEOUT_S)
    assert descriptor.read_value().get(TIMEOUT_S) == b"Heart"


def test_only_what_was_named_can_be_used(belt: Rig) -> None:
    device = connected(belt)
    with pytest.raises(SecurityError, match="not allowed to access the service"):
        device.gatt.get_primary_service("device_information")
    assert len(device.gatt.get_primary_services().get(TIMEOUT_S)) == 1


def test_the_broker_keeps_what_the_page_does_not_show(belt: Rig) -> None:
    from partita.events.device_transfers import ReadAttribute

    device = connected(belt)
    device.gatt.get_primary_services().get(TIMEOUT_S)
    with pytest.raises(SecurityError, match="not named"):
        device.perform(ReadAttribute(9), nothing).get(TIMEOUT_S)
    with pytest.raises(SecurityError, match="no attribute"):
        device.perform(ReadAttribute(99), nothing).get(TIMEOUT_S)


def test_blocked_attributes(belt: Rig) -> None:
    device = connected(belt, optional_services=["device_information"])
    service = device.gatt.get_primary_service("device_information").get(TIMEOUT_S)
    with pytest.raises(SecurityError, match="block list"):
        service.get_characteristic("serial_number_string")
    with pytest.raises(NotFoundError):
        service.get_characteristics().get(TIMEOUT_S)


def test_out_of_range(belt: Rig) -> None:
    device = connected(belt)
    told: list[object] = []
    device.on("gattserverdisconnected", told.append)
    belt.unplug("C0:00:00:00:00:01")
    settled(lambda: told == [device])
    with pytest.raises(NetworkError, match="disconnected"):
        device.gatt.get_primary_services()


def test_disconnect_and_connect_again(belt: Rig) -> None:
    device = connected(belt)
    told: list[object] = []
    device.on("gattserverdisconnected", told.append)
    device.gatt.disconnect().get(TIMEOUT_S)
    settled(lambda: told == [device])
    assert not device.gatt.connected
    device.gatt.connect().get(TIMEOUT_S)
    assert device.gatt.connected


@pytest.mark.parametrize("kind", ["confirm", "confirmPin", "providePin"])
@pytest.mark.parametrize("confirmed", [True, False])
def test_pairing(belt: Rig, kind: str, confirmed: bool) -> None:
    from partita.actors.kernel.device_ports import PairingQuestion
    from partita.devices.requests import BluetoothPairing, PairingResponse

    asked: list[BluetoothPairing] = []

    def handler(pairing: BluetoothPairing) -> PairingResponse:
        asked.append(pairing)
        return PairingResponse(confirmed, " 0420 ")

    belt.session.set_bluetooth_pairing_handler(handler)
    device = connected(belt)
    (connection,) = belt.bus._bus.connections
    answers: list[Any] = []

    async def pair() -> None:
        answers.append(await connection.pair(PairingQuestion(kind, "123456" if kind == "confirmPin" else "")))  # type: ignore[arg-type]

    belt.session._partition.kernel.call_soon(lambda: belt.session._partition.kernel.carry_out(pair, "a pairing"))
    settled(lambda: len(answers) == 1)
    assert answers[0].confirmed is confirmed
    assert answers[0].pin == ("0420" if confirmed else "")
    assert asked[0].device_id == device.device_id
    assert asked[0].pin == ("123456" if kind == "confirmPin" else None)
    assert belt.events("broker/bluetooth")[-2:] == ["PairingSettled", "EffectSettled"]


def test_without_a_handler_nothing_is_paired(belt: Rig) -> None:
    from partita.actors.kernel.device_ports import PairingQuestion

    connected(belt)
    (connection,) = belt.bus._bus.connections
    answers: list[Any] = []

    async def pair() -> None:
        answers.append(await connection.pair(PairingQuestion("confirm")))

    belt.session._partition.kernel.call_soon(lambda: belt.session._partition.kernel.carry_out(pair, "a pairing"))
    settled(lambda: len(answers) == 1)
    assert not answers[0].confirmed
