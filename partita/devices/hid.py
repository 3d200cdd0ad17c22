"""``page.navigator.hid``: WebHID (https://wicg.github.io/webhid/) in snake_case."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from partita.actors.devices.filters import exclusions, hid_filters
from partita.actors.devices.hid_block_list import shown_collections
from partita.actors.devices.hid_collections import HIDCollectionInfo, report_lengths, uses_report_ids
from partita.actors.devices.shown import collections_of, hid_shown
from partita.actors.kernel.future import Future
from partita.devices.errors import refusal
from partita.devices.frame import DeviceFrame, WebDevice, WebDevices, as_bytes, nothing
from partita.events.device_facts import HIDFacts
from partita.events.device_filters import HIDRequest
from partita.events.device_transfers import Incoming, OpenHID, ReceiveFeatureReport, SendFeatureReport, SendReport
from partita.events.devices import BrokerAnswer, KnownDevice

Filters = Iterable[Mapping[str, object]]

TIMEOUT_S: Final = 5.0
"""How long a device may take for a report, unless it is said otherwise."""

MOST_EARLY: Final = 1000
"""So many input reports are kept for the first listener; the oldest go first."""

_LONGEST_ID: Final = 255


class HIDInputReport(msgspec.Struct, frozen=True):
    """The event ``inputreport``: ``data`` without the byte of the ``report_id``, which is 0 where the device uses none."""

    device: WebHIDDevice
    report_id: int
    data: bytes


class HIDConnectionEvent(msgspec.Struct, frozen=True):
    """``connect`` and ``disconnect``: a device that the document may have has come, or is gone."""

    device: WebHIDDevice


class HID(WebDevices):
    """``navigator.hid``. Events: ``connect``, ``disconnect``."""

    def __init__(self, frame: DeviceFrame) -> None:
        super().__init__(frame, "hid")

    def request_device(
        self, filters: Filters = (), exclusion_filters: Filters | None = None
    ) -> Future[list[WebHIDDevice]]:
        """Have somebody choose a device (``select-hid-device``): its interfaces, an empty list when none was chosen.

        A filter is a mapping with some of ``vendor_id``, ``product_id``, ``usage_page`` and ``usage``. What is chosen is granted
        to the document's origin. Raises :class:`TypeError` for filters that are none, :class:`UsageError` when the frame is gone.
        """
        request = HIDRequest(hid_filters(filters), exclusions(exclusion_filters, hid_filters))
        return self._frame.choose("hid", request).map(self._chosen)

    def _chosen(self, answer: BrokerAnswer) -> list[WebHIDDevice]:
        if answer.reason in ("cancelled", "unknown_device"):
            return []
        if (error := refusal(answer, "hid")) is not None:
            raise error
        return [self._object(known) for known in self._frame.chosen("hid", answer.ids[0])]

    def get_devices(self) -> Future[list[WebHIDDevice]]:
        """The devices that the document may have, each interface apart."""
        return self._frame.granted("hid", self._object)

    def _object(self, known: KnownDevice) -> WebHIDDevice:
        device = super()._object(known)
        assert isinstance(device, WebHIDDevice), "it makes no other"
        return device

    def _make(self, known: KnownDevice) -> WebHIDDevice:
        return WebHIDDevice(self._frame, known)

    def _event(self, device: WebDevice) -> HIDConnectionEvent:
        assert isinstance(device, WebHIDDevice), "it makes no other"
        return HIDConnectionEvent(device)


class WebHIDDevice(WebDevice):
    """A HID interface as a document has it (WebHID: HIDDevice). Event: ``inputreport``.

    Made by :class:`HID`. ``opened``: whether it is open.
    """

    def __init__(self, frame: DeviceFrame, known: KnownDevice) -> None:
        super().__init__(frame, "hid", known, ("inputreport",))
        facts = known.device.facts
        assert isinstance(facts, HIDFacts), "a HID device has these"
        self.vendor_id: Final = facts.vendor_id
        self.product_id: Final = facts.product_id
        self.product_name: Final = facts.product_name
        self.collections: Final[tuple[HIDCollectionInfo, ...]] = shown_collections(hid_shown(known))
        every = collections_of(facts.report_descriptor)
        self._uses_ids = uses_report_ids(every)
        self._lengths = report_lengths(every)
        self._early: deque[Incoming] = deque(maxlen=MOST_EARLY)
        self._early_lock = threading.Lock()

    def open(self) -> Future[None]:
        """Open it. Fails with :class:`SecurityError` without a grant, with :class:`NotFoundError`, :class:`NetworkError`.

        Raises :class:`InvalidStateError` when it is open already, :class:`UsageError` when the frame is gone.
        """
        return self._open(OpenHID(report_ids=self._uses_ids), self._take)

    def _take(self, incoming: Incoming) -> None:
        """Tell the listeners; what comes before there is one is kept for the first."""
        with self._early_lock:
            if not self.listener_count("inputreport"):
                self._early.append(incoming)
                return
        self._emit("inputreport", HIDInputReport(self, incoming.channel, incoming.data))

    def _first_listener(self) -> None:
        while True:
            with self._early_lock:
                if not self._early:
                    return
                incoming = self._early.popleft()
            self._emit("inputreport", HIDInputReport(self, incoming.channel, incoming.data))

    def send_report(
        self, report_id: int, data: bytes | bytearray | memoryview, *, timeout: float = TIMEOUT_S
    ) -> Future[None]:
        """Send an output report. ``report_id``: 1 to 255, or 0 for a device that uses none; ``data``: without it.

        Raises :class:`InvalidStateError` when it is not open, :class:`TypeError` for an id that cannot be. Fails with
        :class:`SecurityError` for a report that is protected, with :class:`NetworkError`.
        """
        self._check_id(report_id)
        return self._perform(SendReport(report_id), nothing, as_bytes(data), timeout)

    def send_feature_report(
        self, report_id: int, data: bytes | bytearray | memoryview, *, timeout: float = TIMEOUT_S
    ) -> Future[None]:
        """Send a feature report; as :meth:`send_report` does."""
        self._check_id(report_id)
        return self._perform(SendFeatureReport(report_id), nothing, as_bytes(data), timeout)

    def receive_feature_report(self, report_id: int, *, timeout: float = TIMEOUT_S) -> Future[bytes]:
        """Ask for a feature report: its data, without the id. Raises and fails as :meth:`send_report` does."""
        self._check_id(report_id)
        length = self._lengths.get(("feature", report_id), 0) or _LONGEST_ID
        return self._perform(ReceiveFeatureReport(report_id, length), lambda result: result.data, b"", timeout)

    def _check_id(self, report_id: int) -> None:
        if not isinstance(report_id, int) or isinstance(report_id, bool) or not 0 <= report_id <= _LONGEST_ID:
            raise TypeError(f"report ids are numbers from 0 to 255, not {report_id!r:.200}")
        if self._uses_ids and not report_id:
            raise TypeError("The reportId must be non-zero for a device that uses report IDs.")
        if not self._uses_ids and report_id:
            raise TypeError("The reportId must be zero for a device that does not use report IDs.")

    def __repr__(self) -> str:
        return f"<WebHIDDevice {self.product_name!r} {self.vendor_id:04x}:{self.product_id:04x}>"
