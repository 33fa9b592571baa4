"""Tests of texts: equality whatever the case, parts, words, patterns, and lists to be in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sandbox.resource_graph.kql.table import Row
from sandbox.resource_graph.kql.values import to_string

Test = Callable[[str, str], bool]


def _has(text: str, word: str) -> bool:
    """Whether a text holds another one between characters that are no letters or digits."""
    at = text.find(word) if word else -1
    while at >= 0:
        end = at + len(word)
        if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
            return True
        at = text.find(word, at + 1)
    return False


def _any_case(test: Test) -> Test:
    return lambda text, part: test(text.lower(), part.lower())


def _matches(text: str, pattern: str) -> bool:
    compiled = _regex(pattern)
    return compiled is not None and compiled.search(text) is not None


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


_TESTS: dict[str, Test] = {
    "=~": _any_case(lambda text, other: text == other),
    "has": _any_case(_has),
    "has_cs": _has,
    "contains": _any_case(lambda text, part: part in text),
    "contains_cs": lambda text, part: part in text,
    "startswith": _any_case(str.startswith),
    "startswith_cs": str.startswith,
    "endswith": _any_case(str.endswith),
    "endswith_cs": str.endswith,
    "matches regex": _matches,
}


def _negated(test: Test) -> Test:
    return lambda text, part: not test(text, part)


TEXT_OPERATORS: dict[str, Test] = {
    **_TESTS,
    **{f"!{name}": _negated(test) for name, test in _TESTS.items() if name[0].isalpha() and " " not in name},
    "!~": _negated(_TESTS["=~"]),
}


def among(
    name: str, left: Callable[[Row], Any], items: list[Callable[[Row], Any]], fixed: bool
) -> Callable[[Row], bool]:
    """Whether a value is one of a list (`in`), or has any or all of its words. An array in the list is its items.

    The items of a `fixed` list are the same for all rows.
    """
    positive = name.removeprefix("!")
    wanted = not name.startswith("!")
    if positive.startswith("has"):
        quantity = any if positive == "has_any" else all
        return lambda row: quantity(_has_word(left(row), word) for word in _all(items, row))
    fold = _folded if positive == "in~" else _plain
    if fixed:
        found = frozenset(fold(value) for value in _all(items, ()))
        return lambda row: (fold(left(row)) in found) == wanted
    return lambda row: (fold(left(row)) in [fold(value) for value in _all(items, row)]) == wanted


def _all(items: list[Callable[[Row], Any]], row: Row) -> list[Any]:
    return [value for item in items for value in _each(item(row))]


def _has_word(value: Any, word: Any) -> bool:
    return _has(to_string(value).lower(), to_string(word).lower())


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else to_string(value)


def _folded(value: Any) -> str:
    return to_string(value).lower()
