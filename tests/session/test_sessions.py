"""The entry points, and what a session is (FEATURES M1 to M4, F8, F22 to F24, F46)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import trio
from servers.loopback import LoopbackServer, sends

import partita
from partita.errors import InvalidPartitionName, InvalidURL, SystemClosed, WouldDeadlock


def test_the_same_name_gives_the_identical_object_and_persist_is_part_of_the_name(system: partita.System) -> None:
    assert system.from_partition("persist:work") is system.from_partition("persist:work")
    assert system.from_partition("work") is system.from_partition("work")
    assert system.from_partition("work") is not system.from_partition("persist:work")
    assert system.from_partition("") is system.from_partition("persist:") is system.default_session


def test_a_session_knows_its_name_and_where_it_lives(system: partita.System, tmp_path: Path) -> None:
    kept, scratch = system.from_partition("persist:work"), system.from_partition("scratch")
    assert (kept.partition, kept.is_persistent()) == ("persist:work", True)
    assert kept.storage_path == kept.get_storage_path() == str(tmp_path / "data" / "Partitions" / "work")
    assert (scratch.partition, scratch.is_persistent(), scratch.storage_path) == ("scratch", False, None)
    assert system.default_session.is_persistent()
    assert system.default_session.storage_path == str(tmp_path / "data" / "Partitions" / "%default")


def test_names_that_differ_in_case_are_two_partitions_with_two_folders(system: partita.System) -> None:
    upper, lower = system.from_partition("persist:Work"), system.from_partition("persist:work")
    assert upper is not lower
    assert str(upper.storage_path).lower() != str(lower.storage_path).lower()


@pytest.mark.parametrize("name", ["persist:a\0b", "a\0b"])
def test_a_name_that_no_partition_can_have_is_refused(system: partita.System, name: str) -> None:
    with pytest.raises(InvalidPartitionName):
        system.from_partition(name)


def test_a_name_that_is_no_text_is_a_type_error(system: partita.System) -> None:
    with pytest.raises(TypeError, match="str"):
        system.from_partition(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", "x" * 10_000, "日本", "a b?*"])
def test_every_other_name_stays_below_the_data_directory(system: partita.System, name: str, tmp_path: Path) -> None:
    session = system.from_partition(f"persist:{name}")
    assert Path(str(session.storage_path)).parent == tmp_path / "data" / "Partitions"
    assert system.stored_partitions() == [f"persist:{name}"]


def test_from_path_keeps_a_session_in_that_directory(system: partita.System, tmp_path: Path) -> None:
    session = system.from_path(tmp_path / "here")
    assert session.is_persistent()
    assert session.storage_path == str(tmp_path / "here")
    assert system.from_path(tmp_path / "here") is session
    with pytest.raises(ValueError, match="absolute"):
        system.from_path("here")


def test_a_deleted_partition_is_gone_from_the_disk_and_from_the_list(system: partita.System) -> None:
    session = system.from_partition("persist:gone")
    folder = Path(str(session.storage_path))
    assert folder.is_dir()
    system.delete_partition("persist:gone")
    assert session.closed
    assert not folder.exists()
    assert system.stored_partitions() == []
    system.delete_partition("persist:gone")
    assert system.from_partition("persist:gone") is not session


def test_a_closed_session_is_opened_again_by_its_name_as_it_was(system: partita.System) -> None:
    session = system.from_partition("persist:work")
    session.cookies.set(url="https://a.example/", name="n", value="v", expiration_date=4e9).get()
    session.close()
    with pytest.raises(SystemClosed):
        session.cookies.get().get()
    again = system.from_partition("persist:work")
    assert again is not session
    assert [cookie.value for cookie in again.cookies.get().get()] == ["v"]


def test_the_user_agent_holds_at_once_and_is_forgotten_with_the_process(tmp_path: Path, server: LoopbackServer) -> None:
    url = server.on("/", sends(b"ok"))
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:ua")
        default = session.get_user_agent()
        session.set_user_agent("shop/1.0", "en-US,fr,de")
        assert session.get_user_agent() == "shop/1.0"
        session.fetch(url).get()
        session.set_user_agent("shop/2.0")
        session.fetch(url).get()
    first, second = server.seen
    assert (first.header("user-agent"), first.header("accept-language")) == ("shop/1.0", "en-US,fr;q=0.9,de;q=0.8")
    assert (second.header("user-agent"), second.header("accept-language")) == ("shop/2.0", "en-US,fr;q=0.9,de;q=0.8")
    with partita.System(data_dir=tmp_path) as system:
        assert system.from_partition("persist:ua").get_user_agent() == default


def test_the_download_path_is_kept_across_restarts(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        system.from_partition("persist:dl").set_download_path(str(tmp_path / "files"))
    with partita.System(data_dir=tmp_path) as system:
        assert system.from_partition("persist:dl").get_download_path() == str(tmp_path / "files")


@pytest.mark.parametrize("agent", ["a\r\nX: y", "a\0b", 7])
def test_a_user_agent_that_no_header_can_hold_is_refused_and_changes_nothing(
    system: partita.System, agent: str
) -> None:
    session = system.from_partition("scratch")
    session.flush().get()
    before = session.log.position
    with pytest.raises((ValueError, TypeError)):
        session.set_user_agent(agent)
    session.flush().get()
    assert session.log.position == before


@pytest.mark.parametrize("url", ["", "nonsense", "data:,x", "http://", "http://a b/", "https://x:99999/"])
def test_a_url_that_is_none_is_refused_at_the_call_and_leaves_no_turn(system: partita.System, url: str) -> None:
    session = system.from_partition("scratch")
    session.flush().get()
    before = session.log.position
    with pytest.raises(InvalidURL):
        session.fetch(url)
    with pytest.raises(InvalidURL):
        session.download_url(url)
    assert session.log.position == before


def test_cookies_set_by_a_redirect_are_sent_to_the_next_hop(system: partita.System, server: LoopbackServer) -> None:
    session = system.from_partition("scratch")
    server.on("/login", sends(status=302, headers=[("Location", "/home"), ("Set-Cookie", "sid=1; Max-Age=60")]))
    home = server.on("/home", sends(b"in"))
    response = session.fetch(server.url("/login")).get()
    assert (response.text, str(response.url)) == ("in", home)
    assert server.seen[-1].header("cookie") == "sid=1"
    session.fetch(home, credentials="omit").get()
    assert server.seen[-1].header("cookie") is None


def test_a_fetch_that_changes_nothing_leaves_no_turn(system: partita.System, server: LoopbackServer) -> None:
    session = system.from_partition("scratch")
    url = server.on("/", sends(b"ok"))
    session.flush().get()
    before = session.log.position
    assert session.fetch(url, method="POST", json={"a": 1}).get().status_code == 200
    session.flush().get()
    assert session.log.position == before
    assert server.seen[0].body == b'{"a":1}'


def test_a_request_of_httpx_is_sent_as_it_is(system: partita.System, server: LoopbackServer) -> None:
    import httpx

    url = server.on("/", sends(b"ok"))
    request = httpx.Request("PUT", url, headers={"X-Mine": "1"}, content=b"body")
    assert system.from_partition("scratch").fetch(request).get().text == "ok"
    (seen,) = server.seen
    assert (seen.method, seen.header("x-mine"), seen.body) == ("PUT", "1", b"body")


def test_listeners_are_told_of_every_change_in_order_and_those_that_raise_break_nothing(system: partita.System) -> None:
    session = system.from_partition("scratch")
    seen: list[tuple[str, bool]] = []
    session.cookies.on("changed", lambda change: seen.append((change.cause, change.removed)))

    @session.cookies.on("changed")
    def broken(change: partita.CookieChanged) -> None:
        raise RuntimeError("my listener")

    url = "https://a.example/"
    with pytest.warns(RuntimeWarning, match="my listener"):
        session.cookies.set(url=url, name="n", value="1").get()
        session.cookies.set(url=url, name="n", value="2").get()
        session.cookies.remove(url, "n").get()
        session.close()
        system.close()
    assert seen == [("inserted", False), ("overwrite", True), ("inserted", False), ("explicit", True)]


def test_once_off_and_counting_work_as_electrons_do(system: partita.System) -> None:
    session = system.from_partition("scratch")
    seen: list[str] = []
    kept = session.cookies.on("changed", lambda change: seen.append("kept"))
    session.cookies.once("changed", lambda change: seen.append("once"))
    assert session.cookies.listener_count("changed") == 2
    for value in ("1", "2"):
        session.cookies.set(url="https://a.example/", name=value, value=value).get()
    system.callbacks.run(lambda: None).get()
    session.cookies.off("changed", kept)
    assert session.cookies.listener_count("changed") == 0
    with pytest.raises(ValueError, match="no event 'chagned'"):
        session.cookies.on("chagned", print)
    system.close()
    assert seen == ["kept", "once", "kept"]


def test_a_system_lives_in_a_trio_loop_and_its_synchronous_members_work_there(
    tmp_path: Path, server: LoopbackServer
) -> None:
    url = server.on("/", sends(b"ok"))

    async def main() -> None:
        async with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:trio")
            session.set_user_agent("in-trio/1")
            assert session.get_user_agent() == "in-trio/1"
            assert (await session.fetch(url)).text == "ok"
            with pytest.raises(WouldDeadlock):
                session.flush().get()
            await session.flush()
            await session.cookies.set(url=url, name="n", value="v")
            assert [cookie.name for cookie in await session.cookies.get()] == ["n"]

    trio.run(main)


def test_a_system_serves_an_asyncio_program_from_a_thread_of_its_own(tmp_path: Path, server: LoopbackServer) -> None:
    url = server.on("/", sends(b"ok"))

    async def main() -> None:
        async with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:asyncio")
            session.set_user_agent("in-asyncio/1")
            responses = await asyncio.gather(*(_wait(session.fetch(url)) for _ in range(10)))
            assert {response.text for response in responses} == {"ok"}

    async def _wait(future: partita.Session) -> object:
        return await future  # type: ignore[misc]

    asyncio.run(main())


def test_listeners_run_in_the_loop_that_they_were_registered_in(tmp_path: Path) -> None:
    async def main() -> None:
        async with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("scratch")
            told = trio.Event()
            loops: list[object] = []

            async def listener(change: partita.CookieChanged) -> None:
                await trio.lowlevel.checkpoint()
                loops.append(trio.lowlevel.current_trio_token())
                told.set()

            session.cookies.on("changed", listener)
            await session.cookies.set(url="https://a.example/", name="n", value="v")
            with trio.fail_after(10):
                await told.wait()
            assert loops == [trio.lowlevel.current_trio_token()]

    trio.run(main)


def test_two_partitions_of_one_name_have_listeners_of_their_own(
    system: partita.System, server: LoopbackServer, tmp_path: Path
) -> None:
    url = server.on("/file", sends(b"x"))
    seen: list[str] = []
    for name in ("persist:work", "work"):
        session = system.from_partition(name)
        session.set_download_path(str(tmp_path / "files"))
        session.on("will-download", lambda event, name=name: seen.append(name))
    for name in ("persist:work", "work"):
        assert system.from_partition(name).download_url(url).get().finished().get() == "completed"
    assert seen == ["persist:work", "work"]
