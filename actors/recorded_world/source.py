"""The words of an exchange, from a recording: requests are answered as they were, and the files as they had to be."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

import msgspec

from partita.actors.exchanges.headers import sent
from partita.actors.kernel.file_ports import Files, OpenFile, ReadableFile
from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Interim, NetworkRequest, NetworkResponse, Timing, World
from partita.actors.network.http import NetError
from partita.actors.recorded_world.opening import AnyTurn, Opening, chunks_of
from partita.events.downloads import ChooseTarget
from partita.events.errors import KeyMissing, RecordingIncomplete, SecretErased
from partita.events.exchanges import BeginExchange, NoteBody, NoteContinuation, NoteFailure, NoteRequest, NoteResponse

__all__ = ["PlayedSource"]

NEVER: Final = "the recording ends within this exchange"


class PlayedSource:
    """A :class:`~partita.actors.exchanges.door.Source` over what was noted of one exchange."""

    def __init__(self, opening: Opening, word: BeginExchange, asked: Callable[[str, Future[object]], None]) -> None:
        """``asked``: told of each exchange that waits for an answer, by its id."""
        self._opening = opening
        self._effect_id = word.effect_id
        self._exchange = ""
        self._asked = asked
        self._words: deque[AnyTurn] = deque()
        self._piece_ends = False

    def ports(self, world: World) -> World:
        """Files are claimed as they were then."""
        choices = self._opening.choices(self._effect_id) if self._effect_id else []
        return msgspec.structs.replace(world, files=ClaimedFiles(world.files, choices)) if choices else world

    def begun(self, exchange: str) -> None:
        """See :class:`~partita.actors.exchanges.door.Source`; so for the rest."""
        self._exchange = exchange
        self._words = deque(self._opening.words(exchange))

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        while self._words and not isinstance(self._words[0].message, NoteRequest):
            self._words.popleft()  # what was left unread
        assert self._words, f"{request.url} was let through, and is not in the recording"
        self._words.popleft()
        word = self.following()
        if word is None:
            await never()
        assert word is not None
        message = word.message
        if isinstance(message, NoteFailure):
            self._words.popleft()
            failed = NetError(message.error, message.detail)
            failed.stale_connection = message.stale_connection
            raise failed
        assert isinstance(message, NoteResponse), f"position {word.position}: an answer begins with its head"
        self._words.popleft()
        return PlayedResponse(self, word, message)

    def is_due(self, gathered_bytes: int) -> bool:  # noqa: ARG002  # as it was then
        return self._piece_ends

    def noted(self) -> None:
        """Nothing depends on when."""

    def asked(self, reply: Future[object]) -> None:
        self._asked(self._exchange, reply)

    def following(self) -> AnyTurn | None:
        """The next word of this exchange that came from the network; None when the recording has none."""
        while self._words and isinstance(self._words[0].message, NoteContinuation):
            self._words.popleft()
        return self._words[0] if self._words else None

    def next_piece(self) -> tuple[list[bytes], NoteBody] | None:
        """The next piece of a body. Raises what the body broke off with; None when the recording ends here."""
        word = self.following()
        if word is None:
            return None
        message = word.message
        if isinstance(message, NoteFailure):
            self._words.popleft()
            raise NetError(message.error, message.detail)
        if not isinstance(message, NoteBody):
            return None  # the rest was left unread then
        self._words.popleft()
        return chunks_of(message, self._opening.content(message.content, word.position)), message

    def hand_on(self, *, ends_piece: bool) -> None:
        """The next chunk that is handed on is, or is not, the one after which a piece was noted ahead."""
        self._piece_ends = ends_piece


async def never() -> None:
    """Wait until whoever waits is stopped: what would come is not in the recording."""
    await Future[None]()


class PlayedResponse:
    """An answer as it was."""

    def __init__(self, source: PlayedSource, turn: AnyTurn, head: NoteResponse) -> None:
        self._source = source
        self.status = head.status
        self.reason = head.reason
        self.http_version = head.http_version
        self.remote_address = head.remote_address or None
        self.timing: Timing | None = None
        try:
            self.headers = sent(head.headers)
            self.interim = tuple(Interim(interim.status, sent(interim.headers)) for interim in head.interim)
        except (SecretErased, KeyMissing) as error:
            raise RecordingIncomplete(
                f"the response at position {turn.position} cannot be read: {error}", position=turn.position
            ) from error

    def body(self) -> AsyncIterator[bytes]:
        """See :class:`~partita.actors.kernel.world.NetworkResponse`; so for the rest."""
        return _PlayedBody(self._source)

    async def close(self) -> None:
        """There is no connection."""


class _PlayedBody:
    """The chunks in the sizes in which they came."""

    def __init__(self, source: PlayedSource) -> None:
        self._source = source
        self._chunks: deque[bytes] = deque()
        self._piece: NoteBody | None = None

    def __aiter__(self) -> _PlayedBody:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._piece is not None and self._piece.is_last:
                raise StopAsyncIteration
            piece = self._source.next_piece()
            if piece is None:
                await never()
                raise AssertionError(NEVER)
            self._chunks = deque(piece[0])
            self._piece = piece[1]
        chunk = self._chunks.popleft()
        assert self._piece is not None
        self._source.hand_on(ends_piece=self._piece.ahead and not self._chunks)
        return chunk


class ClaimedFiles:
    """Files, of which this effect gets the names that it got then."""

    def __init__(self, files: Files, choices: Iterable[ChooseTarget]) -> None:
        """``choices``: those of the effect; there is one at least."""
        self._files = files
        self._choices = deque(choices)
        self._part_path = ""  # of the choice before
        self._is_made = False  # all that was chosen has been claimed

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> OpenFile:
        """See :class:`~partita.actors.kernel.file_ports.Files`; so for the rest."""
        return await self._files.open(path, emptied=emptied, must_exist=must_exist, private=private)

    async def open_to_read(self, path: str) -> ReadableFile:
        return await self._files.open_to_read(path)

    async def size(self, path: str) -> int | None:
        return await self._files.size(path)

    async def claim(self, path: str) -> bool:
        if self._is_made and path != self._choices[0].part_path:
            self._choose_next()
        choice = self._choices[0]
        if path != choice.part_path and not (choice.claimed and path == choice.target_path):
            return False
        self._is_made = choice.part_path in (path, self._part_path)  # it comes last, unless it stays as it was
        if not await self._files.claim(path):  # it was free then: somebody outside had deleted what is there
            await self._files.remove(path)
            await self._files.claim(path)
        return True

    async def free_bytes(self, path: str) -> int | None:
        return await self._files.free_bytes(path)

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        if over_nothing and target == self._choices[0].target_path:
            self._choose_next()
        if over_nothing and target != self._choices[0].target_path:
            raise FileExistsError(errno.EEXIST, "Something else had got that name", target)
        await self._files.rename(source, target, over_nothing=over_nothing)

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        await self._files.mark(path, url, referrer)

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        await self._files.remove(path, only_if_empty=only_if_empty)

    def _choose_next(self) -> None:
        if len(self._choices) > 1:
            self._part_path = self._choices.popleft().part_path
            self._is_made = False
