"""What is answered without asking anybody: by a grant that is kept, or by default (FEATURES F15, F16; WANTS 35). Pure."""

from __future__ import annotations

from typing import Final

from partita.actors.permissions.names import DISPLAY_CAPTURE, SYNC_CLIPBOARD_READ
from partita.events.permissions import Asker, PermissionDetails, PermissionGrant, PermissionsState

_ALONE: Final = frozenset({"null", "file:///"})
"""What has one of these is of no origin that could be known again."""

_SAID_BY_BOTH: Final = ("external_url", "security_origin", "file_path", "is_directory", "file_access_type")


def grant_of(asker: Asker, permission: str, details: PermissionDetails) -> PermissionGrant | None:
    """The grant that would be kept; None where none can be.

    Not for opaque origins, which nobody can know again, and not for displays, which are chosen each time (Screen Capture 5.1).
    """
    if permission == DISPLAY_CAPTURE or not _ALONE.isdisjoint((asker.requesting_origin, asker.embedding_origin)):
        return None
    return PermissionGrant(permission, asker.requesting_origin.rstrip("/"), asker.embedding_origin.rstrip("/"), details)


def is_granted(state: PermissionsState, asker: Asker, permission: str, details: PermissionDetails) -> bool:
    """Whether a grant is kept for this: the same origins, the same details."""
    return bool(state.grants) and grant_of(asker, permission, details) in state.grants


def checked_by_default(state: PermissionsState, asker: Asker, permission: str, details: PermissionDetails) -> bool:
    """What a check says that has no handler (FEATURES F16): under ``deny``, what is granted and kept is all there is.

    A check may say less than a request does: what it leaves out is granted by any grant.
    """
    if state.default == "electron":
        return permission != SYNC_CLIPBOARD_READ
    return any(
        _covers(grant.details, details) and grant == grant_of(asker, permission, grant.details)
        for grant in state.grants
    )


def _covers(granted: PermissionDetails, asked: PermissionDetails) -> bool:
    if asked.media_type not in (None, "unknown", *granted.media_types):
        return False
    return all(getattr(asked, name) in (None, getattr(granted, name)) for name in _SAID_BY_BOTH)
