"""``partita diff``: what changed between two positions."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from partita.actors.kernel.fold import Fold
from partita.actors.replay.causes import same
from partita.actors.replay.divergence import ABSENT, Difference, differences
from partita.command.options import AsJson, DataDir, Partition, Reveal, Through
from partita.command.printing import console, plain_table, print_json
from partita.command.reading import reading
from partita.inspection import Plain, summary, to_plain
from partita.log import state_at


def diff(
    partition: Partition,
    left: Annotated[int, typer.Argument(metavar="N", min=0, help="The one position.")],
    right: Annotated[int, typer.Argument(metavar="M", min=0, help="The other position.")],
    *,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print what differs between two positions."""
    with reading(partition, data_dir, through=through) as store:
        found = list(differing(state_at(store, left), state_at(store, right)))
        if as_json:
            plain = [difference_to_plain(difference, reveal=reveal) for difference in found]
            print_json({"left": left, "right": right, "differences": plain})
            return
        out = console()
        if not found:
            out.print(f"nothing differs between {left} and {right}")
            return
        table = plain_table("field", f"at {left}", f"at {right}")
        for difference in found:
            table.add_row(Text(difference.path.replace("\\n", " ")), *sides(difference, reveal=reveal))
        out.print(table)


def differing(left: Fold, right: Fold) -> Iterator[Difference]:
    """The fields that differ, actor by actor, each path beginning with the actor's name."""
    for actor in {**left.images, **right.images}:
        one, other = (fold.images[actor][0] if actor in fold.images else ABSENT for fold in (left, right))
        yield from differences(one, other, actor, same=same)


def sides(difference: Difference, *, reveal: bool = False) -> tuple[Text, Text]:
    """Both values of a difference, for a table."""
    return (
        Text(_shown(difference.left, reveal=reveal), style="red"),
        Text(_shown(difference.right, reveal=reveal), style="green"),
    )


def difference_to_plain(difference: Difference, *, reveal: bool = False) -> dict[str, Plain]:
    """``path``, ``left``, ``right``; a side that the field is absent from is left out."""
    plain: dict[str, Plain] = {"path": difference.path}
    if difference.left is not ABSENT:
        plain["left"] = to_plain(difference.left, reveal=reveal)
    if difference.right is not ABSENT:
        plain["right"] = to_plain(difference.right, reveal=reveal)
    return plain


def _shown(value: object, *, reveal: bool) -> str:
    return ABSENT if value is ABSENT else summary(value, reveal=reveal)
