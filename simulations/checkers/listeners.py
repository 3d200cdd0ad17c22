"""What hosts saw agrees with what the listeners of webRequest said, and each request came by its stages in their order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

LETTERS: Final = {
    "before_request": "B",
    "before_send_headers": "S",
    "send_headers": "s",
    "headers_received": "H",
    "before_redirect": "R",
    "response_started": "T",
    "response_body": "b",
    "completed": "C",
    "error_occurred": "E",
}

_HOP: Final = "B(?:R|Ss+HR)"
_SO_FAR: Final = re.compile(f"(?:{_HOP})*(?:B(?:S(?:s+(?:H(?:Tb?)?)?)?)?)?")
"""A request that has not come to its end: FEATURES W5 to W19. It may be sent again where a connection had gone stale."""
_ENDED: Final = re.compile(f"(?:{_HOP})*(?:BSs+HTb?C|B(?:S(?:s+(?:H(?:Tb?)?)?)?)?E)")


class ListenersAreObeyed(Checker):
    """Looks at what the scenario remembers: what arrived against what had to, and the stages of each request.

    ``wrong``: what hosts and users saw that no listener had allowed. ``stages``: by process and request, the stages that its
    listeners were told of, a letter each.
    """

    name = "listeners"

    def ended(self, partition: Partition) -> None:  # noqa: ARG002
        memory = self.world.memory
        for what in memory.get("wrong", ()):
            raise Broken(what)
        for (life, number), stages in memory.get("stages", {}).items():
            text = "".join(stages)
            crashed = life != self.world.life_number
            if not _ENDED.fullmatch(text) and not (crashed and _SO_FAR.fullmatch(text)):
                raise Broken(f"request {number} of process {life} came by the stages {text}")
