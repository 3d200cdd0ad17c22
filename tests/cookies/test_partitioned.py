"""``Partitioned`` cookies (CHIPS): a jar for each top-level site."""

from __future__ import annotations

import pytest
from cookies.jar import SECOND, Jar, causes

from partita.actors.cookies.eviction import PARTITION_BYTES, PARTITION_LIMIT
from partita.actors.cookies.structures import Cookie
from partita.events.cookies import SetCookie
from partita.events.errors import CookieError
from partita.events.secret import Secret

URL = "https://cdn.example/"
SHOP, NEWS = "https://shop.example", "https://news.example"
LINE = "n={}; Secure; Partitioned; Path=/"


def test_each_top_level_site_has_a_cookie_of_its_own() -> None:
    jar = Jar()
    jar.receive(URL, "n=alone")
    jar.receive(URL, LINE.format("shop"), partition_key=SHOP)
    jar.receive(URL, LINE.format("news"), partition_key=NEWS)
    assert jar.header(URL) == "n=alone"
    assert jar.header(URL, partition_key=SHOP) == "n=alone; n=shop"
    assert jar.header(URL, partition_key=NEWS) == "n=alone; n=news"
    assert jar.receive(URL, LINE.format("other"), partition_key=NEWS) == ["overwrite", "inserted"]
    assert jar.header(URL, partition_key=SHOP) == "n=alone; n=shop"


def test_without_the_attribute_a_cookie_belongs_to_no_site() -> None:
    jar = Jar()
    jar.receive(URL, "n=v; Secure", partition_key=SHOP)
    assert jar.header(URL, partition_key=NEWS) == "n=v"


def test_without_a_page_a_partitioned_cookie_is_one_like_others() -> None:
    jar = Jar()
    assert jar.receive(URL, LINE.format("v")) == ["inserted"]
    assert jar.get()[0].partition_key is None


@pytest.mark.parametrize("key", [None, SHOP])
def test_a_partitioned_cookie_has_to_be_secure(key: str | None) -> None:
    jar = Jar()
    assert jar.receive(URL, "n=v; Partitioned", partition_key=key) == []
    assert jar.receive("http://cdn.example/", "n=v; Partitioned; Secure", partition_key=key) == []
    assert jar.receive("http://localhost/", "n=v; Partitioned; Secure", partition_key=key) == ["inserted"]


def test_a_secure_cookie_of_another_partition_is_not_covered() -> None:
    jar = Jar()
    jar.receive(URL, LINE.format("v"), partition_key=SHOP)
    assert jar.receive("http://cdn.example/", "n=v", partition_key=SHOP) == ["inserted"]


def test_get_shows_all_partitions_or_one() -> None:
    jar = Jar()
    jar.receive(URL, "n=alone")
    jar.receive(URL, LINE.format("shop"), partition_key=SHOP)
    assert [cookie.value.reveal_text() for cookie in jar.get(url=URL)] == ["alone", "shop"]
    [found] = jar.get(partition_key=SHOP)
    assert Cookie.from_stored(found).partition_key == SHOP
    assert jar.get(partition_key=NEWS) == []


def test_remove_takes_those_of_all_partitions() -> None:
    jar = Jar()
    jar.receive(URL, "n=alone")
    jar.receive(URL, LINE.format("shop"), partition_key=SHOP)
    assert jar.remove(URL, "n") == ["explicit", "explicit"]
    assert jar.state.partitioned == 0


@pytest.mark.parametrize("given", ["https://shop.example", "https://www.shop.example:8443/a?b"])
def test_a_partition_can_be_set_by_the_url_of_a_page(given: str) -> None:
    jar = Jar()
    jar.set(URL, "n", "v", secure=True, partition_key=given)
    assert jar.get()[0].partition_key == SHOP
    assert jar.header(URL, partition_key=SHOP) == "n=v"


@pytest.mark.parametrize("details", [{"partition_key": SHOP}, {"partition_key": "no site", "secure": True}])
def test_a_partition_that_cannot_be_is_refused(details: dict[str, object]) -> None:
    jar = Jar()
    with pytest.raises(CookieError, match="invalid Partitioned attribute"):
        jar.set(URL, "n", "v", **details)


def fill(jar: Jar, count: int, value: str = "v", key: str = SHOP) -> list[str]:
    """A cookie a second; the causes of what the last one changed."""
    last: list[str] = []
    for number in range(count):
        jar.now_us += SECOND
        details = SetCookie(url=URL, name=f"{number:03}", value=Secret(value), secure=True, partition_key=key)
        last = causes(jar.tell(details).events)
    return last


def test_a_partition_has_180_cookies_of_a_site_and_each_more_takes_the_oldest() -> None:
    jar = Jar()
    fill(jar, PARTITION_LIMIT)
    jar.now_us += SECOND
    assert jar.receive(URL, LINE.format("last"), partition_key=SHOP) == ["inserted", "evicted"]
    assert jar.get(name="000") == []
    assert jar.state.count == PARTITION_LIMIT


def test_a_partition_has_10_kibibytes_of_a_site() -> None:
    jar = Jar()
    size = PARTITION_BYTES // 10
    assert fill(jar, 10, "v" * (size - 3)) == ["inserted"]
    assert jar.receive(URL, LINE.format("v"), partition_key=SHOP) == ["inserted", "evicted"]
    assert jar.names(partition_key=SHOP)[:2] == ["001", "002"]


def test_expired_cookies_make_room_first() -> None:
    jar = Jar()
    fill(jar, PARTITION_LIMIT - 1)
    jar.receive(URL, "gone=v; Secure; Partitioned; Max-Age=1", partition_key=SHOP)
    jar.now_us += 2 * SECOND
    assert jar.receive(URL, LINE.format("v"), partition_key=SHOP) == ["inserted", "expired"]
    assert len(jar.get(name="000")) == 1


def test_partitions_and_the_rest_of_the_jar_do_not_share_a_limit() -> None:
    jar = Jar()
    fill(jar, 150, key=SHOP)
    fill(jar, 150, key=NEWS)
    for number in range(150):
        jar.receive(URL, f"plain{number}=v")
    assert jar.state.count == 450
    assert jar.state.partitioned == 300
