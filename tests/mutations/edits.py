"""Taking a safeguard away at runtime: a function's source with a few words changed, compiled again, put in its place.

The new code goes into the function itself, so that every table, import and bound method that holds it has the change. A text
that no longer stands in the source, or stands there more than once, is an error: the catalogue must follow the code.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import CodeType, FunctionType

from msgspec import Struct


class OutOfDate(AssertionError):
    """The source is not what the catalogue takes it for."""


class Edit(Struct, frozen=True):
    """In the function ``where`` (``"store.log:Log.recover"``, below ``partita``), ``before`` becomes ``after``."""

    where: str
    before: str
    after: str


@contextmanager
def edited(edits: tuple[Edit, ...]) -> Iterator[None]:
    """While it lasts, the functions are the edited ones. Raises :class:`OutOfDate`."""
    with ExitStack() as stack:
        for edit in edits:
            function = _function(edit.where)
            kept = function.__code__
            function.__code__ = _code(function, edit, kept)
            stack.callback(setattr, function, "__code__", kept)
        yield


def _function(where: str) -> FunctionType:
    module, _, path = where.partition(":")
    found: object = importlib.import_module(f"partita.{module}")
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    if not isinstance(found, FunctionType):
        raise OutOfDate(f"{where} is no function")
    return found


def _code(function: FunctionType, edit: Edit, now: CodeType) -> CodeType:
    """``function`` may have been edited already: then ``now`` keeps the text that it was compiled from."""
    source = _sources.get(now) or textwrap.dedent(inspect.getsource(function))
    if source.count(edit.before) != 1:
        raise OutOfDate(f"{edit.before!r} stands {source.count(edit.before)} times in {edit.where}, not once")
    changed = source.replace(edit.before, edit.after)
    code = _compiled(changed, now)
    _sources[code] = changed
    return code


_sources: dict[CodeType, str] = {}


def _compiled(source: str, now: CodeType) -> CodeType:
    """Names from outside (``super()`` has one) have to be those of an enclosing function for the compiler to know them."""
    definition = ast.parse(source).body[0]
    assert isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef))
    definition.decorator_list = []
    names = "".join(f"    {name} = None\n" for name in now.co_freevars)
    outer = ast.parse(f"def outer():\n{names}    pass").body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.body.append(definition)
    ast.increment_lineno(outer, now.co_firstlineno - 1)
    module = ast.fix_missing_locations(ast.Module([outer], []))
    compiled = compile(module, now.co_filename, "exec", __future__.annotations.compiler_flag, dont_inherit=True)
    code = _named(_named(compiled, "outer"), definition.name)
    assert set(code.co_freevars) == set(now.co_freevars), "an edit neither adds nor takes away names from outside"
    return code


def _named(code: CodeType, name: str) -> CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType) and constant.co_name == name)
