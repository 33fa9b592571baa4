"""`parse`: columns out of a text, from what stands between other texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.resource_graph.kql import syntax, values
from sandbox.resource_graph.kql.errors import semantic_failure
from sandbox.resource_graph.kql.scalars import Scalar
from sandbox.resource_graph.kql.table import Column, Table


def parse_columns(table: Table, value: Scalar, parse: syntax.Parse) -> Table:
    """The table with the columns of a pattern, which have nothing where the pattern does not fit."""
    if value.type not in ("string", "dynamic"):
        raise semantic_failure(f"parse: a value of type string is expected, and not {value.type}.")
    wanted = [piece for piece in parse.pattern if isinstance(piece, tuple) and piece[0]]
    names = [name for name, _ in wanted]
    if len(set(names)) != len(names):
        raise semantic_failure("parse: a column is named twice.")
    regex, of = _regex(parse), value.cast("string")
    replaced = {name: kind for name, kind in wanted if name in table.names}
    columns = [Column(column.name, replaced.get(column.name, column.type)) for column in table.columns]
    columns += [Column(name, kind) for name, kind in wanted if name not in replaced]
    places = {column.name: place for place, column in enumerate(columns)}
    cells = [(places[name], number, kind) for number, (name, kind) in enumerate(wanted, 1)]
    return replace(
        table,
        columns=tuple(columns),
        rows=[_filled(row, regex.fullmatch(of(row)), cells, len(columns)) for row in table.rows],
    )


def _filled(row: tuple, match: re.Match[str] | None, cells: list[tuple[int, int, str]], width: int) -> tuple:
    filled = [*row, *[None] * (width - len(row))]
    for place, number, kind in cells:
        convert: Callable[[Any], Any] = values.CONVERSIONS[kind]
        filled[place] = values.missing(kind) if match is None else convert(match[number])
    return tuple(filled)


def _regex(parse: syntax.Parse) -> re.Pattern[str]:
    """The last column takes all that is left, the others as little as they can."""
    text = ""
    for place, piece in enumerate(parse.pattern):
        if isinstance(piece, str):
            text += f"(?:{piece})" if parse.regex else re.escape(piece)
        else:
            some = ".*" if place == len(parse.pattern) - 1 else ".*?"
            text += f"({some})" if piece[0] else some
    if isinstance(parse.pattern[-1], str):
        text += ".*"
    try:
        compiled = re.compile(text, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise semantic_failure(f"parse: the pattern is no regular expression: {error}.") from None
    return compiled
