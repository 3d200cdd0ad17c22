"""Reads and writes files of cookies, over the ``files`` port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from partita.actors.cookies.matching import is_expired
from partita.actors.cookies.netscape import read_netscape, write_netscape
from partita.actors.cookies.storage_state import read_storage_state, write_storage_state
from partita.actors.kernel.file_ports import Files
from partita.actors.kernel.world import Carriers, Door
from partita.events.cookies import CookieFileFormat, ImportedCookie, ReadCookieFile, StoredCookie, WriteCookieFile
from partita.events.errors import CookieFileError, SystemClosed
from partita.events.session import SessionState

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""A longer file is no file of cookies: a full jar is a few MiB."""

_READ_BYTES: Final = 1 << 20


async def read_cookie_file(effect: ReadCookieFile, door: Door) -> None:
    """Answer the call with the cookies of the file, in order, or with the error."""

    async def read() -> tuple[ImportedCookie, ...]:
        content = await _content(door.world.files, effect.path)
        if _is_storage_state(effect.path, content, effect.format):
            return read_storage_state(content)
        return read_netscape(content)

    await _answer(door, effect.call_id, read)


async def write_cookie_file(effect: WriteCookieFile, door: Door) -> None:
    """Answer the call with how many cookies the file holds, once it is on the disk, or with the error."""

    async def write() -> int:
        is_json = effect.path.lower().endswith(".json") if effect.format is None else effect.format == "storage_state"
        content, count = (write_storage_state if is_json else write_netscape)(_alive(door))
        await _replace(door, effect.path, content)
        return count

    await _answer(door, effect.call_id, write)


async def _answer(door: Door, call_id: int, work: Callable[[], Awaitable[object]]) -> None:
    """What the work comes to is the caller's. A caller that is gone is not worked for."""
    call = door.call(call_id)
    if call is None:
        return
    try:
        result = await work()
    except (OSError, CookieFileError) as error:
        call.reject(error)
    except Exception as defect:
        call.reject(defect)
        raise
    except BaseException:  # stopped
        call.reject(SystemClosed("the partition was closed meanwhile"))
        raise
    else:
        call.resolve(result)


def _is_storage_state(path: str, content: bytes, given: CookieFileFormat | None) -> bool:
    if given is not None:
        return given == "storage_state"
    return content.lstrip()[:1] == b"{" or path.lower().endswith(".json")


async def _content(files: Files, path: str) -> bytes:
    file = await files.open_to_read(path)
    try:
        if file.size_bytes > MAX_FILE_BYTES:
            raise CookieFileError(f"it has {file.size_bytes:,} bytes; {MAX_FILE_BYTES:,} are read at most")
        pieces = []
        offset = 0
        while piece := await file.read(offset, _READ_BYTES):
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)
    finally:
        await file.close()


def _alive(door: Door) -> list[StoredCookie]:
    session = door.published("session")
    assert isinstance(session, SessionState), "a partition has a session"
    now_us = door.world.clock.now_us()
    buckets = session.cookies.stems.values()
    return [cookie for bucket in buckets for cookie in bucket.values() if not is_expired(cookie, now_us)]


async def _replace(door: Door, path: str, content: bytes) -> None:
    """Whoever reads ``path`` finds the file of before or the whole new one, and nobody but the user reads it."""
    files = door.world.files
    beside = f"{path}.{door.world.entropy.random_bytes(6).hex()}.part"
    try:
        file = await files.open(beside, private=True)
        try:
            await file.write(0, content)
            await file.sync()
        finally:
            await file.close()
        await files.rename(beside, path)
    except BaseException:
        await files.remove(beside)
        raise


CARRIERS: Final[Carriers] = {ReadCookieFile: read_cookie_file, WriteCookieFile: write_cookie_file}
"""What carries out the effects of the jar."""
