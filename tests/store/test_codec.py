"""What is encoded is decoded; what another version wrote is made today's, or named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import Encoder

from partita.events.download_ledger import DownloadAdded
from partita.events.downloads import DownloadOrder
from partita.events.errors import LogDamaged, UnknownTag
from partita.events.preferences import SetDownloadPath, SetUserAgent, UserAgentSet
from partita.events.secret import Secret
from partita.events.system import Flush, Tell
from partita.events.turn import External, Turn
from partita.events.types import Effect, Event, Message, State
from partita.store.codec import BATCH_FORMAT, Codec, unwrapped, wrapped
from partita.store.keys import Keyring
from partita.store.snapshots import superseded

text = st.text(st.characters(exclude_categories=["Cs"]))
secrets = st.builds(Secret, text | st.binary())
messages = st.builds(SetUserAgent, text, st.none() | text) | st.builds(SetDownloadPath, text) | st.just(Flush())
orders = st.builds(DownloadOrder, text, text, text, st.lists(st.tuples(text, secrets)).map(tuple), st.none() | text)
events = st.builds(UserAgentSet, text, st.none() | text) | st.builds(DownloadAdded, orders)
effects = st.builds(Tell, text, messages)
causes = st.integers(0, 2**40) | st.builds(External, text, st.integers(0, 2**60))
turns = st.builds(
    Turn,
    st.integers(1, 2**40),
    st.integers(0, 2**60),
    text,
    causes,
    messages,
    st.lists(events).map(tuple),
    st.lists(effects).map(tuple),
)


def codec(**vocabulary: Any) -> Codec:
    ring = Keyring({b"the key!": bytes(32)}, current=b"the key!")
    ring.at(1)
    return Codec(ring.sealed, ring.unseal, SimpleNamespace(**vocabulary) if vocabulary else None)


SHARED = codec()


@given(st.lists(turns, min_size=1))
def test_a_batch_is_decoded_as_it_was_encoded(batch):
    value, digest = SHARED.batch(batch, b"p" * 16)
    found = unwrapped(batch[0].position, bytes(value))
    assert (found.count, found.previous, found.digest) == (len(batch), b"p" * 16, digest)
    assert SHARED.turns(found) == batch
    for folding, turn in zip(SHARED.folding_turns(found), batch, strict=True):
        assert (folding.position, folding.cause, folding.events, folding.effects) == (
            turn.position,
            turn.cause,
            turn.events,
            turn.effects,
        )


def test_a_batch_of_fewer_bytes_does_not_keep_the_rest_of_a_longer_one():
    own = codec()
    long = [Turn(1, 1, "a", 0, SetDownloadPath("x" * 10_000))]
    short = [Turn(1, 1, "a", 0, SetDownloadPath("x"))]
    own.batch(long, bytes(16))
    assert own.turns(unwrapped(1, bytes(own.batch(short, bytes(16))[0]))) == short


# A vocabulary that has moved on.


class SetThing(Message, tag="things.set/3"):
    name: str
    size: int
    inner: tuple[str, ...]
    whose: Secret | None = None


class ThingSet(Event, tag="things.was_set/2"):
    name: str


class Nothing(Effect, tag="things.nothing/1"):
    pass


class Things(State, tag="things.state/1"):
    names: tuple[str, ...] = ()


NEWER = {
    "MessageUnion": SetThing,
    "EventUnion": ThingSet,
    "EffectUnion": Nothing,
    "StateUnion": Things,
    "UPCASTERS": {
        "things.set/1": ("things.set/2", lambda fields: [fields[0], 1, *fields[1:]]),
        "things.set/2": ("things.set/3", lambda fields: [fields[0], fields[1] * 10, [fields[0]], *fields[2:]]),
        "things.was_set/1": ("things.was_set/2", lambda fields: [fields[0].upper()]),
        "loop.a/1": ("loop.b/1", lambda fields: fields),
        "loop.b/1": ("loop.a/1", lambda fields: fields),
    },
    "TAGS": frozenset({"things.set/3", "things.was_set/2", "things.nothing/1", "things.state/1"}),
    "FINGERPRINT": "f",
}


def raw(*records: list[object], first: int = 7):
    payload = Encoder().encode([[first + at, 1, "actor", 0, *record] for at, record in enumerate(records)])
    return unwrapped(first, wrapped(first, len(records), bytes(16), payload)[0])


def test_old_versions_are_made_todays_one_after_the_other():
    sealed = msgspec.msgpack.Ext(1, b"sealed")
    batch = raw(
        [["things.set/1", "a"], [["things.was_set/1", "a"]], []],
        [["things.set/2", "b", 4, sealed], [["things.was_set/2", "b"]], [["things.nothing/1"]]],
        [["things.set/3", "c", 5, ["x"]], [], []],
    )
    found = codec(**NEWER).turns(batch)
    assert [(t.message.name, t.message.size, t.message.inner) for t in found] == [
        ("a", 10, ("a",)),
        ("b", 40, ("b",)),
        ("c", 5, ("x",)),
    ]
    assert found[1].message.whose.sealed == b"sealed"
    assert [t.events for t in found] == [(ThingSet("A"),), (ThingSet("b"),), ()]


def test_folding_needs_only_the_events_to_be_known():
    batch = raw([["things.unheard_of/9"], [["things.was_set/1", "a"]], []])
    assert codec(**NEWER).folding_turns(batch)[0].events == (ThingSet("A"),)


@pytest.mark.parametrize(
    ("record", "tag", "words"),
    [
        ([["things.set/4", "a"], [], []], "things.set/4", "knows things.set/3: it was written by a later version"),
        ([["things.gone/1", "a"], [], []], "things.gone/1", "does not know"),
        ([["things.set/3", "c", 5, []], [["things.was_set/7", 1]], []], "things.was_set/7", "knows things.was_set/2"),
        ([["things.set/0", "c"], [], []], "things.set/0", "has no upcaster"),
        ([["things.set/3", "c", "five", []], [], []], "things.set/3", "Expected `int`, got `str`"),
    ],
)
def test_an_unknown_type_is_named_with_its_position_and_the_version_that_is_known(record, tag, words):
    good = [["things.set/3", "c", 5, []], [], []]
    with pytest.raises(UnknownTag, match="position 8") as caught:
        codec(**NEWER).turns(raw(good, record, good))
    assert caught.value.tag == tag
    assert words in str(caught.value)


def test_fields_that_a_later_version_added_at_the_end_are_passed_over():
    batch = raw([["things.set/3", "c", 5, [], None, "new", 7], [], []])
    assert codec(**NEWER).turns(batch)[0].message == SetThing("c", 5, ())


def test_upcasters_that_go_round_in_a_circle_are_a_defect_that_ends():
    with pytest.raises(ValueError, match="circle"):
        codec(**NEWER).turns(raw([["loop.a/1"], [], []]))


def test_what_is_no_msgpack_is_damage():
    for payload in (b"\xc1", b"\x91", b""):
        with pytest.raises(LogDamaged) as caught:
            codec(**NEWER).turns(unwrapped(7, wrapped(7, 1, bytes(16), payload)[0]))
        assert caught.value.position == 7
    assert BATCH_FORMAT == 1


def test_snapshots_grow_with_the_logarithm_of_the_log_and_the_oldest_stays():
    kept: list[int] = []
    for position in range(1000, 1_000_001, 1000):
        kept.insert(0, position)
        doomed = superseded(kept)
        kept = [one for one in kept if one not in doomed]
        assert kept[:3] == [p for p in range(position, position - 3000, -1000) if p > 0]
        assert kept[-1] == 1000
    assert 5 < len(kept) < 30
