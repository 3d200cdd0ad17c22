"""What a file is, by its name's end: the same on every machine (Chromium's ``net/base/mime_util.cc``). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_EXTENSIONS: Final[Mapping[str, str]] = {
    "application/epub+zip": "epub",
    "application/gzip": "gz tgz",
    "application/java-archive": "jar",
    "application/json": "json map",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/msword": "doc dot",
    "application/octet-stream": "bin exe com",
    "application/pdf": "pdf",
    "application/pkcs7-mime": "p7m p7c p7z",
    "application/postscript": "ps eps ai",
    "application/rdf+xml": "rdf",
    "application/rss+xml": "rss",
    "application/rtf": "rtf",
    "application/vnd.android.package-archive": "apk",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/wasm": "wasm",
    "application/x-7z-compressed": "7z",
    "application/x-bzip2": "bz2",
    "application/x-chrome-extension": "crx",
    "application/x-shockwave-flash": "swf",
    "application/x-tar": "tar",
    "application/xhtml+xml": "xhtml xht xhtm",
    "application/zip": "zip",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/midi": "mid midi",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg oga opus",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "audio/x-m4a": "m4a",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "image/apng": "apng",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/jpeg": "jpeg jpg jfif pjpeg pjp",
    "image/png": "png",
    "image/svg+xml": "svg svgz",
    "image/tiff": "tiff tif",
    "image/webp": "webp",
    "image/x-icon": "ico",
    "message/rfc822": "eml",
    "multipart/related": "mht mhtml",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html htm shtml shtm ehtml",
    "text/javascript": "js mjs",
    "text/markdown": "md markdown",
    "text/plain": "txt text log",
    "text/vcard": "vcf vcard",
    "text/vtt": "vtt",
    "text/xml": "xml xsl xbl xslt",
    "video/mp4": "mp4 m4v",
    "video/mpeg": "mpeg mpg",
    "video/ogg": "ogv ogm",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}

_TYPES: Final[Mapping[str, str]] = {
    extension: media_type for media_type, extensions in _EXTENSIONS.items() for extension in extensions.split()
}

UNKNOWN: Final = "application/octet-stream"


def media_type_of(path: str) -> str:
    """The media type of the file with that path, by its extension; ``application/octet-stream`` for an unknown one."""
    name = path.replace("\\", "/").rpartition("/")[2]
    _, dot, extension = name.rpartition(".")
    return _TYPES.get(extension.lower(), UNKNOWN) if dot else UNKNOWN


def content_type(media_type: str, charset: str | None) -> str:
    """The value of ``Content-Type``: texts say how they are encoded, and what else somebody gave a charset for."""
    if "charset=" in media_type.lower():
        return media_type
    if charset is None and media_type.startswith("text/"):
        charset = "utf-8"
    return media_type if charset is None else f"{media_type}; charset={charset}"
