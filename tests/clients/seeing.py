"""What the session saw of a client that runs through it: nothing goes by it unseen."""

from __future__ import annotations

import json

from durability.waiting import until
from servers.streams import Script, Talk

import partita
from partita.events.cookies import CookiesReceived
from partita.web_request import Details

JSON = ("Content-Type", "application/json")


class Witness:
    """Watches a session from beside: its webRequest listeners, its jar, its log."""

    def __init__(self, session: partita.Session) -> None:
        self.session = session
        self.completed: list[tuple[str, str, int]] = []
        self._handle = session.web_request.add_completed(self._note)

    def _note(self, details: Details) -> None:
        path = details.url.partition("//")[2].partition("/")[2].partition("?")[0]
        self.completed.append((details.method, f"/{path}", details.status_code or 0))

    def saw(self, *expected: tuple[str, str, int]) -> None:
        """These requests have come to their end through the session, in this order and others between them."""

        def are_there() -> bool:
            left = iter(list(self.completed))
            return all(request in left for request in expected)

        until(are_there, f"{expected} went through the session", patience_s=10)

    def jar(self) -> dict[str, str]:
        """Name and value of every cookie that it has."""
        return {cookie.name: cookie.value for cookie in self.session.cookies.get().get(10)}

    def cookies_in_log(self) -> list[str]:
        """The names of cookies that responses have set, as the log has it."""
        self.session.flush().get(10)
        messages = [turn.message for turn in self.session.log.turns()]
        received = [message for message in messages if isinstance(message, CookiesReceived)]
        return [line.reveal_text().partition("=")[0] for message in received for line in message.headers]


def moved_to(path: str, status: int = 307, cookie: str = "moved=1; Path=/") -> Script:
    """A redirect that gives a cookie to take along; the query goes with it."""

    def script(talk: Talk) -> None:
        for _ in talk.body():
            pass
        query = talk.path.partition("?")[2]
        where = f"{path}?{query}" if query else path
        talk.send(b"", ("Location", where), ("Set-Cookie", cookie), status=status)

    return script


def says_json(value: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Script:
    """JSON, in two chunks."""

    def script(talk: Talk) -> None:
        for _ in talk.body():
            pass
        body = json.dumps(value).encode()
        talk.head(status, JSON, *headers)
        talk.chunk(body[:1])
        talk.chunk(body[1:])
        talk.end()

    return script
