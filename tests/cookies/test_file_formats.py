"""``cookies.txt`` and Playwright's ``storageState``: what is read, what is written, and what is refused (WANTS 3, 96)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cookies.jar import NEW_YEARS_EVE_2015_US, SECOND, Jar, fields
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.cookies.netscape import HEADER, read_netscape, write_netscape
from partita.actors.cookies.storage_state import read_storage_state, write_storage_state
from partita.events.cookies import ImportCookies, ImportCount, ImportedCookie, StoredCookie
from partita.events.errors import CookieError, CookieFileError
from partita.events.secret import Secret

NOW_S = NEW_YEARS_EVE_2015_US // SECOND


def everything(jar: Jar) -> list[StoredCookie]:
    return [cookie for bucket in jar.state.stems.values() for cookie in bucket.values()]


def only(content: str) -> ImportedCookie:
    [cookie] = read_netscape(content.encode("latin-1"))
    return cookie


def entry(**changes: Any) -> bytes:
    cookie = {"name": "n", "value": "v", "domain": "shop.example", "path": "/", "expires": -1, **changes}
    return json.dumps({"cookies": [{name: value for name, value in cookie.items() if value is not ...}]}).encode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".shop.example\tTRUE\t/\tTRUE\t1767225600\tn\tv", {"host_only": False, "secure": True}),
        ("shop.example\tFALSE\t/a\tFALSE\t0\tn\tv", {"host_only": True, "path": "/a", "expiry_us": None}),
        ("shop.example\tTRUE\t/\tFALSE\t0\tn\tv", {"host_only": False, "domain": "shop.example"}),
        ("#HttpOnly_.shop.example\tTRUE\t/\tFALSE\t0\tn\tv", {"http_only": True, "domain": ".shop.example"}),
        ("shop.example\tfalse\t/\tTrue\t0\tn\tv\r", {"secure": True, "value": "v"}),
        ("shop.example\tFALSE\t/\tFALSE\t\tn\tv", {"expiry_us": None}),
        ("shop.example\tFALSE\t/\tFALSE\t-1\tn\tv", {"expiry_us": None}),
        ("shop.example\tFALSE\t/\tFALSE\t1767225600.5\tn\tv", {"expiry_us": 1_767_225_600_500_000}),
        ("shop.example\tFALSE\t/\tFALSE\t0\tn\t", {"value": ""}),
        ("shop.example\tFALSE\t/\tFALSE\t0\tn", {"value": ""}),
        ("shop.example\tFALSE\t/\tFALSE\t0\t\tv", {"name": "", "value": "v"}),
        ("shop.example\tFALSE\t/\tFALSE\t0\tn\ta\tb", {"value": "a\tb"}),
        ("\xef\xbb\xbfshop.example\tFALSE\t/\tFALSE\t0\tn\t\xc3\xa9", {"domain": "shop.example", "value": "\xc3\xa9"}),
    ],
)
def test_a_line_of_cookies_txt_is_a_cookie(line: str, expected: dict[str, Any]) -> None:
    cookie = only(line + "\n")
    shown = {name: getattr(cookie, name) for name in expected} | (
        {"value": cookie.value.reveal_text()} if "value" in expected else {}
    )
    assert shown == expected
    assert cookie.where == "line 1"


def test_comments_and_empty_lines_say_nothing() -> None:
    content = f"{HEADER}\n   \n# a comment\n$ another\n\r\nshop.example\tFALSE\t/\tFALSE\t0\tn\tv\n# end"
    assert only(content).where == "line 9"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("shop.example FALSE / FALSE 0 n v", "it has 1 fields and not 7 with tabs between them"),
        ("shop.example\tFALSE\t/\tFALSE\t0", "it has 5 fields and not 7 with tabs between them"),
        ("\tFALSE\t/\tFALSE\t0\tn\tv", "it has no domain"),
        ("shop.example\tMAYBE\t/\tFALSE\t0\tn\tv", "its second field is 'MAYBE', and has to be TRUE or FALSE"),
        ("shop.example\tFALSE\t/\t\t0\tn\tv", "its fourth field is '', and has to be TRUE or FALSE"),
        ("shop.example\tFALSE\tpath\tFALSE\t0\tn\tv", "its path 'path' does not begin with /"),
        ("shop.example\tFALSE\t/\tFALSE\tsoon\tn\tv", "its expiry 'soon' is no number of seconds since 1970"),
        ("shop.example\tFALSE\t/\tFALSE\t" + "9" * 400 + "\tn\tv", "is no number of seconds since 1970"),
    ],
)
def test_a_bad_line_is_named_with_its_reason(line: str, reason: str) -> None:
    with pytest.raises(CookieFileError) as raised:
        read_netscape(f"{HEADER}{line}\n".encode())
    assert str(raised.value).startswith("line 4: ")
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (entry(), {"host_only": True, "expiry_us": None, "same_site": "unspecified", "path": "/"}),
        (entry(domain=".shop.example"), {"host_only": False}),
        (entry(expires=1767225600.25), {"expiry_us": 1_767_225_600_250_000}),
        (entry(expires=1e300), {"expiry_us": 253_402_300_799 * SECOND}),
        (
            entry(sameSite="Strict", httpOnly=True, secure=True),
            {"same_site": "strict", "http_only": True, "secure": True},
        ),
        (entry(sameSite="None", secure=True), {"same_site": "no_restriction"}),
        (entry(sameSite="None"), {"same_site": "unspecified"}),
        (entry(path=...), {"path": "/"}),
        (entry(partitionKey="https://a.example", secure=True), {"partition_key": "https://a.example"}),
        (entry(partitionKey=""), {"partition_key": None}),
        (entry(name="é"), {"name": "\xc3\xa9"}),
        (entry(_crHasCrossSiteAncestor=False, size=3), {"name": "n"}),
    ],
)
def test_an_entry_of_a_storage_state_is_a_cookie(content: bytes, expected: dict[str, Any]) -> None:
    [cookie] = read_storage_state(content)
    assert {name: getattr(cookie, name) for name in expected} == expected
    assert cookie.where == "cookies[0]"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no storageState"),
        (b"[]", "it is no storageState: Expected `object`, got `array`"),
        (b'{"origins": []}', "it is no storageState: Object missing required field `cookies`"),
        (b'{"cookies": 1}', "it is no storageState: Expected `array`, got `int`"),
        (b'{"cookies": [1]}', "cookies[0]: Expected `object`, got `int`"),
        (entry(name=...), "cookies[0]: Object missing required field `name`"),
        (entry(value=1), "cookies[0]: Expected `str`, got `int` - at `$.value`"),
        (entry(sameSite="lax"), "cookies[0]: Invalid enum value 'lax' - at `$.sameSite`"),
        (entry(domain="."), "cookies[0]: it has no domain"),
        (entry(path="x"), "cookies[0]: its path 'x' does not begin with /"),
        (b'{"cookies": [{"name": "\xff"}]}', "cookies[0]: "),
    ],
)
def test_a_bad_storage_state_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(CookieFileError) as raised:
        read_storage_state(content)
    assert str(raised.value).startswith(reason)


def filled() -> Jar:
    jar = Jar()
    jar.receive(
        "https://www.shop.example/a/b",
        "sid=1; Domain=shop.example; Secure; HttpOnly; SameSite=None; Max-Age=600; Path=/",
        "\xc3\xa9=\xc3\xbf; SameSite=Strict",
        "plain",
        "empty=",
    )
    jar.receive("http://127.0.0.1/", "ip=1")
    jar.set("https://cdn.example/", "part", "v", secure=True, partition_key="https://shop.example")
    return jar


def test_a_storage_state_gives_the_jar_back() -> None:
    jar, copy = filled(), Jar()
    content, count = write_storage_state(everything(jar))
    assert count == 6
    decision = copy.tell(ImportCookies(read_storage_state(content)))
    assert decision.reply == ImportCount(6, 0)
    kept = ("name", "value", "domain", "host_only", "path", "secure", "http_only", "expiry_us", "partition_key")
    assert [fields(cookie, *kept) for cookie in everything(copy)] == [
        fields(cookie, *kept) for cookie in everything(jar)
    ]
    assert [cookie.same_site for cookie in everything(copy)] == [
        "no_restriction", "strict", "lax", "lax", "lax", "lax"
    ]  # fmt: skip


def test_cookies_txt_gives_the_jar_back_without_what_it_has_no_words_for() -> None:
    jar, copy = filled(), Jar()
    jar.receive("https://shop.example/", "tab=a\tb")
    content, count = write_netscape(everything(jar))
    assert count == 5
    copy.tell(ImportCookies(read_netscape(content)))
    kept = ("name", "value", "domain", "host_only", "path", "secure", "http_only", "expiry_us")
    assert [fields(cookie, *kept) for cookie in everything(copy)] == [
        fields(cookie, *kept) for cookie in everything(jar) if cookie.name not in ("part", "tab")
    ]


def imported(name: str = "n", **details: Any) -> ImportedCookie:
    given: dict[str, Any] = {
        "where": "line 7",
        "value": Secret("v"),
        "domain": "shop.example",
        "host_only": True,
        "path": "/",
        "secure": False,
        "http_only": False,
    }
    return ImportedCookie(name=name, **(given | details))


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"name": "__Host-n"}, "The cookie was set with an invalid __Host- or __Secure- prefix."),
        ({"domain": "co.uk ", "host_only": False}, "The cookie was set with an invalid Domain attribute."),
        ({"domain": "a b"}, "The cookie was set with an invalid Domain attribute."),
        ({"value": Secret("a;b")}, "The cookie contains ASCII control characters"),
        ({"value": Secret("v" * 4097)}, "The cookie exceeded the name/value pair size limit."),
        ({"name": "", "value": Secret("")}, "The cookie contains no content or only whitespace."),
        ({"name": "a=b"}, "The cookie was malformed and could not be stored"),
        ({"same_site": "no_restriction"}, "The cookie specified SameSite=None, but it was not Secure."),
        ({"partition_key": "https://a.example"}, "Cookie was set with an invalid Partitioned attribute"),
        ({"partition_key": "nothing", "secure": True}, "Cookie was set with an invalid Partitioned attribute"),
    ],
)
def test_one_cookie_that_cannot_be_stored_keeps_all_out(details: dict[str, Any], reason: str) -> None:
    jar = Jar()
    refusal = jar.tell(ImportCookies((imported("good"), imported(**details), imported("late")))).refusal
    assert isinstance(refusal, CookieError)
    assert str(refusal).startswith(f"line 7: {reason}")
    assert jar.state.count == 0


def test_expired_cookies_are_counted_and_left_out() -> None:
    jar = Jar()
    jar.set("https://shop.example/", "n", "kept")
    reply = jar.tell(ImportCookies((imported(expiry_us=jar.now_us), imported("m", expiry_us=jar.now_us + 1)))).reply
    assert reply == ImportCount(stored=1, expired=1)
    assert jar.header("https://shop.example/") == "n=kept; m=v"


def test_an_import_replaces_what_is_there_whatever_protects_it() -> None:
    jar = Jar()
    jar.receive("https://shop.example/", "n=old; Secure; HttpOnly; Path=/")
    assert [getattr(event, "cause", "") for event in jar.tell(ImportCookies((imported(),))).events] == [
        "overwrite",
        "inserted",
    ]


def test_lifetimes_of_imported_cookies_end_after_400_days() -> None:
    jar = Jar()
    jar.tell(ImportCookies((imported(expiry_us=1 << 60),)))
    assert everything(jar)[0].expiry_us == jar.now_us + 400 * 86_400 * SECOND


texts = st.text(
    st.characters(max_codepoint=0xFF, exclude_characters="\t\r\n;=\x00 ", exclude_categories=("Cc",)), max_size=9
)


def is_utf_8(octets: str) -> bool:
    try:
        octets.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@given(
    texts.filter(bool), texts, st.sampled_from(["/", "/a b", "/\xe9"]), st.booleans(), st.none() | st.integers(1, 10**9)
)
def test_what_is_written_is_read_back(name: str, value: str, path: str, secure: bool, expires_s: int | None) -> None:
    expiry_us = None if expires_s is None else (NOW_S + expires_s) * SECOND
    cookie = StoredCookie(
        name=name,
        value=Secret(value),
        domain="shop.example",
        host_only=not secure,
        path=path,
        secure=secure,
        http_only=not secure,
        same_site="lax",
        creation_us=1,
        last_access_us=1,
        expiry_us=expiry_us,
        source_scheme="secure",
    )
    for write, read in ((write_netscape, read_netscape), (write_storage_state, read_storage_state)):
        content, _ = write([cookie])
        [back] = read(content)
        if read is read_netscape or all(map(is_utf_8, (name, value, path))):
            assert (back.name, back.value.reveal_text(), back.path) == (name, value, path)
        assert (back.secure, back.http_only, back.host_only, back.expiry_us) == (
            secure,
            not secure,
            not secure,
            expiry_us,
        )


@given(st.binary(max_size=200))
def test_whatever_stands_in_a_file_is_read_or_refused(content: bytes) -> None:
    for read in (read_netscape, read_storage_state):
        try:
            read(content)
        except CookieFileError:
            continue
