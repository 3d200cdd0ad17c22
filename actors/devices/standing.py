"""Which grants stand: of whom, for what, with all that is attached around (FEATURES F18). Pure.

Without a device permission handler, a grant is what a choice made. With one, it alone says who may have a device that can be
known again; for others, what was chosen still counts, as in Electron.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from partita.actors.devices.identity import Attached, covers, grant_of, identity_of, settled
from partita.actors.devices.shown import attached_of
from partita.events.device_grants import EphemeralGrant, Grant, LastingGrant
from partita.events.devices import BrokerState, DeviceGrant, KnownDevice, Verdict

Grants = dict[str, tuple[DeviceGrant, ...]]


def origin_of_asker(requesting_origin: str) -> str:
    """An asker's origin as grants have it: ``https://shop.example``, without the slash that handlers are shown."""
    return requesting_origin.rstrip("/")


def all_attached(devices: Iterable[KnownDevice]) -> list[Attached]:
    """Them, as far as grants go; of a HID device once."""
    return list({known.device_id: attached_of(known) for known in devices}.values())


def standing(state: BrokerState, origin: str, known: KnownDevice) -> DeviceGrant | None:
    """The grant that the origin has for this device; None where it has none."""
    grants = state.grants.get(origin)
    if not grants:
        return None
    return _standing(grants, attached_of(known), all_attached(state.devices.values()))


def _standing(grants: Iterable[DeviceGrant], device: Attached, around: Sequence[Attached]) -> DeviceGrant | None:
    return next((grant for grant in grants if covers(grant.grant, device, around)), None)


def may_have(state: BrokerState, origin: str, known: KnownDevice, verdict: Verdict | None) -> bool:
    """Whether a page of the origin may have the device. ``verdict``: of the handler, where one is set."""
    grant = standing(state, origin, known)
    if verdict is None:
        return grant is not None
    return verdict.granted or (grant is not None and isinstance(grant.grant, EphemeralGrant))


def chosen_grant(state: BrokerState, known: KnownDevice, *, is_handled: bool) -> Grant | None:
    """The grant that a choice makes. ``is_handled``: a handler decides what lasts, so that nothing lasting is stored."""
    device = attached_of(known)
    grant = grant_of(device, all_attached(state.devices.values()))
    if not is_handled or isinstance(grant, EphemeralGrant):
        return grant
    return None


def origins_with(state: BrokerState, known: KnownDevice) -> tuple[str, ...]:
    """Those that have a grant for the device, in their order."""
    if not state.grants:
        return ()
    device, around = attached_of(known), all_attached(state.devices.values())
    return tuple(sorted(origin for origin, grants in state.grants.items() if _standing(grants, device, around)))


def upkept(grants: Grants, before: Iterable[KnownDevice], now: Iterable[KnownDevice]) -> Grants:
    """What becomes of all grants when what is attached has changed. The same object when nothing does."""
    attached_before, attached_now = all_attached(before), all_attached(now)
    kept: Grants = {}
    for origin, granted in grants.items():
        left = []
        for each in granted:
            grant = settled(each.grant, attached_before, attached_now)
            if grant is not None:
                left.append(each if grant == each.grant else DeviceGrant(grant, each.services, each.manufacturers))
        if left:
            kept[origin] = tuple(left)
    return grants if kept == grants else kept


def lasting(grants: Mapping[str, tuple[DeviceGrant, ...]]) -> Grants:
    """Those that outlive the process."""
    kept = {
        origin: tuple(each for each in granted if isinstance(each.grant, LastingGrant))
        for origin, granted in grants.items()
    }
    return {origin: granted for origin, granted in kept.items() if granted}


def without(state: BrokerState, origin: str, known: KnownDevice) -> tuple[DeviceGrant, ...]:
    """What an origin has left when it gives this device back."""
    device = attached_of(known)
    identity = identity_of(device)
    return tuple(
        each
        for each in state.grants.get(origin, ())
        if not covers(each.grant, device, ())
        and not (isinstance(each.grant, LastingGrant) and each.grant.identity == identity)
    )
