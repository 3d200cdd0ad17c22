"""A stretch of a log as a pytest file: what happened there is decided again, wherever the file goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from partita.actors.replay.query import Query
from partita.actors.replay.redecide import Divergence
from partita.actors.replay.stand_ins import StandIns
from partita.actors.replay.stretch import Before, Stretch
from partita.events.errors import SecretLeft
from partita.store.shareable import SHORTEST, found_in, parts_of

if TYPE_CHECKING:
    from partita.actors.kernel.fold import Behaviors
    from partita.store.partition import PartitionStore

EMBEDDED_BYTES: Final = 64 << 10
"""A record longer than this lies in a file beside the test."""

_HEAD: Final = '''\
"""{partition!r}, turns {first} to {last}, decided again by today's code. Written by `partita to-test`.

{about}
"""

{imports}

{record}
'''

_AS_RECORDED: Final = """

@pytest.mark.parametrize("position", {positions})
def test_the_turn_is_decided_as_it_was(position: int) -> None:
    STRETCH.check(position)
"""

_EVERY_TURN: Final = """

def test_every_turn_can_be_taken() -> None:
    STRETCH.run()
"""

_AFTERWARDS: Final = """

def test_what_should_be_so_afterwards_is_so() -> None:
    assert STRETCH.run().holds({query!r})
"""


class Written(NamedTuple):
    """A test: the text of the file, and of the one beside it (None: there is none).

    ``replaced`` secrets have stand-ins; ``changed`` are positions whose decision the stand-ins would change, and which the test
    leaves out; ``diverging`` are positions that today's code decides otherwise than it did; ``holds`` says whether what was to be
    asserted is so today (None: nothing was, or deciding raises).
    """

    test: str
    record: str | None
    replaced: int
    changed: tuple[int, ...]
    diverging: tuple[int, ...]
    holds: bool | None


def to_test(
    store: PartitionStore,
    behaviors: Behaviors,
    first: int,
    last: int,
    *,
    salt: bytes,
    beside: str,
    expect: str | None = None,
    expect_fixed: bool = False,
) -> Written:
    """Write a test of the turns ``first`` to ``last``. ``beside`` names the file beside it, if there has to be one.

    ``expect`` is a predicate on the states afterwards. ``expect_fixed``: what was recorded is a bug, so the test does not ask for
    the same again. Raises :class:`InvalidPosition`, :class:`InvalidQuery`, and :class:`SecretLeft` when a secret stands in clear.
    """
    if expect is not None:
        Query(expect)
    true = Stretch.of(store, behaviors, first, last)
    stand_ins = StandIns(salt)
    stretch = Stretch(
        true.partition,
        true.seed,
        tuple(Before(*stand_ins.disguised(tuple(before))) for before in true.before),
        stand_ins.disguised(true.turns),
        behaviors,
    )
    text = stretch.text()
    _search(text, stand_ins)
    changed = tuple(at for at in true.positions if _differs(stretch, at) != _differs(true, at))
    diverging = tuple(at for at in true.positions if at not in changed and _differs(true, at))
    embedded = len(text) <= EMBEDDED_BYTES
    left = [at for at in true.positions if at not in changed]
    parts = [
        _HEAD.format(
            partition=stretch.partition,
            first=first,
            last=last,
            about=_about(changed, expect_fixed=expect_fixed),
            imports=_imports(embedded=embedded, as_recorded=not expect_fixed),
            record=_record(text)
            if embedded
            else f"STRETCH = load(Path(__file__).with_name({beside!r}).read_text('utf-8'))",
        )
    ]
    parts.append(_EVERY_TURN if expect_fixed else _AS_RECORDED.format(positions=left))
    if expect is not None:
        parts.append(_AFTERWARDS.format(query=expect))
    holds = _holds(stretch, expect)
    return Written("".join(parts), None if embedded else text, len(stand_ins.replaced), changed, diverging, holds)


def _differs(stretch: Stretch, position: int) -> bool:
    return isinstance(stretch.verdict(position), Divergence)


def _holds(stretch: Stretch, expect: str | None) -> bool | None:
    if expect is None:
        return None
    try:
        return stretch.run().holds(expect)
    except Exception:  # noqa: BLE001  # whatever today's code raises: the test will say
        return None


def _about(changed: tuple[int, ...], *, expect_fixed: bool) -> str:
    lines = [
        "The record has the states before, then each turn: position, time, actor, cause, message, events, effects.",
        "Secrets are stand-ins of the same shape.",
    ]
    if changed:
        lines.append(
            f"With these, the turns {', '.join(map(str, changed))} would be decided otherwise: they are left out."
        )
    if expect_fixed:
        lines.append("What was recorded shows a bug: the messages are taken again, their events are not asked for.")
    return "\n".join(lines)


def _imports(*, embedded: bool, as_recorded: bool) -> str:
    lines = [] if embedded else ["from pathlib import Path", ""]
    lines += ["import pytest", ""] if as_recorded else []
    return "\n".join([*lines, "from partita.stretch import load"])


def _record(text: str) -> str:
    quoted = text.replace("'", "\\u0027")  # JSON's own way to write it, so that nothing in it ends the literal
    return f"STRETCH = load(\n    r'''\n{quoted}'''\n)"


def _search(text: str, stand_ins: StandIns) -> None:
    """A secret's value may stand in clear where no secret was expected: in a URL, say."""
    values = {value for value in parts_of(stand_ins.replaced) if len(value) >= SHORTEST}
    if found_in(text.encode(), values) is None:
        return
    for line in text.splitlines():
        if found_in(line.encode(), values) is not None:
            where = line[:40]
            raise SecretLeft(f"the value of a secret stands in clear in the line that begins {where!r}", position=0)
