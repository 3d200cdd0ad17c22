"""All commands by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import typer

from partita import __version__
from partita.command.bisect import bisect
from partita.command.debug import debug
from partita.command.device_recording import record
from partita.command.devices import grants, list_devices, watch
from partita.command.diff import diff
from partita.command.download import download
from partita.command.downloads import downloads
from partita.command.ending import ending
from partita.command.export import export
from partita.command.fetch import fetch
from partita.command.har import har
from partita.command.log import show, tail, verify
from partita.command.partitions import partitions
from partita.command.replay import replay
from partita.command.simulate import simulate
from partita.command.state import state
from partita.command.to_test import to_test
from partita.command.tour import tour

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
devices = typer.Typer(
    help="Look at devices and at what was granted; record.", no_args_is_help=True, rich_markup_mode=None
)
log = typer.Typer(help="Look at a partition's log.", no_args_is_help=True, rich_markup_mode=None)

MAIN: Final[tuple[Callable[..., None], ...]] = (
    tour,
    fetch,
    download,
    downloads,
    partitions,
    state,
    diff,
    replay,
    debug,
    bisect,
    export,
    to_test,
    simulate,
)
OF_THE_LOG: Final[tuple[Callable[..., None], ...]] = (show, tail, verify, export, har)
OF_DEVICES: Final[tuple[Callable[..., None], ...]] = (list_devices, watch, grants, record)

for command in MAIN:
    app.command(command.__name__.replace("_", "-"))(ending(command))
for command in OF_THE_LOG:
    log.command(command.__name__)(ending(command))
app.add_typer(log, name="log")
for command in OF_DEVICES:
    devices.command(command.__name__.removesuffix("_devices"))(ending(command))
app.add_typer(devices, name="devices")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"partita {__version__}")
        raise typer.Exit


@app.callback()
def partita(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Electron's session with a memory: fetch, download, and look at what happened."""
