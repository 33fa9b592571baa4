"""Turns expressions into functions of a row, and checks that their types fit as the service does."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.resource_graph.kql import syntax, values
from sandbox.resource_graph.kql.errors import semantic_failure
from sandbox.resource_graph.kql.functions import FUNCTIONS, ago
from sandbox.resource_graph.kql.table import Row, Table
from sandbox.resource_graph.kql.texts import TEXT_OPERATORS, among
from sandbox.resource_graph.kql.values import NUMBERS, to_bool

_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_LONG = 2**63
_CONVERSIONS = ("tostring", "tolong", "toint", "todouble", "toreal", "tobool", "todatetime", "todynamic")


@dataclass(frozen=True)
class Scalar:
    type: str
    of: Callable[[Row], Any]

    def cast(self, kind: str) -> Callable[[Row], Any]:
        """The value as one of another type, where it is dynamic."""
        if self.type != "dynamic" or kind == "dynamic":
            return self.of
        of, convert = self.of, values.CONVERSIONS[kind]
        return lambda row: convert(of(row))


class Scope:
    """The columns that an expression may name, and the time that `now()` tells."""

    def __init__(self, table: Table, now: datetime):
        self._table, self._now = table, now

    def compile(self, expression: syntax.Expression) -> Scalar:
        return _COMPILERS[type(expression)](self, expression)

    def predicate(self, expression: syntax.Expression) -> Callable[[Row], Any]:
        """A test of rows. What is null does not hold."""
        return self._truth(self.compile(expression))

    def _literal(self, literal: syntax.Literal) -> Scalar:
        value = literal.value
        return Scalar(literal.type, lambda row: value)

    def _name(self, name: syntax.Name) -> Scalar:
        place = self._table.place(name.name)
        return Scalar(self._table.columns[place].type, operator.itemgetter(place))

    def _member(self, member: syntax.Member) -> Scalar:
        target, name = self._bag(member.target), member.name

        def of(row: Row) -> Any:
            bag = target(row)
            return bag.get(name) if isinstance(bag, dict) else None

        return Scalar("dynamic", of)

    def _index(self, index: syntax.Index) -> Scalar:
        target, at = self._bag(index.target), self.compile(index.index).of

        def of(row: Row) -> Any:
            held, place = target(row), at(row)
            if isinstance(held, dict) and isinstance(place, str):
                return held.get(place)
            if not isinstance(held, list) or not isinstance(place, int) or isinstance(place, bool):
                return None
            return held[place] if -len(held) <= place < len(held) else None

        return Scalar("dynamic", of)

    def _bag(self, expression: syntax.Expression) -> Callable[[Row], Any]:
        target = self.compile(expression)
        if target.type != "dynamic":
            raise semantic_failure(f"A path needs a value of type dynamic, and not {target.type}.")
        return target.of

    def _call(self, call: syntax.Call) -> Scalar:
        arguments = [self.compile(argument) for argument in call.arguments]
        if call.function in ("now", "ago"):
            return self._moment(call.function, arguments)
        function = FUNCTIONS.get(call.function)
        if function is None:
            raise semantic_failure(f"Unknown function: '{call.function}'.")
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            raise semantic_failure(f"{call.function}(): function expects other arguments: {len(arguments)} were given.")
        if call.function == "case" and len(arguments) % 2 == 0:
            raise semantic_failure("case(): function expects an odd number of arguments.")
        compute, given = function.compute, [argument.of for argument in arguments]
        kind = function.type or _common([argument.type for argument in function.picks(arguments)])
        if len(given) == 1:
            only = given[0]
            return Scalar(kind, lambda row: compute(only(row)))
        return Scalar(kind, lambda row: compute(*[of(row) for of in given]))

    def _moment(self, function: str, arguments: list[Scalar]) -> Scalar:
        now = self._now
        if function == "now" and not arguments:
            return Scalar("datetime", lambda row: now)
        if function == "ago" and [argument.type for argument in arguments] == ["timespan"]:
            span = arguments[0].of
            return Scalar("datetime", lambda row: ago(now, span(row)))
        raise semantic_failure(f"{function}(): function expects other arguments.")

    def _unary(self, unary: syntax.Unary) -> Scalar:
        operand = self.compile(unary.operand)
        if operand.type not in NUMBERS and operand.type != "dynamic":
            raise semantic_failure(f"Operator '{unary.operator}' can't be used with a value of type {operand.type}.")
        sign, number = -1 if unary.operator == "-" else 1, operand.cast("real")
        kind = "real" if operand.type == "dynamic" else operand.type
        return Scalar(kind, lambda row: None if (value := number(row)) is None else sign * value)

    def _binary(self, binary: syntax.Binary) -> Scalar:
        left, right, name = self.compile(binary.left), self.compile(binary.right), binary.operator
        if name in ("and", "or"):
            return self._logic(name, left, right)
        if name in TEXT_OPERATORS:
            return _text_test(name, left, right)
        if name in ("==", "!="):
            return _equality(name, left, right)
        return _order(name, left, right) if name in _ORDERS else _arithmetic(name, left, right)

    def _between(self, test: syntax.Between) -> Scalar:
        value = self.compile(test.value)
        above, below = _order(">=", value, self.compile(test.low)).of, _order("<=", value, self.compile(test.high)).of
        return Scalar("bool", lambda row: above(row) and below(row))

    def _among(self, test: syntax.Among) -> Scalar:
        left, items = self.compile(test.left), [self.compile(item) for item in test.items]
        for item in items:
            if item.type != "dynamic":
                _comparable(left, item)
        fixed = all(isinstance(item, syntax.Literal) for item in test.items)
        return Scalar("bool", among(test.operator, left.of, [item.of for item in items], fixed))

    def _logic(self, name: str, left: Scalar, right: Scalar) -> Scalar:
        first, second = self._truth(left), self._truth(right)
        if name == "and":
            return Scalar("bool", lambda row: first(row) and second(row))
        return Scalar("bool", lambda row: first(row) or second(row))

    def _truth(self, value: Scalar) -> Callable[[Row], Any]:
        if value.type == "bool":
            of = value.of
            return lambda row: bool(of(row))
        if value.type != "dynamic":
            raise semantic_failure(f"A value of type bool is expected, and not {value.type}.")
        of = value.of
        return lambda row: bool(to_bool(of(row)))


_COMPILERS: dict[type, Callable[[Scope, Any], Scalar]] = {
    syntax.Literal: Scope._literal,
    syntax.Name: Scope._name,
    syntax.Member: Scope._member,
    syntax.Index: Scope._index,
    syntax.Call: Scope._call,
    syntax.Unary: Scope._unary,
    syntax.Binary: Scope._binary,
    syntax.Between: Scope._between,
    syntax.Among: Scope._among,
}


def name_of(expression: syntax.Expression) -> str | None:
    """The name that a column gets from its expression: properties.a.b becomes properties_a_b."""
    if isinstance(expression, syntax.Name):
        return expression.name
    if isinstance(expression, syntax.Member):
        target = name_of(expression.target)
        return f"{target}_{expression.name}" if target else None
    if isinstance(expression, syntax.Index) and isinstance(expression.index, syntax.Literal):
        target = name_of(expression.target)
        return f"{target}_{expression.index.value}" if target else None
    if isinstance(expression, syntax.Call) and expression.function in _CONVERSIONS and expression.arguments:
        return name_of(expression.arguments[0])
    return None


def _text_test(name: str, left: Scalar, right: Scalar) -> Scalar:
    for side in (left, right):
        if side.type not in ("string", "dynamic"):
            raise semantic_failure(f"Operator '{name}' can't be used with a value of type {side.type}.")
    test, first, second = TEXT_OPERATORS[name], left.cast("string"), right.cast("string")
    return Scalar("bool", lambda row: test(first(row), second(row)))


def _equality(name: str, left: Scalar, right: Scalar) -> Scalar:
    kind = _comparable(left, right)
    first, second = left.cast(kind), right.cast(kind)
    if name == "!=":
        return Scalar("bool", lambda row: first(row) != second(row))

    def equal(row: Row) -> bool:
        value = first(row)
        return value is not None and value == second(row)

    return Scalar("bool", equal)


def _order(name: str, left: Scalar, right: Scalar) -> Scalar:
    kind = _comparable(left, right)
    if kind in ("string", "bool"):
        raise semantic_failure(f"Cannot compare values of types {left.type} and {right.type}.")
    first, second, compare = left.cast(kind), right.cast(kind), _ORDERS[name]

    def of(row: Row) -> bool:
        low, high = first(row), second(row)
        return low is not None and high is not None and compare(low, high)

    return Scalar("bool", of)


def _comparable(left: Scalar, right: Scalar) -> str:
    """The type in which two values are compared."""
    kinds = {left.type, right.type} - {"dynamic"}
    if len(kinds) == 1:
        return kinds.pop()
    if len(kinds) > 1 and kinds <= set(NUMBERS):
        return "real"
    raise semantic_failure(f"Cannot compare values of types {left.type} and {right.type}. Try adding explicit casts")


def _arithmetic(name: str, left: Scalar, right: Scalar) -> Scalar:
    kinds = {left.type, right.type}
    if kinds <= {*NUMBERS, "dynamic"}:
        whole = kinds <= {"long", "int"}
        first, second = left.cast("real"), right.cast("real")
        return Scalar("long" if whole else "real", lambda row: _calculate(name, first(row), second(row), whole))
    kind = _TIMES.get((left.type, name, right.type))
    if kind is None:
        message = f"Operator '{name}' can't be used with values of types {left.type} and {right.type}."
        raise semantic_failure(message)
    before, after = left.of, right.of
    return Scalar(kind, lambda row: _shift(name, before(row), after(row)))


_TIMES = {
    ("datetime", "-", "timespan"): "datetime",
    ("datetime", "+", "timespan"): "datetime",
    ("datetime", "-", "datetime"): "timespan",
    ("timespan", "+", "timespan"): "timespan",
    ("timespan", "-", "timespan"): "timespan",
}


def _shift(name: str, first: Any, second: Any) -> Any:
    try:
        return None if first is None or second is None else first + second if name == "+" else first - second
    except OverflowError:
        return None


def _calculate(name: str, first: Any, second: Any, whole: bool) -> Any:
    if first is None or second is None or (name in "/%" and not second):
        return None
    try:
        result = _ARITHMETIC[name](first, second)
    except OverflowError:
        return None
    if whole:
        result = int(result)
        return result if -_LONG <= result < _LONG else None
    return result if math.isfinite(result) else None


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
}


def _common(kinds: list[str]) -> str:
    """The type of what is one of several values."""
    found = set(kinds)
    if len(found) == 1:
        return found.pop()
    return "real" if found <= set(NUMBERS) else "dynamic"
