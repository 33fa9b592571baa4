"""Joins and unions of tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from sandbox.resource_graph.kql import syntax
from sandbox.resource_graph.kql.errors import semantic_failure
from sandbox.resource_graph.kql.table import Column, Row, Table, free_name
from sandbox.resource_graph.kql.values import missing


def join(left: Table, right: Table, operator: syntax.Join) -> Table:
    """All columns of both sides; those of the right one whose names are taken get a number."""
    left_key, right_key = _keys(left, right, operator)
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in right.rows:
        found[right_key(row)].append(row)
    rows: list[Row] = []
    met = set()
    nothing_right = tuple(missing(column.type) for column in right.columns)
    for row in left.rows:
        key = left_key(row)
        if operator.kind == "innerunique" and key in met:
            continue  # one row of the left side stands for all of its key
        matches = [] if _has_null(key) else found.get(key, ())
        met.add(key)
        rows += [row + match for match in matches]
        if not matches and operator.kind in ("leftouter", "fullouter"):
            rows.append(row + nothing_right)
    if operator.kind == "fullouter":
        nothing_left = tuple(missing(column.type) for column in left.columns)
        rows += [nothing_left + row for row in right.rows if _has_null(key := right_key(row)) or key not in met]
    taken = set(left.names)
    columns = [Column(free_name(column.name, taken), column.type) for column in right.columns]
    return Table((*left.columns, *columns), rows)


def union(tables: list[tuple[str, Table]], operator: syntax.Union) -> Table:
    """Rows of all tables below each other: in the columns that any has (outer) or all have (inner)."""
    columns: dict[str, Column] = {}
    for _, table in tables:
        for column in table.columns:
            known = columns.setdefault(column.name, column)
            if known.type != column.type:
                raise semantic_failure(f"union: column '{column.name}' is of type {known.type} and {column.type}.")
    kept = list(columns.values())
    if operator.kind == "inner":
        kept = [column for column in kept if all(column.name in table.names for _, table in tables)]
    source = operator.source_column
    rows = [((name,) if source else ()) + cells for name, table in tables for cells in _arranged(table, kept)]
    return Table(((Column(source, "string"),) if source else ()) + tuple(kept), rows)


def _arranged(table: Table, columns: list[Column]) -> list[Row]:
    places = {name: place for place, name in enumerate(table.names)}
    wanted = [(places.get(column.name), missing(column.type)) for column in columns]
    return [tuple([nothing if at is None else row[at] for at, nothing in wanted]) for row in table.rows]


def _keys(left: Table, right: Table, operator: syntax.Join) -> tuple[Callable[[Row], Any], Callable[[Row], Any]]:
    places = [(left.place(mine), right.place(theirs)) for mine, theirs in operator.on]
    for mine, theirs in places:
        kinds = left.columns[mine].type, right.columns[theirs].type
        if "dynamic" in kinds:
            raise semantic_failure("join: a key can't be of dynamic type. Please use an explicit cast.")
        if kinds[0] != kinds[1] and set(kinds) != {"int", "long"}:
            raise semantic_failure(f"join: the keys are of types {kinds[0]} and {kinds[1]}.")
    return _key(tuple(mine for mine, _ in places)), _key(tuple(theirs for _, theirs in places))


def _key(places: tuple[int, ...]) -> Callable[[Row], Any]:
    return itemgetter(*places)


def _has_null(key: Any) -> bool:
    return key is None or (isinstance(key, tuple) and None in key)
