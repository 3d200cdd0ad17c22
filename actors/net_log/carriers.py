"""Carries out ``WriteNetLog`` and ``EndNetLog``, over ports and the door only.

One effect writes one log, from the file's opening to its end. What goes wrong with the file is its outcome; the session goes on.
"""

from __future__ import annotations

import errno
from typing import Final

from partita.actors.kernel.world import Carriers, Door
from partita.actors.net_log.layout import Size
from partita.actors.net_log.ports import to_its_end
from partita.actors.net_log.recorder import Recorder
from partita.actors.net_log.table import NetLogTable
from partita.actors.net_log.writer import LogFile
from partita.events.net_log import EndNetLog, FileFailure, NetLogEnded, NetLogOpened, WriteNetLog
from partita.events.session import SessionState


async def write_net_log(effect: WriteNetLog, door: Door) -> NetLogEnded:
    """Write what is noted, until the log is ended or its file fails."""
    table = door.world.net_logs
    if not isinstance(table, NetLogTable):
        return NetLogEnded(effect.id, FileFailure(errno.ENOTSUP, "this world writes no net logs", effect.path))
    recorder = Recorder(door.world.clock, effect.capture_mode, table.client_info)
    file = LogFile(
        door.world.files,
        effect.path,
        recorder.head,
        Size.of(effect.max_file_size),
        private=recorder.capture.sensitive,
    )
    table.begin(door.partition, effect.id, recorder)
    if not _is_wanted(effect, door):
        recorder.end()
    try:
        await table.claim(effect.path, recorder)
        try:
            await _written(file, recorder, effect, door)
        finally:
            await file.close()
            table.release(effect.path)
    except OSError as error:
        return NetLogEnded(effect.id, failure_of(error, effect.path), recorder.dropped)
    except Exception:  # a defect: nobody must wait for this log any more
        door.tell(NetLogEnded(effect.id, FileFailure(errno.EIO, "writing the net log failed", effect.path)))
        raise
    finally:
        table.forget(door.partition, effect.id)
    return NetLogEnded(effect.id, dropped=recorder.dropped)


async def _written(file: LogFile, recorder: Recorder, effect: WriteNetLog, door: Door) -> None:
    try:
        await file.open()
        await door.ask(NetLogOpened(effect.id))  # where that cannot be taken, the log has failed
        while entries := await recorder.entries():
            await file.add(entries)
        await file.finish()
    except GeneratorExit:  # the process has crashed, and this is only what is left of it
        raise
    except Exception:
        raise
    except BaseException:  # the session is being closed: what was noted is still written
        recorder.end()
        if file.is_there:
            await to_its_end(_finished(file, recorder))
        raise


async def _finished(file: LogFile, recorder: Recorder) -> None:
    while entries := recorder.next_entries():
        await file.add(entries)
    await file.finish()


def _is_wanted(effect: WriteNetLog, door: Door) -> bool:
    """Whether it was not stopped before it began."""
    state = door.published("session")
    assert isinstance(state, SessionState)
    return state.net_log.current is not None and state.net_log.current.id == effect.id


def failure_of(error: OSError, path: str) -> FileFailure:
    """An error of the file as a message holds it."""
    return FileFailure(error.errno or errno.EIO, error.strerror or str(error), str(error.filename or path))


async def end_net_log(effect: EndNetLog, door: Door) -> None:
    """Have a log take no more: what writes it comes to its end."""
    table = door.world.net_logs
    if isinstance(table, NetLogTable):
        table.end(effect.effect_id)


CARRIERS: Final[Carriers] = {WriteNetLog: write_net_log, EndNetLog: end_net_log}
