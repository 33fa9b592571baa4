"""Carries a query out, operator by operator, on tables in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.resource_graph.kql import limits, syntax, values
from sandbox.resource_graph.kql.aggregates import summarize
from sandbox.resource_graph.kql.errors import semantic_failure
from sandbox.resource_graph.kql.joins import join, union
from sandbox.resource_graph.kql.patterns import parse_columns
from sandbox.resource_graph.kql.scalars import Scope, name_of
from sandbox.resource_graph.kql.table import Column, Row, Table, free_name

Source = Callable[[str], Table]
DEFAULT_TABLE = "resources"


@dataclass(frozen=True)
class Result:
    """`limited` tells that the query itself takes only some rows (limit, take, top), `one_page` that the service gives
    only a first page: for this reason, or for another (summarize, distinct, count)."""

    table: Table
    limited: bool
    one_page: bool


def run(query: syntax.Query, tables: Mapping[str, Callable[[], Table]], now: datetime) -> Result:
    """The answer to a query. `tables` gives the tables that there are, by name in lowercase. Raises QueryError."""
    limits.check(query, frozenset(tables), DEFAULT_TABLE)
    try:
        table = _evaluate(query, lambda name: tables[name.lower()](), now)
    except RecursionError:
        raise semantic_failure("The query is nested too deeply.") from None
    limited = any(_limits(operator) for operator in query.operators)
    grouped = any(isinstance(operator, _GROUPING) for operator in query.operators)
    return Result(table, limited, limited or grouped)


_GROUPING = (syntax.Summarize, syntax.Distinct, syntax.Count)


def _limits(operator: syntax.Operator) -> bool:
    return isinstance(operator, syntax.Limit) or (isinstance(operator, syntax.Order) and operator.rows is not None)


def _evaluate(query: syntax.Query, source: Source, now: datetime) -> Table:
    table = source(query.table or DEFAULT_TABLE)
    for operator in query.operators:
        if isinstance(operator, syntax.Join):
            table = join(table, _evaluate(operator.right, source, now), operator)
        elif isinstance(operator, syntax.Union):
            table = _union(query, table, operator, source, now)
        else:
            table = _OPERATORS[type(operator)](table, operator, now)
    return table


def _union(query: syntax.Query, table: Table, operator: syntax.Union, source: Source, now: datetime) -> Table:
    legs = [(leg.table or DEFAULT_TABLE, _evaluate(leg, source, now)) for leg in operator.legs]
    return union([(query.table or DEFAULT_TABLE, table), *legs], operator)


def _where(table: Table, where: syntax.Where, now: datetime) -> Table:
    holds = Scope(table, now).predicate(where.predicate)
    return replace(table, rows=[row for row in table.rows if holds(row)])


def _project(table: Table, project: syntax.Project, now: datetime) -> Table:
    scope, taken = Scope(table, now), set()
    scalars = [scope.compile(named.expression) for named in project.columns]
    columns = []
    for place, (named, scalar) in enumerate(zip(project.columns, scalars, strict=True), 1):
        name = named.name or name_of(named.expression) or f"Column{place}"
        columns.append(Column(free_name(name, taken), scalar.type))
    getters = [scalar.of for scalar in scalars]
    return replace(table, columns=tuple(columns), rows=[tuple([of(row) for of in getters]) for row in table.rows])


def _project_away(table: Table, away: syntax.ProjectAway, now: datetime) -> Table:
    gone: set[str] = set()
    for pattern in away.patterns:
        if "*" not in pattern:
            gone.add(table.columns[table.place(pattern)].name)
        else:
            regex = re.compile(re.escape(pattern).replace(r"\*", ".*"))
            gone |= {name for name in table.names if regex.fullmatch(name)}
    kept = [place for place, name in enumerate(table.names) if name not in gone]
    columns = tuple(table.columns[place] for place in kept)
    return replace(table, columns=columns, rows=[tuple([row[place] for place in kept]) for row in table.rows])


def _extend(table: Table, extend: syntax.Extend, now: datetime) -> Table:
    for place, named in enumerate(extend.columns, 1):
        table = _with_column(table, named, place, now)
    return table


def _with_column(table: Table, named: syntax.Named, place: int, now: datetime) -> Table:
    """The table with a column more, or with another in place of the one of its name."""
    scalar = Scope(table, now).compile(named.expression)
    name, of = named.name or name_of(named.expression) or f"Column{place}", scalar.of
    column = Column(name, scalar.type)
    if name not in table.names:
        return replace(table, columns=(*table.columns, column), rows=[(*row, of(row)) for row in table.rows])
    at = table.place(name)
    columns = (*table.columns[:at], column, *table.columns[at + 1 :])
    return replace(table, columns=columns, rows=[(*row[:at], of(row), *row[at + 1 :]) for row in table.rows])


def _distinct(table: Table, distinct: syntax.Distinct, now: datetime) -> Table:
    keys = distinct.columns or tuple(syntax.Named(None, syntax.Name(name)) for name in table.names)
    return summarize(table, syntax.Summarize((), keys), now)


def _summarize(table: Table, operator: syntax.Summarize, now: datetime) -> Table:
    return summarize(table, operator, now)


def _count(table: Table, count: syntax.Count, now: datetime) -> Table:
    return Table((Column("Count", "long"),), [(len(table.rows),)])


def _limit(table: Table, limit: syntax.Limit, now: datetime) -> Table:
    return replace(table, rows=table.rows[: limit.rows])


def _order(table: Table, order: syntax.Order, now: datetime) -> Table:
    scope, rows = Scope(table, now), list(table.rows)
    for sorting in reversed(order.sortings):
        scalar = scope.compile(sorting.expression)
        if scalar.type == "dynamic":
            raise semantic_failure("order operator: key can't be of dynamic type. Please use an explicit cast.")
        rows.sort(key=_key(scalar.of, sorting), reverse=not sorting.ascending)
    kept = rows if order.rows is None else rows[: order.rows]
    return replace(table, rows=kept, ordered=True)


def _key(of: Callable[[Row], Any], sorting: syntax.Sorting) -> Callable[[Row], tuple]:
    first = sorting.nulls_first == sorting.ascending  # sorted the other way round, what is first comes last
    return lambda row: values.sort_key(of(row), first)


def _mv_expand(table: Table, expand: syntax.MvExpand, now: datetime) -> Table:
    limit = limits.MV_EXPAND_ROWS if expand.limit is None else expand.limit
    if limit > limits.MOST_MV_EXPAND_ROWS:
        raise semantic_failure(f"mv-expand: the limit can't be more than {limits.MOST_MV_EXPAND_ROWS}.")
    scope, names = Scope(table, now), list(table.names)
    columns, places, getters = list(table.columns), [], []
    for number, each in enumerate(expand.expansions, 1):
        scalar = scope.compile(each.expression)
        if scalar.type != "dynamic":
            raise semantic_failure(f"mv-expand: a value of type dynamic is expected, and not {scalar.type}.")
        name = each.name or name_of(each.expression) or f"Column{number}"
        column = Column(name, each.type or "dynamic")
        if name in names:
            places.append(names.index(name))
            columns[places[-1]] = column
        else:
            places.append(len(columns))
            columns.append(column)
            names.append(name)
        getters.append((scalar.of, values.CONVERSIONS[column.type]))
    if expand.index_column:
        columns.append(Column(expand.index_column, "long"))
    rows = [
        expanded
        for row in table.rows
        for expanded in _expanded(row, places, getters, len(columns), limit, bool(expand.index_column))
    ]
    return replace(table, columns=tuple(columns), rows=rows)


def _expanded(row: Row, places: list[int], getters: list, width: int, limit: int, indexed: bool) -> list[Row]:
    """The rows that one becomes: one for null, none for an empty array, and for several arrays as many as for the
    longest."""
    items = [[convert(item) for item in _items(of(row))] for of, convert in getters]
    found = []
    for number in range(min(max(map(len, items)), limit)):
        cells = [*row, *[None] * (width - len(row))]
        for place, held in zip(places, items, strict=True):
            cells[place] = held[number] if number < len(held) else None
        if indexed:
            cells[-1] = number
        found.append(tuple(cells))
    return found


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [{key: held} for key, held in value.items()] if isinstance(value, dict) else [value]


def _parse(table: Table, parse: syntax.Parse, now: datetime) -> Table:
    return parse_columns(table, Scope(table, now).compile(parse.expression), parse)


_OPERATORS: dict[type, Callable[[Table, Any, datetime], Table]] = {
    syntax.Where: _where,
    syntax.Project: _project,
    syntax.ProjectAway: _project_away,
    syntax.Extend: _extend,
    syntax.Distinct: _distinct,
    syntax.Summarize: _summarize,
    syntax.Count: _count,
    syntax.Limit: _limit,
    syntax.Order: _order,
    syntax.MvExpand: _mv_expand,
    syntax.Parse: _parse,
}
