"""Evaluates expressions. Pure: they can access only the given functions (functions.py, context.py).

Some values aren't known before a deployment: the results of `reference`. Without a deployment, such a call evaluates
to UNKNOWN, and so does everything that uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from inspect import signature
from typing import Any

from sandbox.resource_manager.deployments.language.errors import FUNCTIONS, TemplateError
from sandbox.resource_manager.deployments.language.expressions import Call, Item, Literal, Node

Function = Callable[..., Any]
Lookup = Callable[[str], Function | None]  # by name in lowercase


@dataclass(frozen=True)
class Unknown:
    """A value that is known only after the deployment. `text` is its expression in the template, with the brackets."""

    text: str = ""


UNKNOWN = Unknown()
_LARGEST = 1_000_000  # parts of a value


def evaluate(node: Node, functions: Lookup) -> Any:
    """The value of an expression. Raises TemplateError."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Call):
        return _call(node, functions)
    base = evaluate(node.of, functions)
    if isinstance(node, Item):
        return item_of(base, evaluate(node.index, functions))
    return member_of(base, node.name)


def member_of(base: Any, name: str) -> Any:
    """`base.name`; the name is case-insensitive."""
    if isinstance(base, Unknown):
        return base
    if not isinstance(base, dict):
        raise TemplateError(f"The language expression property '{name}' can't be evaluated.")
    found = find_key(base, name)
    if found is None:
        available = ", ".join(base)
        raise TemplateError(
            f"The language expression property '{name}' doesn't exist, available properties are '{available}'."
        )
    return base[found]


def item_of(base: Any, index: Any) -> Any:
    """`base[index]`"""
    if isinstance(base, Unknown) or isinstance(index, Unknown):
        return UNKNOWN
    if isinstance(base, list) and is_number(index):
        if not 0 <= index < len(base):
            raise TemplateError(f"The language expression property array index '{index}' is out of bounds.")
        return base[index]
    if isinstance(base, dict) and isinstance(index, str):
        return member_of(base, index)
    wanted = "property name must be a string" if isinstance(base, dict) else "array index must be an integer"
    raise TemplateError(f"The language expression property '{index}' can't be evaluated, {wanted}.")


def find_key(of: dict[str, Any], name: str) -> str | None:
    """The key of an object that matches a name, which is case-insensitive."""
    if name in of:
        return name
    lower = name.lower()
    return next((key for key in of if key.lower() == lower), None)


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def has_unknown(value: Any) -> bool:
    return any(isinstance(part, Unknown) for part in leaves(value))


def leaves(value: Any) -> Iterator[Any]:
    """The leaves of a value. Raises TemplateError if there are too many: a value can contain another twice, and that
    a third twice, and so on."""
    waiting, seen = [value], 0
    while waiting:
        current, seen = waiting.pop(), seen + 1
        if seen > _LARGEST:
            raise TemplateError("The value is too large")
        if isinstance(current, dict):
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
        else:
            yield current


def _call(node: Call, functions: Lookup) -> Any:
    name = node.name.lower()
    if name in _LAZY:
        return _LAZY[name](node, functions)
    function = functions(name)
    if function is None:
        raise TemplateError(f"The template function '{node.name}' is not valid. {FUNCTIONS}")
    arguments = [evaluate(argument, functions) for argument in node.arguments]
    if any(has_unknown(argument) for argument in arguments):
        return UNKNOWN
    try:
        signature(function).bind(*arguments)
    except TypeError:
        raise unusable(node.name, f"it is not a function of {len(arguments)} argument(s)") from None
    return function(*arguments)


def unusable(name: str, reason: str) -> TemplateError:
    """The error for invalid arguments of a function. The first part is Azure's, the reasons are from memory."""
    return TemplateError(f"Unable to evaluate template language function '{name}': {reason}. {FUNCTIONS}")


def _if(node: Call, functions: Lookup) -> Any:
    """Only the selected branch is evaluated; both if the condition isn't known yet."""
    _check_count(node, 3)
    condition = _boolean(node, evaluate(node.arguments[0], functions))
    if isinstance(condition, Unknown):
        for branch in node.arguments[1:]:
            with suppress(TemplateError):  # it may be the other branch
                evaluate(branch, functions)
        return UNKNOWN
    return evaluate(node.arguments[1 if condition else 2], functions)


def _and(node: Call, functions: Lookup) -> Any:
    return _junction(node, functions, ends_at=False)


def _or(node: Call, functions: Lookup) -> Any:
    return _junction(node, functions, ends_at=True)


def _junction(node: Call, functions: Lookup, ends_at: bool) -> Any:
    result: Any = not ends_at
    for argument in node.arguments:
        value = _boolean(node, evaluate(argument, functions))
        if value is ends_at:
            return value
        result = value if isinstance(value, Unknown) else result
    return result


def _coalesce(node: Call, functions: Lookup) -> Any:
    for argument in node.arguments:
        value = evaluate(argument, functions)
        if value is not None:
            return value
    return None


def _boolean(node: Call, value: Any) -> Any:
    if not isinstance(value, bool | Unknown):
        raise unusable(node.name, "a condition has to be a boolean")
    return value


def _check_count(node: Call, count: int) -> None:
    if len(node.arguments) != count:
        raise unusable(node.name, f"the function requires {count} argument(s) while {len(node.arguments)} were given")


_LAZY = {"if": _if, "and": _and, "or": _or, "coalesce": _coalesce}
