"""The query grammar: what it can say, what it refuses, and that secrets stay in it."""

from __future__ import annotations

from typing import Any

import pytest

import partita
from partita.actors.replay.moment import Moment
from partita.actors.replay.query import Query
from partita.debugging import debug
from partita.errors import InvalidQuery, QueryFailed
from partita.events.cookies import CookieRemoved, CookieStored, SetCookie, StoredCookie
from partita.events.downloads import DownloadOrder, FetchDownload, StartDownload
from partita.events.preferences import UserAgentSet
from partita.events.secret import Secret
from partita.events.system import Tell
from partita.events.turn import External, Turn
from partita.inspection import summary, to_plain

SECRET = "hunter2"
COOKIE = StoredCookie("sid", Secret(SECRET), "shop.example", True, "/", False, False, "lax", 1, 2, None, "nonsecure")
OTHER = StoredCookie("old", Secret(""), "shop.example", True, "/", True, False, "lax", 1, 2, None, "nonsecure")
ORDER = DownloadOrder("ab12", "https://shop.example/film", "/films")


def moment(**fields: Any) -> Moment:
    turn: Turn[Any, Any, Any] = Turn(
        7,
        1_767_225_600_000_000,  # 2026-01-01
        "session",
        External("api", 3),
        SetCookie("https://shop.example/", "sid", Secret(SECRET)),
        fields.get("events", (CookieRemoved(OTHER, "overwrite"), CookieStored(COOKIE, "inserted"))),
        fields.get("effects", ()),
    )
    return Moment(turn.position, turn.time, turn, {})


@pytest.mark.parametrize(
    "text",
    [
        'event is CookieStored and cookie.name == "sid"',
        "event is cookies.stored",
        'event is "cookies.stored/1"',
        "event is (UserAgentSet, CookieRemoved)",
        "message is SetCookie and event is not CookieStored",
        f'cookie.value == "{SECRET}"',
        f'cookie.value in ("x", "{SECRET}")',
        '"unter" in cookie.value and cookie.value.startswith("hunt") and len(cookie.value) == 7',
        f'cookie.value.upper() == "{SECRET.upper()}"',
        "not cookie.value",
        "position == 7 and actor == 'session' and 6 < position <= 7",
        "cause.kind == 'api' and cause.call_id + 1 == 4",
        'time >= "2026-01-01T00:00:00Z" and time < "2026-01-02"',
        'time == "2026-01-01T01:00:00+01:00"',
        "any(each is CookieRemoved for each in turn.events)",
        "len([each for each in turn.events if each.cookie.secure]) == 1",
        "all(each.cookie.domain == 'shop.example' for each in turn.events)",
        "sorted([each.cookie.name for each in turn.events])[0] == 'old'",
        "url.split('/')[2] == 'shop.example'",
        "tag(event) == 'cookies.removed/1'",
        "cookie.expiry_us is None",
        "(1 if cookie.secure else 2) == 2",
        "-position < 0 and position % 2 == 1 and position // 2 == 3",
        "cookie.key.name == 'sid'",
    ],
)
def test_these_hold(text: str) -> None:
    assert Query(text).holds(moment())


@pytest.mark.parametrize(
    "text",
    [
        "event is CookieStored and cookie.name == 'old'",  # of no single event
        "effect is FetchDownload",
        "user_agent == 'x'",
        "user_agent != 'x'",  # what is not there is neither
        "not (user_agent == 'x')",
        "cause == 7",
        "state.cookies.count > 0",
        "session.cookies.count == 0",
        'turn.events[9].cookie.name == "sid"',
        "effect is None",
    ],
)
def test_these_do_not_hold(text: str) -> None:
    assert not Query(text).holds(moment())


def test_what_is_missing_decides_nothing_that_another_part_decides() -> None:
    assert Query("user_agent == 'x' or position == 7").holds(moment())
    assert Query("user_agent == 'x' or event is CookieStored").holds(moment())
    assert not Query("user_agent == 'x' and position == 7").holds(moment())
    assert Query("user_agent == 'x'").values(moment()) == []
    assert Query("cookie.name").values(moment()) == ["old", "sid"]


def test_a_message_to_another_actor_is_as_good_as_what_it_says() -> None:
    told = moment(events=(), effects=(Tell("download/ab12", StartDownload(ORDER)), FetchDownload("e1", ORDER)))
    for text in (
        "effect is downloads.start",
        "effect is Tell and effect.to == 'download/ab12'",
        "effect is StartDownload and order.id == 'ab12'",
        "effect is FetchDownload and effect.order.url.endswith('film')",
    ):
        assert Query(text).holds(told), text
    assert not Query("effect is StartDownload and effect.order.id == 'other'").holds(told)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("event is CookieStord", "did you mean CookieStored"),
        ("cokie.name == 1", "column 1.*'cokie'.*did you mean cookie"),
        ("position == 1 and cookie.nme", "column 19.*'nme'.*did you mean name"),
        ("CookieStored", "event is CookieStored"),
        ("position >", "does not parse at column"),
        ("(" * 300 + ")" * 300, "does not parse"),
        ("", "an expression"),
        ("event.__class__", "__class__"),
        ("cookie.value.__init__()", "cannot be called"),
        ("__import__('os')", "cannot be called"),
        ("open('/etc/passwd')", "cannot be called"),
        ("str.format('{0.__class__}', event)", "cannot be called"),
        ("'{0.__class__}'.format(event)", "cannot be called"),
        ("getattr(event, 'x')", "cannot be called"),
        ("2 ** 99", r"has no \*\*"),
        ("1 << 99", "has no <<"),
        ("lambda: 1", "has no lambda"),
        ("(x := 1)", "has no :="),
        ("f'{event}'", "has no f-strings"),
        ("{1: 2}", "has no dict"),
        ("cookie.name.lower", "a method, to be called"),
        ("sorted(position, reverse=True)", "without names"),
        ("time > 'yesterday'", "is no time"),
        ("[_ for _ in turn.events]", "comes a name"),
        ("1j", "has no 1j"),
    ],
)
def test_what_is_no_query_is_refused_with_its_place_and_a_hint(text: str, says: str) -> None:
    with pytest.raises(InvalidQuery, match=says):
        Query(text)


@pytest.mark.parametrize(
    "text",
    [
        "position > 'x'",
        "position + 'x' == 1",
        "1 // (position - 7)",
        "'a' * 9 == 1",
        "'%999999999d' % 1",
        "int('x')",
        "cookie.name.count()",
        "position.count(1)",
        "[a for a, b in turn.events]",
        "1 in position",
    ],
)
def test_one_that_raises_names_the_turn_and_the_piece(text: str) -> None:
    with pytest.raises(QueryFailed, match=r"turn 7.*column [0-9]+, in `") as failed:
        Query(text).holds(moment())
    assert failed.value.position == 7


@pytest.mark.parametrize(
    "text",
    [
        "cookie.value",
        "cookie",
        "[cookie.value]",
        "cookie.value.lower()",
        "str(cookie.value)",
        "str(cookie)",
        "str(turn)",
        "[each.cookie.value.upper() for each in turn.events]",
        "cookie.value if position else 1",
        "cookie.value or 1",
        "list((cookie.value, 1))",
        "sum([[cookie.value]], [])",
        "str(turn.events) + 'x'",
        "set([cookie.value])",
    ],
)
def test_a_secret_that_comes_out_of_an_expression_is_dots(text: str) -> None:
    for value in Query(text).values(moment()):
        assert SECRET not in repr(value).lower()
        assert SECRET not in summary(value, width=None).lower()
        assert SECRET not in str(to_plain(value)).lower()


@pytest.mark.parametrize(
    "text",
    [
        "cookie.value + 'x'",
        "'x' + cookie.value",
        "cookie.value[0]",
        "cookie.value[1:]",
        "list(cookie.value)",
        "sorted(cookie.value)",
        "max(cookie.value)",
        "set(cookie.value)",
        "[sign for sign in cookie.value]",
        "'x'.replace('x', cookie.value)",
        "cookie.value.split('u')",
        "int(cookie.value)",
        "tuple(cookie.value)",
        "'abc'.startswith(cookie.value)",
        "cookie.value.replace('u', 'v')",
        "any(cookie.value)",
    ],
)
def test_nothing_is_made_of_a_secret_that_could_be_printed(text: str) -> None:
    with pytest.raises(QueryFailed, match="secret"):
        Query(text).values(moment(events=(CookieStored(COOKIE, "inserted"),)))


def test_states_are_asked_by_paths_and_actors_by_the_beginning_of_their_names(session: partita.Session) -> None:
    with debug(str(session.storage_path)) as log:
        assert log.evaluate("session.cookies.count") == [2]
        assert log.evaluate("session.cookies['a'].name") == ["a"]
        assert log.evaluate("session.cookies['nobody'].name") == []
        assert log.evaluate("actors['session'].cookies.count") == [2]
        assert log.evaluate("actors['download/'].phase") == []
        assert log.evaluate("state.preferences.user_agent") == ["shop/1.0"]
        assert [turn.position for turn in log.holding("session.cookies.count == 3")] == [4, 5, 6]


def test_changes_are_told_only_where_a_query_holds(session: partita.Session) -> None:
    changes = session.changes(1, where="event is CookieRemoved or state.preferences.user_agent == 'later'")
    assert [next(changes).position for _ in range(2)] == [6, 7]
    session.cookies.set(url="https://shop.example/", name="quiet", value="v", expiration_date=4e9).get()
    session.set_user_agent("later")
    assert isinstance(next(changes).events[0], UserAgentSet)
    with pytest.raises(InvalidQuery, match="did you mean"):
        session.changes(where="event is CookieRemovd")


def test_a_subscription_whose_query_raises_says_where_and_can_go_on(session: partita.Session) -> None:
    changes = session.changes(4, where="1 // (position - 5) >= 0")
    with pytest.raises(QueryFailed, match="turn 5"):
        next(changes)
    assert next(changes).position == 6


def test_a_message_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="a query is a text"):
        Query(7)  # type: ignore[arg-type]
    assert repr(Query.of("position")) == "Query('position')"
