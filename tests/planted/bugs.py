"""Three bugs as somebody might have written them: small, well meant, and found by a sweep only.

Each is one change of a file of the package; :mod:`.planting` makes it in a copy. When the code has moved on, so that another seed
finds a bug, ``python -m tests.planted.renew`` looks for it, says what to write here, and writes the guide's transcript anew.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct


class PlantedBug(Struct, frozen=True, kw_only=True):
    """One of them.

    ``thought``: what its author had in mind. ``file``: below the checkout; in it ``right``, which stands there once, becomes
    ``wrong``. ``seed`` is the one that finds it in ``scenario``, and whose failure ``checker`` complains of.

    ``looking``: what to ask the debugger, from the end of the failing run; its place is then where the bug shows. ``told``: what
    its answer says, in this order. ``should_be``: what holds there when the bug is mended, and does not as long as it is there.
    """

    name: str
    kind: Literal["order", "recovery", "liveness"]
    thought: str
    file: str
    right: str
    wrong: str
    scenario: str
    seed: int
    checker: str
    looking: str
    told: tuple[str, ...]
    should_be: str


BUGS: Final = (
    PlantedBug(
        name="the_older_count_outlives_the_newer_answer",
        kind="order",
        thought="A progress bar that jumps back looks broken: what has been received never becomes less.",
        file="actors/downloads/evolution.py",
        right="        received_bytes=size_of(pieces) if pieces else event.head.offset,\n",
        wrong="        received_bytes=max(state.received_bytes, event.head.offset),\n",
        scenario="moving_target",
        seed=64,
        checker="reported",
        looking="back when event is DownloadHeadReceived and event.head.offset < state.received_bytes;"
        " why; blame state.received_bytes",
        told=(
            "downloads.resume",
            "received_bytes was changed by turn",
        ),
        should_be="state.received_bytes == state.head.offset",
    ),
    PlantedBug(
        name="a_download_begun_by_an_opening_is_fetched_by_nobody",
        kind="recovery",
        thought="The turn that should have begun it was lost with the process: so it begins now.",
        file="actors/downloads/behavior.py",
        right=(
            "    return changed(state, (DownloadStarted(message.order),"
            " DownloadInterrupted(message.reason, 0, ended_us=ctx.now_us)))\n"
        ),
        wrong="    return changed(state, (DownloadStarted(message.order),))\n",
        scenario="downloads",
        seed=2,
        checker="liveness",
        looking='back when message is InterruptDownload and state.phase == "asking"; why; blame state.phase',
        told=(
            "downloads.interrupt",
            "because of turn",
            "system.recover",
            "from outside",
            "phase was changed by turn",
        ),
        should_be='state.phase == "interrupted"',
    ),
    PlantedBug(
        name="what_was_paused_before_it_broke_off_stays_so",
        kind="liveness",
        thought="Whoever has paused a download wants it to stay so, also when its connection breaks in the meantime.",
        file="actors/downloads/evolution.py",
        right='        phase="interrupted",\n        paused=False,\n',
        wrong='        phase="interrupted",\n',
        scenario="downloads",
        seed=8,
        checker="liveness",
        looking="back when event is DownloadQueued and state.paused; why; blame state.paused",
        told=(
            "downloads.resume",
            "from outside",
            "paused was changed by turn",
            "downloads.pause",
        ),
        should_be="not state.paused",
    ),
)

TOLD: Final = BUGS[-1]
"""The one of which ``docs/guides/hunt.md`` tells."""
