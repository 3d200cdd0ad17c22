"""A download that began elsewhere: a file with its first bytes, of which the rest is to be asked for (FEATURES F28).

It is born interrupted. The file is its own part file: what comes is written into it, and it keeps its name. So it is also
what ``cancel()`` deletes, as it deletes every file that is not complete (L10).
"""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from partita.actors.kernel.behavior import Decision
from partita.events.download_ledger import AddInterruptedDownload, DownloadAdded, DownloadsState
from partita.events.download_origins import DownloadOrigin, EarlierDownload
from partita.events.downloads import DownloadHeadFields, DownloadOrder, DownloadRestored, DownloadState, StartDownload
from partita.events.system import Tell

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context

LONGEST_URL_CHAIN: Final = 100


def add_interrupted(state: DownloadsState, message: AddInterruptedDownload, ctx: Context) -> Decision:  # noqa: ARG001
    """Give it an id and an actor, as a download that begins now has; nothing is sent."""
    earlier = message.earlier
    wrong = _wrong(earlier)
    if wrong is not None:
        return Decision(refusal=ValueError(wrong))
    order = DownloadOrder(
        id=ctx.id(),
        url=earlier.url_chain[-1],
        directory=str(_pure(earlier.path).parent),
        headers=message.headers,
        save_path=earlier.path,
        started_us=ctx.now_us if message.started_us is None else message.started_us,
        origin=DownloadOrigin(earlier=earlier),
    )
    return Decision(
        events=(DownloadAdded(order),),
        effects=(Tell(to=f"download/{order.id}", message=StartDownload(order)),),
        reply=order.id,
    )


def restored(order: DownloadOrder) -> DownloadRestored | None:
    """How the life of a download begins that began elsewhere; None for any other."""
    return None if order.origin.earlier is None else DownloadRestored(order)


def evolve_restored(state: DownloadState, event: DownloadRestored) -> DownloadState:  # noqa: ARG001
    """It stands as if its connection had timed out a moment ago, as Electron's does."""
    earlier = event.order.origin.earlier
    assert earlier is not None, "that is what makes it a restored one"
    return DownloadState(
        phase="interrupted",
        order=event.order,
        head=DownloadHeadFields(
            url_chain=(event.order.url,),
            status=0,
            offset=earlier.offset,
            total_bytes=earlier.total_bytes,
            mime_type=earlier.mime_type,
            e_tag=earlier.e_tag,
            last_modified=earlier.last_modified,
        ),
        filename=_pure(earlier.path).name,
        target_path=earlier.path,
        part_path=earlier.path,
        received_bytes=earlier.offset,
        reason="NETWORK_TIMEOUT",
    )


def _wrong(earlier: EarlierDownload) -> str | None:
    """What keeps it from being one, the first two in Electron's words (FEATURES F28)."""
    if not earlier.path or not earlier.url_chain or not all(earlier.url_chain) or not earlier.total_bytes:
        return "Must pass non-empty path, urlChain and length."
    if earlier.offset >= earlier.total_bytes:
        return "Must pass an offset value less than length."
    if earlier.offset < 0:
        return f"offset: {earlier.offset} is less than 0"
    if not _pure(earlier.path).is_absolute() or "\0" in earlier.path:
        return f"path: {earlier.path!r} is not an absolute path"
    if len(earlier.url_chain) > LONGEST_URL_CHAIN:
        return f"urlChain: {len(earlier.url_chain)} URLs; {LONGEST_URL_CHAIN} are the most"
    return None


def _pure(path: str) -> PurePath:
    """The path as its platform reads it: a log is decided again on another one, too."""
    posix = PurePosixPath(path)
    return posix if posix.is_absolute() else PureWindowsPath(path)
