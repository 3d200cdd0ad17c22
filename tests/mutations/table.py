"""What was caught, as a file that the test reads, and as the table in ``simulations/README.md``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from .catalogue import CATALOGUE
from .sweeping import Caught

RECORD: Final = Path(__file__).parent / "caught.json"
README: Final = Path(__file__).parents[2] / "simulations" / "README.md"
BEGIN: Final = "<!-- mutations: begin -->"
END: Final = "<!-- mutations: end -->"
_HEADING: Final = "## What each safeguard is worth"


def recorded() -> dict[str, Caught]:
    """By mutation, what the last sweep found."""
    if not RECORD.exists():
        return {}
    return {caught.mutation: caught for caught in msgspec.json.decode(RECORD.read_bytes(), type=list[Caught])}


def record(found: Iterable[Caught]) -> None:
    """Keep these in place of what was known of their mutations, and forget mutations that are no more."""
    known = recorded() | {caught.mutation: caught for caught in found}
    kept = [known[name] for name in CATALOGUE if name in known]
    RECORD.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


def markdown() -> str:
    """The table of what is recorded; seeds are counted from the first."""
    known = recorded()
    rows = ["| without | what is gone | scenario | level | checker | seeds |", "|---|---|---|---|---|---:|"]
    for name, mutation in CATALOGUE.items():
        caught = known.get(name)
        gone = f"{mutation.gone}{' (of the disk)' if mutation.on_the_disk else ''}"
        if caught is None:
            rows.append(
                f"| `{name}` | {gone} | {', '.join(mutation.scenarios)} | {mutation.level} | **not caught** | |"
            )
        else:
            rows.append(
                f"| `{name}` | {gone} | {caught.scenario} | {caught.level} | {caught.checker} | {caught.seed + 1} |"
            )
    return "\n".join(rows)


def write_readme() -> None:
    """Put the table between its markers; make the section when it is not there."""
    text = README.read_text(encoding="utf-8") if README.exists() else "# Simulations\n"
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{_HEADING}\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{markdown()}\n{END}{after}", encoding="utf-8")
