"""HTTP/1.1 on trio: the live network's connections, their pools, and who dials them.

From the outside in: :mod:`.pools` says which connection a request gets, :mod:`.dialing` makes new ones,
:mod:`.connection` has one exchange on one of them, and :mod:`.http1` is the wire format, without I/O.
"""

from partita.actors.network.transport.limits import Limits, Statistics
from partita.actors.network.transport.streams import ByteStream, Dialer

__all__ = ["ByteStream", "Dialer", "Limits", "Statistics"]
