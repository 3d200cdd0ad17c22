"""Which device is which, and so which of them a grant covers (FEATURES F18; Electron's ``*_chooser_context.cc``). Pure.

A page is granted one device. Vendor, product and serial number, all three, say which it is the next time it is plugged in, and
in the next run of the program: such a grant can be *lasting*. Where one of them is missing, nothing tells the device from
others of its make: its grant is *ephemeral*, and ends with its being unplugged.

There are makers who give all their devices the same serial number. So the three are not taken at their word: when two devices
that are attached at the same time say the same, they are told apart by where they are plugged in, and neither can have more
than an ephemeral grant (:func:`settled` turns one that was lasting into that). Electron and Chromium grant both.

    what happens                              lasting grant becomes          ephemeral grant becomes
    ─────────────────────────────────────────────────────────────────────────────────────────────────
    it is unplugged                           stays, and covers nothing      gone
    it is plugged in again, anywhere          stays, and covers it           gone already
    a twin is plugged in beside it            ephemeral, for the first one   stays, for its own one
    two twins are found at the same time      gone                           stays, for its own one

What a device says of itself can be forged by the device. A grant is a convenience for its user and not a proof of identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from partita.events.device_facts import DeviceKind
from partita.events.device_grants import EphemeralGrant, Grant, Identity, LastingGrant


class Attached(Struct, frozen=True, kw_only=True):
    """A device that is attached, as far as grants go. All HID interfaces of a device are one.

    ``port``: where it is plugged in, as the system names it (``"1-2.3"``). ``attachment``: a name of this very attachment: one
    that is unplugged and plugged in again has another.
    """

    device_type: DeviceKind
    attachment: str
    port: str
    vendor_id: int | None = None
    product_id: int | None = None
    serial_number: str | None = None
    part: str = ""


def identity_of(device: Attached) -> Identity | None:
    """What identifies it; None where vendor, product or serial number is missing, or the serial number is blank."""
    if device.vendor_id is None or device.product_id is None or not (device.serial_number or "").strip("\0 \t\r\n"):
        return None
    assert device.serial_number is not None
    return Identity(device.device_type, device.vendor_id, device.product_id, device.serial_number, device.part)


def known_again(found: Attached, attached: Iterable[Attached]) -> Attached | None:
    """The one of ``attached`` that a new listing shows as ``found``: plugged in at the same place, and saying the same.

    ``found.attachment`` does not count: a listing cannot know it. None for a device that is new. One that was swapped between
    two listings for another that says the same is taken for it; where the system reports plugging, there is no such gap.
    """
    for device in attached:
        if _said(device) == _said(found):
            return device
    return None


def grant_of(chosen: Attached, attached: Iterable[Attached]) -> Grant:
    """The grant that a page gets for the device that was chosen, with all of ``attached`` (it may be among them) around."""
    identity = identity_of(chosen)
    if identity is None or any(device.attachment != chosen.attachment for device in _with(identity, attached)):
        return EphemeralGrant(chosen.device_type, chosen.attachment)
    return LastingGrant(identity)


def covers(grant: Grant, device: Attached, attached: Iterable[Attached]) -> bool:
    """Whether the grant is one for ``device``, with all of ``attached`` around.

    A lasting grant covers neither of two that say the same.
    """
    if isinstance(grant, EphemeralGrant):
        return (grant.device_type, grant.attachment) == (device.device_type, device.attachment)
    if identity_of(device) != grant.identity:
        return False
    return all(other.attachment == device.attachment for other in _with(grant.identity, attached))


def settled(grant: Grant, before: Sequence[Attached], now: Sequence[Attached]) -> Grant | None:
    """What becomes of a grant when ``now`` is attached what was ``before``: the same one, another, or None for none.

    It is to be asked after each change; what it says replaces the grant.
    """
    if isinstance(grant, EphemeralGrant):
        return grant if any(covers(grant, device, ()) for device in now) else None
    here = {device.attachment: device for device in _with(grant.identity, now)}
    if len(here) <= 1:
        return grant
    earlier = {device.attachment for device in _with(grant.identity, before)}
    if len(earlier) == 1:
        (only,) = earlier
        if only in here:
            return EphemeralGrant(grant.identity.device_type, only)
    return None


def _with(identity: Identity, attached: Iterable[Attached]) -> Iterable[Attached]:
    return (device for device in attached if identity_of(device) == identity)


def _said(device: Attached) -> tuple[object, ...]:
    return device.device_type, device.port, device.vendor_id, device.product_id, device.serial_number, device.part
