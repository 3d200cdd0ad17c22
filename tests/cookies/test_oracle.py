"""The jar against a second reading of the RFC (``simulations/cookie_oracle.py``), message by message."""

from __future__ import annotations

from typing import Any

from cookies.jar import DAY, NEW_YEARS_EVE_2015_US, SECOND, Jar, suite
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.events.cookies import (
    CookiesReceived,
    ImportCookies,
    ImportedCookie,
    PersistSessionCookies,
    RemoveCookies,
    SetCookie,
)
from partita.events.errors import CookieError
from partita.events.secret import Secret
from partita.events.system import Recover
from partita.events.types import Message
from partita.simulations.cookie_lines import Refused, read_date
from partita.simulations.cookie_oracle import CookieOracle, shown

HOSTS = [
    "shop.test",
    "www.shop.test",
    "a.b.shop.test",
    "other.test",
    "co.uk",
    "x.co.uk",
    "localhost",
    "127.0.0.1",
    "test",
]
DOMAINS = [
    "",
    "shop.test",
    ".Shop.Test",
    "www.shop.test",
    "other.test",
    "test",
    "co.uk",
    "localhost",
    "127.0.0.1",
    "é.test",
]
KEYS = [None, "https://shop.test", "https://other.test"]
CONTEXTS: Any = ["strict", "lax", "lax_unsafe", "cross_site"]

urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "ws", "ftp"]),
    st.sampled_from(HOSTS),
    st.sampled_from(["", ":8080"]),
    st.sampled_from(["", "/", "/a", "/a/", "/a/b", "/ab?q#f"]),
)
names = st.sampled_from(["", "n", "m", "__Secure-n", "__Host-n", "__http-n", "__HOST-HTTP-n", "é"])
values = st.sampled_from(["", "1", "2", "a=b", "__host-x", "tab\tin", "\x7f", "é"])
paths = st.sampled_from(["", "/", "/a", "/a/", "/a/b", "relative"])
attributes = st.lists(
    st.one_of(
        st.sampled_from(
            ["Secure", "HttpOnly", "Partitioned", "Priority=Low", "unknown", "", "\x01", "Path=" + "/" * 1025]
        ),
        st.sampled_from(["SameSite", "SameSite=None", "SameSite=Lax", "SameSite=strict", "Max-Age=-", "Max-Age=1 "]),
        st.sampled_from(["Max-Age=0", "Max-Age=9", "Max-Age=99999999999999999999", "Max-Age=x", "Max-Age=-5"]),
        st.sampled_from(["Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=1 jan 16 0:0:5", "Expires=soon"]),
        st.builds("Domain={}".format, st.sampled_from(DOMAINS)),
        st.builds("Path={}".format, paths),
    ),
    max_size=6,
)
lines = st.builds(lambda name, value, rest: "; ".join((f"{name}={value}", *rest)), names, values, attributes)
received = st.builds(
    lambda url, given_lines, context, key: CookiesReceived(url, tuple(map(Secret, given_lines)), context, key),
    urls,
    st.lists(lines, min_size=1, max_size=3),
    st.sampled_from(CONTEXTS),
    st.sampled_from(KEYS),
)
details = st.builds(
    SetCookie,
    url=urls,
    name=names,
    value=values.map(Secret),
    domain=st.sampled_from(DOMAINS),
    path=paths,
    secure=st.sampled_from([None, False, True]),
    http_only=st.booleans(),
    expiration_date=st.sampled_from([None, 0.0, NEW_YEARS_EVE_2015_US / SECOND + 5, 9e9]),
    same_site=st.sampled_from(["unspecified", "no_restriction", "lax", "strict"]),
    creation_date=st.sampled_from([None, NEW_YEARS_EVE_2015_US / SECOND - 600]),
    custom_schemes=st.sampled_from([(), ("ftp",)]),
    partition_key=st.sampled_from([*KEYS, "https://www.shop.test:8443/a", "http://co.uk", "nothing"]),
)
entries = st.builds(
    ImportedCookie,
    where=st.just("line 1"),
    name=st.sampled_from(["n", "m", "__Host-n"]),
    value=st.sampled_from(["1", "2"]).map(Secret),
    domain=st.sampled_from([host for host in HOSTS if host != "test"]),
    host_only=st.booleans(),
    path=st.sampled_from(["/", "/a"]),
    secure=st.booleans(),
    http_only=st.booleans(),
    same_site=st.sampled_from(["unspecified", "no_restriction", "lax", "strict"]),
    expiry_us=st.sampled_from([None, 0, NEW_YEARS_EVE_2015_US + 9 * SECOND, 1 << 60]),
    partition_key=st.sampled_from([*KEYS, "https://www.shop.test:8443/a", "http://co.uk", "nothing"]),
)
messages: st.SearchStrategy[Message] = st.one_of(
    received,
    received,
    details,
    st.builds(RemoveCookies, url=urls, name=names),
    st.builds(ImportCookies, cookies=st.lists(entries, max_size=2).map(tuple)),
    st.builds(PersistSessionCookies, persist=st.booleans()),
    st.just(Recover(1)),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 3, 130, 5000]), messages), max_size=12), st.lists(urls, max_size=4))
def test_the_jar_is_what_the_rfc_says(told: list[tuple[int, Message]], asked: list[str]) -> None:
    jar, oracle = Jar(), CookieOracle()
    for pause_s, message in told:
        jar.now_us += pause_s * SECOND
        tell(jar, oracle, message)
        mine = [cookie for bucket in jar.state.stems.values() for cookie in bucket.values()]
        alive = [cookie for cookie in mine if cookie.expiry_us is None or cookie.expiry_us > jar.now_us]
        assert sorted(map(shown, alive), key=repr) == oracle.jar(jar.now_us), message
        for url in asked:
            for context in CONTEXTS:
                for key in KEYS:
                    header = oracle.header(url, jar.now_us, context, key) or None
                    assert jar.header(url, context, key) == header, (url, context, key)


def tell(jar: Jar, oracle: CookieOracle, message: Message) -> None:
    """Both take it, or both refuse it."""
    decision = jar.tell(message)
    try:
        effective = oracle.take(jar.now_us, message, decision.events)
    except Refused as refused:
        assert isinstance(decision.refusal, CookieError), refused
    else:
        assert decision.refusal is None, (message, decision.refusal)
        if isinstance(message, CookiesReceived):
            assert decision.reply == effective


def test_the_oracle_reads_the_working_groups_dates_as_well() -> None:
    wrong = [
        case["test"]
        for case in suite("http_state_dates.json")
        if read_date(case["test"]) != (case["expected"] and read_date(case["expected"]))
    ]
    assert not wrong


def test_the_oracle_knows_the_cookie_headers_of_the_working_group() -> None:
    oracle = CookieOracle()
    now_us = NEW_YEARS_EVE_2015_US
    oracle.take(now_us, CookiesReceived("http://home.example.org/a/b", (Secret("foo=bar; Path=/a; Max-Age=86401"),)))
    assert oracle.header("http://home.example.org/a/c", now_us + DAY, "strict", None) == "foo=bar"
    assert not oracle.header("http://home.example.org/c", now_us + DAY, "strict", None)
    assert not oracle.header("http://home.example.org/a/c", now_us + 2 * DAY, "strict", None)
