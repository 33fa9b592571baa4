"""Tables: columns with types, and rows as tuples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.resource_graph.kql.errors import semantic_failure

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Column:
    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """`ordered` tells that the order of the rows was asked for. Else it means nothing."""

    columns: tuple[Column, ...]
    rows: Sequence[Row] = field(default=())
    ordered: bool = False

    def place(self, name: str) -> int:
        """Where a column is. Names are told apart by their case."""
        for place, column in enumerate(self.columns):
            if column.name == name:
                return place
        raise semantic_failure(f"Failed to resolve scalar expression named '{name}'")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def free_name(wanted: str, taken: set[str]) -> str:
    """The name, or the first with a number behind it that no column has yet."""
    name, number = wanted, 0
    while name in taken:
        number += 1
        name = f"{wanted}{number}"
    taken.add(name)
    return name
