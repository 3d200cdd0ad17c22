"""What an :class:`~partita.store.environment.Environment` must keep, as checks that anybody can run on theirs.

With pytest::

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
    def test_it_keeps_what_an_environment_must_keep(check, tmp_path):
        check(lambda: MyEnvironment(tmp_path))

A check is handed a function that opens the environment: empty when it is called first, and with all that was committed when
it is called again after ``close``. One that keeps nothing over a ``close`` runs :data:`CHECKS` less :data:`DURABILITY_CHECKS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from partita.store.environment import KEY_BYTES, TABLES, Environment, Transaction, reading, written

Opener = Callable[[], Environment]
Check = Callable[[Opener], None]


def _put(environment: Environment, *items: tuple[bytes, bytes]) -> None:
    def body(transaction: Transaction) -> None:
        for key, value in items:
            transaction.put("turns", key, value)

    written(environment, body)


def _all(environment: Environment) -> list[tuple[bytes, bytes]]:
    with reading(environment) as transaction:
        return list(transaction.range("turns"))


def _refused(error: type[Exception], action: Callable[[], object]) -> None:
    try:
        action()
    except error:
        return
    raise AssertionError(f"a {error.__name__} was expected")


def what_was_committed_is_read(opened: Opener) -> None:
    """A value comes back as it was put; what is not there is None."""
    environment = opened()
    _put(environment, (b"k", b"value"), (b"empty", b""), (b"\x00\xff", bytes(range(256)) * 40))
    with reading(environment) as transaction:
        assert transaction.get("turns", b"k") == b"value"
        assert transaction.get("turns", b"empty") == b""
        assert transaction.get("turns", b"\x00\xff") == bytes(range(256)) * 40
        assert transaction.get("turns", b"absent") is None
    environment.close()


def tables_are_apart(opened: Opener) -> None:
    """A key in one table is not in another."""
    environment = opened()

    def put_in_each(transaction: Transaction) -> None:
        for table in TABLES:
            transaction.put(table, b"k", table.encode())

    written(environment, put_in_each)
    with reading(environment) as transaction:
        assert {table: transaction.get(table, b"k") for table in TABLES} == {t: t.encode() for t in TABLES}
        assert [transaction.count(table) for table in TABLES] == [1] * len(TABLES)
    environment.close()


def a_value_is_replaced(opened: Opener) -> None:
    """Putting a key again replaces its value, in the same transaction and in a later one."""
    environment = opened()
    _put(environment, (b"k", b"first"), (b"k", b"second"))
    assert _all(environment) == [(b"k", b"second")]
    _put(environment, (b"k", b"third"))
    assert _all(environment) == [(b"k", b"third")]
    environment.close()


def the_buffer_of_a_value_may_be_reused(opened: Opener) -> None:
    """A value is copied when it is put."""
    environment = opened()
    buffer = bytearray(b"before")
    transaction = environment.begin(write=True)
    transaction.put("turns", b"k", buffer)
    buffer[:] = b"behind"
    transaction.commit()
    assert _all(environment) == [(b"k", b"before")]
    environment.close()


def an_aborted_transaction_leaves_nothing(opened: Opener) -> None:
    """Neither what it put, nor what it replaced, nor what it deleted; and it may be aborted twice."""
    environment = opened()
    _put(environment, (b"a", b"1"), (b"b", b"2"))
    transaction = environment.begin(write=True)
    transaction.put("turns", b"a", b"changed")
    transaction.put("turns", b"c", b"new")
    transaction.put("meta", b"m", b"new")
    assert transaction.delete("turns", b"b")
    transaction.abort()
    transaction.abort()
    assert _all(environment) == [(b"a", b"1"), (b"b", b"2")]
    with reading(environment) as after:
        assert after.get("meta", b"m") is None
    environment.close()


def a_transaction_reads_its_own_writes(opened: Opener) -> None:
    """Before it is committed, and in the order of keys."""
    environment = opened()
    transaction = environment.begin(write=True)
    transaction.put("turns", b"b", b"2")
    transaction.put("turns", b"a", b"1")
    assert transaction.get("turns", b"b") == b"2"
    assert list(transaction.range("turns")) == [(b"a", b"1"), (b"b", b"2")]
    transaction.commit()
    environment.close()


def a_range_is_in_the_order_of_keys(opened: Opener) -> None:
    """Forward from a key, backward from a key, from either end, whether the key is there or not."""
    environment = opened()
    _put(environment, *((key, key * 2) for key in (b"e", b"a", b"c", b"ca")))
    with reading(environment) as transaction:

        def keys(start: bytes | None = None, *, backward: bool = False) -> bytes:
            items = list(transaction.range("turns", start, backward=backward))
            assert all(value == key * 2 for key, value in items)
            assert list(transaction.keys("turns", start, backward=backward)) == [key for key, _ in items]
            return b" ".join(key for key, _ in items)

        assert keys() == b"a c ca e"
        assert keys(b"c") == b"c ca e"
        assert keys(b"b") == b"c ca e"
        assert keys(b"f") == b""
        assert keys(backward=True) == b"e ca c a"
        assert keys(b"c", backward=True) == b"c a"
        assert keys(b"d", backward=True) == b"ca c a"
        assert keys(b"A", backward=True) == b""
        assert keys(b"z", backward=True) == b"e ca c a"
        assert list(transaction.range("snapshots")) == list(transaction.range("snapshots", backward=True)) == []
    environment.close()


def appending_promises_the_order(opened: Opener) -> None:
    """An appended key comes after all others; a promise that is not kept raises ValueError."""
    environment = opened()
    transaction = environment.begin(write=True)
    transaction.put("turns", b"a", b"1", append=True)
    transaction.put("turns", b"c", b"2", append=True)
    _refused(ValueError, lambda: transaction.put("turns", b"b", b"3", append=True))
    _refused(ValueError, lambda: transaction.put("turns", b"c", b"3", append=True))
    transaction.put("turns", b"b", b"4")
    transaction.commit()
    assert _all(environment) == [(b"a", b"1"), (b"b", b"4"), (b"c", b"2")]
    environment.close()


def many_are_put_in_one_step(opened: Opener) -> None:
    """As if they were put one by one."""
    environment = opened()
    items = [(b"%03d" % number, b"%d" % number) for number in range(200)]
    written(environment, lambda transaction: transaction.put_many("turns", reversed(items)))
    assert _all(environment) == items
    environment.close()


def deleting_says_whether_it_was_there(opened: Opener) -> None:
    """And removes only that key."""
    environment = opened()
    _put(environment, (b"a", b"1"), (b"b", b"2"))
    assert written(environment, lambda transaction: transaction.delete("turns", b"a"))
    assert not written(environment, lambda transaction: transaction.delete("turns", b"a"))
    assert _all(environment) == [(b"b", b"2")]
    environment.close()


def keys_have_a_length(opened: Opener) -> None:
    """From 1 to 511 bytes; anything else raises ValueError."""
    environment = opened()
    _put(environment, (b"k" * KEY_BYTES, b"longest"), (b"k", b"shortest"))
    transaction = environment.begin(write=True)
    _refused(ValueError, lambda: transaction.put("turns", b"", b""))
    _refused(ValueError, lambda: transaction.put("turns", b"k" * (KEY_BYTES + 1), b""))
    transaction.abort()
    assert [len(key) for key, _ in _all(environment)] == [1, KEY_BYTES]
    environment.close()


def a_reading_transaction_cannot_write(opened: Opener) -> None:
    """It raises ValueError and changes nothing."""
    environment = opened()
    _put(environment, (b"a", b"1"))
    with reading(environment) as transaction:
        _refused(ValueError, lambda: transaction.put("turns", b"b", b""))
        _refused(ValueError, lambda: transaction.delete("turns", b"a"))
    assert _all(environment) == [(b"a", b"1")]
    environment.close()


def others_see_a_transaction_whole_or_not_at_all(opened: Opener) -> None:
    """Another thread sees nothing of it before the commit (it may have to wait), and all of it after."""
    environment = opened()
    _put(environment, (b"a", b"1"))
    seen: list[list[tuple[bytes, bytes]]] = []
    begun = threading.Event()

    def look() -> None:
        begun.set()
        seen.append(_all(environment))

    transaction = environment.begin(write=True)
    transaction.put("turns", b"a", b"2")
    other = threading.Thread(target=look)
    other.start()
    begun.wait()
    transaction.put("turns", b"b", b"2")
    transaction.commit()
    other.join()
    assert seen[0] in ([(b"a", b"1")], [(b"a", b"2"), (b"b", b"2")])
    assert _all(environment) == [(b"a", b"2"), (b"b", b"2")]
    environment.close()


def writers_wait_for_each_other(opened: Opener) -> None:
    """Counting up from several threads loses nothing."""
    environment = opened()

    def count_up() -> None:
        for _ in range(20):
            written(
                environment,
                lambda transaction: transaction.put(
                    "meta", b"n", b"%d" % (int(transaction.get("meta", b"n") or b"0") + 1)
                ),
            )

    threads = [threading.Thread(target=count_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(environment) as transaction:
        assert transaction.get("meta", b"n") == b"60"
    environment.close()


def the_version_moves_with_every_commit(opened: Opener) -> None:
    """And with nothing else."""
    environment = opened()
    before = environment.version()
    _put(environment, (b"a", b"1"))
    after = environment.version()
    assert after > before
    environment.begin(write=True).abort()
    assert _all(environment)
    assert environment.version() == after
    environment.close()


def sizes_grow_with_what_is_put(opened: Opener) -> None:
    """``size_bytes`` is at least about what the values take, ``count`` exact."""
    environment = opened()
    values = [(b"%d" % number, bytes(10_000)) for number in range(10)]
    put_bytes = sum(len(value) for _, value in values)
    _put(environment, *values)
    with reading(environment) as transaction:
        assert transaction.count("turns") == len(values)
        assert put_bytes <= transaction.size_bytes("turns") <= 2 * put_bytes
        assert transaction.count("blobs") == 0
    environment.close()


def it_is_as_it_was_after_reopening(opened: Opener) -> None:
    """``reopen`` and ``sync`` lose nothing and change nothing."""
    environment = opened()
    _put(environment, (b"a", b"1"))
    environment.sync()
    environment.reopen()
    assert _all(environment) == [(b"a", b"1")]
    _put(environment, (b"b", b"2"))
    assert _all(environment) == [(b"a", b"1"), (b"b", b"2")]
    environment.close()
    environment.close()


def what_was_committed_outlives_closing(opened: Opener) -> None:
    """And what was not does not."""
    environment = opened()
    _put(environment, (b"a", b"1"))
    transaction = environment.begin(write=True)
    transaction.put("turns", b"b", b"2")
    transaction.abort()
    environment.close()
    again = opened()
    assert _all(again) == [(b"a", b"1")]
    again.close()


DURABILITY_CHECKS: Final[tuple[Check, ...]] = (what_was_committed_outlives_closing,)
"""Checks that open twice."""

CHECKS: Final[tuple[Check, ...]] = (
    what_was_committed_is_read,
    tables_are_apart,
    a_value_is_replaced,
    the_buffer_of_a_value_may_be_reused,
    an_aborted_transaction_leaves_nothing,
    a_transaction_reads_its_own_writes,
    a_range_is_in_the_order_of_keys,
    appending_promises_the_order,
    many_are_put_in_one_step,
    deleting_says_whether_it_was_there,
    keys_have_a_length,
    a_reading_transaction_cannot_write,
    others_see_a_transaction_whole_or_not_at_all,
    writers_wait_for_each_other,
    the_version_moves_with_every_commit,
    sizes_grow_with_what_is_put,
    it_is_as_it_was_after_reopening,
    *DURABILITY_CHECKS,
)
