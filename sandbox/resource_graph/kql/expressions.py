"""Parses expressions, from the weakest operator to the strongest: or, and, comparisons, sums, products, paths."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

from sandbox.resource_graph.kql import syntax, values
from sandbox.resource_graph.kql.cursor import Cursor

_TESTS = (
    "== != =~ !~ < <= > >= has !has has_cs !has_cs contains !contains contains_cs !contains_cs startswith !startswith "
    "startswith_cs !startswith_cs endswith !endswith endswith_cs !endswith_cs"
)
_COMPARISONS = tuple(_TESTS.split())
_AMONG = ("in", "!in", "in~", "!in~", "has_any", "has_all")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_LONG = 2**63


def expression(cursor: Cursor) -> syntax.Expression:
    left = _conjunction(cursor)
    while cursor.take("or"):
        left = syntax.Binary("or", left, _conjunction(cursor))
    return left


def named(cursor: Cursor) -> syntax.Named:
    """`expression` or `name = expression`."""
    if cursor.token.kind == "name" and cursor.follows(cursor.token.text, "="):
        name = cursor.next("name").text
        cursor.need("=")
        return syntax.Named(name, expression(cursor))
    value = expression(cursor)
    if isinstance(value, syntax.Name) and cursor.take("="):  # ['a name'] = …
        return syntax.Named(value.name, expression(cursor))
    return syntax.Named(None, value)


def _conjunction(cursor: Cursor) -> syntax.Expression:
    left = _comparison(cursor)
    while cursor.take("and"):
        left = syntax.Binary("and", left, _comparison(cursor))
    return left


def _comparison(cursor: Cursor) -> syntax.Expression:
    left = _sum(cursor)
    while True:
        operator = cursor.token.text
        if cursor.at(*_COMPARISONS):
            cursor.next("name", "symbol")
            left = syntax.Binary(operator, left, _sum(cursor))
        elif cursor.at(*_AMONG):
            cursor.next("name", "symbol")
            left = syntax.Among(operator, left, _items(cursor))
        elif cursor.take("matches"):
            cursor.need("regex")
            left = syntax.Binary("matches regex", left, _sum(cursor))
        elif cursor.at("between", "!between"):
            cursor.next("name", "symbol")
            left = _between(cursor, left, negated=operator.startswith("!"))
        else:
            return left


def _between(cursor: Cursor, left: syntax.Expression, negated: bool) -> syntax.Expression:
    cursor.need("(")
    low = _sum(cursor)
    cursor.need("..")
    high = _sum(cursor)
    cursor.need(")")
    inside = syntax.Between(left, low, high)
    return syntax.Call("not", (inside,)) if negated else inside


def _sum(cursor: Cursor) -> syntax.Expression:
    left = _product(cursor)
    while cursor.at("+", "-"):
        operator = cursor.next("symbol").text
        left = syntax.Binary(operator, left, _product(cursor))
    return left


def _product(cursor: Cursor) -> syntax.Expression:
    left = _signed(cursor)
    while cursor.at("*", "/", "%"):
        operator = cursor.next("symbol").text
        left = syntax.Binary(operator, left, _signed(cursor))
    return left


def _signed(cursor: Cursor) -> syntax.Expression:
    if cursor.at("-", "+"):
        return syntax.Unary(cursor.next("symbol").text, _signed(cursor))
    return _path(cursor)


def _path(cursor: Cursor) -> syntax.Expression:
    target = _primary(cursor)
    while True:
        if cursor.take("."):
            # As the documentation writes names that hold a dot: properties.condition.['odata.type'].
            target = syntax.Member(target, cursor.name() if cursor.at("[") else cursor.next("name").text)
        elif cursor.take("["):
            if cursor.token.kind == "string":
                target = syntax.Member(target, cursor.next("string").value)
            else:
                target = syntax.Index(target, expression(cursor))
            cursor.need("]")
        else:
            return target


def _primary(cursor: Cursor) -> syntax.Expression:
    token = cursor.token
    if token.kind == "string":
        return syntax.Literal(cursor.next("string").value, "string")
    if token.kind == "number":
        return _number(cursor)
    if token.kind == "timespan":
        return _timespan(cursor)
    if token.kind == "datetime":
        return _moment(cursor)
    if cursor.take("("):
        value = expression(cursor)
        cursor.need(")")
        return value
    if token.kind == "name" and cursor.follows(token.text, "("):
        return _call(cursor)
    if cursor.at("true", "false"):
        return syntax.Literal(cursor.next("name").text == "true", "bool")
    return syntax.Name(cursor.name())


def _call(cursor: Cursor) -> syntax.Expression:
    function = cursor.next("name").text
    cursor.need("(")
    if function == "dynamic":
        value = syntax.Literal(_json(cursor), "dynamic")
        cursor.need(")")
        return value
    arguments = []
    while not cursor.take(")"):
        if arguments:
            cursor.need(",")
        arguments.append(expression(cursor))
    return syntax.Call(function, tuple(arguments))


def _items(cursor: Cursor) -> tuple[syntax.Expression, ...]:
    cursor.need("(")
    items = [expression(cursor)]
    while cursor.take(","):
        items.append(expression(cursor))
    cursor.need(")")
    return tuple(items)


def _number(cursor: Cursor) -> syntax.Literal:
    text = cursor.token.text
    if not text.isdigit():
        value = float(text)
        if not math.isfinite(value):
            cursor.fail()
        cursor.next("number")
        return syntax.Literal(value, "real")
    if len(text) > 19 or int(text) >= _LONG:
        cursor.fail()
    cursor.next("number")
    return syntax.Literal(int(text), "long")


def _timespan(cursor: Cursor) -> syntax.Literal:
    text = cursor.token.text
    unit = "ms" if text.endswith("ms") else text[-1]
    try:
        value = timedelta(**{_UNITS[unit]: float(text.removesuffix(unit))})
    except OverflowError:
        cursor.fail()
    cursor.next("timespan")
    return syntax.Literal(value, "timespan")


def _moment(cursor: Cursor) -> syntax.Literal:
    text = cursor.token.text.removeprefix("datetime(").removesuffix(")").strip()
    moment = values.to_datetime(text)
    if moment is None and text != "null":
        cursor.fail()
    cursor.next("datetime")
    return syntax.Literal(moment, "datetime")


def _json(cursor: Cursor) -> Any:
    """The literal of a dynamic value: JSON, whose strings may have single quotes."""
    if cursor.take("["):
        items = []
        while not cursor.take("]"):
            if items:
                cursor.need(",")
            items.append(_json(cursor))
        return items
    if cursor.take("{"):
        bag: dict[str, Any] = {}
        while not cursor.take("}"):
            if bag:
                cursor.need(",")
            key = cursor.next("string").value
            cursor.need(":")
            bag[key] = _json(cursor)
        return bag
    if cursor.token.kind == "string":
        return cursor.next("string").value
    if cursor.at("true", "false", "null"):
        return json.loads(cursor.next("name").text)
    sign = -1 if cursor.take("-") else 1
    return sign * _number(cursor).value if cursor.token.kind == "number" else cursor.fail()
