"""Electron's ``session`` in Python, with a memory.

    import partita

    session = partita.from_partition("persist:work")
    response = session.fetch("https://example.com/").get()

Promises are futures, and names are Electron's in snake_case: see docs/guides/embed.md.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

__version__ = "0.1.0"

if not (Path(__file__).parent / "events").is_dir():
    # A checkout on a file system without symbolic links: the four folders lie beside this one.
    __path__.append(str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    from partita.actors.cookies.structures import Cookie as Cookie
    from partita.actors.kernel.future import Future as Future
    from partita.actors.live_world.clocks import FixedClock as FixedClock
    from partita.actors.network.http import NetError as NetError
    from partita.actors.replay.playback import PlaybackReport as PlaybackReport
    from partita.actors.replay.redecide import Divergence as Divergence
    from partita.actors.replay.redecide import Report as Report
    from partita.actors.web_request.details import Details as Details
    from partita.connections import Preconnect as Preconnect
    from partita.cookies import CookieChanged as CookieChanged
    from partita.cookies import Cookies as Cookies
    from partita.cookies import ImportedCookies as ImportedCookies
    from partita.debugging import Debugger as Debugger
    from partita.debugging import debug as debug
    from partita.devices.bluetooth import Bluetooth as Bluetooth
    from partita.devices.bluetooth import WebBluetoothDevice as WebBluetoothDevice
    from partita.devices.hid import HID as HID
    from partita.devices.hid import HIDInputReport as HIDInputReport
    from partita.devices.hid import WebHIDDevice as WebHIDDevice
    from partita.devices.navigator import Navigator as Navigator
    from partita.devices.requests import BluetoothPairing as BluetoothPairing
    from partita.devices.requests import DevicePermission as DevicePermission
    from partita.devices.requests import PairingResponse as PairingResponse
    from partita.devices.requests import SelectBluetoothDevice as SelectBluetoothDevice
    from partita.devices.requests import SelectHIDDevice as SelectHIDDevice
    from partita.devices.requests import SelectSerialPort as SelectSerialPort
    from partita.devices.requests import SelectUSBDevice as SelectUSBDevice
    from partita.devices.requests import USBProtectedClasses as USBProtectedClasses
    from partita.devices.serial import Serial as Serial
    from partita.devices.serial import WebSerialPort as WebSerialPort
    from partita.devices.simulated import SimulatedBus as SimulatedBus
    from partita.devices.usb import USB as USB
    from partita.devices.usb import WebUSBDevice as WebUSBDevice
    from partita.downloading import WillDownload as WillDownload
    from partita.downloads import DownloadDone as DownloadDone
    from partita.downloads import DownloadItem as DownloadItem
    from partita.downloads import DownloadUpdated as DownloadUpdated
    from partita.errors import PartitaError as PartitaError
    from partita.events.download_options import RetryPolicy as RetryPolicy
    from partita.events.permissions import PermissionGrant as PermissionGrant
    from partita.events.secret import Secret as Secret
    from partita.events.turn import External as External
    from partita.events.turn import Turn as Turn
    from partita.frame import DidNavigate as DidNavigate
    from partita.frame import Frame as Frame
    from partita.log import Log as Log
    from partita.log import SessionAt as SessionAt
    from partita.log import replay as replay
    from partita.page import Page as Page
    from partita.page import Referrer as Referrer
    from partita.path_choosing import ChoosePath as ChoosePath
    from partita.permission_requests import DesktopCapturerSource as DesktopCapturerSource
    from partita.permission_requests import DisplayMediaRequest as DisplayMediaRequest
    from partita.permission_requests import FilesystemPermissionRequest as FilesystemPermissionRequest
    from partita.permission_requests import MediaAccessPermissionRequest as MediaAccessPermissionRequest
    from partita.permission_requests import OpenExternalPermissionRequest as OpenExternalPermissionRequest
    from partita.permission_requests import PermissionCheck as PermissionCheck
    from partita.permission_requests import PermissionRequest as PermissionRequest
    from partita.permission_requests import Streams as Streams
    from partita.played import Playback as Playback
    from partita.played import playback as playback
    from partita.requesting import FetchFuture as FetchFuture
    from partita.session import Session as Session
    from partita.session_options import SessionOptions as SessionOptions
    from partita.simulation import World as World
    from partita.simulations.devices.device import SimulatedDevice as SimulatedDevice
    from partita.streaming import Streamed as Streamed
    from partita.system import System as System
    from partita.system import default_system as default_system
    from partita.system import delete_partition as delete_partition
    from partita.system import from_partition as from_partition
    from partita.system import from_path as from_path
    from partita.system import partitions as partitions
    from partita.web_request import WebRequest as WebRequest
    from partita.web_request import WebRequestFilter as WebRequestFilter
    from partita.web_request import WebRequestResponse as WebRequestResponse

    default_session: Session

_HOMES: Final = {
    "Bluetooth": "partita.devices.bluetooth",
    "BluetoothPairing": "partita.devices.requests",
    "ChoosePath": "partita.path_choosing",
    "Cookie": "partita.actors.cookies.structures",
    "CookieChanged": "partita.cookies",
    "Cookies": "partita.cookies",
    "Debugger": "partita.debugging",
    "DesktopCapturerSource": "partita.permission_requests",
    "Details": "partita.actors.web_request.details",
    "DevicePermission": "partita.devices.requests",
    "DidNavigate": "partita.frame",
    "DisplayMediaRequest": "partita.permission_requests",
    "Divergence": "partita.actors.replay.redecide",
    "DownloadDone": "partita.downloads",
    "DownloadItem": "partita.downloads",
    "DownloadUpdated": "partita.downloads",
    "External": "partita.events.turn",
    "FetchFuture": "partita.requesting",
    "FilesystemPermissionRequest": "partita.permission_requests",
    "FixedClock": "partita.actors.live_world.clocks",
    "Frame": "partita.frame",
    "Future": "partita.actors.kernel.future",
    "HID": "partita.devices.hid",
    "HIDInputReport": "partita.devices.hid",
    "ImportedCookies": "partita.cookies",
    "Log": "partita.log",
    "MediaAccessPermissionRequest": "partita.permission_requests",
    "Navigator": "partita.devices.navigator",
    "NetError": "partita.actors.network.http",
    "OpenExternalPermissionRequest": "partita.permission_requests",
    "Page": "partita.page",
    "PairingResponse": "partita.devices.requests",
    "PartitaError": "partita.errors",
    "PermissionCheck": "partita.permission_requests",
    "PermissionGrant": "partita.events.permissions",
    "PermissionRequest": "partita.permission_requests",
    "Playback": "partita.played",
    "PlaybackReport": "partita.actors.replay.playback",
    "Preconnect": "partita.connections",
    "Referrer": "partita.page",
    "Report": "partita.actors.replay.redecide",
    "RetryPolicy": "partita.events.download_options",
    "Secret": "partita.events.secret",
    "SelectBluetoothDevice": "partita.devices.requests",
    "SelectHIDDevice": "partita.devices.requests",
    "SelectSerialPort": "partita.devices.requests",
    "SelectUSBDevice": "partita.devices.requests",
    "Serial": "partita.devices.serial",
    "Session": "partita.session",
    "SessionAt": "partita.log",
    "SessionOptions": "partita.session_options",
    "SimulatedBus": "partita.devices.simulated",
    "SimulatedDevice": "partita.simulations.devices.device",
    "Streamed": "partita.streaming",
    "Streams": "partita.permission_requests",
    "System": "partita.system",
    "Turn": "partita.events.turn",
    "USB": "partita.devices.usb",
    "USBProtectedClasses": "partita.devices.requests",
    "WebBluetoothDevice": "partita.devices.bluetooth",
    "WebHIDDevice": "partita.devices.hid",
    "WebRequest": "partita.web_request",
    "WebRequestFilter": "partita.web_request",
    "WebRequestResponse": "partita.web_request",
    "WebSerialPort": "partita.devices.serial",
    "WebUSBDevice": "partita.devices.usb",
    "WillDownload": "partita.downloading",
    "World": "partita.simulation",
    "debug": "partita.debugging",
    "default_system": "partita.system",
    "delete_partition": "partita.system",
    "from_partition": "partita.system",
    "from_path": "partita.system",
    "partitions": "partita.system",
    "playback": "partita.played",
    "replay": "partita.log",
}

if not TYPE_CHECKING:  # checkers read the imports above
    __all__ = [*_HOMES, "errors", "protocol"]  # noqa: PLE0604  # no default_session: import * would open it


def __getattr__(name: str) -> object:
    """Load a name when it is first used: the parts can be imported without the whole."""
    if name in ("errors", "protocol"):
        return importlib.import_module(f"partita.{name}")
    if name == "default_session":
        return importlib.import_module("partita.system").default_system().default_session
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'partita' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__", "default_session", "errors", "protocol"])
