"""The cache is cleared all the time, and its URLs are changed, while bodies come into it part by part."""

from __future__ import annotations

from typing import Final

from partita.simulations.checkers.cache_oracle import CacheObeysTheRfc
from partita.simulations.scenario import Scenario
from partita.simulations.scenarios.caching import change, clear, grow, hosts, limit, part, whole

clearing: Final = Scenario(
    name="clearing",
    summary="the cache is cleared while bodies come into it part by part",
    hosts=hosts,
    steps={"part": part, "whole": whole, "grow": grow, "clear": clear, "change": change},
    opened=limit,
    checkers=(CacheObeysTheRfc,),
    users=6,
    steps_each=(3, 8),
    settings={"users.pause_s": (0.0, 0.1, 1.0)},
)
