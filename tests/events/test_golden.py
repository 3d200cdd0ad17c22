"""The golden corpus: no type changes under the logs that people have."""

from __future__ import annotations

from typing import Any

import golden_corpus as golden
import msgspec
import pytest

from partita.events import vocabulary
from partita.events.secret import Secret  # msgspec reads the fields' types
from partita.events.types import Event, tag_of

CORPUS = golden.load()
TYPES = golden.types()


@pytest.mark.parametrize("tag", TYPES)
def test_a_type_has_the_shape_of_its_examples(tag: str) -> None:
    assert (words := golden.problem(tag, TYPES[tag], CORPUS)) is None, words


@pytest.mark.parametrize("tag", sorted(CORPUS))
def test_an_old_record_still_means_what_it_meant(tag: str) -> None:
    assert tag in TYPES or tag in vocabulary.UPCASTERS, (
        f"{tag} is in logs, but today's vocabulary neither has it nor says what it becomes: add it to UPCASTERS"
    )
    for example in CORPUS[tag]:
        today = golden.shown(golden.decoded(bytes.fromhex(example["record"]), tag))
        if tag in TYPES:
            meant = example["value"]
        else:
            assert "becomes" in example, f"{tag} has a new version: run `{golden.COMMAND}` and commit what it adds"
            meant = example["becomes"]
        assert golden.still_means(today, meant), f"{tag}: recorded {meant}, today {today}"


@pytest.mark.parametrize("tag", TYPES)
def test_todays_examples_are_written_as_they_were(tag: str) -> None:
    shape, written = golden.shape_of(TYPES[tag]), golden.written(TYPES[tag])
    kept = [example["record"] for example in CORPUS.get(tag, []) if example["shape"] == shape]
    assert written == kept[-len(written) :], "what is encoded today differs from what was recorded"


def test_every_tag_of_the_vocabulary_has_a_type() -> None:
    assert not vocabulary.TAGS - TYPES.keys()


class Before(Event, frozen=True, tag="golden.event/1"):
    name: str
    kind: str | None
    secret: Secret


class Renamed(Event, frozen=True, tag="golden.event/1"):
    title: str
    kind: str | None
    secret: Secret


class Retyped(Event, frozen=True, tag="golden.event/1"):
    name: int
    kind: str | None
    secret: Secret


class Narrowed(Event, frozen=True, tag="golden.event/1"):
    name: str
    kind: str
    secret: Secret


class Shortened(Event, frozen=True, tag="golden.event/1"):
    name: str
    kind: str | None


class Reordered(Event, frozen=True, tag="golden.event/1"):
    kind: str | None
    name: str
    secret: Secret


class GrownWithoutDefault(Event, frozen=True, tag="golden.event/1"):
    name: str
    kind: str | None
    secret: Secret
    more: int


class Grown(Event, frozen=True, tag="golden.event/1"):
    name: str
    kind: str | int | None
    secret: Secret
    more: int = 0


class Inner(msgspec.Struct, array_like=True):
    one: int


class GrownInner(msgspec.Struct, array_like=True):
    one: int
    two: int = 2


class ShrunkInner(msgspec.Struct, array_like=True):
    pass


class Holding(Event, frozen=True, tag="golden.holding/1"):
    inner: dict[str, tuple[Inner, ...]]


class HoldingGrown(Event, frozen=True, tag="golden.holding/1"):
    inner: dict[str, tuple[GrownInner, ...]]


class HoldingShrunk(Event, frozen=True, tag="golden.holding/1"):
    inner: dict[str, tuple[ShrunkInner, ...]]


def corpus_of(struct: Any) -> golden.Corpus:
    return {
        tag_of(struct): [
            {"shape": golden.shape_of(struct), "record": "", "value": golden.shown(value)}
            for value in golden.examples_of(struct)
        ]
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Before, Renamed),
        (Before, Retyped),
        (Before, Narrowed),
        (Before, Shortened),
        (Before, Reordered),
        (Before, GrownWithoutDefault),
        (Holding, HoldingShrunk),
        (HoldingGrown, Holding),
    ],
)
def test_a_changed_shape_asks_for_a_new_version_and_says_how(before: Any, after: Any) -> None:
    tag = tag_of(before)
    words = golden.problem(tag, after, corpus_of(before))
    assert words is not None
    assert "has changed its shape" in words
    assert f"Raise the version in its tag ({tag.removesuffix('1')}2)" in words
    assert "UPCASTERS" in words
    assert golden.COMMAND in words


@pytest.mark.parametrize(("before", "after"), [(Before, Grown), (Holding, HoldingGrown)])
def test_a_shape_that_has_grown_asks_for_an_example(before: Any, after: Any) -> None:
    words = golden.problem(tag_of(before), after, corpus_of(before))
    assert words is not None
    assert "has grown" in words


def test_a_type_without_an_example_is_missing() -> None:
    words = golden.problem("golden.event/1", Before, {})
    assert words is not None
    assert words.startswith("golden.event/1 has no example in the golden corpus. Run `python -m")


def test_the_command_adds_what_is_new_and_never_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, Any] = {"golden.event/1": Before}
    monkeypatch.setattr(golden, "types", lambda: known)
    corpus: golden.Corpus = {}
    assert list(golden.added(corpus)) == ["golden.event/1"]
    assert list(golden.added(corpus)) == []
    kept = list(corpus["golden.event/1"])
    known["golden.event/1"] = Retyped
    with pytest.raises(golden.NeedsVersion, match="Raise the version"):
        list(golden.added(corpus))
    assert corpus == {"golden.event/1": kept}
    known["golden.event/1"] = Grown
    assert list(golden.added(corpus)) == ["golden.event/1"]
    assert corpus["golden.event/1"][: len(kept)] == kept
    assert len(corpus["golden.event/1"]) == 2 * len(kept)


def test_an_old_version_is_kept_with_what_it_becomes(monkeypatch: pytest.MonkeyPatch) -> None:
    old, today = "preferences.download_path_set/0", "preferences.download_path_set/1"
    monkeypatch.setitem(vocabulary.UPCASTERS, old, (today, lambda fields: ["/".join(["", *fields])]))  # type: ignore[arg-type]
    monkeypatch.setattr(golden, "types", dict)
    record = msgspec.msgpack.encode([old, "home", "me"])
    corpus: golden.Corpus = {old: [{"shape": "whatever it was", "record": record.hex(), "value": "whatever it meant"}]}
    assert list(golden.added(corpus)) == [f"{old} (what it becomes)"]
    assert corpus[old][0]["becomes"] == {"tag": today, "path": "/home/me"}
    assert list(golden.added(corpus)) == []


def test_a_version_within_a_type_is_none_of_the_types_business() -> None:
    assert golden.extends({"tag": "a.state/2"}, {"tag": "a.state/1"})
    assert not golden.extends({"tag": "b.state/1"}, {"tag": "a.state/1"})


def test_examples_are_the_same_every_time_and_hold_every_field() -> None:
    for struct in TYPES.values():
        full, least = golden.examples_of(struct)
        assert [golden.shown(value) for value in golden.examples_of(struct)] == [
            golden.shown(full),
            golden.shown(least),
        ]
        assert None not in golden.shown(full).values()
