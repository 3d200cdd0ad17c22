"""Which kernel, if any, runs on the calling thread.

A blocking ``get()`` there would wait for itself: the live kernel refuses it, the simulation kernel runs on until the result
is there.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from partita.actors.kernel.kernel import Kernel

_kernels: Final[dict[int, list[Kernel]]] = {}


def enter(kernel: Kernel) -> None:
    """The calling thread runs ``kernel`` from here on."""
    _kernels.setdefault(threading.get_ident(), []).append(kernel)


def leave(kernel: Kernel) -> None:
    """The calling thread runs ``kernel`` no longer."""
    ident = threading.get_ident()
    running = _kernels.get(ident, [])
    if kernel in running:
        running.remove(kernel)
    if not running:
        _kernels.pop(ident, None)


def kernel_of_this_thread() -> Kernel | None:
    """The kernel that this thread runs; None on every other thread."""
    running = _kernels.get(threading.get_ident())
    return running[-1] if running else None
