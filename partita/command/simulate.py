"""``partita simulate``: a scenario under one seed, or under many."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, cast, get_args

import typer

from partita.command.cluster import on_cluster
from partita.command.ending import NO, WrongUsage
from partita.command.options import AsJson, DataDir
from partita.command.printing import console
from partita.command.reading import data_dir_of
from partita.command.simulated_run import simulate_one
from partita.command.sweeping import Sweeping, on_this_machine
from partita.simulations.outcome import Level, Plan
from partita.simulations.plans import plan_of

SEEDS: Final = 100
"""So many, when nothing is said of seeds."""


def simulate(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="What is played; see --list.", show_default=False)
    ] = None,
    *,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", metavar="N", min=1, help=f"Sweep over so many; {SEEDS} by default.", show_default=False
        ),
    ] = None,
    start: Annotated[int, typer.Option("--start", metavar="S", min=0, help="The first of them.")] = 0,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Run this one alone.", show_default=False)
    ] = None,
    level: Annotated[
        str, typer.Option("--level", metavar="kernel|trio", help="trio: the live HTTP stack, in virtual time.")
    ] = "kernel",
    plan: Annotated[
        str | None,
        typer.Option(
            "--plan",
            metavar="PLAN",
            help="With --seed: do only this much of it, as a shrink prints it.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="LOG", help="With --seed: keep the log there.", show_default=False)
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", metavar="J", min=1, help="Processes; one for each processor by default.", show_default=False
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", metavar="ADDRESS", help="Sweep on a Dask cluster: tcp://HOST:PORT.", show_default=False
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Go on with an interrupted sweep, or begin anew.")
    ] = True,
    shrink: Annotated[bool, typer.Option("--shrink/--no-shrink", help="Make the first failure smaller.")] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the first failure in simulations/failures/.")] = False,
    marks: Annotated[bool, typer.Option("--marks", help="Tell which marks no seed reached.")] = False,
    coverage: Annotated[bool, typer.Option("--coverage", help="Tell which states met which messages.")] = False,
    list_them: Annotated[bool, typer.Option("--list", help="Name the scenarios, one a line.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With --list: what each is about.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Run a scenario in a simulated world, under one seed or many.

    Exit status 1 when a checker complained. A failing seed is printed with the one command that runs it again.
    """
    from partita.simulation import run_seed, scenario_names  # noqa: PLC0415  # tests put another in its place

    scenarios = scenario_names()
    if list_them:
        _list(scenarios, verbose=verbose)
        return
    name = _named(scenario, [name for name, _ in scenarios])
    if level not in get_args(Level):
        raise WrongUsage(f"--level is kernel or trio, not {level!r}")
    chosen = cast("Level", level)
    if seed is not None:
        if seeds is not None or start or cluster is not None:
            raise WrongUsage("--seed runs one; --seeds, --start and --cluster are for many")
        if out is not None and out.exists():
            raise WrongUsage(f"{out} exists already: a log overwrites nothing")
        reduced = Plan() if plan is None else plan_of(plan)
        fine = simulate_one(run_seed, name, seed, chosen, reduced, out=out, as_json=as_json)
    else:
        if plan is not None or out is not None:
            raise WrongUsage("--plan and --out go with --seed")
        fine = Sweeping(
            run_seed,
            name,
            range(start, start + (SEEDS if seeds is None else seeds)),
            chosen,
            on_this_machine(jobs) if cluster is None else on_cluster(cluster),
            directory=data_dir_of(data_dir) / "Simulations",
            fresh=not resume,
            shrinks=shrink,
            keeps=keep,
            tells_marks=marks,
            tells_coverage=coverage,
            as_json=as_json,
        ).run()
    if not fine:
        raise typer.Exit(NO)


def _list(scenarios: Sequence[tuple[str, str]], *, verbose: bool) -> None:
    width = max((len(name) for name, _ in scenarios), default=0)
    for name, summary in scenarios:
        console().print(f"{name:{width}}  {summary}" if verbose else name)


def _named(scenario: str | None, names: list[str]) -> str:
    if scenario is None:
        raise WrongUsage(f"which scenario? one of {', '.join(names)}")
    if scenario not in names:
        near = difflib.get_close_matches(scenario, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
        raise WrongUsage(f"no scenario {scenario!r}: {hint}")
    return scenario
