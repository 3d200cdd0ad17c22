"""``partita devices list | watch | grants``: what is attached, what comes and goes, and who was granted what.

``record`` is in ``device_recording.py``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Final, cast, get_args

import typer
from rich.text import Text

from partita.actors.devices.hid_items import MalformedReportDescriptor
from partita.actors.devices.hid_report_descriptor import parse_report_descriptor
from partita.actors.devices.shown import attached_of, shown
from partita.actors.devices.structures import BluetoothDevice, HIDDevice, SerialPort, USBDevice
from partita.actors.pages.brokers import broker_of
from partita.command.ending import NO, WrongUsage
from partita.command.options import AsJson, AsJsonLines, DataDir, Partition
from partita.command.printing import console, plain_table, print_json, print_json_line
from partita.command.reading import reading
from partita.command.sessions import opened
from partita.events.device_facts import DeviceKind, HIDFacts
from partita.events.device_grants import LastingGrant
from partita.events.devices import BrokerState, DeviceAttached, DeviceDetached, DeviceGrant, KnownDevice, WatchStopped
from partita.events.errors import DOMException
from partita.inspection import Plain, time_text, to_plain
from partita.log import state_at
from partita.session import Session

KINDS: Final[tuple[DeviceKind, ...]] = get_args(DeviceKind)
WIRED: Final[tuple[DeviceKind, ...]] = ("hid", "usb", "serial")
"""What is listed unless it is said otherwise: to look for Bluetooth devices takes time, and a radio."""

SCAN_S: Final = 5.0

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "-k", "--kind", metavar="KIND", help="Of this kind only: hid, usb, serial, bluetooth.", show_default=False
    ),
]


def list_devices(
    *,
    kind: Kinds = None,
    scan: Annotated[
        float, typer.Option("--scan", metavar="SECONDS", min=0.1, help="How long to look for Bluetooth devices.")
    ] = SCAN_S,
    as_json: AsJson = False,
) -> None:
    """List the devices that are attached.

    HID, USB and serial; Bluetooth with --kind bluetooth. Exit status 1 when one of the kinds cannot be looked at.
    """
    kinds = _kinds(kind)
    found: list[tuple[DeviceKind, KnownDevice]] = []
    unavailable: dict[str, str] = {}
    with opened(None, None) as session:
        for each in kinds:
            try:
                found.extend((each, known) for known in _attached(session, each, scan))
            except DOMException as error:
                unavailable[each] = str(error)
    if as_json:
        devices = [_plain(each, known) for each, known in found]
        print_json({"devices": devices, "unavailable": unavailable})
    else:
        _print(found)
        for name, why in unavailable.items():
            console(error=True).print(Text(f"{name}: {why}", style="red"))
    if unavailable:
        raise typer.Exit(NO)


def watch(*, kind: Kinds = None, as_json: AsJsonLines = False) -> None:
    """Print devices as they come and go, until Ctrl-C."""
    kinds = _kinds(kind)
    with opened(None, None) as session:
        changes = session.changes(1)
        for each in kinds:
            session._devices.watch(each)  # noqa: SLF001  # the command is of one house with it
        for turn in changes:
            of = cast("DeviceKind", turn.actor.partition("/")[2])
            for event in turn.events:
                if isinstance(event, DeviceAttached | DeviceDetached):
                    word = "attached" if isinstance(event, DeviceAttached) else "detached"
                    _print_change(word, turn.time, of, event.known, as_json=as_json)
                elif isinstance(event, WatchStopped) and event.failure:
                    console(error=True).print(Text(f"{of}: {event.failure}", style="red"))


def grants(partition: Partition = "", *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List which origins were granted which devices, as a partition's log has it."""
    with reading(partition, data_dir) as store:
        images = state_at(store, store.position).images
        found = []
        for kind in KINDS:
            image = images.get(broker_of(kind))
            if image is not None:
                found += list(_grants(kind, cast("BrokerState", image[0])))
    if as_json:
        print_json({"grants": [{"kind": kind, "origin": origin, **plain} for kind, origin, plain, _ in found]})
        return
    if not found:
        console(error=True).print("no grants")
        return
    table = plain_table("kind", "origin", "device", "for")
    for kind, origin, plain, name in found:
        table.add_row(kind, origin, name, "always" if plain["lasts"] else "as long as it is attached")
    console().print(table)


def _kinds(wanted: list[str] | None) -> tuple[DeviceKind, ...]:
    for kind in wanted or ():
        if kind not in KINDS:
            raise WrongUsage(f"there are no {kind!r} devices: there are {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in (wanted or WIRED))


def _attached(session: Session, kind: DeviceKind, scan_s: float) -> list[KnownDevice]:
    desk = session._devices  # noqa: SLF001  # the command is of one house with it
    desk.listed(kind).get()
    if kind == "bluetooth":
        time.sleep(scan_s)
    return list(desk.state(kind).devices.values())


def _print(found: list[tuple[DeviceKind, KnownDevice]]) -> None:
    if not found:
        console(error=True).print("no devices")
        return
    table = plain_table("kind", "where", "vendor:product", "serial number", "name", "key")
    for kind, known in found:
        numbers = _numbers(known)
        table.add_row(kind, known.device.place, numbers, _serial(known) or "", _name(known), known.device.key)
    console().print(table)


def _print_change(word: str, time_us: int, kind: DeviceKind, known: KnownDevice, *, as_json: bool) -> None:
    if as_json:
        print_json_line({"at": time_text(time_us, precise=True), "change": word, **_plain(kind, known)})
    else:
        line = f"{time_text(time_us)[11:19]} {word} {kind} {_numbers(known)} {_name(known)} {known.device.key}"
        console().print(Text(" ".join(line.split())), soft_wrap=True)


def _plain(kind: DeviceKind, known: KnownDevice) -> dict[str, Plain]:
    plain: dict[str, Plain] = {
        "kind": kind,
        "key": known.device.key,
        "place": known.device.place,
        "device": to_plain(shown(known)),
    }
    facts = known.device.facts
    if isinstance(facts, HIDFacts):
        try:
            parse_report_descriptor(facts.report_descriptor)
        except MalformedReportDescriptor as error:
            plain["malformed"] = str(error)
    return plain


def _name(known: KnownDevice) -> str:
    device = shown(known)
    match device:
        case HIDDevice():
            return device.name
        case USBDevice():
            return " ".join(filter(None, (device.manufacturer_name, device.product_name)))
        case SerialPort():
            return device.display_name or device.port_name
        case BluetoothDevice():
            return device.device_name


def _numbers(known: KnownDevice) -> str:
    device = attached_of(known)
    if device.vendor_id is None or device.product_id is None:
        return ""
    return f"{device.vendor_id:04x}:{device.product_id:04x}"


def _serial(known: KnownDevice) -> str | None:
    return attached_of(known).serial_number


def _grants(kind: DeviceKind, state: BrokerState) -> Iterator[tuple[DeviceKind, str, dict[str, Plain], str]]:
    for origin, granted in sorted(state.grants.items()):
        for each in granted:
            yield kind, origin, _plain_grant(each, state), _granted(each, state)


def _plain_grant(grant: DeviceGrant, state: BrokerState) -> dict[str, Plain]:
    return {
        "lasts": isinstance(grant.grant, LastingGrant),
        "device": _granted(grant, state),
        "grant": to_plain(grant.grant),
        "services": list(grant.services),
    }


def _granted(grant: DeviceGrant, state: BrokerState) -> str:
    """Which device it is for: its numbers, or its name as long as it is attached."""
    if isinstance(grant.grant, LastingGrant):
        identity = grant.grant.identity
        return f"{identity.vendor_id:04x}:{identity.product_id:04x} {identity.serial_number}"
    for known in state.devices.values():
        if known.device_id == grant.grant.attachment:
            return _name(known)
    return grant.grant.attachment[:8]
