"""All commands by their names."""

from __future__ import annotations

import typer

from partita.command.diff import diff
from partita.command.download import download
from partita.command.downloads import downloads
from partita.command.ending import ending
from partita.command.fetch import fetch
from partita.command.log import export, show, tail, verify
from partita.command.partitions import partitions
from partita.command.replay import replay
from partita.command.state import state
from partita.command.tour import tour

app = typer.Typer(
    help="Electron's session with a memory: fetch, download, and look at what happened.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
log = typer.Typer(help="Look at a partition's log.", no_args_is_help=True, rich_markup_mode=None)

for command in (tour, fetch, download, downloads, partitions):
    app.command(command.__name__)(ending(command))
app.add_typer(log, name="log")
for command in (show, tail, verify, export):
    log.command(command.__name__)(ending(command))
for command in (state, diff, replay):
    app.command(command.__name__)(ending(command))
