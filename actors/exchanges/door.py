"""What carries out an effect sees of its partition while its exchange is recorded.

Whatever it learns from outside, it learns by a word of the exchange: a turn of the log. Between two of its words nothing
changes for it: the clock stands still at the time of the last one, and the states that it reads are those of that moment.
So all that it does follows from its words, and playback has only to give it the same words in the same places.

A body's chunks are gathered into pieces, so that a fast download is no turn a chunk: a piece is noted when it is large or
old, and before anything else is said. What is told meanwhile stays behind the words that are on their way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from partita.actors.exchanges.headers import recorded
from partita.actors.exchanges.partition import RecordingPartition
from partita.actors.kernel.carrying import when_taken
from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Network, NetworkRequest, NetworkResponse, World
from partita.actors.network.http import NetError
from partita.events.exchanges import (
    BeginExchange,
    NoteBody,
    NoteContinuation,
    NoteFailure,
    NoteRequest,
    NoteResponse,
    RecordedInterim,
)
from partita.events.turn import Cause
from partita.events.types import Message

if TYPE_CHECKING:
    from partita.actors.kernel.carrying import Call, EffectDoor

SESSION: Final = "session"


class Source(Protocol):
    """Where the words of one exchange come from: the live network, or a recording."""

    def ports(self, world: World) -> World:
        """The ports beside the clock and the network, which are the door's."""
        ...

    def begun(self, exchange: str) -> None:
        """The exchange has its id."""
        ...

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        """See :meth:`partita.actors.kernel.world.Network.send`."""
        ...

    def is_due(self, gathered_bytes: int) -> bool:
        """Whether a piece of a body is to be noted before its last chunk is handed on."""
        ...

    def noted(self) -> None:
        """A word was noted."""
        ...

    def asked(self, reply: Future[object]) -> None:
        """The effect waits for that, perhaps until somebody else's turn answers it."""
        ...


class RecordingDoor:
    """The :class:`~partita.actors.kernel.world.Door` of an effect whose exchange is recorded."""

    def __init__(self, door: EffectDoor, source: Source) -> None:
        assert isinstance(door.host, RecordingPartition), "exchanges are recorded in a partition that is made for it"
        self._door = door
        self._host = door.host
        self._source = source
        self._last_word: Future[object] | None = None
        self._seen: dict[str, object] | None = None
        self._piece: list[bytes] = []
        self._piece_bytes = 0
        self.exchange = ""
        self.is_streamed = False
        """Whether its body is read while it comes: no reader has a chunk, even if he then leaves, that the log does not."""
        self.now_us = 0
        world = source.ports(door.world)
        self._world = msgspec.structs.replace(
            world, clock=_Clock(self, world), network=_Network(self, source, world.network)
        )

    # -- what a door is -----------------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """The ports; time and the network as the words say."""
        return self._world

    @property
    def partition(self) -> str:
        """See :class:`~partita.actors.kernel.world.Door`; so for the rest."""
        return self._door.partition

    @property
    def actor(self) -> str:
        return self._door.actor

    @property
    def cause(self) -> Cause:
        return self._door.cause

    def number(self) -> int:
        return self._door.number()

    @property
    def stopped(self) -> bool:
        return self._door.stopped

    async def before_waiting(self) -> None:
        await self._door.before_waiting()

    def tell(self, message: Message, *, to: str | None = None, then: Callable[[], object] | None = None) -> None:
        self.note_piece()
        self._put(message, to, when_taken(then))

    def room(self) -> Future[None] | None:
        return self._host.room()

    async def ask(self, message: Message, *, to: str | None = None) -> object:
        self.note_piece()
        reply, answered = self._asked(message, to)
        self._source.asked(reply)
        answer = await reply
        if not answered.in_turn:  # somebody else's turn has answered: from when on that counts has to be said
            await self.note(NoteContinuation(self.exchange, answered.at))
        return answer

    async def durable(self) -> None:
        await self._door.durable()

    def published(self, actor: str) -> object:
        if self._seen is None or self._door.stopped:  # what was stopped clears up behind it, and has no more to say
            return self._door.published(actor)
        return self._seen[actor] if actor in self._seen else self._door.published(actor)

    def put_blob(self, content: bytes) -> bytes:
        return self._door.put_blob(content)

    async def blob(self, digest: bytes) -> bytes | None:
        return await self._door.blob(digest)

    def drop_blobs(self, digests: Iterable[bytes]) -> None:
        self._door.drop_blobs(digests)

    def sweep_blobs(self, is_named: Callable[[bytes], bool]) -> None:
        self._door.sweep_blobs(is_named)

    def hold_blobs(self, digests: Iterable[bytes]) -> None:
        self._door.hold_blobs(digests)

    def let_go_of_blobs(self, digests: Iterable[bytes]) -> None:
        self._door.let_go_of_blobs(digests)

    def call(self, call_id: int) -> Call | None:
        return self._door.call(call_id)

    def stop(self, effect_id: str) -> None:
        self._door.stop(effect_id)

    async def alone(self) -> None:
        await self._door.alone()

    def awaiting(self) -> Callable[[], bool]:
        return self._door.awaiting()

    # -- words --------------------------------------------------------------------------------------------------------

    async def begin(self, message: BeginExchange) -> None:
        """The first word; nothing can be seen before it."""
        reply, _ = self._asked(message, SESSION)
        exchange = await reply
        assert isinstance(exchange, str)
        self.exchange = exchange
        self._source.begun(exchange)

    async def note(self, message: Message) -> None:
        """Have a word taken, and what was gathered before it."""
        self.note_piece()
        reply, _ = self._asked(message, SESSION)
        self._last_word = reply
        self._source.noted()
        await reply

    async def settled(self) -> None:
        """Come back when all words have been taken."""
        word = self._last_word
        if word is not None and not word.done:
            await word

    async def ready(self) -> None:
        """Come back when all words have been taken and there is room for more."""
        await self.settled()
        room = self._host.room()
        if room is not None:
            await room

    def stored(self, content: bytes) -> str:
        """Store bytes in front of the next word; what names them there, which for none is nothing."""
        return self._host.put_blob(content).hex() if content else ""

    def gather(self, chunk: bytes) -> int:
        """A chunk for the next piece; how many bytes have been gathered."""
        self._piece.append(chunk)
        self._piece_bytes += len(chunk)
        return self._piece_bytes

    def note_piece(self, *, ahead: bool = False, is_last: bool = False) -> None:
        """Send what was gathered on its way, if there is anything."""
        if not self._piece and not is_last:
            return
        piece, self._piece, self._piece_bytes = self._piece, [], 0
        content = self.stored(b"".join(piece))
        word = NoteBody(self.exchange, content, tuple(map(len, piece)), ahead, is_last)
        self._last_word, _ = self._asked(word, SESSION)
        self._source.noted()

    # -- the way in ---------------------------------------------------------------------------------------------------

    def _asked(self, message: Message, to: str | None) -> tuple[Future[object], _Answered]:
        """Ask; the second says, once answered, by what."""
        reply: Future[object] = Future()
        answered = _Answered()

        def on_reply() -> None:
            reply.failure()  # looked at: who waits for it is told all the same
            answered.in_turn = self._host.is_answering(reply)
            if self._host.is_recording_turn:
                answered.at = self._host.position
                if answered.in_turn:
                    self._look()

        reply.when_done(on_reply)
        self._put(message, to, reply)
        return reply, answered

    def _look(self) -> None:
        """From here on the effect sees what is so now."""
        actors = self._host.actors
        self.now_us = self._host.time_us
        self._seen = {name: actors[name].state for name in (SESSION, self._door.actor) if name in actors}

    def _put(self, message: Message, to: str | None, reply: Future[object] | None) -> None:
        word = self._last_word
        if word is None or word.done:
            self._door.put(message, to, reply)
        else:
            word.when_done(lambda: self._door.put(message, to, reply))


class _Answered:
    """By the message's own turn, or by another's; ``at`` is that turn's position, 0 where it has none."""

    def __init__(self) -> None:
        self.in_turn = False
        self.at = 0


class _Clock:
    """Time for one effect: that of its last word."""

    def __init__(self, door: RecordingDoor, world: World) -> None:
        self._door = door
        self._sleep = world.clock.sleep

    def now_us(self) -> int:
        return self._door.now_us

    def monotonic(self) -> float:
        return self._door.now_us / 1e6

    async def sleep(self, seconds: float) -> None:
        await self._sleep(seconds)


class _Network:
    """The network port of one exchange: what goes out and comes in is noted first."""

    def __init__(self, door: RecordingDoor, source: Source, network: Network) -> None:
        self._door = door
        self._source = source
        self._network = network

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        door = self._door
        content = request.body
        if not isinstance(content, bytes):  # what goes out is noted first, so all of it has to be there
            content = b"".join([chunk async for chunk in content.chunks()])
            request = msgspec.structs.replace(request, body=content)
        body = door.stored(content)
        await door.note(
            NoteRequest(door.exchange, request.method, request.url, recorded(request.headers), body, request.timeout_s)
        )
        try:
            response = await self._source.send(request)
        except NetError as error:
            await door.note(NoteFailure(door.exchange, error.name, error.detail, error.stale_connection))
            raise
        try:
            await door.note(
                NoteResponse(
                    door.exchange,
                    response.status,
                    response.reason,
                    response.http_version,
                    recorded(response.headers),
                    tuple(RecordedInterim(interim.status, recorded(interim.headers)) for interim in response.interim),
                    response.remote_address or "",
                )
            )
        except BaseException:
            await response.close()
            raise
        return _Response(door, self._source, response)

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        await self._network.preconnect(pool, url, sockets)

    async def close_connections(self, pool: str) -> None:
        await self._network.close_connections(pool)

    async def close(self) -> None:
        """The network is the world's to close."""


class _Response:
    def __init__(self, door: RecordingDoor, source: Source, response: NetworkResponse) -> None:
        self._door = door
        self._source = source
        self._response = response
        self.status = response.status
        self.reason = response.reason
        self.http_version = response.http_version
        self.headers = response.headers
        self.interim = response.interim
        self.remote_address = response.remote_address
        self.timing = response.timing

    def body(self) -> AsyncIterator[bytes]:
        return _Body(self._door, self._source, self._response.body())

    async def close(self) -> None:
        await self._response.close()


class _Body:
    """The chunks as they come. No generator: see the live network's."""

    def __init__(self, door: RecordingDoor, source: Source, chunks: AsyncIterator[bytes]) -> None:
        self._door = door
        self._source = source
        self._chunks = chunks

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        door = self._door
        await door.ready()
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            door.note_piece(is_last=True)
            await door.settled()
            raise
        except NetError as error:
            await door.note(NoteFailure(door.exchange, error.name, error.detail))
            raise
        if self._source.is_due(door.gather(chunk)) or door.is_streamed:
            door.note_piece(ahead=True)
            await door.settled()
        return chunk
