"""Every run that once failed is run again, for ever after."""

from __future__ import annotations

import pytest

from partita.simulations.failures import KeptFailure, kept_failures


@pytest.mark.parametrize("failure", kept_failures(), ids=lambda failure: failure.name)
def test_what_failed_once_does_not_fail_again(failure: KeptFailure) -> None:
    from partita.simulation import run_seed

    outcome = run_seed(failure.scenario, failure.seed, failure.level, failure.plan, None)
    assert outcome.ok, (
        f"{failure.run.command()} fails again, found {failure.found} and then fixed ({failure.fixed}): {outcome.violations}"
    )
