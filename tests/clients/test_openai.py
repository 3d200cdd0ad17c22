"""The ``openai`` package, unchanged: chat completions, server-sent events, retries, uploads."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import openai
import pytest
import trio
from clients.seeing import JSON, Witness, moved_to, says_json
from servers.streams import Script, StreamServer, Talk, free_port

import partita
from partita.errors import NetError

WORDS = ["to ", "be ", "or ", "not"]
BASE = {"id": "1", "created": 1, "model": "m"}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "".join(WORDS)}}
COMPLETION = {**BASE, "object": "chat.completion", "choices": [CHOICE]}
ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
NONE: Any = {"object": "list", "data": []}
PATIENCE_S = 30.0


def client_of(session: partita.Session, base: str, kind: type[Any] = httpx.Client, **options: Any) -> openai.OpenAI:
    http = kind(transport=session.sync_transport(), follow_redirects=True)
    return openai.OpenAI(api_key="key", base_url=f"{base}/v1", http_client=http, **options)


def async_client_of(session: partita.Session, base: str, kind: type[Any] = httpx.AsyncClient) -> openai.AsyncOpenAI:
    http = kind(transport=session.transport(), follow_redirects=True)
    return openai.AsyncOpenAI(api_key="key", base_url=f"{base}/v1", http_client=http)


class Words:
    """Server-sent events: each word waits until the test has read the one before."""

    def __init__(self) -> None:
        self.go_on = threading.Semaphore(1)

    def __call__(self, talk: Talk) -> None:
        asked = json.loads(b"".join(talk.body()))
        assert asked["stream"] is True
        assert talk.headers["authorization"] == "Bearer key"
        assert talk.headers["cookie"] == "moved=1"
        talk.head(200, ("Content-Type", "text/event-stream"))
        for word in WORDS:
            assert self.go_on.acquire(timeout=PATIENCE_S)
            delta = {**BASE, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": word}}]}
            talk.chunk(b"data: " + json.dumps(delta).encode() + b"\n\n")
        talk.chunk(b"data: [DONE]\n\n", is_last=True)  # the client reads no further


@pytest.mark.parametrize("kind", [httpx.Client, httpx2.Client])
def test_chat_completions_come_over_a_redirect_with_its_cookie(
    server: StreamServer, base: str, session: partita.Session, witness: Witness, kind: type[Any]
) -> None:
    server.on("/v1/chat/completions", moved_to("/v2/chat/completions"))
    server.on("/v2/chat/completions", says_json(COMPLETION, headers=(("Set-Cookie", "asked=1; Max-Age=600"),)))
    with client_of(session, base, kind) as client:
        raw = client.chat.completions.with_raw_response.create(**ASKED)
        assert [hop.status_code for hop in raw.http_response.history] == [307]
        assert raw.parse().choices[0].message.content == "".join(WORDS)
    witness.saw(("POST", "/v1/chat/completions", 307), ("POST", "/v2/chat/completions", 200))
    assert witness.jar() == {"moved": "1", "asked": "1"}
    assert witness.cookies_in_log() == ["moved", "asked"]


def test_events_come_one_by_one(server: StreamServer, base: str, session: partita.Session, witness: Witness) -> None:
    words = Words()
    server.on("/v1/chat/completions", moved_to("/v2/chat/completions"))
    server.on("/v2/chat/completions", words)
    with client_of(session, base) as client, client.chat.completions.create(**ASKED, stream=True) as stream:
        came = []
        for part in stream:
            came.append(part.choices[0].delta.content)
            words.go_on.release()
        assert came == WORDS
    witness.saw(("POST", "/v1/chat/completions", 307), ("POST", "/v2/chat/completions", 200))
    assert witness.jar() == {"moved": "1"}


@pytest.mark.filterwarnings(
    "ignore:Async generator 'openai:ResourceWarning"
)  # it leaves its own to the garbage collector
@pytest.mark.parametrize("run", [asyncio.run, lambda main: trio.run(lambda: main)], ids=["asyncio", "trio"])
@pytest.mark.parametrize("kind", [httpx.AsyncClient, httpx2.AsyncClient])
def test_events_come_one_by_one_under_a_loop(
    server: StreamServer, base: str, session: partita.Session, run: Callable[[Any], None], kind: type[Any]
) -> None:
    words = Words()
    server.on("/v1/chat/completions", moved_to("/v2/chat/completions"))
    server.on("/v2/chat/completions", words)

    async def main() -> None:
        async with async_client_of(session, base, kind) as client:
            stream = await client.chat.completions.create(**ASKED, stream=True)
            came = []
            async for part in stream:
                came.append(part.choices[0].delta.content)
                words.go_on.release()
            assert came == WORDS

    run(main())


def test_a_stream_that_is_left_is_ended(server: StreamServer, base: str, session: partita.Session) -> None:
    gone = threading.Event()

    def endless(talk: Talk) -> None:
        for _ in talk.body():
            pass
        talk.head(200, ("Content-Type", "text/event-stream"))
        delta = {**BASE, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "x"}}]}
        try:
            while True:
                talk.chunk(b"data: " + json.dumps(delta).encode() + b"\n\n")
        finally:
            gone.set()

    server.on("/v1/chat/completions", endless)
    with client_of(session, base) as client:
        with client.chat.completions.create(**ASKED, stream=True) as stream:
            assert next(stream).choices[0].delta.content == "x"
        assert gone.wait(PATIENCE_S)


class Flaky:
    """Fails so often, in one way or another, and then answers."""

    def __init__(self, times: int, failing: Script) -> None:
        self.left = times
        self.failing = failing

    def __call__(self, talk: Talk) -> None:
        for _ in talk.body():
            pass
        if self.left:
            self.left -= 1
            self.failing(talk)
        else:
            talk.send(json.dumps(NONE).encode(), JSON)


def fails_with(status: int) -> Script:
    return lambda talk: talk.send(b'{"error": {}}', JSON, ("Retry-After-Ms", "1"), status=status)


def drops(talk: Talk) -> None:
    raise ConnectionError


@pytest.mark.parametrize("failing", [fails_with(429), fails_with(500), fails_with(503), drops])
def test_it_tries_again_what_it_would_try_again_on_httpx(
    server: StreamServer, base: str, session: partita.Session, failing: Script
) -> None:
    server.on("/v1/models", Flaky(2, failing))
    with client_of(session, base, max_retries=2) as client:
        client._calculate_retry_timeout = lambda *args, **options: 0.0  # type: ignore[method-assign]
        assert client.models.list().data == []
        assert server.requests == 3


def test_it_gives_up_with_its_own_errors(server: StreamServer, base: str, session: partita.Session) -> None:
    server.on("/v1/models", fails_with(429))
    silent = threading.Event()

    def never(talk: Talk) -> None:
        silent.wait(PATIENCE_S)

    server.on("/v1/models/slow", never)
    with client_of(session, base, max_retries=0) as client:
        with pytest.raises(openai.RateLimitError):
            client.models.list()
        with pytest.raises(openai.APITimeoutError):
            client.models.retrieve("slow", timeout=0.1)
        silent.set()
    with (
        client_of(session, f"http://127.0.0.1:{free_port()}", max_retries=0) as nobody,
        pytest.raises(openai.APIConnectionError) as caught,
    ):
        nobody.models.list()
    assert isinstance(caught.value.__cause__, NetError)
    assert caught.value.__cause__.name == "ERR_CONNECTION_REFUSED"


def test_a_file_goes_up_and_comes_down(
    server: StreamServer, base: str, session: partita.Session, witness: Witness
) -> None:
    content = bytes(range(256)) * 8192  # 2 MiB: it is streamed
    received: list[bytes] = []

    def takes(talk: Talk) -> None:
        received.append(b"".join(talk.body()))
        file = {
            "id": "f",
            "object": "file",
            "bytes": 1,
            "created_at": 1,
            "filename": "a",
            "purpose": "batch",
            "status": "x",
        }
        talk.send(json.dumps(file).encode(), JSON)

    def gives(talk: Talk) -> None:
        talk.head(200, ("Content-Type", "application/octet-stream"))
        for at in range(0, len(content), 65_536):
            talk.chunk(content[at : at + 65_536])
        talk.end()

    server.on("/v1/files", takes)
    server.on("/v1/files/f/content", gives)
    with client_of(session, base) as client:
        made = client.files.create(file=("a.jsonl", content), purpose="batch")
        assert made.id == "f"
        with client.files.with_streaming_response.content("f") as response:
            assert b"".join(response.iter_bytes()) == content
    assert content in received[0]
    assert b'filename="a.jsonl"' in received[0]
    witness.saw(("POST", "/v1/files", 200), ("GET", "/v1/files/f/content", 200))


def test_many_at_once_in_one_loop(server: StreamServer, base: str, session: partita.Session) -> None:
    server.on("/v1/chat/completions", says_json(COMPLETION))

    async def main() -> None:
        async with async_client_of(session, base) as client:
            answers = await asyncio.gather(*(client.chat.completions.create(**ASKED) for _ in range(100)))
            assert {answer.choices[0].message.content for answer in answers} == {"".join(WORDS)}

    asyncio.run(main())
    assert server.connections <= 6
