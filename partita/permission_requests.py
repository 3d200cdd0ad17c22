"""What permission handlers are told, and what a display media handler answers (FEATURES F15 to F17, T24)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from partita.events.permissions import (
    Asker,
    CheckedMediaType,
    ChosenStreams,
    DisplayMedia,
    FileAccessType,
    MediaType,
    PermissionDetails,
    Question,
    StreamSource,
)
from partita.frame import Frame

if TYPE_CHECKING:
    from partita.page import Page

PageOf = Callable[[str], "Page | None"]


class PermissionRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a permission request handler is asked (FEATURES F15, T24).

    ``web_contents`` is the page; ``frame`` the frame that asks, None when it is gone already. ``requesting_url`` is the last URL
    that the frame loaded, ``requesting_origin`` what its document is of, ``embedding_origin`` what the page shows: look at
    these, for a frame may be of another origin than its page. Origins are Electron's: ``https://shop.example/``.
    """

    web_contents: Page | None
    frame: Frame | None
    permission: str
    requesting_url: str
    requesting_origin: str
    embedding_origin: str
    is_main_frame: bool


class OpenExternalPermissionRequest(PermissionRequest, frozen=True, kw_only=True, rename="camel"):
    """``openExternal``: ``external_url`` is to be opened by another program (FEATURES F15b)."""

    external_url: str


class MediaAccessPermissionRequest(PermissionRequest, frozen=True, kw_only=True, rename="camel"):
    """``media``: for the origin ``security_origin``, of the kinds ``media_types`` (FEATURES F15c, F15d)."""

    security_origin: str
    media_types: tuple[MediaType, ...]


class FilesystemPermissionRequest(PermissionRequest, frozen=True, kw_only=True, rename="camel"):
    """``fileSystem``: a path, as far as it was said, and what is to be done there (FEATURES T24)."""

    file_path: str | None = None
    is_directory: bool | None = None
    file_access_type: FileAccessType | None = None


class PermissionCheck(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a permission check handler is asked (FEATURES F16).

    As Electron does it, ``web_contents`` and ``requesting_url`` are None for a frame of another origin than its page, and
    ``web_contents`` for ``notifications``; ``frame`` and the origins always say who asks.
    """

    web_contents: Page | None
    frame: Frame | None
    permission: str
    requesting_origin: str
    embedding_origin: str
    requesting_url: str | None
    is_main_frame: bool
    security_origin: str | None = None
    media_type: CheckedMediaType | None = None
    external_url: str | None = None
    file_path: str | None = None
    is_directory: bool | None = None
    file_access_type: FileAccessType | None = None


class DisplayMediaRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a display media handler is asked (FEATURES F17a). ``security_origin`` is that of the document that asks."""

    web_contents: Page | None
    frame: Frame | None
    security_origin: str
    video_requested: bool
    audio_requested: bool
    user_gesture: bool


class DesktopCapturerSource(msgspec.Struct, frozen=True, rename="camel"):
    """A screen or a window, by the id and the name that whoever captures it has for it (FEATURES F17b)."""

    id: str
    name: str


class Streams(msgspec.Struct, frozen=True, rename="camel"):
    """What a display media handler chooses, and what ``get_display_media`` gives (FEATURES F17b to F17d).

    ``video``: a source, or a frame of a page of the session. ``audio``: ``"loopback"``, ``"loopbackWithMute"``, or a frame, whose
    sound is heard as well where ``enable_local_echo`` is true.
    """

    video: DesktopCapturerSource | Frame | None = None
    audio: Frame | str | None = None
    enable_local_echo: bool = False


def request_of(question: Question, page_of: PageOf) -> PermissionRequest:
    """The request as a handler is told it: of the class that has its details."""
    asker, details = question.asker, question.details
    page = page_of(asker.page)
    said = {
        "web_contents": page,
        "frame": None if page is None else page.frame(asker.frame),
        "permission": question.permission,
        "requesting_url": asker.requesting_url,
        "requesting_origin": asker.requesting_origin,
        "embedding_origin": asker.embedding_origin,
        "is_main_frame": asker.is_main_frame,
    }
    match question.permission:
        case "openExternal":
            return OpenExternalPermissionRequest(**said, external_url=details.external_url or "")  # type: ignore[arg-type]
        case "media":
            return MediaAccessPermissionRequest(
                **said,  # type: ignore[arg-type]
                security_origin=details.security_origin or "",
                media_types=details.media_types,
            )
        case "fileSystem":
            return FilesystemPermissionRequest(
                **said,  # type: ignore[arg-type]
                file_path=details.file_path,
                is_directory=details.is_directory,
                file_access_type=details.file_access_type,
            )
        case _:
            return PermissionRequest(**said)  # type: ignore[arg-type]


def check_of(asker: Asker, permission: str, details: PermissionDetails, page_of: PageOf) -> PermissionCheck:
    """The check as a handler is told it."""
    page = page_of(asker.page)
    hidden = asker.is_cross_origin and not asker.is_main_frame
    return PermissionCheck(
        web_contents=None if hidden or permission == "notifications" else page,
        frame=None if page is None else page.frame(asker.frame),
        permission=permission,
        requesting_origin=asker.requesting_origin,
        embedding_origin=asker.embedding_origin,
        requesting_url=None if hidden else asker.requesting_url,
        is_main_frame=asker.is_main_frame,
        security_origin=details.security_origin,
        media_type=details.media_type,
        external_url=details.external_url,
        file_path=details.file_path,
        is_directory=details.is_directory,
        file_access_type=details.file_access_type,
    )


def display_request_of(question: Question, page_of: PageOf) -> DisplayMediaRequest:
    """The request for streams as a handler is told it."""
    asker, display = question.asker, question.display or DisplayMedia()
    page = page_of(asker.page)
    return DisplayMediaRequest(
        web_contents=page,
        frame=None if page is None else page.frame(asker.frame),
        security_origin=asker.requesting_origin,
        video_requested=display.video,
        audio_requested=display.audio,
        user_gesture=display.user_gesture,
    )


_FIELDS: Final = {
    spelled: each.name for each in msgspec.structs.fields(Streams) for spelled in (each.name, each.encode_name)
}


def chosen(said: object, display: DisplayMedia, page_of: PageOf) -> ChosenStreams | None:
    """What a display media handler answered, as it is recorded: None when it chose nothing.

    Raises :class:`TypeError` with Electron's text (FEATURES F17b to F17e). What was not asked for is left out.
    """
    if said is None:
        return None
    if isinstance(said, Streams):
        given: dict[str, object] = {name: getattr(said, name) for name in said.__struct_fields__}
    elif isinstance(said, Mapping):
        if unknown := [name for name in said if name not in _FIELDS]:
            raise TypeError(f"streams have no property {unknown[0]!r}; there is {', '.join(map(repr, _FIELDS))}")
        given = {_FIELDS[name]: value for name, value in said.items()}
    else:
        raise TypeError("Display Media Request streams callback must be called with null or a valid object")
    video, audio, echo = given.get("video"), given.get("audio"), given.get("enable_local_echo") or False
    if not isinstance(echo, bool):
        raise TypeError(f"enableLocalEcho is a bool, not {echo!r}")
    video_source = _video_of(video, page_of)
    if display.video and video_source is None:
        raise TypeError("Video was requested, but no video stream was provided")
    audio_source = _frame_of(audio, page_of)
    if audio is not None and audio_source is None and not isinstance(audio, str):
        raise TypeError('audio must be a WebFrameMain, "loopback" or "loopbackWithMute"')
    return ChosenStreams(
        video=video_source if display.video else None,
        audio=audio_source if display.audio else None,
        loopback=audio if display.audio and isinstance(audio, str) else "",
        enable_local_echo=echo and display.audio and audio_source is not None,
    )


def _video_of(video: object, page_of: PageOf) -> StreamSource | None:
    if video is None:
        return None
    if (frame := _frame_of(video, page_of)) is not None:
        return frame
    if isinstance(video, DesktopCapturerSource):
        video = {"id": video.id, "name": video.name}
    if isinstance(video, Mapping):
        source_id, name = video.get("id"), video.get("name")
        if isinstance(source_id, str) and isinstance(name, str):
            return StreamSource(source_id, name)
    raise TypeError("video must be a WebFrameMain or DesktopCapturerSource")


def _frame_of(given: object, page_of: PageOf) -> StreamSource | None:
    """A frame of a page of this session; what else it may be, the caller says."""
    if not isinstance(given, Frame):
        return None
    page = page_of(given.page_id)
    return None if page is None else StreamSource(page=page.id, frame=given.frame_tree_node_id)


def streams_of(streams: ChosenStreams, page_of: PageOf) -> Streams | str:
    """What was recorded, as the asker is given it; or which of them, ``video`` or ``audio``, has a frame that is gone."""
    video, audio = _source_of(streams.video, page_of), _source_of(streams.audio, page_of)
    if streams.video is not None and video is None:
        return "video"
    if streams.audio is not None and not isinstance(audio, Frame):
        return "audio"
    heard = audio if isinstance(audio, Frame) else streams.loopback or None
    return Streams(video, heard, streams.enable_local_echo)


def _source_of(source: StreamSource | None, page_of: PageOf) -> DesktopCapturerSource | Frame | None:
    if source is None:
        return None
    if source.page is None:
        return DesktopCapturerSource(source.id, source.name)
    page = page_of(source.page)
    return None if page is None else page.frame(source.frame)
