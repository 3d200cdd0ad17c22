"""The sources that run: a digest that tells two versions apart, and the marks that stand in them."""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

ROOMS: Final = ("events", "store", "actors", "simulations")


class Mark(Struct, frozen=True, order=True):
    """A ``reached("name")`` or ``buggify("name")`` in a source: where it stands."""

    name: str
    kind: str
    where: str


def sources() -> Iterator[tuple[str, Path]]:
    """The package's Python files, each by the name that it installs under, in the order of the names."""
    found = {}
    face = importlib.import_module("partita")
    roots = {"partita": Path(str(face.__file__)).parent}
    for room in ROOMS:
        roots[f"partita/{room}"] = Path(str(importlib.import_module(f"partita.{room}").__file__)).parent
    for name, root in roots.items():
        for path in root.rglob("*.py"):
            inside = path.relative_to(root)
            if (
                name == "partita" and inside.parts[0] in ROOMS
            ):  # linked, or installed, or not there: seen by its own root
                continue
            found[f"{name}/{inside.as_posix()}"] = path
    yield from sorted(found.items())


def code_digest(*others: object) -> str:
    """32 hexadecimal digits that change with any source of the package, and with the modules of ``others``."""
    digest = hashlib.sha256()
    of_others = {str(getattr(other, "__module__", "")) for other in others}
    files = {
        str(getattr(sys.modules.get(name), "__file__", "")) for name in of_others if not name.startswith("partita.")
    }
    paths = [*sources(), *((Path(file).name, Path(file)) for file in sorted(files) if file.endswith(".py"))]
    for name, path in paths:
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def marks() -> list[Mark]:
    """Every mark that stands in the package's sources, in order. One whose name is computed is not seen."""
    found = []
    for name, path in sources():
        text = path.read_text(encoding="utf-8")
        if "reached(" not in text and "buggify(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            first = node.args[0]
            if called in ("reached", "buggify") and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.append(Mark(first.value, called, f"{name}:{node.lineno}"))
    return sorted(found)
