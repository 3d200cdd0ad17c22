"""The file name extensions of media types: the first is the one that people expect.

A table of our own: a system's differs from machine to machine, and a turn must be decided the same on each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TABLE: Final = """
application/epub+zip            epub
application/font-woff           woff
application/gzip                gz tgz
application/java-archive        jar
application/javascript          js mjs
application/json                json
application/ld+json             jsonld
application/msword              doc dot
application/ogg                 ogx
application/pdf                 pdf
application/pgp-signature       sig asc
application/pkcs7-mime          p7m p7c p7z
application/pkcs7-signature     p7s
application/postscript          ps eps ai
application/rdf+xml             rdf
application/rss+xml             rss
application/rtf                 rtf
application/sql                 sql
application/vnd.android.package-archive  apk
application/vnd.debian.binary-package    deb
application/vnd.mozilla.xul+xml xul
application/vnd.ms-excel        xls
application/vnd.ms-powerpoint   ppt
application/vnd.oasis.opendocument.presentation  odp
application/vnd.oasis.opendocument.spreadsheet   ods
application/vnd.oasis.opendocument.text          odt
application/vnd.openxmlformats-officedocument.presentationml.presentation  pptx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet          xlsx
application/vnd.openxmlformats-officedocument.wordprocessingml.document    docx
application/vnd.rar             rar
application/wasm                wasm
application/x-7z-compressed     7z
application/x-bzip2             bz2
application/x-chrome-extension  crx
application/x-gzip              gz tgz
application/x-iso9660-image     iso
application/x-mpegurl           m3u8
application/x-rar-compressed    rar
application/x-sh                sh
application/x-shockwave-flash   swf swl
application/x-tar               tar
application/x-x509-ca-cert      cer crt
application/x-xpinstall         xpi
application/x-xz                xz
application/xhtml+xml           xhtml xht xhtm
application/xml                 xml
application/zip                 zip
application/zstd                zst
audio/aac                       aac
audio/flac                      flac
audio/midi                      mid midi
audio/mp3                       mp3
audio/mp4                       m4a
audio/mpeg                      mp3
audio/ogg                       ogg oga opus
audio/wav                       wav
audio/webm                      webm
audio/x-m4a                     m4a
audio/x-wav                     wav
font/otf                        otf
font/ttf                        ttf
font/woff                       woff
font/woff2                      woff2
image/apng                      png apng
image/avif                      avif
image/bmp                       bmp
image/gif                       gif
image/heic                      heic
image/jpeg                      jpg jpeg jfif pjpeg pjp
image/jxl                       jxl
image/png                       png
image/svg+xml                   svg svgz
image/tiff                      tiff tif
image/vnd.microsoft.icon        ico
image/webp                      webp
image/x-icon                    ico
image/x-png                     png
image/x-xbitmap                 xbm
message/rfc822                  eml
multipart/related               mhtml mht
text/calendar                   ics
text/css                        css
text/csv                        csv
text/html                       html htm shtml shtm ehtml
text/javascript                 js mjs
text/markdown                   md markdown
text/vcard                      vcf
text/x-sh                       sh
text/xml                        xml xsl xbl xslt
video/mp4                       mp4 m4v
video/mpeg                      mpeg mpg
video/ogg                       ogv ogm
video/quicktime                 mov
video/webm                      webm
video/x-matroska                mkv
video/x-msvideo                 avi
"""

EXTENSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    words[0]: tuple(words[1:]) for line in _TABLE.strip().splitlines() if (words := line.split())
}
"""By media type, without the dot. ``application/octet-stream`` and ``text/plain`` have none: servers say them of any file that
they do not know, and a ``README`` stays one.
"""
