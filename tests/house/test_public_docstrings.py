"""What users see is documented where it is declared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import partita

ROOT = Path(__file__).resolve().parents[2]


def public_members(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for member in node.body:
                    if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)) and not member.name.startswith("_"):
                        yield f"{node.name}.{member.name}", member


def test_every_public_name_of_the_face_says_what_it_is() -> None:
    bare = []
    for path in sorted((ROOT / "partita").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, node in public_members(tree):
            decorators = {ast.unparse(d) for d in getattr(node, "decorator_list", [])}
            if "overload" in decorators or any(d.endswith(".setter") for d in decorators):
                continue
            if ast.get_docstring(node) is None:  # type: ignore[arg-type]
                bare.append(f"{path.name}: {name}")
    assert not bare, "give each a docstring: " + ", ".join(bare)


def test_every_public_name_is_there_and_no_other_is_shown() -> None:
    assert set(dir(partita)) == {*partita.__all__, "__version__", "default_session"}
    assert all(getattr(partita, name) is not None for name in partita.__all__)
    tree = ast.parse(Path(partita.__file__).read_text(encoding="utf-8"))
    for_checkers = {alias.asname for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert for_checkers - {None} == {*partita.__all__} - {"errors", "protocol"}
