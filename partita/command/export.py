"""``partita export`` and ``partita log export``: a whole log as one file, to keep or to give away."""

from pathlib import Path
from typing import Annotated

import typer

from partita.command.ending import WrongUsage
from partita.command.options import AsJson, DataDir, Partition
from partita.command.printing import console, counted, print_json, size_text
from partita.command.reading import reading
from partita.store.partition import PartitionStore


def export(
    partition: Partition,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")],
    *,
    include_keys: Annotated[
        bool, typer.Option("--include-keys", help="Whoever has the file can read its secrets.")
    ] = False,
    shareable: Annotated[
        bool, typer.Option("--shareable", help="Take every secret and every body out, and check that they are.")
    ] = False,
    with_bodies: Annotated[
        bool, typer.Option("--with-bodies", help="With --shareable: take the bodies along, readable.")
    ] = False,
    hide_users: Annotated[
        bool, typer.Option("--hide-users", help="With --shareable: take the names of users out of paths.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write a whole log as one file.

    Without its keys, its secrets stay unreadable; with --shareable they are not in it at all. Exit status 1, and no file, when
    the value of a secret stands in clear somewhere else in the log.
    """
    if path.exists():
        raise WrongUsage(f"{path} exists already: an export overwrites nothing")
    if shareable and include_keys:
        raise WrongUsage("--shareable and --include-keys contradict each other")
    if (with_bodies or hide_users) and not shareable:
        raise WrongUsage("--with-bodies and --hide-users go with --shareable")
    with reading(partition, data_dir) as store:
        if shareable:
            told, text = _shared(store, path, with_bodies=with_bodies, hide_users=hide_users)
        else:
            store.export(path, include_keys=include_keys)
            told = {"keys": include_keys}
            text = "with its keys" if include_keys else "without its keys"
        turns = store.position - store.first_position + 1
    size_bytes = path.stat().st_size
    if as_json:
        print_json({"path": str(path.absolute()), "turns": turns, "size_bytes": size_bytes, **told})
    else:
        console().print(f"{counted(turns, 'turn')} in {path} ({size_text(size_bytes)}), {text}")


def _shared(store: PartitionStore, path: Path, *, with_bodies: bool, hide_users: bool) -> tuple[dict[str, object], str]:
    """What was done, as JSON and for people."""
    shared = store.export_shareable(path, with_bodies=with_bodies, hide_users=hide_users)
    text = (
        f"{counted(shared.secrets, 'secret')} removed; searched for {counted(shared.searched, 'value')}: none is there"
    )
    if shared.too_short:
        text += f" ({shared.too_short} too short to be searched for)"
    told: dict[str, object] = {
        "keys": False,
        "secrets_removed": shared.secrets,
        "values_searched": shared.searched,
        "values_too_short": shared.too_short,
        "bodies": shared.bodies,
    }
    return told, text
