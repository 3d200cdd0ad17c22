"""The checkers that look on in every run. A capability brings its own; a scenario may add more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from partita.simulations.checkers.ahead_of_the_log import NoFileIsAheadOfTheLog
from partita.simulations.checkers.bytes_reported import ReportedBytesAreThere
from partita.simulations.checkers.bytes_served import BytesServed
from partita.simulations.checkers.chain import ChainVerifies
from partita.simulations.checkers.cookie_oracle import CookiesAreByTheRfc
from partita.simulations.checkers.damage import DamageIsFound
from partita.simulations.checkers.decisions import DecidesTheSame
from partita.simulations.checkers.downloads_listed import DownloadsAreListed
from partita.simulations.checkers.durability import DurableWhenTold
from partita.simulations.checkers.effects import EffectsAfterTheCommit
from partita.simulations.checkers.files_discarded import CancelledFilesAreGone
from partita.simulations.checkers.folding import StateIsTheFold
from partita.simulations.checkers.forgotten import ForgottenByTheNextProcess
from partita.simulations.checkers.mixing import NothingIsMixed
from partita.simulations.checkers.nonces import NoncesAreUsedOnce
from partita.simulations.checkers.order import OneOrder
from partita.simulations.checkers.orphans import NothingIsLeftBehind
from partita.simulations.checkers.outcomes import SettledOnce
from partita.simulations.checkers.promises import PromisesAreKept
from partita.simulations.checkers.stored_bodies import StoredBodiesAreThere
from partita.simulations.checkers.touches import TouchesAreRare

if TYPE_CHECKING:
    from partita.simulations.checker import Checker
    from partita.simulations.world import World

ALWAYS: Final[tuple[Callable[[World], Checker], ...]] = (
    StateIsTheFold,
    DecidesTheSame,
    ChainVerifies,
    DurableWhenTold,
    EffectsAfterTheCommit,
    PromisesAreKept,
    NoncesAreUsedOnce,
    DamageIsFound,
    ReportedBytesAreThere,
    NoFileIsAheadOfTheLog,
    BytesServed,
    DownloadsAreListed,
    CancelledFilesAreGone,
    ForgottenByTheNextProcess,
    OneOrder,
    SettledOnce,
    TouchesAreRare,
    CookiesAreByTheRfc,
    NothingIsMixed,
    StoredBodiesAreThere,
    NothingIsLeftBehind,
)

WHEN_ALL_IS_DONE: Final = (CancelledFilesAreGone, StoredBodiesAreThere, NothingIsLeftBehind)
"""Those of them for which everybody has to have finished."""
