"""No response body is ever mixed with another, and no body is complete that was not sent so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class NothingIsMixed(Checker):
    """Looks at what users noted of the responses that they got: ``(url, sent, received)``.

    What a server announced is what it served: where it lied about the length, a part of the body is all there is.
    """

    name = "mixing"

    def ended(self, partition: Partition) -> None:  # noqa: ARG002
        for url, sent, received in self.world.memory.get("bodies", ()):
            served = self.world.internet.served.get(url, {}).values()
            if received not in served:
                raise Broken(
                    f"the body of {url} is {len(received)} bytes that were never served there: {received[:40]!r}"
                )
            if sent and not sent.startswith(received):
                raise Broken(f"{len(sent)} bytes were sent to {url}, and {len(received)} others came back")
