"""The scenarios: each a file, with its hosts, its users' steps and what it checks besides what always is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.simulations.scenarios.browsing import browsing
from partita.simulations.scenarios.caching import caching
from partita.simulations.scenarios.clearing import clearing
from partita.simulations.scenarios.coded_files import coded_files
from partita.simulations.scenarios.cookie_rules import cookie_rules
from partita.simulations.scenarios.cookies import cookies
from partita.simulations.scenarios.devices import devices
from partita.simulations.scenarios.downloads import downloads
from partita.simulations.scenarios.following import following
from partita.simulations.scenarios.forks import forks
from partita.simulations.scenarios.moving_target import moving_target
from partita.simulations.scenarios.permissions import permissions
from partita.simulations.scenarios.prompts import prompts
from partita.simulations.scenarios.queueing import queueing
from partita.simulations.scenarios.rivals import rivals
from partita.simulations.scenarios.segments import segments
from partita.simulations.scenarios.streaming import streaming
from partita.simulations.scenarios.taken_over import taken_over
from partita.simulations.scenarios.web_requests import web_requests

if TYPE_CHECKING:
    from partita.simulations.scenario import Scenario

ALL: Final[tuple[Scenario, ...]] = (
    cookies,
    cookie_rules,
    browsing,
    caching,
    clearing,
    downloads,
    moving_target,
    prompts,
    queueing,
    permissions,
    devices,
    following,
    forks,
    rivals,
    web_requests,
    segments,
    coded_files,
    streaming,
    taken_over,
)
