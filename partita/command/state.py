"""``partita state``: what every actor is, or was at a position."""

from typing import Annotated

import msgspec
import typer
from rich.text import Text
from rich.tree import Tree

from partita.actors.kernel.fold import Fold
from partita.command.options import AsJson, DataDir, Partition, Reveal, Through
from partita.command.printing import console, print_json
from partita.command.reading import reading
from partita.inspection import name_of, summary, time_text, to_plain
from partita.log import state_at

At = Annotated[int | None, typer.Option("--at", metavar="N", min=0, help="As of this position.", show_default=False)]


def state(
    partition: Partition = "",
    *,
    at: At = None,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print the state of every actor.

    Now or at a position, with the effects that are in flight.
    """
    with reading(partition, data_dir, through=through) as store:
        folded = state_at(store, store.position if at is None else at)
        if as_json:
            print_json(state_to_plain(folded, reveal=reveal))
        else:
            console().print(state_tree(folded, store.name, reveal=reveal))


def state_to_plain(folded: Fold, *, reveal: bool = False) -> dict[str, object]:
    """``position``, ``time``, ``at``; ``actors``: each one's state by its name; ``pending``: its effects in flight."""
    return {
        "position": folded.position,
        "time": folded.time_us,
        "at": time_text(folded.time_us, precise=True),
        "actors": {name: to_plain(state, reveal=reveal) for name, (state, _) in folded.images.items()},
        "pending": {
            name: [to_plain(effect, reveal=reveal) for effect in pending.values()]
            for name, (_, pending) in folded.images.items()
            if pending
        },
    }


def state_tree(folded: Fold, name: str, *, reveal: bool = False) -> Tree:
    """The same as a tree: an actor a branch, a field a twig."""
    when = f", {time_text(folded.time_us)} UTC" if folded.position else ""
    root = Tree(Text(f"{name or 'the default session'} at position {folded.position}{when}", style="bold"))
    for actor, (state, pending) in folded.images.items():
        branch = root.add(Text(actor, style="bold cyan"))
        grow(branch, state, reveal=reveal)
        for effect in pending.values():
            branch.add(Text(f"→ in flight: {summary(effect, reveal=reveal)}", style="yellow"))
    return root


def grow(branch: Tree, value: object, *, reveal: bool) -> None:
    """A twig for each field or item; what fits in a line stays in one."""
    if isinstance(value, msgspec.Struct):
        items: list[tuple[str, object]] = [(f, getattr(value, f)) for f in value.__struct_fields__]
    elif isinstance(value, dict):
        items = [(" ".join(str(key).split()), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        items = []
    for name, item in items:
        label = Text(name)
        if _is_branch(item):
            if isinstance(item, msgspec.Struct):
                label.append(f"  {name_of(item)}", style="dim")
            grow(branch.add(label), item, reveal=reveal)
        else:
            label.append(" = ", style="dim").append(summary(item, reveal=reveal, width=None))
            branch.add(label)


def _is_branch(value: object) -> bool:
    if isinstance(value, msgspec.Struct):
        return bool(value.__struct_fields__)
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, (list, tuple)) and any(isinstance(item, (msgspec.Struct, dict)) for item in value)
