"""What a query consists of once it is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Expression:
    """Anything that has a value for each row."""


@dataclass(frozen=True)
class Literal(Expression):
    value: Any
    type: str


@dataclass(frozen=True)
class Name(Expression):
    """A column."""

    name: str


@dataclass(frozen=True)
class Member(Expression):
    """`target.name` and `target['name']`."""

    target: Expression
    name: str


@dataclass(frozen=True)
class Index(Expression):
    """`target[index]`, of an array by number or of a bag by a computed name."""

    target: Expression
    index: Expression


@dataclass(frozen=True)
class Call(Expression):
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Unary(Expression):
    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Expression):
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Between(Expression):
    value: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True)
class Among(Expression):
    """`left in (…)` and its sisters, also `has_any (…)`."""

    operator: str
    left: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Named:
    """`name = expression`; without a name the expression gives one."""

    name: str | None
    expression: Expression


@dataclass(frozen=True)
class Sorting:
    expression: Expression
    ascending: bool
    nulls_first: bool


class Operator:
    """One step of a query."""


@dataclass(frozen=True)
class Where(Operator):
    predicate: Expression


@dataclass(frozen=True)
class Project(Operator):
    columns: tuple[Named, ...]


@dataclass(frozen=True)
class ProjectAway(Operator):
    """Column names, with * for any characters."""

    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Extend(Operator):
    columns: tuple[Named, ...]


@dataclass(frozen=True)
class Summarize(Operator):
    aggregates: tuple[Named, ...]
    keys: tuple[Named, ...]


@dataclass(frozen=True)
class Distinct(Operator):
    """No columns stand for all (`distinct *`)."""

    columns: tuple[Named, ...]


@dataclass(frozen=True)
class Count(Operator):
    pass


@dataclass(frozen=True)
class Limit(Operator):
    rows: int


@dataclass(frozen=True)
class Order(Operator):
    """`rows` is how many are kept, where it is `top`."""

    sortings: tuple[Sorting, ...]
    rows: int | None = None


@dataclass(frozen=True)
class Join(Operator):
    """`on` has pairs of column names, of the left and of the right side."""

    kind: str
    right: Query
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Union(Operator):
    kind: str
    legs: tuple[Query, ...]
    source_column: str | None = None


@dataclass(frozen=True)
class Expansion:
    name: str | None
    expression: Expression
    type: str | None


@dataclass(frozen=True)
class MvExpand(Operator):
    expansions: tuple[Expansion, ...]
    limit: int | None
    index_column: str | None = None


@dataclass(frozen=True)
class Parse(Operator):
    """`pattern` has texts to be found, and (name, type) of what lies between them; "" is a column nobody wants (*)."""

    expression: Expression
    pattern: tuple[str | tuple[str, str], ...]
    regex: bool = False


@dataclass(frozen=True)
class Query:
    """A table (None: the one that is meant where none is named) and what is done with it."""

    table: str | None
    operators: tuple[Operator, ...] = ()
