"""No nonce seals two different values under one key, not even in batches that never became durable (SP 800-38D, 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from msgspec.msgpack import Decoder

from partita.simulations.checker import Broken, Checker
from partita.store.codec import DIGEST_BYTES, HEADER_BYTES, SECRET_CODE
from partita.store.keys import KEY_ID_BYTES, NONCE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from partita.actors.kernel.partition import Partition
    from partita.simulations.life import CrashKind
    from partita.simulations.world import World
    from partita.store.environment import Table

_MAY_HOLD_SECRETS: Final[frozenset[Table]] = frozenset({"turns", "snapshots", "blobs"})
_HEAD_BYTES = KEY_ID_BYTES + NONCE_BYTES


def _sealed_in(table: Table, value: bytes) -> Iterator[bytes]:
    """Every sealed value in a record."""
    if table == "blobs":
        yield value
        return
    head_bytes = HEADER_BYTES if table == "turns" else DIGEST_BYTES + 1 + value[DIGEST_BYTES]
    found: list[bytes] = []

    def extension(code: int, data: memoryview) -> None:
        if code == SECRET_CODE:
            found.append(bytes(data))

    Decoder(ext_hook=extension).decode(memoryview(value)[head_bytes:])
    yield from found


class NoncesAreUsedOnce(Checker):
    """Sees everything that is handed to the disk: who reads the platter may see what no reader of the log does."""

    name = "nonces"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sealed: dict[bytes, bytes] = {}
        self._broken: Broken | None = None
        world.disk.on_write = self._written

    def _written(self, directory: Path, table: Table, key: bytes, value: bytes) -> None:
        if table not in _MAY_HOLD_SECRETS:
            return
        for sealed in _sealed_in(table, value):
            head, text = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:]
            if self._sealed.setdefault(head, text) != text and self._broken is None:
                self._broken = Broken(
                    f"the nonce {head.hex()} seals two values in {table} of {directory.name} at {key.hex()}"
                )

    def crashed(self, kind: CrashKind) -> None:  # noqa: ARG002
        self._complain()

    def ended(self, partition: Partition) -> None:  # noqa: ARG002
        self._complain()

    def _complain(self) -> None:
        if self._broken is not None and not self.world.disk.lied:  # it may have taken the epoch back, too
            raise self._broken
