"""What decides must decide the same again: the pure modules use nothing that differs from run to run.

A simulation refuses most of it at the call; this finds what raises nothing there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OF_THE_WORLD = {"live_world", "recorded_world", "kernel"}
"""Folders of actors/ that touch the world, or run those that do."""
TOUCHING = {"simulations/sweep.py", "simulations/audit.py", "simulations/failures.py", "simulations/code.py"}
"""What stands around a simulation, and not in it."""

MODULES = {"random", "secrets", "time", "uuid"}
CALLS = {
    "id": "differs from process to process: compare with `is`, or give the thing a number",
    "hash": "differs from process to process (PYTHONHASHSEED): use a digest, or the value itself",
}
NOW = {"now", "utcnow", "today"}
ORDERLESS_IS_FINE = {
    "all", "any", "bool", "frozenset", "isdisjoint", "issubset", "issuperset", "len", "max", "min", "set", "sorted", "sum",
    "difference", "difference_update", "intersection", "intersection_update", "symmetric_difference", "union", "update",
}  # fmt: skip
"""What comes of these does not depend on the order of what they are given."""
KEEPS_THE_ORDER = {
    "deque",
    "dict",
    "enumerate",
    "extend",
    "filter",
    "fromkeys",
    "iter",
    "join",
    "list",
    "map",
    "next",
    "tuple",
    "zip",
}


def pure_modules() -> Iterator[Path]:
    for room in ("events", "actors", "simulations"):
        for path in sorted((ROOT / room).rglob("*.py")):
            inside = path.relative_to(ROOT)
            if inside.parts[:1] == ("actors",) and (inside.parts[1] in OF_THE_WORLD or path.name == "ports.py"):
                continue
            if inside.parts[:3] == ("actors", "devices", "drivers"):  # they carry the port of devices
                continue
            if str(inside) not in TOUCHING:
                yield path


def is_a_set(node: ast.expr) -> bool:
    """Whether this expression makes a set, as far as it can be seen from where it stands."""
    if isinstance(node, (ast.Set, ast.SetComp)):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)):
        return is_a_set(node.left) or is_a_set(node.right)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def findings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each line that uses what differs from run to run, with why and what to do."""
    order = "a set has another order in another process: sort it, or keep a dict or a tuple"
    orderless = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) in ORDERLESS_IS_FINE
        for argument in node.args
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [module]
            for name in names:
                if name.split(".")[0] in MODULES:
                    yield node.lineno, f"imports {name}: take the time and chance from ctx, or from a port"
            if module == "os" and any(alias.name == "urandom" for alias in node.names):
                yield node.lineno, "imports os.urandom: take chance from ctx, or from the entropy port"
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in CALLS:
                yield node.lineno, f"calls {node.func.id}(): it {CALLS[node.func.id]}"
            elif isinstance(node.func, ast.Attribute):
                of = ast.unparse(node.func.value).rpartition(".")[2]
                if node.func.attr in NOW and of in ("datetime", "date"):
                    yield node.lineno, f"calls {of}.{node.func.attr}(): take the time from ctx, or from the clock port"
                elif node.func.attr == "urandom" and of == "os":
                    yield node.lineno, "calls os.urandom(): take chance from ctx, or from the entropy port"
            if called(node) in KEEPS_THE_ORDER and any(is_a_set(argument) for argument in node.args):
                yield node.lineno, f"{called(node)}() of a set: {order}"
            yield from (
                (node.lineno, f"*set: {order}")
                for one in node.args
                if isinstance(one, ast.Starred) and is_a_set(one.value)
            )
        elif isinstance(node, (ast.For, ast.AsyncFor)) and is_a_set(node.iter):
            yield node.lineno, f"goes through a set: {order}"
        elif isinstance(node, (ast.ListComp, ast.DictComp, ast.GeneratorExp)):
            if id(node) not in orderless and any(is_a_set(generator.iter) for generator in node.generators):
                yield node.lineno, f"goes through a set: {order}"
        elif isinstance(node, (ast.List, ast.Tuple)) and any(
            isinstance(one, ast.Starred) and is_a_set(one.value) for one in node.elts
        ):
            yield node.lineno, f"a list or tuple of a set: {order}"


EXPLAINED = {
    ("events/secret.py", "calls hash()"): "__hash__ itself",
    ("actors/network/http.py", "calls id()"): "which exceptions of a chain were seen: compared, never ordered or kept",
}


def test_pure_modules_use_nothing_that_differs_from_run_to_run() -> None:
    wrong = []
    for path in pure_modules():
        name = str(path.relative_to(ROOT))
        for line, what in findings(ast.parse(path.read_text(encoding="utf-8"))):
            if (name, what.partition(":")[0]) not in EXPLAINED:
                wrong.append(f"{name}:{line} {what}")
    assert not wrong, "\n".join(wrong)


def test_the_pure_modules_are_those_that_decide() -> None:
    names = {str(path.relative_to(ROOT)) for path in pure_modules()}
    assert {"events/cookies.py", "actors/cookies/behavior.py", "actors/downloads/evolution.py"} <= names
    assert not {"actors/live_world/disk.py", "actors/network/ports.py", "actors/kernel/dispatcher.py"} & names


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from random import choice",
        "import time as clock",
        "from uuid import uuid4",
        "from os import urandom",
        "key = id(thing)",
        "key = hash(thing)",
        "at = datetime.now(UTC)",
        "at = datetime.datetime.utcnow()",
        "at = date.today()",
        "seed = os.urandom(8)",
        "for one in {1, 2}: pass",
        "for one in set(items): pass",
        "for one in frozenset(items) - gone: pass",
        "found = [one for one in {item.name for item in items}]",
        "found = {one: 1 for one in set(items)}",
        "found = list(set(items))",
        "found = ', '.join({item.name for item in items})",
        "first = next(iter(set(items)))",
        "found = [*set(items)]",
        "print(*set(items))",
        "found = tuple(one for one in set(items))",
        "found = dict.fromkeys(set(items))",
    ],
)
def test_it_finds_what_differs(source: str) -> None:
    assert list(findings(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "for one in sorted({1, 2}): pass",
        "count = len(set(items))",
        "known = one in {1, 2}",
        "gone = {1, 2} - set(items)",
        "yes = any(one.done for one in set(items))",
        "top = max(one.at for one in {1, 2})",
        "names = sorted(one.name for one in set(items))",
        "names = {one.name for one in set(items)}",
        "made = ctx.id()",
        "at = ctx.now",
        "text = ', '.join(items)",
        "for one in {'a': 1}: pass",
        "def __hash__(self): return 7",
    ],
)
def test_it_lets_be_what_does_not(source: str) -> None:
    assert not list(findings(ast.parse(source)))
