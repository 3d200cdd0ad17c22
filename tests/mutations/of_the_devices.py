"""Safeguards of the device brokers."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

BROKER: Final = "actors.devices"

DEVICES: Final = (
    Mutation(
        name="devices.grants_cross_origins",
        gone="what one origin was granted, every origin has",
        edits=(
            Edit(
                f"{BROKER}.standing:standing",
                "state.grants.get(origin)",
                "tuple(one for granted in state.grants.values() for one in granted)",
            ),
        ),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.closed_page_still_chooses",
        gone="a chooser stays open when its page is closed",
        edits=(
            Edit(
                f"{BROKER}.behavior:withdraw",
                "state.choosers.items() if is_of(one.asker.page, one.asker.frame)",
                "state.choosers.items() if False",
            ),
        ),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.connection_outlives_its_document",
        gone="a device stays open when the document that opened it is gone",
        edits=(
            Edit(
                f"{BROKER}.behavior:withdraw",
                "state.connections.items() if is_of(one.asker.page, one.asker.frame)",
                "state.connections.items() if False",
            ),
        ),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.unplugged_stays_open",
        gone="a connection is not closed when its device is unplugged",
        edits=(Edit(f"{BROKER}.listing:changed", "connection.known_id not in left", "False"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.unplugged_opening_not_answered",
        gone="who waits for the opening of a device is not answered when that is unplugged",
        edits=(Edit(f"{BROKER}.letting_go:let_go", "if is_told and", "if False and"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.ephemeral_grant_stays",
        gone="a grant for a device without a serial number outlives its being unplugged",
        edits=(
            Edit(
                f"{BROKER}.identity:settled",
                "if any(covers(grant, device, ()) for device in now) else None",
                "if True else None",
            ),
        ),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.twin_shares_the_grant",
        gone="a device has what another one with the same serial number was granted",
        edits=(
            Edit(
                f"{BROKER}.identity:covers",
                "all(other.attachment == device.attachment for other in _with(grant.identity, attached))",
                "True",
            ),
            Edit(f"{BROKER}.identity:settled", "len(here) <= 1", "True"),
        ),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.forgotten_stays_open",
        gone="a device that was given back stays open",
        edits=(Edit(f"{BROKER}.connecting:forgotten", "let_go(state, open_ones)", "let_go(state, ())"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.forgotten_when_unplugged_stays",
        gone="a device that is given back while it is unplugged stays granted",
        edits=(Edit(f"{BROKER}.connecting:forgotten", "found = [request.known]", "found = []"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.grants_kept_unasked",
        gone="grants outlive the process without keep_device_grants",
        edits=(Edit(f"{BROKER}.behavior:recover", "if state.keeps_grants else {}", "if True else {}"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.protected_report_passes",
        gone="a page sends a report that is protected",
        edits=(Edit(f"{BROKER}.connecting:perform", "protected is not None", "False"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.protected_input_is_heard",
        gone="a page hears an input report that is protected",
        edits=(Edit(f"{BROKER}.carriers:_hand_on", "incoming.channel in hidden", "False"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.handlers_no_does_not_count",
        gone="a page opens what the device permission handler has refused it",
        edits=(Edit(f"{BROKER}.standing:may_have", "return verdict.granted or (grant", "return True or (grant"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.everybody_is_told",
        gone="a page is told of devices that it may not have",
        edits=(Edit("devices.frame:DeviceFrame.is_told", "return origin in origins or", "return True or"),),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.second_answer_counts",
        gone="what is said after the first answer to a chooser counts as well",
        edits=(
            Edit("devices.requests:Selecting.callback", "if not self.answered", "if True"),
            Edit("actors.devices.choosing:chooser_closed", "if name != event.chooser", "if True"),
        ),
        scenarios=("devices",),
    ),
    Mutation(
        name="devices.chooser_answer_lost",
        gone="what a chooser was answered is forgotten when its commit fails",
        edits=(
            Edit(
                "devices.telling:DeviceTelling._selecting",
                "partition.follow_up(message, to=broker_of(kind), cause=opened_at)",
                "partition.tell(message, to=broker_of(kind))",
            ),
        ),
        scenarios=("devices",),
    ),
)
