"""What verifying a log found, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from partita.command.printing import counted, plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from partita.store.verify import Verification

SHOWN = 20
"""So many damages are listed for people; JSON has all."""


def verification_to_plain(found: Verification) -> dict[str, object]:
    """``ok``, ``turns`` (good ones), ``batches``, ``snapshots``, ``blobs``, ``first``, ``last``, and the list ``damage``."""
    return {
        "ok": found.ok,
        "turns": found.turns,
        "batches": found.batches,
        "snapshots": found.snapshots,
        "blobs": found.blobs,
        "first": found.first_position,
        "last": found.last_position,
        "damage": [{"position": damage.position, "what": damage.what} for damage in found.damage],
    }


def print_verification(out: Console, found: Verification) -> None:
    """The same for people."""
    out.print(
        f"{counted(found.turns, 'turn')} in {found.batches} batches, positions {found.first_position} to {found.last_position};"
        f" {found.snapshots} snapshots, {found.blobs} blobs"
    )
    if found.ok:
        out.print(Text("no damage: every checksum and every link of the chain is what was written", style="green"))
        return
    out.print(Text(counted(len(found.damage), "damage"), style="bold red"))
    table = plain_table("position", "what")
    for damage in found.damage[:SHOWN]:
        table.add_row(str(damage.position) if damage.position else "-", damage.what)
    out.print(table)
    if len(found.damage) > SHOWN:
        out.print(f"and {len(found.damage) - SHOWN} more: --json lists them")
    touched = [damage.position for damage in found.damage if damage.position]
    if touched and min(touched) > 1:
        out.print(f"what comes before can be read: --through {min(touched) - 1}")
