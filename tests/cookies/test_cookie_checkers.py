"""The checkers of cookies complain of what is wrong, in words that a person understands."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from partita.simulation import CheckFailed, World
from partita.simulations.checker import Broken
from partita.simulations.checkers.cookie_tickets import CookiesGoWhereTheyMay, Seen, Ticket

SHOP, PAY = "https://shop.test/a/b", "https://pay.test/"


def test_a_jar_that_is_not_by_the_rfc_is_told_of() -> None:
    with World(1, quiet=True) as world:
        session = world.system().from_partition("persist:shop")
        expires = world.clock.now_us() / 1e6 + 60
        session.cookies.set(url=SHOP, name="n", value="v", expiration_date=expires).get()
        world.check()
        actor: Any = session._partition.actor("session")
        [[stem, bucket]] = actor.state.cookies.stems.items()
        [[slot, cookie]] = bucket.items()
        wrong = structs.replace(actor.state.cookies, stems={stem: {slot: structs.replace(cookie, path="/")}})
        actor.state = structs.replace(actor.state, cookies=wrong)
        with pytest.raises(CheckFailed) as caught:
            world.check()
    said = {violation.checker: violation.what for violation in caught.value.violations}
    assert said["cookie_oracle"].startswith("by the RFC the jar has [('shop.test', '/a', 'n', '', 'v',")
    assert "instead of [('shop.test', '/', 'n', '', 'v'," in said["cookie_oracle"]


@pytest.mark.parametrize(
    ("line", "seen", "objection"),
    [
        ("n=t1", Seen(SHOP, "GET", "n=t1"), None),
        ("n=t1; Path=/", Seen("https://shop.test/", "GET", "n=t1", by=f"navigate {PAY}"), None),
        ("n=t1; SameSite=None; Secure", Seen(SHOP, "GET", "n=t1", by=f"fetch {PAY}"), None),
        ("n=t1", Seen(SHOP, "GET", "m=t1"), "it was set by another name"),
        ("n=t1; Path=/", Seen(PAY, "GET", "n=t1"), "it is another host's"),
        ("n=t1", Seen("https://x.shop.test/a/b", "GET", "n=t1"), "it is host-only"),
        ("n=t1", Seen("https://shop.test/", "GET", "n=t1"), "it is another path's"),
        ("n=t1; Secure", Seen("http://shop.test/a/b", "GET", "n=t1"), "it is Secure"),
        ("n=t1; Max-Age=0", Seen(SHOP, "GET", "n=t1"), "it had expired before it was set"),
        ("n=t1; SameSite=None", Seen(SHOP, "GET", "n=t1"), "SameSite=None has to be Secure"),
        ("n=t1", Seen(SHOP, "GET", "n=t1", by=f"fetch {PAY}"), "the request is not same-site"),
        (
            "n=t1; SameSite=Strict",
            Seen(SHOP, "GET", "n=t1", by=f"navigate {PAY}"),
            "it is strict, and the link is another site's",
        ),
        (
            "n=t1; SameSite=Lax",
            Seen(SHOP, "POST", "n=t1", by=f"navigate {PAY}"),
            "it is lax, and the form another site's",
        ),
        ("n=t1\x01", Seen(SHOP, "GET", "n=t1"), "it must not be stored (5.6, step 1: a control character)"),
    ],
)
def test_a_cookie_that_was_sent_where_it_may_not_go_is_told_of(line: str, seen: Seen, objection: str | None) -> None:
    assert told({"t1": Ticket(SHOP, line)}, seen) == objection


def test_what_nobody_has_set_is_told_of() -> None:
    assert told({}, Seen(SHOP, "GET", "n=t1")) == "which nobody has set"


@pytest.mark.parametrize(
    ("attributes", "setter", "objection"),
    [
        ("", Seen(SHOP, "GET", "", by=f"fetch {PAY}"), "only cross-site responses have set it"),
        ("; Secure; Partitioned", Seen(SHOP, "GET", "", by=f"fetch {PAY}"), "it is of another top-level site"),
        ("; Secure; Partitioned", Seen(SHOP, "GET", ""), None),
    ],
)
def test_it_matters_who_has_set_it(attributes: str, setter: Seen, objection: str | None) -> None:
    line = f"n=t1{attributes}"
    setting = structs.replace(setter, lines=(line,))
    assert told({"t1": Ticket(SHOP, line)}, setting, Seen(SHOP, "GET", "n=t1")) == objection


def told(tickets: dict[str, Ticket], *seen: Seen) -> str | None:
    """What the checker objects to."""
    with World(1, quiet=True) as world:
        world._world.memory.update({"tickets": tickets, "cookies seen": list(seen)})
        checker = CookiesGoWhereTheyMay(world._world)
        try:
            checker.ended(None)  # type: ignore[arg-type]  # it looks at nothing of it
        except Broken as broken:
            _, found, objection = broken.what.partition("): ")
            return objection if found else broken.what.rpartition(", ")[2]
    return None
