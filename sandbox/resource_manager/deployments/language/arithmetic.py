"""Template functions that compare and calculate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.resource_manager.deployments.language.arguments import compact, need, need_number
from sandbox.resource_manager.deployments.language.evaluate import is_number, unusable

ARITHMETIC: dict[str, Callable[..., Any]] = {}


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal. In Python True equals 1, so they are compared in their written form."""
    return left == right and compact(left, sort_keys=True) == compact(right, sort_keys=True)


def _negation(value: Any) -> bool:
    need("not", value, bool, "a boolean")
    return not value


def _compare(name: str, holds: Callable[[Any, Any], bool]) -> None:
    def compare(left: Any, right: Any) -> bool:
        if not (is_number(left) and is_number(right)) and not (isinstance(left, str) and isinstance(right, str)):
            raise unusable(name, "both arguments have to be integers, or strings")
        return holds(left, right)

    ARITHMETIC[name.lower()] = compare


def _calculate(name: str, result: Callable[[int, int], int]) -> None:
    def calculate(left: Any, right: Any) -> int:
        left, right = need_number(name, left), need_number(name, right)
        if name in ("div", "mod") and not right:
            raise unusable(name, "the divisor is zero")
        value = result(left, right)
        if not -(2**63) <= value < 2**63:
            raise unusable(name, "the result is no 64-bit integer")
        return value

    ARITHMETIC[name] = calculate


def _extreme(name: str, choose: Callable[[list[int]], int]) -> None:
    def extreme(first: Any, *more: Any) -> int:
        values = first if isinstance(first, list) and not more else [first, *more]
        if not values:
            raise unusable(name, "there is nothing to choose from")
        return choose([need_number(name, value) for value in values])

    ARITHMETIC[name] = extreme


_compare("less", lambda left, right: left < right)
_compare("lessOrEquals", lambda left, right: left <= right)
_compare("greater", lambda left, right: left > right)
_compare("greaterOrEquals", lambda left, right: left >= right)
_calculate("add", lambda left, right: left + right)
_calculate("sub", lambda left, right: left - right)
_calculate("mul", lambda left, right: left * right)
# Rounded towards zero, as in .NET.
_calculate("div", lambda left, right: abs(left) // abs(right) * (1 if left * right >= 0 else -1))
_calculate("mod", lambda left, right: abs(left) % abs(right) * (1 if left >= 0 else -1))
_extreme("min", min)
_extreme("max", max)
ARITHMETIC |= {"equals": same, "not": _negation}
