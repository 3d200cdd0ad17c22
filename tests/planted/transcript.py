"""The transcript in ``docs/guides/hunt.md``: what a hunt says, less what is not needed to follow it (``...``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .hunting import Hunt
from .planting import ROOT, Done

GUIDE: Final = ROOT / "docs" / "guides" / "hunt.md"
WIDTH: Final = 150

_BLOCK: Final = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)

_PASSING: Final = re.compile(r" in [\d.]+ ?s$|(?<=failed), .*$")
"""How long it took, and by which version."""

# Of each command's output, the lines that begin with one of these.
_SWEEP: Final = ("2 seeds failed", "1 seed failed", "seed ", "liveness: what", "keep its log")
_KEPT: Final = ("liveness: what", "orphans", "  ", "look into")
_WRITTEN: Final = ("",)
_RAN: Final = (">", "FAILED", "1 failed", "2 passed")


def blocks(hunt: Hunt) -> list[str]:
    """One for each command, in the order of the guide."""
    shown = (
        (hunt.sweep, _SWEEP),
        (hunt.kept, _KEPT),
        (hunt.looked, _WRITTEN),
        (hunt.written, _WRITTEN),
        (hunt.failed, _RAN),
        (hunt.mended, _RAN),
    )
    return ["\n".join([f"$ {done.line}", *_shortened(done, kept)]) + "\n" for done, kept in shown]


def blocks_of(guide: Path = GUIDE) -> list[str]:
    """Those that stand there."""
    return _BLOCK.findall(guide.read_text(encoding="utf-8"))


def renew(hunt: Hunt, guide: Path = GUIDE) -> None:
    """Write them anew."""
    told = iter(blocks(hunt))
    text = _BLOCK.sub(lambda _: next(told), guide.read_text(encoding="utf-8"))
    assert next(told, None) is None, f"{guide.name} has a block for each command"
    guide.write_text(text, encoding="utf-8")


def _shortened(done: Done, kept: tuple[str, ...]) -> Iterator[str]:
    left_out = False
    for line in done.out.splitlines():
        if not line.startswith(kept):
            left_out = True
            continue
        if left_out:
            yield "..."
            left_out = False
        text = _PASSING.sub(" ...", line.rstrip())
        yield text if len(text) <= WIDTH or "--plan" in text else f"{text[:WIDTH].rstrip()} ..."
    if left_out:
        yield "..."
