"""Secrets: compared by value, shown nowhere, opened when asked."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import msgspec
import pytest

from partita.events.cookies import CookieRemoved, CookiesState, CookieStored, SetCookie, StoredCookie
from partita.events.errors import PartitaError, SecretErased
from partita.events.secret import REDACTED, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

HUSH = "hush-hush"


def cookie(value: Secret) -> StoredCookie:
    return StoredCookie("n", value, "example.com", True, "/", True, False, "lax", 1, 1, None, "secure")


@pytest.mark.parametrize("value", [HUSH, HUSH.encode(), ""])
def test_a_secret_gives_back_what_it_was_given(value: str | bytes) -> None:
    secret = Secret(value)
    assert secret.reveal() == value
    assert secret.reveal_text() == (value if isinstance(value, str) else value.decode())
    assert not secret.erased


def test_bytes_are_read_as_header_fields_are() -> None:
    assert Secret(b"\xe9").reveal_text() == "é"


def test_a_secret_holds_text_or_bytes_only() -> None:
    with pytest.raises(TypeError, match="holds str or bytes, not int"):
        Secret(1)  # type: ignore[arg-type]


def test_secrets_are_equal_when_their_values_are() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != Secret(b"a")
    assert Secret("a") != "a"
    assert Secret.from_sealed(b"sealed", lambda _: "a") == Secret("a")
    assert cookie(Secret("a")) == cookie(Secret("a"))
    assert cookie(Secret("a")) != cookie(Secret("b"))


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, ascii])
def test_no_printed_form_shows_a_value(show: Callable[[object], str]) -> None:
    secret = Secret(HUSH)
    stored = cookie(secret)
    state = CookiesState({"example.com": {"slot": stored}}, 1, 1)
    held = (secret, stored, CookieStored(stored, "inserted"), CookieRemoved(stored, "explicit"), state)
    for value in (*held, SetCookie("https://example.com/", "n", secret)):
        assert HUSH not in show(value)
    assert REDACTED in str(stored)


def test_a_secret_is_not_encoded_by_accident() -> None:
    for encode in (msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins):
        with pytest.raises(TypeError):
            encode(Secret(HUSH))


def test_a_sealed_secret_is_opened_once_and_only_when_asked() -> None:
    opened: list[bytes] = []

    def unseal(sealed: bytes) -> str:
        opened.append(sealed)
        return HUSH

    secret = Secret.from_sealed(b"sealed", unseal)
    assert secret.sealed == b"sealed"
    assert HUSH not in repr(secret)
    assert opened == []
    assert secret.reveal() == HUSH
    assert secret.reveal() == HUSH
    assert opened == [b"sealed"]


def test_a_secret_remembers_the_form_that_was_written() -> None:
    secret = Secret(HUSH)
    assert secret.sealed is None
    secret.remember_sealed(b"sealed")
    assert secret.sealed == b"sealed"
    assert secret.reveal() == HUSH


def test_an_erased_secret_says_so() -> None:
    secret = Secret.from_sealed(b"sealed", lambda _: None)
    assert secret.erased
    with pytest.raises(SecretErased, match="nothing can bring it back"):
        secret.reveal()
    with pytest.raises(PartitaError):
        secret.reveal_text()
    assert secret == Secret.from_sealed(b"other", lambda _: None)
    assert secret != Secret("")


def test_a_secret_that_is_pickled_shows_what_it_is() -> None:
    # Nothing in partita pickles; whoever does, takes the value along knowingly.
    assert pickle.loads(pickle.dumps(Secret(HUSH))) == Secret(HUSH)
