"""System calls on files, each as one step of a thread: what they take and raise is said by the port ``files``."""

# By their names: descriptors, flags and the order of syncs are the point here.
# ruff: noqa: PTH103, PTH105, PTH108, PTH112, PTH114, PTH116, PTH117, PTH120

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import stat
import struct
import sys
from typing import Final

_NEW_FILE: Final = 0o666  # the user's umask takes away what it wants
_PRIVATE_FILE: Final = 0o600
_WRITING: Final = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_READING: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_BLOCK_BYTES: Final = 512  # what st_blocks counts, whatever the file system's own are
_KEEP_SIZE: Final = 1  # FALLOC_FL_KEEP_SIZE
_PREALLOCATE: Final = 42  # F_PREALLOCATE, with F_ALLOCATEALL and F_PEOFPOSMODE
_ALLOCATE_ALL: Final = 4
_FROM_THE_END: Final = 3
Identity = tuple[int, int]
"""A file system, and the number that a file has there while it exists."""

_FULL_SYNC: Final = 51  # F_FULLFSYNC: on macOS, fsync leaves the data in the drive's cache


def _absolute(path: str) -> str:
    if not os.path.isabs(path):
        raise OSError(errno.EINVAL, "not an absolute path", path)
    if "\0" in path:
        raise OSError(errno.EINVAL, "a path cannot hold NUL", path)
    return path


def _make_folder_of(path: str) -> None:
    """Make it, and those that it lies in, durably."""
    folder = os.path.dirname(_absolute(path))
    missing = []
    while not os.path.isdir(folder) and (parent := os.path.dirname(folder)) != folder:
        missing.append(folder)
        folder = parent
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for made in missing:
        _sync_folder(os.path.dirname(made))


def open_to_write(path: str, must_exist: bool, private: bool) -> tuple[int, Identity, int]:
    """A descriptor, which file it is, and its length. A link in its place is refused."""
    _make_folder_of(path)
    flags = _WRITING if must_exist else _WRITING | os.O_CREAT
    descriptor = os.open(path, flags, _PRIVATE_FILE if private else _NEW_FILE)
    try:
        status = os.fstat(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, _identity(status), status.st_size


def is_at(path: str, identity: Identity) -> bool:
    """Whether that file has this name."""
    try:
        return _identity(os.lstat(path)) == identity
    except FileNotFoundError:
        return False


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def open_to_read(path: str) -> tuple[int, int, int]:
    """A descriptor, the length in bytes, and when it was last written to, in microseconds since 1970."""
    try:
        descriptor = os.open(_absolute(path), _READING)
    except PermissionError:
        if os.path.isdir(path):  # Windows opens no folder, and does not say that it is one
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path) from None
        raise
    try:
        status = os.fstat(descriptor)
        _check_kind(status.st_mode, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size, status.st_mtime_ns // 1000


def _check_kind(mode: int, path: str) -> None:
    """A folder is no file; a pipe or a device may keep its reader waiting for ever."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
    if not stat.S_ISREG(mode):
        raise PermissionError(errno.EACCES, "Not a regular file", path)


def read(descriptor: int, offset: int, count: int) -> bytes:
    """What is there of those bytes."""
    pieces = []
    while count:
        piece = _read_at(descriptor, offset, count)
        if not piece:
            break
        pieces.append(piece)
        offset += len(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _read_at(descriptor: int, offset: int, count: int) -> bytes:
    if sys.platform == "win32":
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)
    return os.pread(descriptor, count, offset)


def write_all(descriptor: int, offset: int, data: bytes | memoryview) -> None:
    """All of ``data``, at ``offset``."""
    rest = memoryview(data)
    while rest:
        written = write_at(descriptor, rest, offset)
        offset += written
        rest = rest[written:]


def write_at(descriptor: int, data: memoryview, offset: int) -> int:
    """What one call takes of ``data``; how many bytes that is."""
    if sys.platform == "win32":
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)
    return os.pwrite(descriptor, data, offset)


def sync(descriptor: int) -> None:
    """Come back when the disk itself has it."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  # not on Windows

        with contextlib.suppress(OSError):  # not every file system has it
            fcntl.fcntl(descriptor, _FULL_SYNC)
            return
    os.fsync(descriptor)


def size(path: str) -> int | None:
    """Its length in bytes; None when it is not there."""
    try:
        return os.stat(_absolute(path)).st_size
    except FileNotFoundError:
        return None


def claim(*paths: str) -> bool:
    """Make them all, empty; False, and none made, where one is there."""
    _make_folder_of(paths[0])
    made: list[str] = []
    try:
        for path in paths:
            os.close(os.open(path, _WRITING | os.O_CREAT | os.O_EXCL, _NEW_FILE))
            made.append(path)
    except OSError as error:
        for path in made:
            os.unlink(path)
        if isinstance(error, FileExistsError):
            return False
        raise
    _sync_folder(os.path.dirname(paths[0]))  # a name that the power takes back would be claimed a second time
    return True


def reserve(descriptor: int, size_bytes: int) -> None:
    """Have room for so many bytes, where that can be had."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        allocate = getattr(libc, "fallocate", None)  # os.posix_fallocate would make the file longer, or write zeros
        if allocate is None or not size_bytes:
            return
        allocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        failed = allocate(descriptor, _KEEP_SIZE, 0, size_bytes) and ctypes.get_errno() == errno.ENOSPC
    elif sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  # not on Windows

        failed = False
        try:
            fcntl.fcntl(descriptor, _PREALLOCATE, struct.pack("=IiqqQ", _ALLOCATE_ALL, _FROM_THE_END, 0, size_bytes, 0))
        except OSError as error:
            failed = error.errno == errno.ENOSPC
    else:
        return
    if failed:
        raise OSError(errno.ENOSPC, f"there is no room for {size_bytes} bytes")


def free_bytes(path: str) -> int | None:
    """How much could be written to ``path``, with what is reserved for it; None when nobody knows."""
    folder = os.path.dirname(_absolute(path))
    reserved = _reserved_bytes(path)
    while True:
        try:
            return shutil.disk_usage(folder).free + reserved
        except FileNotFoundError:
            folder, below = os.path.dirname(folder), folder
            if folder == below:
                return None
        except OSError:
            return None


def _reserved_bytes(path: str) -> int:
    try:
        status = os.stat(path)
    except OSError:
        return 0
    return max(0, getattr(status, "st_blocks", 0) * _BLOCK_BYTES - status.st_size)


def mark(path: str, url: str, referrer: str) -> None:
    """Note where it came from."""
    if sys.platform == "linux":
        os.setxattr(path, "user.xdg.origin.url", url.encode(), follow_symlinks=False)
        if referrer:
            os.setxattr(path, "user.xdg.referrer.url", referrer.encode(), follow_symlinks=False)
    elif sys.platform == "win32":
        lines = ["[ZoneTransfer]", "ZoneId=3", *([f"ReferrerUrl={referrer}"] if referrer else []), f"HostUrl={url}", ""]
        with open(f"{path}:Zone.Identifier", "w", encoding="utf-8", newline="\r\n") as stream:  # noqa: PTH123
            stream.write("\n".join(lines))


def rename(source: str, target: str, over_nothing: bool) -> None:
    """Move it, and sync both folders."""
    _make_folder_of(target)
    if over_nothing and os.path.lexists(target) and (os.path.islink(target) or os.stat(target).st_size):
        raise FileExistsError(errno.EEXIST, "Something else has got that name", target)
    _check_replaceable(target)
    os.replace(_absolute(source), target)
    for folder in {os.path.dirname(source), os.path.dirname(target)}:
        _sync_folder(folder)


def _check_replaceable(path: str) -> None:
    """What is neither a file nor a link to one (a device, a pipe) does not give way to one."""
    with contextlib.suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        if not stat.S_ISLNK(mode):
            _check_kind(mode, path)


def put_in_place(
    source: str, target: str, marks: tuple[str, str], over_nothing: bool, identity: Identity | None
) -> None:
    """Mark it, where that can be done, and move it, if it is that file."""
    if identity is not None and not is_at(source, identity):
        raise FileNotFoundError(errno.ENOENT, "It is another file, or none", source)
    with contextlib.suppress(OSError):  # a file system may have no place for it
        mark(source, *marks)
    rename(source, target, over_nothing)


def _sync_folder(folder: str) -> None:
    if sys.platform == "win32":
        return  # a folder cannot be opened there; NTFS journals its names
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str, only_if_empty: bool) -> None:
    """Remove it, if it is there, and sync its folder."""
    folder = os.path.dirname(_absolute(path))
    with contextlib.suppress(FileNotFoundError):
        if not only_if_empty or not os.stat(path).st_size:
            os.unlink(path)
            _sync_folder(folder)
