"""The permissions that there are, and what each may be asked with (FEATURES F15a to F15d, F16a, T24; WANTS 81, 82). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from partita.events.errors import InvalidURL
from partita.events.permissions import MediaType, PermissionDetails
from partita.store.decoding import converted

MEDIA: Final = "media"
DISPLAY_CAPTURE: Final = "display-capture"
POINTER_LOCK: Final = "pointerLock"
NOTIFICATIONS: Final = "notifications"
SYNC_CLIPBOARD_READ: Final = "deprecated-sync-clipboard-read"

REQUESTED: Final = (
    "clipboard-read",
    "clipboard-sanitized-write",
    SYNC_CLIPBOARD_READ,
    DISPLAY_CAPTURE,
    "fileSystem",
    "fullscreen",
    "geolocation",
    "idle-detection",
    "keyboardLock",
    "local-fonts",
    MEDIA,
    "mediaKeySystem",
    "midi",
    "midiSysex",
    NOTIFICATIONS,
    "openExternal",
    POINTER_LOCK,
    "speaker-selection",
    "storage-access",
    "top-level-storage-access",
    "unknown",
    "window-management",
)
"""What can be requested: the page's fourteen and the newer ones."""

DEVICES: Final = ("hid", "serial", "usb")
"""What can be checked, and is requested by choosing a device."""

CHECKED: Final = tuple(sorted((*REQUESTED, *DEVICES), key=str.lower))

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
"""Whatever its scheme: other programs open it."""

_MEDIA_TYPES: Final = get_args(MediaType)
_FILE: Final = ("file_path", "is_directory", "file_access_type")
_OF_REQUEST: Final[Mapping[str, tuple[str, ...]]] = {
    "openExternal": ("external_url",),
    MEDIA: ("security_origin", "media_types"),
    "fileSystem": _FILE,
}
_OF_CHECK: Final[Mapping[str, tuple[str, ...]]] = {**_OF_REQUEST, MEDIA: ("security_origin", "media_type")}


def requested(permission: str, given: Mapping[str, Any]) -> PermissionDetails:
    """The details of a request.

    Raises :class:`ValueError` for a permission or a value that there is not, :class:`TypeError` for a detail that it has not, or
    that is missing, or is of another type.
    """
    if permission in DEVICES:
        raise ValueError(f"{permission!r} is not requested: a page chooses a device, and check_permission() checks it")
    _known(permission, REQUESTED)
    details = _details(permission, given, _OF_REQUEST)
    if permission == "openExternal" and not details.external_url:
        raise TypeError("'openExternal' is requested with external_url, the URL to be opened")
    if permission == MEDIA and not details.media_types:
        raise TypeError("'media' is requested with media_types: 'video', 'audio' or both")
    ordered = tuple(kind for kind in _MEDIA_TYPES if kind in details.media_types)
    return msgspec.structs.replace(details, media_types=ordered)


def checked(permission: str, given: Mapping[str, Any]) -> PermissionDetails:
    """The details of a check; raises as :func:`requested` does."""
    _known(permission, CHECKED)
    details = _details(permission, given, _OF_CHECK)
    if permission == MEDIA and details.media_type is None:
        return msgspec.structs.replace(details, media_type="unknown")
    return details


def _known(permission: str, names: tuple[str, ...]) -> None:
    if not isinstance(permission, str):
        raise TypeError(f"a permission's name is a str, not {permission!r}")
    if permission not in names:
        raise ValueError(f"there is no permission {permission!r}: there is {', '.join(map(repr, names))}")


def _details(permission: str, given: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]) -> PermissionDetails:
    names = known.get(permission, ())
    if others := [name for name in given if name not in names]:
        has = f"has {', '.join(names)}" if names else "has no details"
        raise TypeError(f"{permission!r} has no detail {others[0]!r}: it {has}")
    if isinstance(given.get("media_types"), str):
        raise TypeError(f"media_types is a list of 'video' and 'audio', not {given['media_types']!r}")
    try:
        details = converted(
            tuple(given.get(name, default) for name, default in _FIELDS.items()), PermissionDetails, strict=True
        )
    except msgspec.ValidationError as error:
        raise _naming_the_field(given, error) from None
    if details.external_url is not None and not _ABSOLUTE.match(details.external_url):
        raise InvalidURL(f"external_url is an absolute URL, not {details.external_url[:200]!r}")
    return details


_FIELDS: Final = {each.name: each.default for each in msgspec.structs.fields(PermissionDetails)}


def _naming_the_field(given: Mapping[str, Any], error: msgspec.ValidationError) -> Exception:
    for each in msgspec.structs.fields(PermissionDetails):
        try:
            converted(given.get(each.name, each.default), each.type)
        except msgspec.ValidationError as failure:
            text = f"{each.name}: {str(failure).partition(' - at ')[0]}"
            return ValueError(text) if "enum value" in text else TypeError(text)
    return TypeError(str(error))
