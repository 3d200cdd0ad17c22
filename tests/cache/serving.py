"""A server of a few lines for tests of the rules, and the client in front of it."""

from __future__ import annotations

from cache.origin import Fields, Response, value_of
from cache.rules_client import START_US, RulesClient

from partita.actors.cache import dates

URL = "http://a.test/x"
SECOND_US = 1_000_000


class Bench:
    """What the server says next is :attr:`says`; what it was asked is in :attr:`asked`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Fields]] = []
        self.says: Response | None = response()
        self.client = RulesClient(self._answer)

    def _answer(self, method: str, url: str, headers: Fields) -> Response | None:
        self.asked.append((method, url, headers))
        said = self.says
        return None if said is None else Response(said.status, said.reason, said.headers, said.body)

    def get(self, *headers: tuple[str, str], url: str = URL, method: str = "GET", **options: str) -> Response | None:
        return self.client.fetch(method, url, headers, **options)

    def was_asked(self, *headers: tuple[str, str], url: str = URL, method: str = "GET", **options: str) -> bool:
        """Whether this request went to the server, or in part."""
        before = len(self.asked)
        self.get(*headers, url=url, method=method, **options)
        return len(self.asked) > before

    def wait(self, seconds: float) -> None:
        self.client.now_us += int(seconds * SECOND_US)

    @property
    def sent(self) -> Fields:
        """The fields of the last request."""
        return self.asked[-1][2]

    @property
    def verdict(self) -> str:
        return self.client.verdicts[-1]


def response(*headers: tuple[str, str], status: int = 200, body: bytes = b"0123456789") -> Response:
    return Response(status, "Reason", headers, body)


def fresh(*headers: tuple[str, str], status: int = 200, body: bytes = b"0123456789", seconds: int = 60) -> Response:
    return response(("Cache-Control", f"max-age={seconds}"), *headers, status=status, body=body)


def at(seconds: int) -> str:
    """A date, so many seconds from the beginning."""
    return dates.formatted(START_US + seconds * SECOND_US)


def field(got: Response | None, name: str) -> str | None:
    assert got is not None
    return value_of(got.headers, name)
