"""The grammar of queries: Python's expressions, of which only what is listed here is let in.

A text is parsed by :mod:`ast` and made a closure, node by node; a node without a row in ``_Compiler.ROWS`` is refused. No
code of the text is ever run by Python: no name is looked up but those of the table, no attribute but the fields of what a
log holds, no call but those of :mod:`partita.actors.replay.values`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from partita.actors.replay import values
from partita.actors.replay.moment import DEFECTS, NAMES, Evaluate, Moment, Raised
from partita.actors.replay.naming import (
    attributes,
    fields_of,
    suggestion,
    types_by_name,
)
from partita.actors.replay.paths import MISSING
from partita.events.errors import InvalidQuery
from partita.events.system import Tell

_SIGNS: Final[Mapping[type[ast.AST], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}


def compiled(text: str) -> tuple[Evaluate, frozenset[str]]:
    """The query as a function, and the names that it uses. Raises :class:`InvalidQuery`, with the column."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
        compiler = _Compiler()
        return compiler.compile(tree.body), frozenset(compiler.used)
    except SyntaxError as error:
        raise InvalidQuery(f"the query {text!r} does not parse at column {error.offset or 1}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InvalidQuery):
            raise
        raise InvalidQuery(f"the query does not parse: {error or type(error).__name__}") from error


class _Compiler:
    """Makes closures of nodes, and notes which names they use."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self._locals: list[str] = []

    def compile(self, node: ast.AST) -> Evaluate:
        row = self.ROWS.get(type(node))
        if row is None:
            raise _wrong(node, f"a query has no {_described(node)}")
        return row(self, node)

    def _constant(self, node: ast.Constant) -> Evaluate:
        value = node.value
        if value is Ellipsis or isinstance(value, complex):
            raise _wrong(node, f"a query has no {value!r}")
        return lambda moment: value  # noqa: ARG005  # the shape of every node

    def _name(self, node: ast.Name) -> Evaluate:
        name = node.id
        if name in self._locals:
            return lambda moment: moment.names[name]
        if name in NAMES:
            self.used.add(name)
            return NAMES[name]
        return self._bare_field(node, name)

    def _bare_field(self, node: ast.Name, name: str) -> Evaluate:
        """A field by its name alone: of the event, else of the effect, else of the message."""
        homes = [kind for kind in ("events", "effects", "messages") if name in fields_of(kind)]
        if not homes:
            known = {*NAMES, *fields_of("events"), *fields_of("effects"), *fields_of("messages")}
            hint = suggestion(name, known)
            if name in types_by_name():
                hint = f"; test a type with `event is {name}`"
            raise _wrong(node, f"no event, effect or message has a field {name!r}{hint}")
        self.used.update({"events": "event", "effects": "effect", "messages": "message"}[kind] for kind in homes)

        def read(moment: Moment) -> object:
            for holder in (moment.event, moment.effect, MISSING if moment.turn is None else moment.turn.message):
                if (value := _field(holder, name)) is not MISSING:
                    return value
            return MISSING

        return read

    def _attribute(self, node: ast.Attribute) -> Evaluate:
        name = node.attr
        if name.startswith("_") or name not in attributes():
            what = "is a method, to be called" if name in values.METHODS else "is no field of anything in a log"
            raise _wrong(node, f"{name!r} {what}{suggestion(name, attributes())}")
        base = self.compile(node.value)
        if isinstance(node.value, ast.Name) and node.value.id == "effect":
            return lambda moment: _field(base(moment), name)
        attribute = values.attribute
        return lambda moment: attribute(base(moment), name)

    def _subscript(self, node: ast.Subscript) -> Evaluate:
        base = self.compile(node.value)
        key = self._slice(node.slice) if isinstance(node.slice, ast.Slice) else self.compile(node.slice)

        def read(moment: Moment) -> object:
            value = base(moment)
            if value is MISSING or (index := key(moment)) is MISSING:
                return MISSING
            try:
                return values.item(value, index)
            except DEFECTS as error:
                raise Raised(node, error) from error

        return read

    def _slice(self, node: ast.Slice) -> Evaluate:
        bounds = [self.compile(part or ast.Constant(None)) for part in (node.lower, node.upper)]
        return lambda moment: slice(*(bound(moment) for bound in bounds))

    def _both(self, node: ast.BoolOp) -> Evaluate:
        """``and`` and ``or`` of three values: what is missing decides nothing unless it must."""
        parts = [self.compile(part) for part in node.values]
        ends_it = isinstance(node.op, ast.Or)

        def judge(moment: Moment) -> object:
            missing = False
            value: object = MISSING
            for part in parts:
                value = part(moment)
                if value is MISSING:
                    missing = True
                elif values.truth(value) is ends_it:
                    return value
            return MISSING if missing else value

        return judge

    def _unary(self, node: ast.UnaryOp) -> Evaluate:
        operand = self.compile(node.operand)
        if isinstance(node.op, ast.Not):

            def negate(moment: Moment) -> object:
                value = operand(moment)
                return MISSING if value is MISSING else not values.truth(value)

            return negate
        if not isinstance(node.op, ast.USub):
            raise _wrong(node, f"a query has no {_described(node.op)}")
        return self._guarded(node, lambda moment: values.computed("-", 0, operand(moment)))

    def _compare(self, node: ast.Compare) -> Evaluate:
        links: list[Evaluate] = []
        for left, sign, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            links.append(self._link(node, left, _SIGNS[type(sign)], right))
        if len(links) == 1:
            return links[0]

        def chain(moment: Moment) -> object:
            value: object = True
            for link in links:
                value = link(moment)
                if value is MISSING or not value:
                    return value
            return value

        return chain

    def _link(self, node: ast.Compare, left: ast.expr, sign: str, right: ast.expr) -> Evaluate:
        if sign in ("is", "is not") and not (isinstance(right, ast.Constant) and not isinstance(right.value, str)):
            return self._type_test(left, right, wanted=sign == "is")
        one, other = self._operand(left, right), self._operand(right, left)

        def judge(moment: Moment) -> object:
            try:
                return values.compared(sign, one(moment), other(moment))
            except DEFECTS as error:
                raise Raised(node, error) from error

        return judge

    def _operand(self, node: ast.expr, beside: ast.expr) -> Evaluate:
        """A side of a comparison; a text that is compared with ``time`` is one."""
        is_time = isinstance(beside, ast.Name) and beside.id == "time"
        if is_time and isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._constant(ast.Constant(_micros(node, node.value)))
        return self.compile(node)

    def _type_test(self, left: ast.expr, right: ast.expr, *, wanted: bool) -> Evaluate:
        value = self.compile(left)
        types = tuple(self._type(each) for each in (right.elts if isinstance(right, ast.Tuple) else (right,)))

        def judge(moment: Moment) -> object:
            found = value(moment)
            return MISSING if found is MISSING else values.is_of(found, types) is wanted

        return judge

    def _type(self, node: ast.expr) -> type:
        name = node.value if isinstance(node, ast.Constant) else ast.unparse(node)
        found = types_by_name().get(name) if isinstance(name, str) else None
        if found is None:
            hint = suggestion(str(name), types_by_name())
            raise _wrong(
                node, f"there is no type {name!r}: behind `is` comes a class or tag, None, True or False{hint}"
            )
        return found

    def _binary(self, node: ast.BinOp) -> Evaluate:
        sign = _SIGNS.get(type(node.op))
        if sign is None:
            raise _wrong(node, f"a query has no {_described(node.op)}")
        left, right = self.compile(node.left), self.compile(node.right)
        return self._guarded(node, lambda moment: values.computed(sign, left(moment), right(moment)))

    def _call(self, node: ast.Call) -> Evaluate:
        if node.keywords:
            raise _wrong(node, "arguments go without names here")
        function = node.func
        if isinstance(function, ast.Name) and function.id in values.FUNCTIONS:
            name = function.id
            arguments = [self.compile(each) for each in node.args]
            return self._guarded(node, lambda moment: values.called(name, [each(moment) for each in arguments]))
        if isinstance(function, ast.Attribute) and function.attr in values.METHODS:
            name = function.attr
            base = self.compile(function.value)
            arguments = [self.compile(each) for each in node.args]
            return self._guarded(
                node, lambda moment: values.method(base(moment), name, [each(moment) for each in arguments])
            )
        what = ast.unparse(function)
        raise _wrong(
            node,
            f"{what}() cannot be called: there are {', '.join(sorted(values.FUNCTIONS))}, and methods that change nothing",
        )

    def _conditional(self, node: ast.IfExp) -> Evaluate:
        test, then, otherwise = self.compile(node.test), self.compile(node.body), self.compile(node.orelse)

        def choose(moment: Moment) -> object:
            verdict = test(moment)
            return (then if verdict is not MISSING and values.truth(verdict) else otherwise)(moment)

        return choose

    def _sequence(self, node: ast.Tuple | ast.List | ast.Set) -> Evaluate:
        parts = [self.compile(part) for part in node.elts]
        return lambda moment: tuple(part(moment) for part in parts)

    def _comprehension(self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp) -> Evaluate:
        """Only what is there is taken: ``any(each.cookie.secure for each in turn.events)``."""
        known = len(self._locals)
        loops: list[tuple[Evaluate, list[str], list[Evaluate]]] = []
        for loop in node.generators:
            source = self.compile(loop.iter)
            names = [
                _target(each) for each in (loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target])
            ]
            self._locals += names
            loops.append((source, names, [self.compile(each) for each in loop.ifs]))
        element = self.compile(node.elt)
        del self._locals[known:]

        def run(moment: Moment, depth: int = 0) -> Iterable[object]:
            if depth == len(loops):
                if (value := element(moment)) is not MISSING:
                    yield value
                return
            source, names, tests = loops[depth]
            for each in _iterated(node, source(moment)):
                _bind(moment, node, names, each)
                if all((verdict := test(moment)) is not MISSING and values.truth(verdict) for test in tests):
                    yield from run(moment, depth + 1)

        def collect(moment: Moment) -> object:
            outer = moment.names.copy()
            found = tuple(run(moment))
            moment.names = outer
            return found

        return collect

    @staticmethod
    def _guarded(node: ast.AST, evaluate: Evaluate) -> Evaluate:
        def run(moment: Moment) -> object:
            try:
                return evaluate(moment)
            except DEFECTS as error:
                raise Raised(node, error) from error

        return run

    ROWS: Final[Mapping[type[ast.AST], Callable[[Any, Any], Evaluate]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Subscript: _subscript,
        ast.BoolOp: _both,
        ast.UnaryOp: _unary,
        ast.Compare: _compare,
        ast.BinOp: _binary,
        ast.Call: _call,
        ast.IfExp: _conditional,
        ast.Tuple: _sequence,
        ast.List: _sequence,
        ast.Set: _sequence,
        ast.GeneratorExp: _comprehension,
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
    }


def _field(holder: object, name: str) -> object:
    """A field of an event, effect or message; of a ``Tell``, also of what it tells."""
    value = values.attribute(holder, name)
    return values.attribute(holder.message, name) if value is MISSING and isinstance(holder, Tell) else value


def _iterated(node: ast.AST, value: object) -> Iterable[object]:
    if value is MISSING:
        return ()
    try:
        values.refuse_secrets(value)
        return iter(value)  # type: ignore[call-overload,no-any-return]
    except TypeError as error:
        raise Raised(node, error) from error


def _bind(moment: Moment, node: ast.AST, names: list[str], value: Any) -> None:
    if len(names) == 1:
        moment.names[names[0]] = value
        return
    parts = tuple(_iterated(node, value))
    if len(parts) != len(names):
        raise Raised(node, ValueError(f"{len(names)} names for {len(parts)} values"))
    moment.names.update(zip(names, parts, strict=True))


def _target(node: ast.expr) -> str:
    if not isinstance(node, ast.Name) or node.id.startswith("_"):
        raise _wrong(node, "behind `for` comes a name")
    return node.id


def _micros(node: ast.AST, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong(node, f"{text!r} is no time: write 2026-01-31T12:00:00Z") from error
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _described(node: ast.AST) -> str:
    return {"Pow": "**", "LShift": "<<", "NamedExpr": ":=", "JoinedStr": "f-strings"}.get(
        type(node).__name__, type(node).__name__.lower()
    )


def _wrong(node: ast.AST, what: str) -> InvalidQuery:
    column = getattr(node, "col_offset", 0) + 1
    return InvalidQuery(f"in the query, at column {column}: {what}")
