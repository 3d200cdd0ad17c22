"""The workers of a Dask cluster, behind the standard ``Executor`` interface."""

import importlib
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, NamedTuple

from partita.command.ending import WrongUsage
from partita.simulations.code import code_digest


class Workers(NamedTuple):
    """Who does it: a maker of executors, how many chunks they work on at once, and how they are called."""

    executor: Callable[[], Executor]
    jobs: int
    told: str
    close: Callable[[], object] = lambda: None
    """When they are not needed any more."""


def on_cluster(address: str) -> Workers:
    """The workers of the cluster whose scheduler is there. They must have the same code installed."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise WrongUsage("--cluster needs Dask: python -m pip install 'partita[cluster]'") from None
    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError, TypeError) as error:
        raise WrongUsage(f"no cluster answers at {address}: {error}") from error
    jobs = sum(client.nthreads().values())
    other = sorted(worker for worker, digest in client.run(code_digest).items() if digest != code_digest())
    if other or not jobs:
        client.close()
        raise WrongUsage(
            f"these workers of {address} have other code than this process: {', '.join(other)}"
            if other
            else f"the cluster at {address} has no workers"
        )
    return Workers(client.get_executor, jobs, f"{jobs} threads of {address}", client.close)
