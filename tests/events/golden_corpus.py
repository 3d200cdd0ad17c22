"""The golden corpus: encoded examples of every type and version that a log may hold, kept beside the tests for good.

A corpus file (``golden/<capability>.json``) maps a tag to its examples. An example has the *shape* that the type had
when it was written, the *record* (hex, as the store's codec writes it, its secrets unencrypted) and the *value* that
the record means. Examples are only ever added: they stand for the logs that people have.

A shape is JSON: ``"str"``, ``{"list": shape}``, ``{"fields": [[name, shape, has a default], ...]}``; a tagged struct
within another stands as ``{"tag": tag}``, for its own entry watches over it. A new shape *extends* an old one when
every old record still means the same: fields added at the end with a default, more values of a literal, more members of
a union. Such a type gets further examples; any other change needs a new version. An old version stays in the corpus,
with what its upcaster makes of it (*becomes*).

    python -m tests.events.golden_corpus      # from the checkout: adds what is missing, refuses what needs a version
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from partita.events import turn, vocabulary
from partita.events.secret import Secret
from partita.events.system import Flush, Recovered, Tell
from partita.events.types import tag_of
from partita.store.codec import Codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER: Final = Path(__file__).parent / "golden"
COMMAND: Final = "python -m tests.events.golden_corpus"

ANY: Final = {"message": Flush(), "events": Recovered(7), "effects": Tell("session", Flush())}
"""What stands for "any type" in the field of that name."""

Shape = Any
Example = dict[str, Any]
Corpus = dict[str, list[Example]]


class NeedsVersion(Exception):  # it says what to do
    """A type that has changed in a way that old records would notice."""


def types() -> dict[str, Any]:
    """Every type of today's vocabulary by its tag, and the frame that turns are kept in."""
    found: dict[str, Any] = {"turn": turn.Turn, "external": turn.External}
    for struct in (*vocabulary.MESSAGES, *vocabulary.EVENTS, *vocabulary.EFFECTS, *vocabulary.STATES):
        bare = getattr(struct, "__origin__", struct)
        found[tag_of(bare)] = bare
    return dict(sorted(found.items()))


def codec() -> Codec:
    """The store's own, with secrets in plain sight."""
    return Codec(seal=lambda secret: secret.reveal_text().encode(), unseal=bytes.decode)


def decoded(record: bytes, tag: str) -> Any:
    """What a record means today: old versions go through their upcasters."""
    today = codec()
    if tag == "turn":
        frame = turn.Turn[vocabulary.MessageUnion, vocabulary.EventUnion, vocabulary.EffectUnion]  # type: ignore[name-defined]
        return today.decoded(0, record, today.decoder(frame))
    if tag == "external":
        return today.decoded(0, record, today.decoder(turn.External))
    return today.decoded(0, record, today.decoder(_everything()))


def _everything() -> Any:
    return vocabulary.MessageUnion | vocabulary.EventUnion | vocabulary.EffectUnion | vocabulary.StateUnion


# Shapes.


def shape_of(struct: Any) -> Shape:
    """The shape of a tagged type: its fields, to the leaves."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    assert info.array_like, f"{struct!r} is not array-like"
    return _fields_of(info)


def _fields_of(info: inspect.StructType) -> Shape:
    return {"fields": [[field.name, _shape(field.type), not field.required] for field in info.fields]}


def _shape(info: inspect.Type) -> Shape:  # one for each kind of type
    match info:
        case inspect.StructType(tag=None):
            return _fields_of(info)
        case inspect.StructType():
            return {"tag": info.tag}
        case inspect.UnionType():
            return {"union": sorted((_shape(member) for member in info.types), key=json.dumps)}
        case inspect.LiteralType():
            return {"literal": sorted(info.values, key=str)}
        case inspect.VarTupleType() | inspect.ListType():
            return {"list": _shape(info.item_type)}
        case inspect.TupleType():
            return {"tuple": [_shape(item) for item in info.item_types]}
        case inspect.DictType():
            return {"dict": [_shape(info.key_type), _shape(info.value_type)]}
        case inspect.CustomType():
            return info.cls.__name__
        case _:
            return type(info).__name__.removesuffix("Type").lower()


def extends(new: Shape, old: Shape) -> bool:
    """Whether records of the old shape mean the same under the new one."""
    if isinstance(new, dict) and "union" in new:
        members = old["union"] if isinstance(old, dict) and "union" in old else [old]
        return all(any(extends(candidate, member) for candidate in new["union"]) for member in members)
    if not isinstance(new, dict) or not isinstance(old, dict):
        return bool(new == old)
    if "fields" in new and "fields" in old:
        kept, added = new["fields"][: len(old["fields"])], new["fields"][len(old["fields"]) :]
        return (
            len(kept) == len(old["fields"])
            and all(has_default for _, _, has_default in added)
            and all(_same_field(field, before) for field, before in zip(kept, old["fields"], strict=True))
        )
    if "tag" in new and "tag" in old:  # an older version in it is made newer when the record is read
        return bool(new["tag"].rpartition("/")[0] == old["tag"].rpartition("/")[0])
    if "literal" in new and "literal" in old:
        return set(old["literal"]) <= set(new["literal"])
    return new.keys() == old.keys() and all(_extend_within(new[key], old[key]) for key in new)


def _same_field(new: Any, old: Any) -> bool:
    return bool(new[0] == old[0] and new[2] >= old[2] and extends(new[1], old[1]))


def _extend_within(new: Any, old: Any) -> bool:
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(extends(*pair) for pair in zip(new, old, strict=True))
    return extends(new, old)


# Examples: the fullest value of a type, and the least that it takes.


def examples_of(struct: Any) -> list[Any]:
    """Two values made of the fields' types alone, the same every time."""
    return [_struct(struct, maker) for maker in (_full, _least)]


def _struct(struct: Any, maker: Callable[[inspect.Type, str], Any]) -> Any:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return info.cls(
        **{field.name: maker(field.type, field.name) for field in info.fields if maker is _full or field.required}
    )


def _full(info: inspect.Type, name: str) -> Any:
    match info:
        case inspect.UnionType():
            return _full(next(kind for kind in info.types if not isinstance(kind, inspect.NoneType)), name)
        case inspect.VarTupleType() | inspect.ListType():
            return tuple(_full(info.item_type, f"{name} {number}") for number in (1, 2))
        case inspect.DictType():
            return {_full(info.key_type, f"{name} key"): _full(info.value_type, f"{name} value")}
        case inspect.StructType():
            return _struct(info.cls, _full)
        case inspect.TupleType():
            return tuple(_full(item, name) for item in info.item_types)
        case _:
            return _leaf(info, name)


def _least(info: inspect.Type, name: str) -> Any:
    match info:
        case inspect.UnionType():
            plainest = next((kind for kind in info.types if isinstance(kind, inspect.NoneType)), info.types[-1])
            return _least(plainest, name)
        case inspect.StructType():
            return _struct(info.cls, _least)
        case inspect.TupleType():
            return tuple(_least(item, name) for item in info.item_types)
        case inspect.LiteralType():
            return info.values[-1]
        case _:
            return EMPTY[type(info)] if type(info) in EMPTY else _leaf(info, name)


EMPTY: Final[dict[type[inspect.Type], Any]] = {
    inspect.VarTupleType: (),
    inspect.ListType: (),
    inspect.DictType: {},
    inspect.BoolType: False,
    inspect.StrType: "",
    inspect.IntType: 0,
}


def _whole_number(kind: inspect.IntType, name: str) -> int:
    """One that nobody would mistake for another field's, within the field's bounds."""
    number = zlib.crc32(name.encode()) + (1 << 40 if name.endswith("_us") else 0)
    return number if kind.le is None else number % (kind.le + 1)


LEAVES: Final[dict[type[inspect.Type], Callable[[Any, str], Any]]] = {
    inspect.StrType: lambda _, name: f"{name} é",
    inspect.IntType: _whole_number,
    inspect.FloatType: lambda _, name: zlib.crc32(name.encode()) / 4,
    inspect.BoolType: lambda _, __: True,
    inspect.LiteralType: lambda info, _: info.values[0],
    inspect.NoneType: lambda _, __: None,
    inspect.BytesType: lambda _, name: name.encode(),
    inspect.AnyType: lambda _, name: ANY[name.partition(" ")[0]],
    inspect.CustomType: lambda info, name: info.cls(f"secret {name}"),  # Secret is the only one
}


def _leaf(info: inspect.Type, name: str) -> Any:
    if type(info) not in LEAVES:
        raise NotImplementedError(f"{name}: say in {__file__} what an example of {info} is")
    return LEAVES[type(info)](info, name)


def shown(value: Any) -> Any:
    """A value as JSON, field by field, so that a reader of the corpus sees what a record means."""
    if isinstance(value, msgspec.Struct):
        fields = {name: shown(getattr(value, name)) for name in value.__struct_fields__}
        tag = value.__struct_config__.tag
        return fields if tag is None else {"tag": tag, **fields}
    if isinstance(value, Secret):
        return {"secret": value.reveal_text()}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def written(struct: Any) -> list[str]:
    """Today's examples as records."""
    today = codec()
    return [today.encode(value).hex() for value in examples_of(struct)]


def _tags_in(shape: Shape) -> Iterator[str]:
    """The tagged structs within a shape."""
    if isinstance(shape, dict) and "tag" in shape:
        yield shape["tag"]
    elif isinstance(shape, dict | list):
        for inner in shape.values() if isinstance(shape, dict) else shape:
            yield from _tags_in(inner)


def still_means(today: Any, recorded: Any) -> bool:
    """Whether a decoded value says what was recorded; fields added since then may be there besides."""
    if isinstance(today, dict) and isinstance(recorded, dict):
        if _is_newer(today.get("tag"), recorded.get("tag")):  # what that became, its own entry watches over
            return True
        named = {str(key): value for key, value in today.items()}  # the recorded one was JSON, whose keys are text
        return all(key in named and still_means(named[key], value) for key, value in recorded.items())
    if isinstance(today, list) and isinstance(recorded, list):
        return len(today) == len(recorded) and all(map(still_means, today, recorded))
    return bool(today == recorded)


def _is_newer(today: object, recorded: object) -> bool:
    """Whether these are tags of one type, in two versions, and the older is made the newer one."""
    return isinstance(recorded, str) and today == vocabulary.UPCASTERS.get(recorded, ("",))[0]


# The files.


def load() -> Corpus:
    """All that is kept."""
    corpus: Corpus = {}
    for path in sorted(FOLDER.glob("*.json")):
        corpus |= json.loads(path.read_text("utf-8"))
    return corpus


def save(corpus: Corpus) -> None:
    """A file a capability, a line an example: what a change adds is what its diff shows."""
    FOLDER.mkdir(exist_ok=True)
    for capability in sorted({_capability(tag) for tag in corpus}):
        entries = (
            json.dumps(tag) + ": [\n  " + ",\n  ".join(map(_line, corpus[tag])) + "\n ]"
            for tag in sorted(corpus)
            if _capability(tag) == capability
        )
        (FOLDER / f"{capability}.json").write_text("{\n " + ",\n ".join(entries) + "\n}\n", "utf-8")


def _line(example: Example) -> str:
    return json.dumps(example, ensure_ascii=False)


def _capability(tag: str) -> str:
    return tag.partition(".")[0]


def problem(tag: str, struct: Any, corpus: Corpus) -> str | None:
    """What is wrong between a type and its examples, and what to do; None when they agree."""
    if not (examples := corpus.get(tag)):
        return f"{tag} has no example in the golden corpus. Run `{COMMAND}` and commit what it adds."
    shape = shape_of(struct)
    if changed := next((example for example in examples if not extends(shape, example["shape"])), None):
        name, version = tag.rpartition("/")[::2] if "/" in tag else (tag, "1")
        return (
            f"{tag} has changed its shape: logs hold records of it that today's type would misread.\n"
            f"  recorded: {json.dumps(changed['shape'])}\n  today:    {json.dumps(shape)}\n"
            f"Raise the version in its tag ({name}/{int(version) + 1}), add to UPCASTERS of its module an entry "
            f"{tag!r}: ({name + '/' + str(int(version) + 1)!r}, <function of the fields>), and run `{COMMAND}`. "
            f"(A field added at the end with a default needs no version.)"
        )
    grown = [nested for nested in _tags_in(shape) if len({json.dumps(e["shape"]) for e in corpus.get(nested, ())}) > 1]
    if grown and written(struct) != [example["record"] for example in examples][-len(written(struct)) :]:
        return f"{tag} has grown with {', '.join(grown)} in it. Run `{COMMAND}` and commit what it adds."
    if all(example["shape"] != shape for example in examples):
        return f"{tag} has grown and has no example of its new shape. Run `{COMMAND}` and commit what it adds."
    return None


def added(corpus: Corpus) -> Iterator[str]:
    """Add examples of what is new. Raises :class:`NeedsVersion`, and adds nothing, where a version is missing."""
    known = types()
    for tag, struct in known.items():
        words = problem(tag, struct, corpus)
        if words and "has changed its shape" in words:
            raise NeedsVersion(words)
    today = codec()
    for tag, struct in known.items():
        if problem(tag, struct, corpus):
            corpus.setdefault(tag, []).extend(
                {"shape": shape_of(struct), "record": today.encode(value).hex(), "value": shown(value)}
                for value in examples_of(struct)
            )
            yield tag
    for tag in sorted(corpus.keys() - known.keys()):
        for example in corpus[tag]:
            if "becomes" not in example:
                example["becomes"] = shown(decoded(bytes.fromhex(example["record"]), tag))
                yield f"{tag} (what it becomes)"


def main() -> int:
    corpus = load()
    try:
        new = list(added(corpus))
    except NeedsVersion as words:
        sys.stderr.write(f"{words}\n")
        return 1
    save(corpus)
    sys.stdout.write("".join(f"added {tag}\n" for tag in new) or "nothing is missing\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
