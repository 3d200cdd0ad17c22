"""What the command line says of how files come."""

from __future__ import annotations

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.loopback import LoopbackServer, sends

from partita.command.download_options import (
    FASTEST_BYTES_S,
    parse_concurrent,
    parse_integrity,
    parse_rate,
    parse_retry,
)
from partita.command.ending import WrongUsage
from partita.events.download_options import RetryPolicy

from .conftest import Command

DIGEST = hashlib.sha256(b"film").digest()
SRI = "sha256-" + base64.b64encode(DIGEST).decode()


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0", 0),
        ("1", 1),
        ("500k", 512_000),
        ("2M", 2 << 20),
        ("2m", 2 << 20),
        ("1.5MiB/s", 3 << 19),
        ("3 KB", 3072),
        ("1G", 1 << 30),
        ("0.5k", 512),
    ],
)
def test_a_rate_is_bytes_a_second_by_powers_of_1024(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0.4", "0k", "-1", "2T", "fast", "1e6", "1,5M", "M", "9" * 15 + "G", "٣"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage, match="--rate"):
        parse_rate(text)


@given(st.text(max_size=20))
def test_a_rate_is_no_limit_or_a_positive_number_or_refused(text: str) -> None:
    with contextlib.suppress(WrongUsage):
        assert 0 <= parse_rate(text) <= FASTEST_BYTES_S


@pytest.mark.parametrize(
    ("text", "retries"),
    [
        ("0", RetryPolicy(0, first_s=1.0, cap_s=60.0)),
        ("5", RetryPolicy(5, first_s=1.0, cap_s=60.0)),
        ("5,2s", RetryPolicy(5, first_s=2.0, cap_s=60.0)),
        ("5,90", RetryPolicy(5, first_s=90.0, cap_s=90.0)),
        ("5,0.5s..10s", RetryPolicy(5, first_s=0.5, cap_s=10.0)),
        ("1000,1..1", RetryPolicy(1000, first_s=1.0, cap_s=1.0)),
    ],
)
def test_retries_are_a_number_and_the_waits(text: str, retries: RetryPolicy) -> None:
    assert parse_retry(text) == retries


@pytest.mark.parametrize("text", ["", "-1", "1001", "5,", "5,10..2", "5,1..86401", "5;1", "five", "5,1m"])
def test_what_is_no_number_of_retries_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage, match="--retry"):
        parse_retry(text)


@pytest.mark.parametrize("text", [SRI, f"sha256:{DIGEST.hex()}", f"SHA256:{DIGEST.hex().upper()}"])
def test_a_digest_is_written_as_subresource_integrity_does(text: str) -> None:
    assert parse_integrity(text, 1) == SRI


def test_several_digests_are_kept_apart() -> None:
    other = "sha512-" + base64.b64encode(hashlib.sha512(b"film").digest()).decode()
    assert parse_integrity(f" {SRI}   {other} ", 1) == f"{SRI} {other}"


@pytest.mark.parametrize("text", ["", "md5-AAAA", "sha256", "sha256-", "sha256-%%%", "sha256:xyz", "sha384" + SRI[6:]])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage, match="--integrity"):
        parse_integrity(text, 1)


@pytest.mark.parametrize("urls", [0, 2])
def test_a_digest_is_that_of_one_file(urls: int) -> None:
    with pytest.raises(WrongUsage, match="one URL"):
        parse_integrity(SRI, urls)


def test_so_many_come_at_a_time() -> None:
    assert parse_concurrent("1000") == 1000
    with pytest.raises(WrongUsage, match="--concurrent"):
        parse_concurrent("1001")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--rate", "fast"),
        ("--retry", "-1"),
        ("-x", "0"),
        ("--segments", "17"),
        ("-j", "many"),
        ("--concurrent", ""),
        ("--integrity", "md5-AAAA"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_one_line_and_wrong_usage(
    partita: Command, option: str, value: str
) -> None:
    done = partita("download", "http://127.0.0.1:9/", option, value, "-p", "persist:work")
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert f"not {value!r}" in done.err
    assert not partita.home.exists()


def test_a_rate_stays_with_the_partition_until_it_is_taken_back(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/film.bin", sends(b"film"))
    for rate in (["--rate", "2M"], [], ["--rate", "0"]):
        assert partita("download", url, "-p", "persist:work", "-o", ".", *rate).status == 0
    limits = [
        turn["message"]["limits"]["rate_bytes_s"]
        for turn in partita("log", "show", "persist:work", "--json").lines
        if turn["message"]["type"].startswith("downloads.limit")
    ]
    assert limits == [2 << 20, 0]
