"""``partita.World`` as its users have it: hosts, both ways to run a program, crashes, faults, time, checks, mistakes."""

from __future__ import annotations

import os
import random
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import partita
from partita import World
from partita.errors import NetError, Refused, SystemClosed, UsageError
from partita.simulation import FAULTS, OF_PARTITA_ITSELF, CheckFailed
from partita.simulations.outcome import Level
from partita.simulations.stage import Stuck

LEVELS: tuple[Level, ...] = ("kernel", "trio")
SHOP = "https://shop.test/"


@pytest.fixture
def quiet() -> Iterator[World]:
    with World(1, quiet=True) as world:
        yield world


def set_cookie(world: World, session: partita.Session, name: str) -> partita.Future[None]:
    expires = world.clock.now_us() / 1e6 + 86_400
    return session.cookies.set(url=SHOP, name=name, value="1", expiration_date=expires)


def names_of(cookies: list[partita.Cookie]) -> list[str]:
    return sorted(cookie.name for cookie in cookies)


# -- hosts --------------------------------------------------------------------------------------------------------------


def test_a_host_is_five_lines(quiet: World) -> None:
    @quiet.host("shop.test")
    def shop(request: Any) -> object:
        return {"path": request.url.path}

    with quiet.system() as system:
        response = system.from_partition("").fetch(f"{SHOP}teapots").get()
    assert response.json() == {"path": "/teapots"}
    assert [(seen.method, seen.path) for seen in quiet.internet.requests] == [("GET", "/teapots")]
    assert shop.__name__ == "shop"


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-path", scope["path"].encode())]})
    await send({"type": "http.response.body", "body": b"got " + body})


@pytest.mark.parametrize("level", LEVELS)
def test_a_host_may_be_an_asgi_application(level: Level) -> None:
    async def program(system: partita.System) -> tuple[int, str, str]:
        response = await system.from_partition("").fetch(f"{SHOP}orders", method="POST", content="teapot")
        return response.status_code, response.headers["x-path"], response.text

    with World(1, level=level, quiet=True) as world:
        world.host("shop.test", asgi_app)
        assert world.run(program) == (201, "/orders", "got teapot")


def test_what_a_host_raises_comes_out(quiet: World) -> None:
    quiet.host("shop.test", lambda request: 1 // 0)
    with quiet.system() as system, pytest.raises(ZeroDivisionError):
        system.from_partition("").fetch(SHOP).get()


def test_a_host_goes_down_and_comes_up_again(quiet: World) -> None:
    quiet.host("shop.test", lambda request: "open")
    with quiet.system() as system:
        session = system.from_partition("")
        quiet.internet.down("shop.test")
        with pytest.raises(NetError, match="ERR_CONNECTION"):
            session.fetch(SHOP).get()
        quiet.internet.up("shop.test")
        assert session.fetch(SHOP).get().text == "open"
        with pytest.raises(NetError, match="ERR_NAME_NOT_RESOLVED"):
            session.fetch("https://elsewhere.test/").get()


# -- a program on this thread -------------------------------------------------------------------------------------------


def test_time_passes_when_the_program_says_so_and_the_clock_can_be_set(quiet: World) -> None:
    with quiet.system() as system:
        session = system.from_partition("persist:shop")
        set_cookie(quiet, session, "day").get()
        before_us = quiet.clock.now_us()
        quiet.run_for(3600)
        assert (quiet.clock.now_us() - before_us, quiet.clock.monotonic()) == (3_600_000_000, 3600)
        assert names_of(session.cookies.get().get()) == ["day"]
        quiet.clock.jump(86_400)
        assert quiet.clock.monotonic() == 3600
        assert session.cookies.get().get() == []


@pytest.mark.parametrize("kind", ["kill", "power"])
def test_a_process_is_crashed_by_hand_and_the_next_finds_what_was_durable(quiet: World, kind: Any) -> None:
    with quiet.system() as system:
        session = system.from_partition("persist:shop")
        set_cookie(quiet, session, "a").get()
        quiet.crash(kind)
        with pytest.raises(SystemClosed):
            session.cookies.get().get()
        with pytest.raises(SystemClosed):
            system.from_partition("persist:shop")
    with quiet.system() as system:
        assert names_of(system.from_partition("persist:shop").cookies.get().get()) == ["a"]
    assert quiet.crashes == 1
    quiet.check()


def test_what_was_not_awaited_may_be_gone_after_a_crash(quiet: World) -> None:
    with quiet.system() as system:
        session = system.from_partition("persist:shop")
        session.flush().get()
        set_cookie(quiet, session, "a")
        quiet.crash("power")
    with quiet.system() as system:
        assert system.from_partition("persist:shop").cookies.get().get() == []
    quiet.check()


def test_without_run_a_process_never_crashes_by_itself() -> None:
    with World(1, faults=dict.fromkeys((name for name in FAULTS if name.startswith("crash.")), 1.0)) as world:
        with world.system() as system:
            session = system.from_partition("persist:shop")
            for number in range(10):
                set_cookie(world, session, f"c{number}").get()
                world.may_crash()
        assert world.crashes == 0
        world.check()


def test_a_session_in_memory_is_watched_as_well(quiet: World) -> None:
    with quiet.system() as system:
        set_cookie(quiet, system.from_partition("scratch"), "a").get()
        quiet.check()
    quiet.check()


def test_a_program_may_end_in_the_middle_of_a_download(quiet: World) -> None:
    quiet.host("shop.test", lambda request: b"x" * 6_000_000)
    with quiet.system() as system:
        session = system.from_partition("persist:shop")
        session.set_download_path("/downloads")
        session.download_url(f"{SHOP}big.iso").get()
    quiet.check()


# -- a program that the world runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_a_program_is_begun_again_when_its_process_crashes(level: Level) -> None:
    crashes = []
    begun = []
    for seed in range(12):
        with World(seed, level=level, faults=["crash."]) as world:

            async def program(system: partita.System) -> list[str]:
                begun.append(world.seed)
                session = system.from_partition("persist:shop")
                for number in range(4):
                    await set_cookie(world, session, f"c{number}")
                    world.may_crash()
                    await world.sleep(1)
                return names_of(await session.cookies.get())

            assert world.run(program) == ["c0", "c1", "c2", "c3"]
            world.check()
            assert begun.count(seed) == world.crashes + 1
            crashes.append(world.crashes)
    assert sum(crashes) > 3


@pytest.mark.parametrize("level", LEVELS)
def test_a_process_that_crashes_whenever_it_may_is_spared_in_the_end(level: Level) -> None:
    with World(1, level=level, faults={"crash.here": 1.0}) as world:

        async def program(system: partita.System) -> int:
            world.may_crash()
            return world.crashes

        assert world.run(program) == 6
        assert world.told() == "crash.here 6 times; crashes: 6"


@pytest.mark.parametrize("level", LEVELS)
def test_a_program_crashes_where_it_says_so(level: Level) -> None:
    lived = []
    with World(1, level=level, quiet=True) as world:

        async def program(system: partita.System) -> list[str]:
            session = system.from_partition("persist:shop")
            lived.append(names_of(await session.cookies.get()))
            if not world.crashes:
                await set_cookie(world, session, "a")
                world.crash("power")
            return names_of(await session.cookies.get())

        assert world.run(program) == ["a"]
        world.check()
    assert lived == [[], ["a"]]


@pytest.mark.parametrize("level", LEVELS)
def test_what_a_program_raises_comes_out_and_it_can_be_run_again(level: Level) -> None:
    with World(1, level=level, quiet=True) as world:

        async def stumble(system: partita.System) -> None:
            raise LookupError("no teapots")

        async def run(system: partita.System) -> str:
            return "fine"

        with pytest.raises(LookupError, match="no teapots"):
            world.run(stumble)
        assert world.run(run) == "fine"


@pytest.mark.parametrize("level", LEVELS)
def test_a_program_that_waits_for_ever_is_told_of(level: Level) -> None:
    async def program(system: partita.System) -> None:
        await partita.Future[None]()

    with World(1, level=level, quiet=True) as world, pytest.raises(Stuck, match="can never come"):
        world.run(program)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("module", "name"), [(time, "time"), (random, "random"), (os, "listdir")])
def test_a_program_may_not_touch_the_real_world(level: Level, module: Any, name: str) -> None:
    async def program(system: partita.System) -> None:
        getattr(module, name)()

    with World(1, level=level, quiet=True) as world, pytest.raises(Refused, match="use world"):
        world.run(program)


def test_both_levels_run_the_same_program_and_every_seed_is_the_same_twice() -> None:
    def seen(level: Level, seed: int) -> tuple[object, ...]:
        with World(seed, level=level) as world:
            world.host("shop.test", lambda request: b"x" * 100_000)

            async def program(system: partita.System) -> list[object]:
                came: list[object] = []
                for _ in range(3):
                    try:
                        response = await system.from_partition("persist:shop").fetch(SHOP, timeout=60)
                        came.append((response.status_code, len(response.content)))
                    except (NetError, partita.errors.StoreError) as error:
                        came.append(str(error))
                return came

            came = world.run(program)
            world.check()
            return came, world.told(), world.clock.now_us(), len(world.internet.requests)

    for level in LEVELS:
        outcomes = [seen(level, seed) for seed in range(8)]
        assert outcomes == [seen(level, seed) for seed in range(8)]
        assert len({str(outcome) for outcome in outcomes}) > 4


# -- what goes wrong ----------------------------------------------------------------------------------------------------


def test_by_default_the_seed_draws_from_all_that_a_program_has_to_expect() -> None:
    with World(3) as world:
        possible = {name for name, odds in world.knobs.odds.items() if odds}
        assert 10 < len(possible) < len(FAULTS)
        assert not [name for name in world.knobs.odds if name.startswith(OF_PARTITA_ITSELF)]
        assert not world.disk.lying


def test_faults_are_chosen_by_name_by_beginning_and_with_odds() -> None:
    with World(3, faults=["network.", "disk.full"]) as world:
        assert {name for name in world.knobs.odds if not name.startswith("network.")} == {"disk.full"}
    with World(3, faults="network.") as world:
        assert all(name.startswith("network.") for name in world.knobs.odds)
    with World(3, faults={"network.reset": 0.3}) as world:
        assert world.knobs.odds == {"network.reset": 0.3}
    with World(3, without=("network.", "clock.")) as world:
        assert not [name for name in world.knobs.odds if name.startswith(("network.", "clock."))]
    with World(3, faults=["disk."], without="disk.full") as world:
        assert "disk.full" not in world.knobs.odds and "disk.io_error" in world.knobs.odds


def test_in_a_quiet_world_nothing_goes_wrong_and_the_clock_is_right() -> None:
    for seed in range(5):
        with World(seed, quiet=True) as world, world.system() as system:
            world.host("shop.test", lambda request: "fine")
            session = system.from_partition("persist:shop")
            for _ in range(20):
                assert session.fetch(SHOP).get().text == "fine"
            assert world.clock.now_us() - 1_767_225_600_000_000 == round(world.clock.monotonic() * 1e6)
            assert (world.faults.struck, world.told()) == ([], "nothing; crashes: 0")


def test_what_struck_is_told() -> None:
    with World(1, faults={"connect.refused": 1.0}) as world, world.system() as system:
        world.host("shop.test", lambda request: "fine")
        session = system.from_partition("")
        for _ in range(2):
            with pytest.raises(NetError, match="ERR_CONNECTION_REFUSED"):
                session.fetch(SHOP).get()
        assert [(fault.name, fault.number) for fault in world.faults.struck] == [
            ("connect.refused", 1),
            ("connect.refused", 2),
        ]
        assert world.told() == "connect.refused 2 times; crashes: 0"
        world.heal()
        assert session.fetch(SHOP).get().text == "fine"


def test_settings_are_drawn_unless_they_are_given() -> None:
    with World(1, quiet=True, settings={"network.latency_s": 0.2}) as world, world.system() as system:
        world.host("shop.test", lambda request: "fine")
        system.from_partition("").fetch(SHOP).get()
        assert world.clock.monotonic() >= 0.8  # name, connection, request
        assert world.knobs.settings["network.latency_s"] == 0.2


# -- the checkers -------------------------------------------------------------------------------------------------------


def test_a_broken_promise_is_told_with_the_seed_and_what_struck(quiet: World) -> None:
    with quiet.system() as system:
        session = system.from_partition("persist:shop")
        session.set_user_agent("shop/1.0")
        quiet.check()
        quiet._watch.complain("fold", "something is not as the log says", 3)
        with pytest.raises(CheckFailed) as caught:
            quiet.check()
    assert str(caught.value) == (
        "with the seed 1:\nfold: something is not as the log says\nstruck before that: nothing"
    )
    assert [violation.position for violation in caught.value.violations] == [3]


def test_a_listener_that_raises_is_complained_of(quiet: World) -> None:
    with quiet.system() as system:
        session = system.from_partition("")
        session.cookies.on("changed", lambda event: 1 // 0)
        set_cookie(quiet, session, "a").get()
        quiet.run_for(1)
        with pytest.raises(CheckFailed, match="a listener of 'changed' raised"):
            quiet.check()


def test_other_warnings_go_where_they_went(quiet: World) -> None:
    with pytest.warns(DeprecationWarning, match="old"):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    with pytest.raises(UserWarning, match="an error here"):
        warnings.warn("an error here", UserWarning, stacklevel=1)  # as this suite has them


# -- mistakes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"faults": {"network.rest": 1}}, "no fault 'network.rest': did you mean network.reset"),
        ({"faults": ["zzz"]}, "no fault 'zzz': there are "),
        ({"without": "crush."}, "no fault 'crush.': "),
        ({"settings": {"network.latency": 1}}, "no setting 'network.latency': did you mean network.latency_s"),
        ({"quiet": True, "faults": ["network."]}, "quiet=True is a world without faults"),
    ],
)
def test_a_fault_or_a_setting_that_there_is_not_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as caught:
        World(1, **options)
    assert str(caught.value).startswith(told)
    World(1).close()


def test_a_second_world_at_the_same_time_is_refused(quiet: World) -> None:
    with pytest.raises(UsageError, match="the world of seed 1 is still open"):
        World(2)
    with quiet.system() as system:  # and the first is none the worse for it
        set_cookie(quiet, system.from_partition("persist:shop"), "a").get()


def test_a_world_may_be_closed_twice_and_the_next_one_is_a_fresh_one() -> None:
    world = World(1, quiet=True)
    session = world.system().from_partition("persist:shop")
    set_cookie(world, session, "a").get()
    world.close()
    world.close()
    with World(1, quiet=True) as another, another.system() as system:
        assert system.from_partition("persist:shop").cookies.get().get() == []


def test_each_way_says_which_one_it_is(quiet: World) -> None:
    async def program(system: partita.System) -> None:
        with pytest.raises(UsageError, match=r"await world\.sleep"):
            quiet.run_for(1)
        with pytest.raises(UsageError, match="the program has been given its system"):
            quiet.system()

    quiet.run(program)
    quiet.close()
    with World(1, level="trio") as world, pytest.raises(UsageError, match=r"give it to world\.run\(\)"):
        world.system()


def test_a_session_that_two_open_at_once_is_the_identical_object(quiet: World) -> None:
    with quiet.system() as system:
        meanwhile: list[partita.Session] = []
        system.kernel.call_soon(lambda: meanwhile.append(system.from_partition("work", permissions="deny")))
        session = system.from_partition("work", permissions="deny")  # waits for a turn that configures it
        assert meanwhile == [session]
        assert system.from_partition("work") is session


def test_what_is_on_its_way_to_a_slow_disk_gets_there_before_it_is_checked() -> None:
    with World(1, faults={"buggify.commit.slow": 1.0}) as world, world.system() as system:
        session = system.from_partition("persist:shop")
        partition = session._partition
        session.set_user_agent("Slow/1")
        began_us = world.clock.now_us()
        world.check()
        assert partition.store.position == partition.position == session.log.position
        assert world.clock.now_us() == began_us
