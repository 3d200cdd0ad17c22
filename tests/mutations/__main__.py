"""``python -m tests.mutations``: sweep each mutation until it is caught, and write down with which seed.

Takes minutes where a mutation is caught late, or not at all.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from partita.simulations.sweep import processors

from .catalogue import CATALOGUE
from .sweeping import swept
from .table import markdown, record, write_readme


def main() -> int:
    """The command. It fails when a mutation is not caught, or the code complains without one."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="a mutation, or the beginning of their names")
    parser.add_argument("--seeds", type=int, default=10_000, help="at most, in each scenario (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=processors(), help="processes (default: as there are processors)")
    parser.add_argument("--list", action="store_true", help="name the mutations, and what each takes away")
    options = parser.parse_args()
    names = [name for name in CATALOGUE if not options.only or name.startswith(tuple(options.only))]
    if options.list:
        for name in names:
            print(f"{name:44}{CATALOGUE[name].gone}")
        return 0
    failed = False
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context, max_tasks_per_child=1) as executor:
        running = {executor.submit(swept, CATALOGUE[name], options.seeds): name for name in names}
        for future in as_completed(running):
            name = running[future]
            caught, without, seconds = future.result()
            if caught is None:
                failed = True
                print(
                    f"{name:44}NOT CAUGHT by {options.seeds} seeds of {', '.join(CATALOGUE[name].scenarios)}",
                    flush=True,
                )
                continue
            where = f"{caught.scenario} {caught.seed} ({caught.level})"
            print(f"{name:44}{where:30}{caught.checker:12}{seconds:6.1f} s  {caught.what[:90]!r}", flush=True)
            if without is not None:
                failed = True
                print(f"{'':44}and WITHOUT the mutation: {without}", flush=True)
            else:
                record([caught])
    write_readme()
    print(f"\n{markdown()}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
