"""The net logs that are being written in a system: the port ``net_logs``."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Trace
from partita.actors.net_log.recorder import Recorder


class NetLogTable:
    """:class:`partita.actors.kernel.world.NetLogs` of a live or simulated system. One log a partition at a time takes notes.

    ``client_info`` goes into the logs: what wrote them (``name``, ``version``).
    """

    def __init__(self, client_info: Mapping[str, object] | None = None) -> None:
        self.client_info: Mapping[str, object] = client_info or {"name": "partita"}
        self._noting: dict[str, Recorder] = {}
        self._running: dict[str, Recorder] = {}
        self._files: dict[str, tuple[Recorder, Future[None]]] = {}

    def trace(self, partition: str, kind: str) -> Trace | None:
        """See :class:`partita.actors.kernel.world.NetLogs`."""
        recorder = self._noting.get(partition)
        return None if recorder is None or recorder.ended else recorder.source(kind)

    def begin(self, partition: str, effect_id: str, recorder: Recorder) -> None:
        """From now on, what happens in the partition is noted there; the effect of that id writes it."""
        self._running[effect_id] = self._noting[partition] = recorder

    def end(self, effect_id: str) -> None:
        """The log that this effect writes takes no more."""
        recorder = self._running.get(effect_id)
        if recorder is not None:
            recorder.end()

    def forget(self, partition: str, effect_id: str) -> None:
        """The effect of that id has come to its end."""
        recorder = self._running.pop(effect_id)
        recorder.end()
        if self._noting.get(partition) is recorder:
            del self._noting[partition]

    async def claim(self, path: str, recorder: Recorder) -> None:
        """Have a file for one log alone; one that is only being finished is waited for.

        Raises :class:`FileExistsError` while another log goes on there.
        """
        while (other := self._files.get(path)) is not None:
            if not other[0].ended:
                raise FileExistsError(errno.EEXIST, "another net log is being written there", path)
            await other[1]
        self._files[path] = recorder, Future()

    def release(self, path: str) -> None:
        """Give it back."""
        _, free = self._files.pop(path)
        free.set(None)
