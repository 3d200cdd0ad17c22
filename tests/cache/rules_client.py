"""A client with nothing but the cache's pure rules and tables: no network, no system, and a clock that is a number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from cache.origin import Fields, Response

from partita.actors.cache import rules
from partita.actors.cache.behavior import behavior
from partita.actors.kernel.context import Context
from partita.events.cache import CachedPart, CacheState, DropBlobs
from partita.events.types import Message

START_US = 1_700_000_000_000_000
SEED = b"a cache in a test"

Server = Callable[[str, str, Fields], Response | None]
"""Method, URL and fields in, a response out; None closes the connection."""


class RulesClient:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.state = CacheState()
        self.blobs: dict[str, bytes] = {}
        self.now_us = START_US
        self.position = 0
        self.latency_us = 0
        self.verdicts: list[str] = []

    def tell(self, message: Message) -> Any:
        """Take a turn; the reply."""
        self.position += 1
        ctx = Context(seed=SEED, position=self.position, now_us=self.now_us, actor="session")
        decision = behavior.decide[type(message)](self.state, message, ctx)
        if decision.refusal is not None:
            raise decision.refusal
        for event in decision.events:
            self.state = behavior.evolve[type(event)](self.state, event)
        for effect in decision.effects:
            assert isinstance(effect, DropBlobs)
            for digest in effect.digests:
                assert not self.state.names(digest)
                self.blobs.pop(digest, None)
        return decision.reply

    def fetch(
        self, method: str, url: str, headers: Fields = (), *, mode: Any = "default", site: str = ""
    ) -> Response | None:
        query = rules.CacheQuery(method=method, url=url, headers=headers, mode=mode, site=site)
        found = rules.look_up(self.state, query, self.now_us)
        self.verdicts.append(found.verdict)
        if found.verdict == "refuse":
            return None
        if found.verdict in ("use", "use_and_revalidate"):
            assert found.head is not None
            answer = self._stored(found.head)
            if (touch := rules.used(self.state, found, self.now_us)) is not None:
                self.tell(touch)
            if found.verdict == "use_and_revalidate":
                self._over_the_network(query, found)
            return answer
        return self._over_the_network(query, found)

    def _over_the_network(self, query: rules.CacheQuery, found: rules.Found) -> Response | None:
        replaced = {name.lower() for name, _ in found.conditions}
        fields = (*(field for field in query.headers if field[0].lower() not in replaced), *found.conditions)
        requested_us = self.now_us
        response = self.server(query.method, query.url, fields)
        self.now_us += self.latency_us
        if response is None:
            head = rules.judge_failure(self.state, query, found, "ERR_EMPTY_RESPONSE", self.now_us)
            return None if head is None else self._stored(head)
        verdict = rules.judge(
            self.state,
            query,
            found,
            response.status,
            response.reason,
            "HTTP/1.1",
            response.headers,
            requested_us=requested_us,
            received_us=self.now_us,
        )
        for message in verdict.tell:
            self.tell(message)
        if verdict.again:
            return self._over_the_network(query, rules.Found("miss"))
        body = response.body
        if verdict.head is not None:
            stored = self._stored(verdict.head)
            response.status, response.reason, response.headers = stored.status, stored.reason, stored.headers
            response.body = stored.body + (body if verdict.head.then_network else b"")
        if verdict.store is not None:
            self.store(verdict.store, body)
        return response

    def store(self, order: rules.StoreOrder, body: bytes, *, complete: bool = True) -> None:
        parts: tuple[CachedPart, ...] = ()
        if body:
            digest = hashlib.sha256(body).hexdigest()
            self.blobs[digest] = body
            parts = (CachedPart(digest, len(body)),)
        message = order.finished(parts, complete=complete)
        if message is not None:
            self.tell(message)

    def _stored(self, head: rules.CachedHead) -> Response:
        body = b"".join(self.blobs[span.digest.hex()][span.start : span.stop] for span in head.body)
        return Response(head.status, head.reason, head.headers, body)
