"""``partita devices record``: what a device sends, printed, and kept so that it can be played back."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Generator
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.text import Text

from partita.actors.devices.shown import attached_of
from partita.actors.kernel.future import LOOK_UP_S
from partita.command.ending import WrongUsage
from partita.command.options import AsJsonLines, DataDir
from partita.command.printing import console, print_json_line
from partita.command.reading import looks_like_a_path
from partita.command.sessions import opened
from partita.devices.errors import error_of
from partita.devices.hid import WebHIDDevice
from partita.events.device_facts import DeviceKind
from partita.events.devices import KnownDevice
from partita.inspection import time_text
from partita.page import Page
from partita.session import Session
from partita.system import PERSIST

PAGE: Final = "https://recording.invalid/"
"""Whose page is granted the device: nobody has an address of this name (RFC 6761 6.4)."""

_SELECT: Final[dict[DeviceKind, str]] = {"hid": "select-hid-device", "serial": "select-serial-port"}

_LARGEST: Final = 0xFFFF


class Wanted(NamedTuple):
    """Which device is recorded: by its key, or by its numbers. ``baud_rate``: of a serial port."""

    kind: DeviceKind
    key: str
    vendor_id: int | None
    product_id: int | None
    baud_rate: int


class Sent(NamedTuple):
    """What it has sent. ``report_id``: of a HID device, 0 where it uses none."""

    report_id: int
    data: bytes


def record(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="As `partita devices list` has it.", show_default=False)
    ] = "",
    *,
    partition: Annotated[
        str,
        typer.Option("-p", "--partition", metavar="PARTITION", help="Where it is kept: 'persist:NAME', or a folder."),
    ],
    kind: Annotated[str, typer.Option("-k", "--kind", metavar="KIND", help="hid or serial.")] = "hid",
    vendor: Annotated[
        str, typer.Option(metavar="HEX", help="In place of KEY: the vendor's number, as 1209.", show_default=False)
    ] = "",
    product: Annotated[
        str, typer.Option(metavar="HEX", help="With --vendor: the product's number.", show_default=False)
    ] = "",
    baud_rate: Annotated[int, typer.Option(metavar="BAUD", min=1, help="Of a serial port.")] = 9600,
    count: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="End after so many lines.", show_default=False)
    ] = None,
    as_json: AsJsonLines = False,
    data_dir: DataDir = None,
) -> None:
    """Open a device and print what it sends, until Ctrl-C; the partition's log can be played back.

    Exit status 1 when it cannot be opened, or is unplugged.
    """
    wanted = _wanted(kind, key, vendor, product, baud_rate)
    if partition and not partition.startswith(PERSIST) and not looks_like_a_path(partition):
        raise WrongUsage(f"{partition!r} would not be kept, and the recording neither: name it {PERSIST}{partition}")
    with opened(partition, data_dir, record="devices") as session:
        sending = what_is_sent(session, wanted, _say_open)
        try:
            for number, sent in enumerate(sending, 1):
                _print(wanted, sent, as_json=as_json)
                if number == count:
                    break
        finally:
            sending.close()


def _say_open(known: KnownDevice) -> None:
    console(error=True).print(Text(f"recording {known.device.key}: Ctrl-C ends it"))


def _nobody(_: KnownDevice) -> None:
    """Is told."""


def what_is_sent(
    session: Session, wanted: Wanted, is_open: Callable[[KnownDevice], object] = _nobody
) -> Generator[Sent, None, None]:
    """Open the device, and give what it sends; it is closed with the iterator. ``is_open`` is called when it is.

    Raises :class:`WrongUsage` when there is no such device or more than one, :class:`DOMException` when it cannot be opened, and
    when it is unplugged.
    """
    page = session.new_page(PAGE)
    chosen = _the_one(session, wanted)
    session.on(_SELECT[wanted.kind], lambda event: event.callback(chosen.device_id))
    if wanted.kind == "hid":
        yield from _reports(page, chosen, wanted, is_open)
    else:
        yield from _pieces(page, chosen, wanted, is_open)


def _reports(
    page: Page, chosen: KnownDevice, wanted: Wanted, is_open: Callable[[KnownDevice], object]
) -> Generator[Sent, None, None]:
    """Of all its interfaces, or of the one whose key it is."""
    devices = [
        device
        for device in page.navigator.hid.request_device().get()
        if not wanted.key or device._attachment.id == chosen.id  # noqa: SLF001  # the command is of one house with it
    ]
    if not devices:
        raise WrongUsage(f"no page may have {chosen.device.key}: a keyboard, a mouse, a security key or the like")
    came: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
    page.navigator.hid.on("disconnect", lambda event: came.put(None) if event.device in devices else None)
    for device in devices:
        device.on("inputreport", lambda report: came.put(Sent(report.report_id, report.data)))
    try:
        for device in devices:
            device.open().get()
        is_open(chosen)
        while (sent := _next(came)) is not None:
            yield sent
        raise error_of("gone", kind="hid")
    finally:
        _close(devices)


def _next(came: queue.SimpleQueue[Sent | None]) -> Sent | None:
    while True:
        try:
            return came.get(timeout=LOOK_UP_S)
        except queue.Empty:  # a Ctrl-C that came just as the wait began is noticed now
            continue


def _close(devices: list[WebHIDDevice]) -> None:
    for device in devices:
        device.close().get()


def _pieces(
    page: Page, chosen: KnownDevice, wanted: Wanted, is_open: Callable[[KnownDevice], object]
) -> Generator[Sent, None, None]:
    """As they come from a serial port."""
    port = page.navigator.serial.request_port().get()
    port.open(baud_rate=wanted.baud_rate).get()
    readable = port.readable
    assert readable is not None, f"{chosen.device.key} is open"
    try:
        is_open(chosen)
        for piece in readable:
            yield Sent(0, piece)
    finally:
        port.close().get()


def _the_one(session: Session, wanted: Wanted) -> KnownDevice:
    desk = session._devices  # noqa: SLF001  # the command is of one house with it
    found: dict[str, KnownDevice] = {}
    for known in desk.listed(wanted.kind).get().devices.values():
        numbers = attached_of(known)
        is_it = known.device.key == wanted.key
        if not wanted.key:
            is_it = numbers.vendor_id == wanted.vendor_id and wanted.product_id in (None, numbers.product_id)
        if is_it:
            found.setdefault(known.device_id, known)
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise WrongUsage(f"there is no such {wanted.kind} device: `partita devices list` has those that are attached")
    keys = ", ".join(known.device.key for known in found.values())
    raise WrongUsage(f"there are several such devices: name one of {keys}")


def _wanted(kind: str, key: str, vendor: str, product: str, baud_rate: int) -> Wanted:
    if kind not in _SELECT:
        raise WrongUsage(f"what {kind!r} devices send is not recorded: that of {' and '.join(_SELECT)} devices is")
    if bool(key) == bool(vendor):
        raise WrongUsage("name the device by its key, or by --vendor and --product")
    if product and not vendor:
        raise WrongUsage("--product goes with --vendor")
    known: Any = kind
    return Wanted(known, key, _number("--vendor", vendor), _number("--product", product), baud_rate)


def _number(option: str, text: str) -> int | None:
    if not text:
        return None
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number <= _LARGEST:
        raise WrongUsage(f"{option} is a number of four hexadecimal digits at most, not {text!r:.50}")
    return number


def _print(wanted: Wanted, sent: Sent, *, as_json: bool) -> None:
    now_us = time.time_ns() // 1000
    if as_json:
        report = {"report_id": sent.report_id} if wanted.kind == "hid" else {}
        print_json_line({"at": time_text(now_us, precise=True), **report, "data": sent.data.hex()})
    else:
        report_id = f"{sent.report_id:02x}  " if wanted.kind == "hid" else ""
        console().print(Text(f"{time_text(now_us)[11:]}  {report_id}{sent.data.hex(' ')}"), soft_wrap=True)
