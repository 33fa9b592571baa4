"""What Resource Graph refuses although it is good Kusto: too many joins and the like, and tables that it lacks."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.resource_graph.kql import syntax
from sandbox.resource_graph.kql.errors import QueryError, unknown_table

JOINS, CROSS_TABLE_JOINS, MV_EXPANDS, UNION_LEGS = 3, 1, 3, 3
MV_EXPAND_ROWS, MOST_MV_EXPAND_ROWS = 128, 2_000  # documentation; the latter was 400 in older copies
_FREE = frozenset({"resources", "resourcecontainers"})  # between these, all joins are allowed, and only these unions


def check(query: syntax.Query, tables: frozenset[str], default: str) -> None:
    """Raise QueryError for a query over limits, or on a table that is none of `tables` (in lowercase)."""
    for name in _tables(query):
        if name is not None and name.lower() not in tables:
            raise unknown_table(name)
    operators = list(_operators(query))
    joins = [each for each in operators if isinstance(each, syntax.Join)]
    legs = [leg for each in operators if isinstance(each, syntax.Union) for leg in each.legs]
    own = (query.table or default).lower()
    _check_number("join", len(joins), JOINS)
    _check_number("mv-expand", sum(isinstance(each, syntax.MvExpand) for each in operators), MV_EXPANDS)
    _check_number("union", len(legs), UNION_LEGS)
    joined = [name for each in joins for name in _named(each.right, default)]
    foreign = [name for name in joined if name not in _FREE]
    if len(foreign) != len(set(foreign)):
        repeated = next(name for name in foreign if foreign.count(name) > 1)
        message = f"The table {repeated} can be the right side of a join only once."
        raise QueryError("DisallowedMaxNumberOfRemoteTables", message)
    if own not in _FREE or foreign:
        _check_number("cross-table join", sum(name != own for name in joined), CROSS_TABLE_JOINS)
    for leg in legs:
        named = set(_named(leg, default)) - {own}
        if named and not {own, *named} <= _FREE:
            raise QueryError("DisallowedUnion", f"The tables {own} and {min(named)} can't be united.")


def _check_number(what: str, number: int, limit: int) -> None:
    if number > limit:
        message = f"The query has {number} {what} operators. The maximum allowed is {limit}."
        raise QueryError("DisallowedNumberOfOperators", message)


def _operators(query: syntax.Query) -> Iterator[syntax.Operator]:
    for each in query.operators:
        yield each
        for inner in _inner(each):
            yield from _operators(inner)


def _inner(operator: syntax.Operator) -> tuple[syntax.Query, ...]:
    if isinstance(operator, syntax.Join):
        return (operator.right,)
    return operator.legs if isinstance(operator, syntax.Union) else ()


def _tables(query: syntax.Query) -> Iterator[str | None]:
    yield query.table
    for each in query.operators:
        for inner in _inner(each):
            yield from _tables(inner)


def _named(query: syntax.Query, default: str) -> list[str]:
    return [(name or default).lower() for name in _tables(query)]
