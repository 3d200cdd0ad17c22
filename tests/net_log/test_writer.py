"""The file: valid JSON whatever is cut off, in one piece in the end, and within its limit."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from net_log.disks import Disk

from partita.actors.net_log.layout import (
    LEAST_LIMIT_BYTES,
    PAGE_BYTES,
    TAIL,
    Lines,
    Size,
    placed,
)
from partita.actors.net_log.parts import Merging, split
from partita.actors.net_log.writer import NEW_SUFFIX, LogFile

HEAD = b'{"constants":{"x":' + b'"' + b"c" * 5000 + b'"},\n"events":[\n'
PATH = "/log"


def entry(number: int, size_bytes: int, phase: int = 0) -> bytes:
    headers = ["HTTP/1.1 200 OK", "X: " + "x" * (size_bytes // 2), "Y: " + 'ä"\\' * (size_bytes // 8)]
    params = {"number": number, "headers": headers, "text": "t" * (size_bytes // 4)}
    return json.dumps({"params": params, "phase": phase, "source": {"id": 1}, "time": "1", "type": 2}).encode()


def done(work: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


def numbers(content: bytes) -> list[int]:
    return [event["params"].get("number") for event in json.loads(content)["events"]]


def whole(content: bytes) -> list[Any]:
    """The events, those in parts put together."""
    entries = [json.dumps(event).encode() for event in json.loads(content)["events"]]
    merging = Merging()
    spaceless = [json.dumps(json.loads(one), separators=(",", ":")).encode() for one in entries]
    return [json.loads(one) for one in [*merging.feed_all(spaceless), *merging.rest()]]


SIZES = st.lists(st.lists(st.one_of(st.integers(0, 600), st.integers(3000, 9000)), max_size=5), max_size=8)


@settings(max_examples=25, deadline=None)
@given(SIZES)
def test_at_every_moment_the_file_is_valid_and_has_what_was_added_before(batches: list[list[int]]) -> None:
    disk = Disk()
    file = LogFile(disk, PATH, HEAD, Size())
    done(file.open())
    added: list[bytes] = []
    for sizes in batches:
        before = len(disk.moments)
        had = [json.loads(one) for one in added]
        batch = [entry(len(added) + n, size, phase=n % 3) for n, size in enumerate(sizes)]
        added += batch
        done(file.add(batch))
        now = [json.loads(one) for one in added]
        for moment in disk.moments[before:]:
            assert moment[PATH].endswith(TAIL)
            seen = whole(moment[PATH])
            assert seen[: len(had)] == had
            assert [one["params"].get("number") for one in seen if "number" in one["params"]] == [
                one["params"]["number"] for one in now[: len(seen)] if "number" in one["params"]
            ]
        assert whole(bytes(disk.files[PATH])) == now
    done(file.finish())
    done(file.close())
    assert disk.files.keys() == {PATH}
    assert disk.open_files == 0
    content = bytes(disk.files[PATH])
    assert json.loads(content)["events"] == [json.loads(one) for one in added], "in one piece, in order"
    assert b"  " not in content[len(HEAD) :], "and without any room"


def test_a_byte_is_copied_a_few_times_only() -> None:
    disk = Disk()
    disk.moment = lambda: None  # type: ignore[method-assign]
    file = LogFile(disk, PATH, HEAD, Size())
    done(file.open())
    added = 0
    for number in range(400):
        batch = [entry(number, 500) for _ in range(20)]
        added += sum(map(len, batch))
        done(file.add(batch))
    assert added > 4_000_000
    assert disk.written_bytes < 6 * added
    assert len(disk.files[PATH]) < 1.8 * added


@settings(max_examples=15, deadline=None)
@given(SIZES, st.sampled_from([1, LEAST_LIMIT_BYTES, 30_000, 100_000]))
def test_with_a_limit_the_oldest_go_and_the_file_is_never_larger(batches: list[list[int]], limit: int) -> None:
    disk = Disk()
    file = LogFile(disk, PATH, HEAD, Size.of(limit))
    done(file.open())
    half = max(limit, LEAST_LIMIT_BYTES) // 2
    added: list[bytes] = []
    for sizes in [*batches, *batches, *batches]:
        batch = [entry(len(added) + n, size) for n, size in enumerate(sizes)]
        added += batch
        done(file.add(batch))
    done(file.finish())
    for content in disk.seen(PATH):
        assert len(content) <= len(HEAD) + max(limit, LEAST_LIMIT_BYTES)
        json.loads(content)
    kept = [number for number in numbers(bytes(disk.files[PATH])) if number is not None]
    small = [number for number, one in enumerate(added) if len(one) + 2 <= half]
    large = [number for number in kept if number not in small]
    assert [number for number in kept if number in small] == small[len(small) - len(kept) + len(large) :], "the newest"
    assert kept == sorted(kept)


def test_with_a_limit_a_good_part_of_it_is_in_use() -> None:
    disk = Disk()
    file = LogFile(disk, PATH, HEAD, Size.of(200_000))
    done(file.open())
    for number in range(3000):
        done(file.add([entry(number, 300)]))
        if number > 1000 and number % 50 == 0:
            used = len(b"".join(json.dumps(one).encode() for one in json.loads(bytes(disk.files[PATH]))["events"]))
            assert used > 80_000
    done(file.finish())
    assert numbers(bytes(disk.files[PATH]))[-1] == 2999


def test_an_entry_beyond_the_limit_is_given_up_and_those_after_it_are_not() -> None:
    disk = Disk()
    file = LogFile(disk, PATH, HEAD, Size.of(LEAST_LIMIT_BYTES))
    done(file.open())
    done(file.add([entry(1, 100), entry(2, 100_000), entry(3, 100)]))
    done(file.finish())
    assert numbers(bytes(disk.files[PATH]))[-1] == 3
    assert 2 not in numbers(bytes(disk.files[PATH]))


def calls_of(fails_at: int | None) -> tuple[Disk, LogFile, list[bytes]]:
    disk = Disk(fails_at=fails_at)
    disk.files[PATH] = bytearray(b"what was there before")
    file = LogFile(disk, PATH, HEAD, Size())
    return disk, file, [entry(number, 700) for number in range(150)]


def test_whatever_fails_the_file_is_valid_and_nothing_else_is_left() -> None:
    disk, file, entries = calls_of(None)

    async def log() -> None:
        await file.open()
        for start in range(0, len(entries), 15):
            await file.add(entries[start : start + 15])
        await file.finish()

    done(log())
    last = disk.calls
    assert last > 25
    for number in range(1, last + 1):
        disk, file, entries = calls_of(number)
        with pytest.raises(OSError, match="No space"):
            done(log())
        done(file.close())
        assert disk.open_files == 0
        assert disk.files.keys() == {PATH}, f"call {number}"
        for content in disk.seen(PATH):
            assert content == b"what was there before" or numbers(content) is not None


def test_what_was_interrupted_is_added_when_the_log_is_finished() -> None:
    disk, file, entries = calls_of(None)
    done(file.open())

    class Stopped(BaseException):
        pass

    def stop(path: str) -> None:
        raise Stopped

    disk.call = stop  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        done(file.add(entries))
    del disk.call  # type: ignore[method-assign]
    done(file.finish())
    assert numbers(bytes(disk.files[PATH])) == list(range(150))


@given(st.integers(0, 12_000), st.integers(0, 2), st.integers(0, 30))
def test_parts_of_an_entry_fit_a_page_each_and_become_it_again(size: int, phase: int, fields: int) -> None:
    whole_entry = json.loads(entry(3, size, phase))
    value = "ü\x01" * (size // 40)
    whole_entry["params"]["headers"] += [f"F{number}: {value}" for number in range(fields)]
    whole_entry["params"]["nested"] = {"small": [1, 2]}
    text = json.dumps(whole_entry).encode()
    parts = split(text)
    assert all(len(part) + 2 <= PAGE_BYTES for part in parts)
    phases = [json.loads(part)["phase"] for part in parts]
    assert [one for one in phases if one] == ([phase] if phase else [])
    assert not phase or phases.index(phase) == (len(parts) - 1 if phase == 2 else 0)
    merging = Merging()
    (again,) = merging.feed_all(parts)
    assert json.loads(again) == whole_entry
    assert merging.rest() == []


def test_parts_whose_rest_is_missing_are_one_entry_of_what_there_is() -> None:
    other = entry(9, 10)
    parts = split(entry(3, 20_000))
    assert len(parts) > 3
    for left in (parts[:2], parts[2:], parts[1:2]):
        merging = Merging()
        found = [*merging.feed_all([*left, other]), *merging.rest()]
        assert len(found) == 2
        assert json.loads(found[1]) == json.loads(other)


@given(st.binary(max_size=60).map(lambda noise: noise.hex().encode()), st.integers(1, 20))
def test_lines_are_found_wherever_the_text_is_cut(noise: bytes, step: int) -> None:
    entries = [b'{"a":"%d %s"}' % (number, noise) for number in range(9)]
    text = placed(entries, 4000, 1 << 20, first=True).data
    lines = Lines()
    found = [one for start in range(0, len(text), step) for one in lines.feed(text[start : start + step])]
    assert [*found, *lines.rest()] == entries
    skipping = Lines(skip_first=True)
    assert [*skipping.feed(text[3:]), *skipping.rest()] == entries[1:]


def test_what_is_written_anew_lies_beside_the_log() -> None:
    disk = Disk()
    done(LogFile(disk, PATH, HEAD, Size()).open())
    assert any(PATH + NEW_SUFFIX in moment for moment in disk.moments)
