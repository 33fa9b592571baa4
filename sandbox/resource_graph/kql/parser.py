"""Parses queries: a table and the operators after it."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.resource_graph.kql import syntax
from sandbox.resource_graph.kql.cursor import OPERATORS, REFUSED_OPERATORS, Cursor
from sandbox.resource_graph.kql.errors import QueryError, semantic_failure
from sandbox.resource_graph.kql.expressions import expression, named
from sandbox.resource_graph.kql.values import TYPES

_JOINS = ("innerunique", "inner", "leftouter", "fullouter")
# As the service calls those that it refuses (reported for LeftSemi; the others after it).
_REFUSED_JOINS = {
    "rightouter": "RightOuter",
    "leftsemi": "LeftSemi",
    "rightsemi": "RightSemi",
    "leftanti": "LeftAnti",
    "rightanti": "RightAnti",
    "anti": "LeftAnti",
    "leftantisemi": "LeftAnti",
    "rightantisemi": "RightAnti",
}


def parse(text: str) -> syntax.Query:
    """A query from its text. Raises QueryError."""
    cursor = Cursor(text)
    try:
        query = _query(cursor)
    except RecursionError:
        raise semantic_failure("The query is nested too deeply.") from None
    cursor.take(";")
    if not cursor.ended:
        cursor.fail()
    return query


def _query(cursor: Cursor) -> syntax.Query:
    """A table with operators, or operators alone: `project id` is a query too (recording graph_query_page_200)."""
    table, operators = None, []
    if _at_operator(cursor):
        operators.append(_operator(cursor))
    else:
        table = cursor.name()
    while cursor.take("|"):
        operators.append(_operator(cursor))
    return syntax.Query(table, tuple(operators))


def _at_operator(cursor: Cursor) -> bool:
    return cursor.token.kind == "name" and cursor.token.text in OPERATORS | REFUSED_OPERATORS


def _operator(cursor: Cursor) -> syntax.Operator:
    if not _at_operator(cursor):
        cursor.fail()
    name = cursor.next("name").text
    if name in REFUSED_OPERATORS:
        raise QueryError("UnsupportedOperator", f'The operator "{name}" is not supported or not allowed.')
    return _PARSERS[name](cursor)


def _where(cursor: Cursor) -> syntax.Operator:
    return syntax.Where(expression(cursor))


def _project(cursor: Cursor) -> syntax.Operator:
    return syntax.Project(_several(cursor, named))


def _extend(cursor: Cursor) -> syntax.Operator:
    return syntax.Extend(_several(cursor, named))


def _project_away(cursor: Cursor) -> syntax.Operator:
    return syntax.ProjectAway(_several(cursor, _name_pattern))


def _name_pattern(cursor: Cursor) -> str:
    pattern = "*" if cursor.take("*") else cursor.name()
    return f"{pattern}*" if pattern != "*" and cursor.take("*") else pattern


def _distinct(cursor: Cursor) -> syntax.Operator:
    return syntax.Distinct(()) if cursor.take("*") else syntax.Distinct(_several(cursor, named))


def _count(cursor: Cursor) -> syntax.Operator:
    return syntax.Count()


def _limit(cursor: Cursor) -> syntax.Operator:
    return syntax.Limit(_whole_number(cursor))


def _order(cursor: Cursor) -> syntax.Operator:
    cursor.need("by")
    return syntax.Order(_several(cursor, _sorting))


def _top(cursor: Cursor) -> syntax.Operator:
    rows = _whole_number(cursor)
    cursor.need("by")
    return syntax.Order((_sorting(cursor),), rows)


def _sorting(cursor: Cursor) -> syntax.Sorting:
    value = expression(cursor)
    ascending = cursor.take("asc")
    if not ascending:
        cursor.take("desc")  # which is meant where nothing is said
    nulls_first = ascending
    if cursor.take("nulls"):
        nulls_first = cursor.take("first")
        if not nulls_first:
            cursor.need("last")
    return syntax.Sorting(value, ascending, nulls_first)


def _summarize(cursor: Cursor) -> syntax.Operator:
    aggregates = () if cursor.at("by") else _several(cursor, named)
    keys = _several(cursor, named) if cursor.take("by") else ()
    if not aggregates and not keys:
        cursor.fail()
    return syntax.Summarize(aggregates, keys)


def _join(cursor: Cursor) -> syntax.Operator:
    kind = "innerunique"
    if cursor.take("kind"):
        cursor.need("=")
        kind = cursor.next("name").text
        if kind in _REFUSED_JOINS:
            message = f'The join kind "{_REFUSED_JOINS[kind]}" is not supported or not allowed.'
            raise QueryError("UnsupportedJoinFlavor", message)
        if kind not in _JOINS:
            cursor.fail()
    right = _leg(cursor)
    cursor.need("on")
    return syntax.Join(kind, right, _several(cursor, _join_condition))


def _join_condition(cursor: Cursor) -> tuple[str, str]:
    if not cursor.at("$left", "$right"):
        name = cursor.name()
        return name, name
    sides = {}
    for symbol in ("==", ""):
        side = cursor.next("name").text
        cursor.need(".")
        sides[side] = cursor.name()
        if symbol:
            cursor.need(symbol)
    if set(sides) != {"$left", "$right"}:
        cursor.fail()
    return sides["$left"], sides["$right"]


def _union(cursor: Cursor) -> syntax.Operator:
    kind, source_column = "outer", None
    while cursor.at("kind", "withsource"):
        option = cursor.next("name").text
        cursor.need("=")
        if option == "withsource":
            source_column = cursor.name()
        elif cursor.at("inner", "outer"):
            kind = cursor.next("name").text
        else:
            cursor.fail()
    return syntax.Union(kind, _several(cursor, _leg), source_column)


def _leg(cursor: Cursor) -> syntax.Query:
    """The other side of a join or union: a table, or a query in parentheses."""
    if not cursor.take("("):
        return syntax.Query(cursor.name())
    query = _query(cursor)
    cursor.need(")")
    return query


def _mv_expand(cursor: Cursor) -> syntax.Operator:
    index_column = None
    while cursor.at("kind", "bagexpansion", "with_itemindex"):
        option = cursor.next("name").text
        cursor.need("=")
        if option == "with_itemindex":
            index_column = cursor.name()
        elif not cursor.take("array") and not cursor.take("bag"):
            cursor.fail()
    expansions = _several(cursor, _expansion)
    limit = _whole_number(cursor) if cursor.take("limit") else None
    return syntax.MvExpand(expansions, limit, index_column)


def _expansion(cursor: Cursor) -> syntax.Expansion:
    value = named(cursor)
    kind = None
    if cursor.take("to"):
        cursor.need("typeof", "(")
        kind = cursor.next("name").text
        cursor.need(")")
        if kind not in TYPES:
            cursor.fail()
    return syntax.Expansion(value.name, value.expression, kind)


def _parse(cursor: Cursor) -> syntax.Operator:
    regex = False
    if cursor.take("kind"):
        cursor.need("=")
        regex = cursor.take("regex")
        if not regex:
            cursor.need("simple")
    value = expression(cursor)
    cursor.need("with")
    pattern: list[str | tuple[str, str]] = []
    while cursor.token.kind in ("string", "name") or cursor.at("*"):
        if cursor.token.kind == "string":
            pattern.append(cursor.next("string").value)
        elif cursor.take("*"):
            pattern.append(("", "string"))
        else:
            pattern.append((cursor.name(), _column_type(cursor)))
    if not pattern:
        cursor.fail()
    return syntax.Parse(value, tuple(pattern), regex)


def _column_type(cursor: Cursor) -> str:
    if not cursor.take(":"):
        return "string"
    if cursor.token.text not in TYPES:
        cursor.fail()
    return cursor.next("name").text


def _whole_number(cursor: Cursor) -> int:
    text = cursor.token.text
    if cursor.token.kind != "number" or not text.isdigit() or len(text) > 18:
        cursor.fail()
    cursor.next("number")
    return int(text)


def _several(cursor: Cursor, read: Callable[[Cursor], object]) -> tuple:
    """One or more, separated by commas."""
    found = [read(cursor)]
    while cursor.take(","):
        found.append(read(cursor))
    return tuple(found)


_PARSERS: dict[str, Callable[[Cursor], syntax.Operator]] = {
    "where": _where,
    "project": _project,
    "project-away": _project_away,
    "extend": _extend,
    "summarize": _summarize,
    "distinct": _distinct,
    "count": _count,
    "limit": _limit,
    "take": _limit,
    "order": _order,
    "sort": _order,
    "top": _top,
    "join": _join,
    "union": _union,
    "parse": _parse,
    "mv-expand": _mv_expand,
    "mvexpand": _mv_expand,
}
