"""A deployment as resources and expressions, from which both a Resource Manager template and Bicep are written."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.value import Value, immutable


@immutable
class Parameter(Value):
    name: str


@immutable
class Call(Value):
    function: str
    arguments: tuple[Any, ...]


@immutable
class IdOf(Value):
    """The id of a resource by its symbol."""

    symbol: str


@immutable
class PropertyOf(Value):
    """A property of a resource, read while the deployment runs."""

    symbol: str
    name: str


@immutable
class Segment(Value):
    """A part of an ID or URI between its slashes, by its number: the first, before a leading slash, is 0."""

    of: Parameter
    number: int


Expression = (Parameter, Call, IdOf, PropertyOf, Segment)


def call(function: str, *arguments: Any) -> Call:
    return Call(function, arguments)


@immutable
class Resource(Value):
    """`name` are its segments. `existing` is only referred to, by its `id`, which the parameter `given` may have."""

    symbol: str
    type: str
    api_version: str
    name: tuple[Any, ...]
    body: dict[Any, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    id: ArmId | None = None
    existing: bool = False
    given: Parameter | None = None
    # Of what extends another: that one's id. And whether it is made at all.
    scope: Any = None
    condition: Any = None


@immutable
class Nested(Value):
    """Resources in another resource group, or whose names are known only while the deployment runs.

    `parameters` are given to them: name and expression outside.
    """

    symbol: str
    resources: tuple[Resource, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    # Where they are: subscription and group; None for the deployment's own.
    place: tuple[Any, Any] | None = None
    types: dict[str, str] = field(default_factory=dict)
    # Whether the scope of what extends another resource is the key, not the vault.
    on_key: bool = False


@immutable
class Waits(Value):
    """Empty deployments one after the other: time for a role assignment to take effect."""

    symbol: str
    count: Parameter
    after: tuple[str, ...]


@immutable
class Input(Value):
    """A parameter of a template."""

    name: str
    type: str
    default: Any
    description: str
    least: int | None = None
    most: int | None = None
    lengths: tuple[int, int] | None = None
    allowed: tuple[str, ...] = ()

    @property
    def limits(self) -> dict[str, int]:
        """By their names in Azure Resource Manager and Bicep."""
        shortest, longest = self.lengths or (None, None)
        named = {"minValue": self.least, "maxValue": self.most, "minLength": shortest, "maxLength": longest}
        return {name: limit for name, limit in named.items() if limit is not None}


@immutable
class Output(Value):
    name: str
    type: str
    value: Any


@immutable
class Tree(Value):
    description: str
    inputs: tuple[Input, ...]
    items: tuple[Resource | Nested | Waits, ...]
    outputs: tuple[Output, ...]

    @property
    def resources(self) -> dict[str, Resource]:
        """By their symbols, also those within nested deployments."""
        found = {}
        for item in self.items:
            if isinstance(item, Resource):
                found[item.symbol] = item
            elif isinstance(item, Nested):
                found |= {each.symbol: each for each in item.resources}
        return found

    def nested_of(self, symbol: str) -> Nested | None:
        return next(
            (
                item
                for item in self.items
                if isinstance(item, Nested) and symbol in (item.symbol, *(r.symbol for r in item.resources))
            ),
            None,
        )
