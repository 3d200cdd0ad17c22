"""``partita to-test``: a stretch of a log as a regression test."""

import re
import secrets
import shlex
from pathlib import Path
from typing import Annotated

import typer

from partita.actors.replay.to_test import Written
from partita.actors.replay.to_test import to_test as write_test
from partita.actors.session.behavior import BEHAVIORS
from partita.command.ending import WrongUsage
from partita.command.options import AsJson, DataDir, Partition
from partita.command.printing import console, counted, print_json
from partita.command.reading import reading


def to_test(
    partition: Partition,
    *,
    first: Annotated[int, typer.Option("--from", metavar="N", min=1, help="The first turn.")],
    last: Annotated[int, typer.Option("--to", metavar="M", min=1, help="The last turn.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file to write.", show_default=False)
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            "--assert",
            metavar="EXPR",
            help="What should be so afterwards: 'session.cookies.count == 2'.",
            show_default=False,
        ),
    ] = None,
    expect_fixed: Annotated[
        bool, typer.Option("--expect-fixed", help="What was recorded is a bug: do not ask for the same events again.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write a pytest file that decides a stretch of a log again.

    It holds all that it needs: the states before and the turns, with stand-ins for secrets. It asserts that today's code decides
    as it did and, with --assert, what should be so afterwards. After a bug was found: --expect-fixed --assert EXPR, which fails
    as long as the bug is there.
    """
    with reading(partition, data_dir) as store:
        name = re.sub("[^a-z0-9]+", "_", store.name.lower()).strip("_") or "default"
        path = out or Path(f"test_{name}_{first}_to_{last}.py")
        beside = path.with_suffix(".stretch")
        for file in (path, beside):
            if file.exists():
                raise WrongUsage(f"{file} exists already: nothing is written over")
        written = write_test(
            store,
            BEHAVIORS,
            first,
            last,
            salt=secrets.token_bytes(32),
            beside=beside.name,
            expect=expect,
            expect_fixed=expect_fixed,
        )
    if written.record is not None:
        beside.write_text(written.record, "utf-8")
    path.write_text(written.test, "utf-8")
    if as_json:
        print_json(
            {
                "path": str(path.absolute()),
                "beside": None if written.record is None else str(beside.absolute()),
                "turns": last - first + 1,
                "secrets_replaced": written.replaced,
                "left_out": list(written.changed),
                "diverging": list(written.diverging),
                "holds": written.holds,
            }
        )
    else:
        _tell(path, beside, written, last - first + 1, expect)


def _tell(path: Path, beside: Path, written: Written, turns: int, expect: str | None) -> None:
    out = console()
    where = f"{path}" if written.record is None else f"{path} and {beside}"
    out.print(f"{counted(turns, 'turn')} in {where}; stand-ins for {counted(written.replaced, 'secret')}")
    if written.changed:
        positions = ", ".join(map(str, written.changed))
        out.print(f"left out, because stand-ins would be decided otherwise: {positions}")
    if written.diverging:
        out.print(
            f"decided otherwise by today's code, so the test fails there: {', '.join(map(str, written.diverging))}"
        )
    if expect is not None:
        told = {True: "holds today", False: "does not hold today", None: "cannot be asked today: deciding raises"}
        out.print(f"{expect}: {told[written.holds]}")
    out.print(f"run it with: python -m pytest {shlex.quote(str(path))}")
