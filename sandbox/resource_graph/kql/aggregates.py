"""`summarize`: groups of rows, and what is counted and collected of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.resource_graph.kql import syntax, values
from sandbox.resource_graph.kql.errors import semantic_failure
from sandbox.resource_graph.kql.scalars import Scalar, Scope, name_of
from sandbox.resource_graph.kql.table import Column, Row, Table, free_name
from sandbox.resource_graph.kql.values import NUMBERS


@dataclass(frozen=True)
class _Aggregate:
    """`prefix` begins the name of the column. `type` is None for that of what is aggregated."""

    prefix: str
    type: str | None
    compute: Callable[[list[Any]], Any]
    numeric: bool = False


def _present(found: list[Any]) -> list[Any]:
    return [value for value in found if value is not None]


def _distinct(found: list[Any]) -> list[Any]:
    return list({values.to_string(value): value for value in _present(found)}.values())


_AGGREGATES = {
    "countif": _Aggregate("countif_", "long", lambda found: sum(bool(value) for value in found)),
    "dcount": _Aggregate("dcount_", "long", lambda found: len(_distinct(found))),
    "sum": _Aggregate("sum_", None, lambda found: sum(_present(found)), numeric=True),
    "avg": _Aggregate("avg_", "real", lambda found: _average(_present(found)), numeric=True),
    "min": _Aggregate("min_", None, lambda found: min(_present(found), default=None)),
    "max": _Aggregate("max_", None, lambda found: max(_present(found), default=None)),
    "make_list": _Aggregate("list_", "dynamic", _present),
    "make_set": _Aggregate("set_", "dynamic", _distinct),
    "any": _Aggregate("any_", None, lambda found: found[0] if found else None),
    "take_any": _Aggregate("", None, lambda found: found[0] if found else None),
}


def summarize(table: Table, operator: syntax.Summarize, now: datetime) -> Table:
    """A row for each group: first what it is grouped by, then what is aggregated."""
    scope = Scope(table, now)
    keys = [_key(scope, named) for named in operator.keys]
    taken: set[str] = set()
    columns = [
        Column(free_name(named.name or name_of(named.expression) or f"Column{place}", taken), scalar.type)
        for place, (named, scalar) in enumerate(zip(operator.keys, keys, strict=True), 1)
    ]
    aggregates = []
    for named in operator.aggregates:
        column, of, compute = _aggregate(scope, named)
        columns.append(Column(free_name(column.name, taken), column.type))
        aggregates.append((of, compute))
    groups: dict[Row, list[Row]] = {}
    getters = [key.of for key in keys]
    for row in table.rows:
        groups.setdefault(tuple([of(row) for of in getters]), []).append(row)
    if not keys and not groups:
        groups[()] = []
    rows = [
        (*key, *[compute([of(row) for row in group]) for of, compute in aggregates]) for key, group in groups.items()
    ]
    return Table(tuple(columns), rows)


def _key(scope: Scope, named: syntax.Named) -> Scalar:
    scalar = scope.compile(named.expression)
    if scalar.type == "dynamic":
        name = named.name or name_of(named.expression) or ""
        raise semantic_failure(
            f"Summarize group key ('{name}') is of a 'dynamic' type. Please use an explicit cast as grouping by a "
            "'dynamic' type is not supported."
        )
    return scalar


def _aggregate(scope: Scope, named: syntax.Named) -> tuple[Column, Callable[[Row], Any], Callable[[list[Any]], Any]]:
    call = named.expression
    if not isinstance(call, syntax.Call) or call.function not in (*_AGGREGATES, "count"):
        raise semantic_failure("summarize: an aggregate function is expected.")
    if call.function == "count":
        if call.arguments:
            raise semantic_failure("count(): function expects 0 arguments.")
        return Column(named.name or "count_", "long"), lambda row: row, len
    if len(call.arguments) != 1:
        raise semantic_failure(f"{call.function}(): function expects 1 argument.")
    aggregate, value = _AGGREGATES[call.function], scope.compile(call.arguments[0])
    kind = "real" if value.type == "dynamic" else value.type
    if call.function == "countif":
        of = scope.predicate(call.arguments[0])
    elif aggregate.numeric and kind not in NUMBERS:
        raise semantic_failure(f"{call.function}(): argument must be a number, and not {value.type}.")
    elif call.function in ("min", "max") and kind not in (*NUMBERS, "datetime", "timespan", "string"):
        raise semantic_failure(f"{call.function}(): argument can't be of type {value.type}.")
    else:
        numeric = aggregate.numeric or call.function in ("min", "max")
        of = value.cast(kind) if numeric else _written(value)
        kind = kind if numeric else value.type
    name = named.name or f"{aggregate.prefix}{name_of(call.arguments[0]) or ''}"
    return Column(name, aggregate.type or kind), of, aggregate.compute


def _written(value: Scalar) -> Callable[[Row], Any]:
    of = value.of
    return lambda row: values.written(of(row))


def _average(found: list[Any]) -> float | None:
    return sum(found) / len(found) if found else None
