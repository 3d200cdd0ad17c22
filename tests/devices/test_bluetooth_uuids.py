"""Names, numbers and UUIDs of Bluetooth."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.devices import bluetooth_uuids
from partita.actors.devices.assigned_numbers import CHARACTERISTICS, DESCRIPTORS, SERVICES
from partita.actors.devices.bluetooth_uuids import BluetoothUUID, canonical_uuid, is_valid_uuid


@pytest.mark.parametrize(
    ("resolve", "name", "number"),
    [
        (BluetoothUUID.get_service, "generic_access", 0x1800),
        (BluetoothUUID.get_service, "device_information", 0x180A),
        (BluetoothUUID.get_service, "heart_rate", 0x180D),
        (BluetoothUUID.get_service, "battery_service", 0x180F),
        (BluetoothUUID.get_service, "human_interface_device", 0x1812),
        (BluetoothUUID.get_service, "cycling_power", 0x1818),
        (BluetoothUUID.get_service, "weight_scale", 0x181D),
        (BluetoothUUID.get_service, "reconnection_configuration", 0x1829),
        (BluetoothUUID.get_characteristic, "gap.device_name", 0x2A00),
        (BluetoothUUID.get_characteristic, "battery_level", 0x2A19),
        (BluetoothUUID.get_characteristic, "serial_number_string", 0x2A25),
        (BluetoothUUID.get_characteristic, "position_2d", 0x2A2F),
        (BluetoothUUID.get_characteristic, "heart_rate_measurement", 0x2A37),
        (BluetoothUUID.get_characteristic, "alert_status", 0x2A3F),
        (BluetoothUUID.get_characteristic, "pnp_id", 0x2A50),
        (BluetoothUUID.get_characteristic, "humidity", 0x2A6F),
        (BluetoothUUID.get_characteristic, "aerobic_threshold", 0x2A7F),
        (BluetoothUUID.get_characteristic, "hip_circumference", 0x2A8F),
        (BluetoothUUID.get_characteristic, "weight_measurement", 0x2A9D),
        (BluetoothUUID.get_characteristic, "longitude", 0x2AAF),
        (BluetoothUUID.get_characteristic, "object_type", 0x2ABF),
        (BluetoothUUID.get_characteristic, "step_climber_data", 0x2ACF),
        (BluetoothUUID.get_characteristic, "fitness_machine_status", 0x2ADA),
        (BluetoothUUID.get_characteristic, "date_utc", 0x2AED),
        (BluetoothUUID.get_descriptor, "gatt.client_characteristic_configuration", 0x2902),
        (BluetoothUUID.get_descriptor, "time_trigger_setting", 0x290E),
    ],
)
def test_a_name_is_short_for_a_number_and_that_for_a_uuid(resolve, name: str, number: int) -> None:
    assert resolve(name) == resolve(number) == f"0000{number:04x}-0000-1000-8000-00805f9b34fb"
    assert resolve(resolve(name)) == resolve(name)


def test_every_number_is_assigned_to_one_name() -> None:
    for names, low, high in (
        (SERVICES, 0x1800, 0x1829),
        (CHARACTERISTICS, 0x2A00, 0x2AED),
        (DESCRIPTORS, 0x2900, 0x290E),
    ):
        assert len(set(names.values())) == len(names)
        assert (min(names.values()), max(names.values())) == (low, high)
    assert (len(SERVICES), len(CHARACTERISTICS), len(DESCRIPTORS)) == (39, 214, 15)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Heart_Rate",
        "heart rate",
        "180d",
        "0x180D",
        "heart_rate_measurement",  # of another kind
        "0000180D-0000-1000-8000-00805F9B34FB",
        "{0000180d-0000-1000-8000-00805f9b34fb}",
        "0000180d00001000800000805f9b34fb",
        "0000180d-0000-1000-8000-00805f9b34fb\n",
        None,
        1.5,
        True,
        -1,
        1 << 32,
        [],
    ],
)
def test_what_names_no_service_is_a_type_error(name: object) -> None:
    with pytest.raises(TypeError):
        BluetoothUUID.get_service(name)  # type: ignore[arg-type]


def test_a_name_that_is_wrong_is_shown() -> None:
    with pytest.raises(TypeError, match="Invalid Characteristic name: 'heart_rate'"):
        BluetoothUUID.get_characteristic("heart_rate")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 0xFFFFFFFF))
def test_every_number_of_32_bits_has_a_valid_uuid_of_its_own(alias: int) -> None:
    uuid = BluetoothUUID.canonical_uuid(alias)
    assert is_valid_uuid(uuid)
    assert int(uuid[:8], 16) == alias
    assert canonical_uuid(alias) == uuid


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(bluetooth_uuids).failed == 0
