"""Secrets are encrypted at rest, opened when they are asked for, and gone when their key is."""

from __future__ import annotations

import os
import stat

import pytest

from partita.events.errors import KeyMissing, LogDamaged, SecretErased, StoreFailed
from partita.events.secret import Secret
from partita.store.disk_folder import KEY_FILE
from partita.store.keys import Keyring, Opener
from partita.store.partition import PartitionStore


@pytest.fixture
def log(opened, folder, samples, secret):
    """A closed partition with a secret in turn 2."""
    store = opened()
    samples.write(store, 1)
    store._log.append([samples.secret_turn(2, secret)])
    store.close()
    return folder


@pytest.mark.parametrize("value", ["text", "", "ünï\ud800", b"bytes", b""])
def test_a_secret_comes_back_as_it_was(opened, samples, value):
    store = opened()
    store._log.append([samples.secret_turn(1, Secret(value))])
    store.close()
    turn = next(opened().turns())
    assert samples.secret_of(turn).reveal() == value
    assert type(samples.secret_of(turn).reveal()) is type(value)


def test_a_secret_is_nowhere_in_the_folder_in_plain(log, secret_text, opened, samples):
    store = opened()
    store._log.append([samples.turn(3)], snapshot=samples.snapshot(3))
    store.put_blob(secret_text.encode() * 10)
    store.close()
    for file in log.iterdir():
        assert secret_text.encode() not in file.read_bytes()
        assert secret_text.encode("utf-16-le") not in file.read_bytes()


def test_a_secret_that_was_read_is_opened_only_when_it_is_revealed(log, opened, samples, monkeypatch):
    asked = []
    real = Opener.unseal
    monkeypatch.setattr(Opener, "unseal", lambda opener, sealed: asked.append(sealed) or real(opener, sealed))
    secret = samples.secret_of(list(opened().turns())[1])
    assert asked == []
    secret.reveal()
    secret.reveal()
    assert len(asked) == 1


def test_a_secret_is_encrypted_once_however_often_it_is_written(opened, samples, secret):
    store = opened()
    store._log.append([samples.secret_turn(1, secret)])
    sealed = secret.sealed
    store._log.append([samples.secret_turn(2, secret), samples.secret_turn(3, secret)])
    read = [samples.secret_of(turn) for turn in store.turns()]
    assert {one.sealed for one in read} == {sealed}


def test_a_secret_of_another_partition_is_encrypted_anew(opened, memory, samples, secret):
    memory._log.append([samples.secret_turn(1, secret)])
    foreign = samples.secret_of(next(memory.turns()))
    store = opened()
    store._log.append([samples.secret_turn(1, foreign)])
    own = samples.secret_of(next(store.turns()))
    assert own.sealed[:8] == store.keyring.ids[-1] != samples.secret_of(next(memory.turns())).sealed[:8]
    assert own == secret


def test_the_key_file_is_for_its_owner_alone(log):
    if os.name == "posix":
        assert stat.S_IMODE((log / KEY_FILE).stat().st_mode) == 0o600


def test_a_lost_key_file_lets_the_log_be_read_and_not_be_written(log, opened, samples):
    (log / KEY_FILE).unlink()
    with PartitionStore.read(log) as store:
        turns = list(store.turns())
        assert samples.positions(store.folding_turns()) == [1, 2]
        assert store.verify().ok
        with pytest.raises(KeyMissing, match="cannot be read"):
            samples.secret_of(turns[1]).reveal()
    with pytest.raises(KeyMissing, match="put the file back"):
        opened()


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\xff\x00", b"{}", b'{"format":1,"current":"","keys":{},"erased":[]}']
)
def test_garbage_for_a_key_file_is_a_key_missing(log, opened, samples, content):
    (log / KEY_FILE).write_bytes(content)
    with PartitionStore.read(log) as store, pytest.raises(KeyMissing):
        samples.secret_of(list(store.turns())[1]).reveal()
    with pytest.raises(KeyMissing):
        opened()
    assert (log / KEY_FILE).read_bytes() == content


def test_any_flipped_bit_of_the_key_file_is_found(log, opened):
    content = (log / KEY_FILE).read_bytes()
    for at in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 7
        (log / KEY_FILE).write_bytes(flipped)
        with pytest.raises(KeyMissing):
            opened()


def test_the_key_file_of_another_partition_does_not_fit(log, opened, tmp_path, random_bytes):
    PartitionStore.open(tmp_path / "other", name="other", random_bytes=random_bytes).close()
    (log / KEY_FILE).write_bytes((tmp_path / "other" / KEY_FILE).read_bytes())
    with pytest.raises(KeyMissing, match="not the key file of this partition"):
        opened()


def test_a_log_that_never_sealed_anything_gets_a_new_key_file(opened, folder, samples, secret):
    store = opened()
    samples.write(store, 1)
    store.close()
    (folder / KEY_FILE).unlink()
    again = opened()
    again._log.append([samples.secret_turn(2, secret)])
    assert samples.secret_of(list(again.turns())[1]) == secret


def test_an_erased_key_takes_its_secrets_along(log, opened, samples):
    store = opened()
    old = store.keyring.ids[-1]
    digest = store.put_blob(b"body")
    store.erase_key(old)
    assert old not in store.keyring.ids
    store._log.append([samples.secret_turn(3, Secret("later"))])
    for reader in (store, PartitionStore.read(log)):
        turns = list(reader.turns())
        assert samples.secret_of(turns[1]).erased
        with pytest.raises(SecretErased):
            samples.secret_of(turns[1]).reveal()
        with pytest.raises(SecretErased):
            reader.blob(digest)
        assert samples.secret_of(turns[2]).reveal() == "later"
        assert reader.verify().ok
        assert reader.digest()
        reader.close()
    again = opened()
    assert samples.secret_of(list(again.turns())[1]).erased
    assert old.hex().encode() in (log / KEY_FILE).read_bytes()


def test_an_erased_secret_can_be_written_again_and_stays_erased(log, opened, samples):
    store = opened()
    erased = samples.secret_of(list(store.turns())[1])
    store.erase_key(store.keyring.ids[-1])
    store._log.append([samples.secret_turn(3, erased)])
    assert samples.secret_of(list(store.turns())[2]).erased


def test_a_key_that_is_not_there_cannot_be_erased(opened):
    with pytest.raises(KeyMissing):
        opened().erase_key(b"12345678")


def test_a_key_file_that_cannot_be_written_changes_nothing(log, opened, samples, monkeypatch):
    from partita.store.disk_folder import DiskKeyFile

    def full(*_):
        raise OSError(28, "No space left on device")

    store = opened()
    before = (log / KEY_FILE).read_bytes(), store.keyring.ids
    monkeypatch.setattr(DiskKeyFile, "rewrite", full)
    with pytest.raises(StoreFailed, match="No space left"):
        store.erase_key(store.keyring.ids[-1])
    assert ((log / KEY_FILE).read_bytes(), store.keyring.ids) == before
    assert not samples.secret_of(list(store.turns())[1]).erased


def test_what_was_sealed_under_another_key_of_the_same_id_does_not_open():
    one, other = (Keyring({b"12345678": bytes([n]) * 32}, current=b"12345678") for n in (1, 2))
    one.at(1)
    with pytest.raises(KeyMissing, match="does not fit"):
        other.unseal(one.seal(b"text"))


def test_blobs_are_encrypted_and_checked(opened, folder):
    store = opened()
    content = os.urandom(100) + b"needle in the blob" * 1000
    digest = store.put_blob(content)
    assert store.blob(digest) == content
    assert store.blob(bytes(32)) is None
    store.close()
    assert b"needle in the blob" not in (folder / "data.mdb").read_bytes()
    with PartitionStore.read(folder) as reader:
        assert reader.blob(digest) == content
    (folder / KEY_FILE).unlink()
    with PartitionStore.read(folder) as reader, pytest.raises(KeyMissing):
        reader.blob(digest)
    assert issubclass(LogDamaged, Exception)
