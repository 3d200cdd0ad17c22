"""Which origin has which device, once more and from the log alone: what the brokers' own rules are compared with (FEATURES F18).

A grant is for what a device says of itself (``known``: it is known again), or for one attachment of it (``attached``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from partita.actors.devices.usb_descriptors import device_numbers, serial_number
from partita.events.device_facts import BluetoothFacts, HIDFacts, SerialFacts, USBFacts
from partita.events.device_grants import EphemeralGrant
from partita.events.devices import DeviceGrant, KnownDevice

Said = tuple[object, ...]


class Held(NamedTuple):
    """What one origin has. ``said``: what the device says of itself; ``attachment``: a ``device_id``. One of them is empty."""

    said: Said
    attachment: str


def said_by(known: KnownDevice) -> Said:
    """Vendor, product and serial number, and which part of a device it is; empty where one is missing."""
    match known.device.facts:
        case HIDFacts(vendor_id, product_id, _, number):
            parts: Said = (vendor_id, product_id, number)
        case USBFacts() as facts:
            numbers = device_numbers(facts.descriptors)
            parts = (numbers.vendor_id, numbers.product_id, serial_number(facts))
        case SerialFacts() as facts:
            parts = (facts.vendor_id, facts.product_id, facts.serial_number, facts.part)
        case BluetoothFacts():
            return ()
    return parts if all(part not in (None, "") for part in parts[:3]) else ()


def held_of(grant: DeviceGrant) -> Held:
    """What the broker's own grant comes to."""
    if isinstance(grant.grant, EphemeralGrant):
        return Held((), grant.grant.attachment)
    identity = grant.grant.identity
    parts: Said = (identity.vendor_id, identity.product_id, identity.serial_number)
    return Held((*parts, identity.part) if identity.device_type == "serial" else parts, "")


class GrantBook:
    """Who has what, by origin."""

    def __init__(self) -> None:
        self.held: dict[str, set[Held]] = {}

    def choose(self, origin: str, known: KnownDevice, around: Iterable[KnownDevice], *, is_handled: bool) -> bool:
        """Somebody has chosen; whether that makes a grant. With a handler, only one for a single attachment is stored."""
        said = said_by(known)
        is_alone = not (twins(said, around) - {known.device_id})
        if said and is_alone and is_handled:
            return False
        self.held.setdefault(origin, set()).add(Held(said, "") if said and is_alone else Held((), known.device_id))
        return True

    def may_have(self, origin: str, known: KnownDevice, around: Iterable[KnownDevice]) -> bool:
        """Whether the origin has this device."""
        said = said_by(known)
        held = self.held.get(origin, set())
        return self.has_attachment(origin, known) or (
            bool(said) and Held(said, "") in held and twins(said, around) <= {known.device_id}
        )

    def has_attachment(self, origin: str, known: KnownDevice) -> bool:
        """Whether it has it as long as it stays attached."""
        return Held((), known.device_id) in self.held.get(origin, set())

    def give_back(self, origin: str, known: KnownDevice) -> None:
        """The origin wants it no more."""
        self.held.get(origin, set()).difference_update({Held((), known.device_id), Held(said_by(known), "")})

    def changed(self, before: Iterable[KnownDevice], now: Iterable[KnownDevice]) -> None:
        """What was attached before, and now is."""
        earlier, here = list(before), list(now)
        attachments = {known.device_id for known in here}
        for origin, held in self.held.items():
            kept = {grant for grant in held if not grant.attachment or grant.attachment in attachments}
            for grant in [grant for grant in kept if len(twins(grant.said, here)) > 1]:
                kept.discard(grant)
                first = twins(grant.said, earlier)
                if len(first) == 1 and first <= attachments:
                    kept.add(Held((), *first))
            self.held[origin] = kept

    def end_process(self, *, keeps: bool) -> None:
        """What is left for the next one."""
        for origin, held in self.held.items():
            self.held[origin] = {grant for grant in held if keeps and grant.said}

    def all(self) -> dict[str, set[Held]]:
        """Of each origin that has something."""
        return {origin: held for origin, held in self.held.items() if held}


def twins(said: Said, around: Iterable[KnownDevice]) -> set[str]:
    """The attachments that say this of themselves."""
    return {known.device_id for known in around if said and said_by(known) == said}
