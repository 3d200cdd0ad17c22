"""A request that a handler has another session make in its place (FEATURES R14, T16)."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from partita.actors.kernel.future import Future
from partita.actors.kernel.world import NetworkResponse
from partita.actors.network.http import NetError, Response
from partita.actors.network.pipe import pipe
from partita.actors.network.redirects import Outgoing
from partita.actors.protocols.bodies import LocalResponse, PipedBody
from partita.actors.protocols.conversation import Told
from partita.actors.protocols.replies import malformed, response_fields


@runtime_checkable
class StreamingSession(Protocol):
    """What is needed of a session."""

    def stream(self, url: str, **options: Any) -> AbstractAsyncContextManager[Response]:
        """See :meth:`partita.Session.stream`."""
        ...


async def through_session(told: Told, session: object, asked: Outgoing) -> NetworkResponse:
    """The response that the other session gets, as it comes. Raises :class:`NetError`.

    The session is used where the handler runs.
    """
    if not isinstance(session, StreamingSession):
        raise malformed(f"a session is one of partita's, not {type(session).__name__}")
    task = told.own_task()
    writer, reader = pipe(task.stop)
    head: Future[Response] = Future()

    async def forward() -> None:
        try:
            async with session.stream(
                asked.url,
                method=asked.method,
                headers=list(asked.headers),
                content=asked.body or None,
                timeout=asked.timeout_s,
                bypass_custom_protocol_handlers=True,
            ) as response:
                head.set(response)
                await writer.fill(response.aiter_raw())
        except Exception as error:  # noqa: BLE001  # it is the request's failure
            if not head.done:
                head.set_exception(error)
            writer.fail(error)
        except BaseException:
            if not head.done:
                head.set_exception(NetError("ERR_ABORTED", "the request was stopped"))
            raise

    forwarded = task.run(forward)
    forwarded.when_done(forwarded.failure)
    task.end()
    try:
        response = await head
    except NetError:
        raise
    except Exception as error:
        raise NetError("ERR_FAILED", f"the other session failed with {type(error).__name__}: {error}") from error
    except BaseException:
        task.stop()
        raise
    pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    return LocalResponse(response.status_code, response_fields(pairs), PipedBody(reader), response.reason_phrase)
