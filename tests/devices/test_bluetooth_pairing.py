"""Pairing through BlueZ: who is asked what, and what comes of his answer."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from devices.bluez.bench import Bench
from devices.bluez.peripheral import Description
from devices.bluez.talking import (
    COUNTER,
    KEY,
    LOCKED,
    WALLET,
    User,
    connected,
    driver,
    fails,
    read,
    run,
)
from devices.packages import needs_bus

from partita.actors.devices.drivers.bluetooth import BluetoothDriver
from partita.actors.kernel.device_ports import PairingAnswer, PairingQuestion
from partita.events.device_transfers import (
    OpenBluetooth,
    StartNotifications,
    WriteAttribute,
)

pytestmark = needs_bus


def wanting(kind: str, value: str = "") -> Description:
    return Description(KEY, "Wallet", services=WALLET.services, pairing=(kind, value))


PAIRINGS = [
    (("confirm", ""), PairingQuestion("confirm"), PairingAnswer(True)),
    (("confirmPin", "42"), PairingQuestion("confirmPin", "000042"), PairingAnswer(True)),
    (("pin", "0420"), PairingQuestion("providePin"), PairingAnswer(True, " 0420\n")),
    (("passkey", "777"), PairingQuestion("providePin"), PairingAnswer(True, " 000777 ")),
]


@pytest.mark.parametrize(("pairing", "question", "answer"), PAIRINGS)
def test_a_secure_attribute_is_had_after_pairing(
    bench: Bench, pairing: tuple[str, str], question: PairingQuestion, answer: PairingAnswer
) -> None:
    async def work() -> None:
        user = User(answer)
        async with connected(bench, wanting(*pairing), user) as connection:
            assert await read(connection, LOCKED) == b"secret"
            assert user.asked == [question]
            await connection.perform(WriteAttribute(LOCKED), b"new", 10)
            await connection.perform(StartNotifications(LOCKED), b"", 10)
            assert await read(connection, LOCKED) == b"new"
            assert user.asked == [question]
            assert (await bench.have("state"))["paired"] == [KEY]

    run(work)


@pytest.mark.parametrize(("pairing", "question", "answer"), PAIRINGS)
def test_a_pairing_that_the_user_refuses_is_rejected(
    bench: Bench, pairing: tuple[str, str], question: PairingQuestion, answer: PairingAnswer
) -> None:
    async def work() -> None:
        user = User(PairingAnswer(False, answer.pin))
        async with connected(bench, wanting(*pairing), user) as connection:
            with fails("rejected", "AuthenticationRejected"):
                await read(connection, LOCKED)
            assert user.asked == [question]
            assert await read(connection, COUNTER) == b"\x07"
            assert (await bench.have("state"))["paired"] == []

    run(work)


@pytest.mark.parametrize(
    ("pairing", "pin", "said"),
    [
        (("pin", "0420"), "0421", "AuthenticationFailed"),
        (("passkey", "777"), "778", "AuthenticationFailed"),
        (("pin", "0420"), "  ", "AuthenticationRejected"),
        (("pin", "0420"), "12345678901234567", "AuthenticationRejected"),
        (("passkey", "777"), "seven", "AuthenticationRejected"),
        (("passkey", "777"), "1000000", "AuthenticationRejected"),
    ],
)
def test_a_wrong_pin_is_rejected(bench: Bench, pairing: tuple[str, str], pin: str, said: str) -> None:
    async def work() -> None:
        async with connected(bench, wanting(*pairing), User(PairingAnswer(True, pin))) as connection:
            with fails("rejected", said):
                await read(connection, LOCKED)

    run(work)


def test_a_passkey_that_would_have_to_be_shown_is_refused(bench: Bench) -> None:
    async def work() -> None:
        user = User(PairingAnswer(True))
        async with connected(bench, wanting("display", "31337"), user) as connection:
            with fails("rejected"):
                await read(connection, LOCKED)
            assert user.asked == []

    run(work)


def test_who_raises_when_he_is_asked_has_refused(bench: Bench) -> None:
    async def raising(_: PairingQuestion) -> PairingAnswer:
        raise ValueError("no idea")

    async def work() -> None:
        async with connected(bench, WALLET, raising) as connection:
            with fails("rejected"):
                await read(connection, LOCKED)

    run(work)


def test_two_who_need_the_same_pairing_ask_once(bench: Bench) -> None:
    async def work() -> None:
        user = User(PairingAnswer(True))
        async with connected(bench, WALLET, user) as connection:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read, connection, LOCKED)
                nursery.start_soon(read, connection, LOCKED)
            assert user.asked == [PairingQuestion("confirm")]

    run(work)


def test_an_answer_that_never_comes_does_not_hold_up_closing(bench: Bench) -> None:
    async def work() -> None:
        user = User()
        async with connected(bench, WALLET, user) as connection:

            async def close() -> None:
                await user.is_asked.wait()
                await connection.close()

            async def locked() -> None:
                with fails("gone"):
                    await read(connection, LOCKED)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(locked)
                nursery.start_soon(close)

    run(work)


def test_an_answer_that_never_comes_does_not_hold_up_the_end_of_the_driver(bench: Bench) -> None:
    async def work() -> None:
        await bench.appear(WALLET)
        user = User()
        bluetooth = BluetoothDriver()
        connection = await bluetooth.open(KEY, OpenBluetooth(), user)

        async def locked() -> None:
            with fails("gone"):
                await read(connection, LOCKED)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(locked)
            await user.is_asked.wait()
            await bluetooth.close()
            await bluetooth.close()
        with fails("gone"):
            await bluetooth.watch()
        await connection.close()

    run(work)


def test_a_pairing_whose_asker_is_cancelled_is_given_up_and_can_be_asked_for_again(bench: Bench) -> None:
    async def work() -> None:
        user = User()
        async with connected(bench, WALLET, user) as connection:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read, connection, LOCKED)
                await user.is_asked.wait()
                nursery.cancel_scope.cancel()
            while (await bench.have("state"))["pairing"]:
                pass
            user._answer = PairingAnswer(True)
            assert await read(connection, LOCKED) == b"secret"

    run(work)


def test_the_agent_is_there_from_the_first_connection_to_the_end(bench: Bench) -> None:
    async def work() -> None:
        await bench.appear(WALLET)
        async with driver() as bluetooth:
            assert (await bench.have("state"))["agents"] == 0
            for _ in range(2):
                connection = await bluetooth.open(KEY, OpenBluetooth(), User())
                assert (await bench.have("state"))["agents"] == 1
                await connection.close()
        assert (await bench.have("state"))["agents"] == 0

    run(work)
