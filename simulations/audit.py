"""The real world is out of bounds while a simulation runs: who reaches for it is refused at the call.

Two nets. An audit hook sees sockets, files, processes (PEP 578); it is installed once and does nothing outside of
:func:`refusing`. What raises no audit event (the clock, chance, and threads before Python 3.12) is replaced in its module
while a simulation runs. The interpreter's own use goes on: importing, tracebacks, logging.

What neither sees (``from time import time``, ``datetime.now()``, the order of a set) is found by the lint of the pure modules
in tests/house/, and by running a seed twice.
"""

from __future__ import annotations

import _thread
import os
import random
import secrets
import sys
import sysconfig
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any, Final

from partita.events.errors import Refused
from partita.simulations.outcome import Level

CLOCK: Final = "world.clock"
ENTROPY: Final = "world.entropy"
FILES: Final = "world.files"
NETWORK: Final = "world.network"
ACTORS: Final = "a message to an actor, or an effect with its carrier"
NOTHING: Final = "nothing: a simulation has no processes; simulate what the other one says as a host of world.network"

TOUCHES: Final[dict[str, str]] = {
    **dict.fromkeys(("socket", "ftplib", "http", "imaplib", "poplib", "smtplib", "telnetlib", "urllib"), NETWORK),
    **dict.fromkeys(("open", "shutil", "tempfile", "glob", "pathlib", "fcntl", "mmap", "sqlite3", "msvcrt"), FILES),
    **dict.fromkeys(("subprocess", "pty", "webbrowser", "_winapi"), NOTHING),
    "_thread": ACTORS,
}
"""What stands before the first dot of an audit event, with what to use instead."""

OF_OS: Final[dict[str, str]] = {
    **dict.fromkeys(("chdir", "chflags", "chmod", "chown", "link", "listdir", "listxattr", "lockf", "mkdir"), FILES),
    **dict.fromkeys(("getxattr", "remove", "removexattr", "rename", "rmdir", "scandir", "setxattr"), FILES),
    **dict.fromkeys(("symlink", "truncate", "utime"), FILES),
    **dict.fromkeys(("exec", "fork", "forkpty", "posix_spawn", "spawn", "startfile", "system", "kill"), NOTHING),
    "killpg": NOTHING,
}
"""The same for events that begin with ``os.``; of them, not all are refused."""

_THREADS_ARE_AUDITED: Final = sys.version_info >= (3, 12)

_CLOCK_NAMES: Final = (
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
    "process_time_ns", "thread_time", "thread_time_ns", "sleep", "localtime", "gmtime", "ctime", "strftime",
)  # fmt: skip
_TAKES_A_MOMENT: Final = {"localtime": 1, "gmtime": 1, "ctime": 1, "strftime": 2}
"""Those that read the clock only when they get fewer arguments than this."""
_RANDOM_NAMES: Final = (
    "random", "uniform", "triangular", "randint", "choice", "randrange", "sample", "shuffle", "choices",
    "normalvariate", "lognormvariate", "expovariate", "vonmisesvariate", "gammavariate", "gauss", "betavariate",
    "paretovariate", "weibullvariate", "getrandbits", "randbytes", "seed",
)  # fmt: skip
_SECRETS_NAMES: Final = ("token_bytes", "token_hex", "token_urlsafe", "randbelow", "randbits", "choice")
_UUID_NAMES: Final = ("uuid1", "uuid4", "uuid6", "uuid7")
_OS_NAMES: Final = ("urandom", "getrandom")

_INSTALLED: Final = tuple(
    sorted({path for key in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(key))})
)
_STANDARD: Final = frozenset(sys.stdlib_module_names) - {"__main__"}
_TOOLS: Final = frozenset(
    {"_pytest", "pytest", "pluggy", "hypothesis", "coverage", "pydevd", "debugpy", "xdist", "execnet"}
)
"""What tests run under, and may look at the clock about it."""
_OF_THE_TRIO_LEVEL: Final = frozenset({"trio", "outcome", "sniffio", "anyio", "httpx", "httpcore", "h11", "h2"})
"""What may look at the clock at that level, and draw what settles nothing (trio draws the order of its tasks)."""
_AT_THEIR_OWN_FILES: Final = frozenset({"linecache", "tokenize", "pdb"})
"""Tracebacks and the debugger read sources."""


class Refusals:
    """One simulation that is under way: who may look at the clock, and what was refused, even if something caught it."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.exempt = _STANDARD | _TOOLS | (_OF_THE_TRIO_LEVEL if level == "trio" else frozenset())
        self.imports_around = _imports_under_way(sys._getframe(1))  # noqa: SLF001  # the documented way to see one's caller
        self.refused: list[Refused] = []
        """In order."""


_running: dict[int, list[Refusals]] = {}
"""By thread: a simulation runs on the thread that started it, and may not start another."""
_lock = threading.Lock()
_under_way = 0
_guards: list[tuple[ModuleType, str, object]] = []
_replaced: list[tuple[ModuleType, str, object]] = []
_hook_installed = False


@contextmanager
def refusing(level: Level = "kernel") -> Iterator[Refusals]:
    """While in it, this thread may not touch the real world: what does is refused with :class:`Refused`.

    ``level="trio"`` lets trio and the HTTP stack look at the clock and wake each other up. The result lists what was refused:
    code under test may have caught it.
    """
    global _under_way  # noqa: PLW0603  # what is replaced in a module is replaced for all threads, until the last is done
    _install_hook()
    thread = _thread.get_ident()
    refusals = Refusals(level)
    with _lock:
        if not _under_way:
            _replace()
        _under_way += 1
        _running.setdefault(thread, []).append(refusals)
    try:
        yield refusals
    finally:
        with _lock:
            _running[thread].pop()
            if not _running[thread]:
                del _running[thread]
            _under_way -= 1
            if not _under_way:
                _put_back()


@contextmanager
def permitted() -> Iterator[None]:
    """Within :func:`refusing`, what the simulation itself must do in the real world: write a log, say."""
    thread = _thread.get_ident()
    paused = _running.pop(thread, [])
    try:
        yield
    finally:
        if paused:
            _running[thread] = paused


# -- what raises audit events -----------------------------------------------------------------------------------------


def _install_hook() -> None:
    global _hook_installed  # noqa: PLW0603  # a hook can never be taken out: it is put in when first needed, and once
    with _lock:
        if not _hook_installed:
            sys.addaudithook(_hook)
            _hook_installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _running:
        return
    stack = _running.get(_thread.get_ident())
    if stack is None:
        return
    family, _, rest = event.partition(".")
    instead = OF_OS.get(rest) if family == "os" else TOUCHES.get(family)
    if instead is None or event == "socket.gethostname":
        return
    refusals = stack[-1]
    frame = sys._getframe(1)  # noqa: SLF001  # the documented way to see one's caller
    if instead == FILES and _reads_installed_code(event, arguments, frame, refusals):
        return
    who = _first_outside_of_the_standard_library(frame)
    if who is None or _package(who) in _TOOLS or (event.startswith("socket.") and _wakes_trio(frame, who, refusals)):
        return
    named = ", ".join(
        repr(argument) for argument in arguments[:2] if isinstance(argument, (str, bytes, int, list, tuple))
    )
    raise _refusal(refusals, f"{event}({named})" if event != "socket.__new__" else "socket.socket()", instead, who)


def _reads_installed_code(event: str, arguments: tuple[Any, ...], frame: FrameType, refusals: Refusals) -> bool:
    """Whether this is the interpreter at its own files: importing something, or showing the source in a traceback."""
    if _imports_under_way(frame) > refusals.imports_around:
        return True
    if frame.f_globals.get("__name__") in _AT_THEIR_OWN_FILES:
        return True
    if event not in ("open", "os.listdir", "os.scandir"):
        return False
    reads = event != "open" or not (arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    no_file = "<unknown>"  # what the compiler looks for when a text has a syntax error
    return reads and isinstance(arguments[0], str) and arguments[0].startswith((*_INSTALLED, no_file))


def _wakes_trio(frame: FrameType | None, who: FrameType, refusals: Refusals) -> bool:
    """Whether this is the pair of sockets with which trio wakes itself up."""
    if refusals.level != "trio" or _package(who) != "trio":
        return False
    while frame is not None and frame is not who:
        if frame.f_code.co_name in ("socketpair", "_fallback_socketpair"):
            return True
        frame = frame.f_back
    return False


def _imports_under_way(frame: FrameType | None) -> int:
    count = 0
    while frame is not None:
        count += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return count


def _first_outside_of_the_standard_library(frame: FrameType | None) -> FrameType | None:
    while frame is not None and (_package(frame) in _STANDARD or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    return frame


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _refusal(refusals: Refusals, touched: str, instead: str, who: FrameType) -> Refused:
    where = f"{who.f_globals.get('__name__', '?')}:{who.f_lineno}"
    error = Refused(
        f"{touched} touches the real world, at {where} inside of a simulation: use {instead}",
        touched=touched,
        instead=instead,
    )
    refusals.refused.append(error)
    return error


# -- what raises none -------------------------------------------------------------------------------------------------


def _replace() -> None:
    if not _guards:
        _guards.extend(_made_guards())
    for module, name, guard in _guards:
        _replaced.append((module, name, getattr(module, name)))
        setattr(module, name, guard)


def _made_guards() -> Iterator[tuple[ModuleType, str, object]]:
    for module, names, instead in (
        (time, _CLOCK_NAMES, CLOCK),
        (random, _RANDOM_NAMES, ENTROPY),
        (secrets, _SECRETS_NAMES, ENTROPY),
        (uuid, _UUID_NAMES, ENTROPY),
        (os, _OS_NAMES, ENTROPY),
    ):
        for name in names:
            if (real := getattr(module, name, None)) is not None:
                yield module, name, _guarded(real, f"{module.__name__}.{name}", instead, _TAKES_A_MOMENT.get(name))
    if not _THREADS_ARE_AUDITED:
        for module, name in ((_thread, "start_new_thread"), (threading, "_start_new_thread")):
            yield module, name, _guarded_thread(getattr(module, name))


def _put_back() -> None:
    while _replaced:
        module, name, value = _replaced.pop()
        setattr(module, name, value)


def _guarded(real: Callable[..., object], touched: str, instead: str, given: int | None) -> Callable[..., object]:
    """``given``: with so many arguments or more, the real world is not asked."""

    def guarded(*arguments: object, **options: object) -> object:
        stack = _running.get(_thread.get_ident())
        if stack is not None and (given is None or len(arguments) < given):
            caller = sys._getframe(1)  # noqa: SLF001  # the documented way to see one's caller
            if _package(caller) not in stack[-1].exempt:
                raise _refusal(stack[-1], f"{touched}()", instead, caller)
        return real(*arguments, **options)

    return guarded


def _guarded_thread(real: Callable[..., object]) -> Callable[..., object]:
    def guarded(*arguments: Any, **options: Any) -> object:
        stack = _running.get(_thread.get_ident())
        if stack is not None:
            who = _first_outside_of_the_standard_library(sys._getframe(1))  # noqa: SLF001  # as above
            if who is not None and _package(who) not in _TOOLS:
                raise _refusal(stack[-1], "_thread.start_new_thread()", ACTORS, who)
        return real(*arguments, **options)

    return guarded
