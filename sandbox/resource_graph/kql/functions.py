"""Scalar functions: how many arguments each takes, of which type its value is, and how it is computed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.resource_graph.kql import values
from sandbox.resource_graph.kql.values import to_string


@dataclass(frozen=True)
class Function:
    """`most` is None where there is no limit. `type` is None where the value is one of the arguments, those that
    `picks` tells, and so of their type."""

    type: str | None
    compute: Callable[..., Any]
    least: int = 1
    most: int | None = 1
    picks: Callable[[list[Any]], list[Any]] = list


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def _coalesce(*given: Any) -> Any:
    return next((value for value in given if not _is_empty(value)), given[-1])


def _substring(text: Any, start: Any, length: Any = None) -> str:
    text, start = to_string(text), max(values.to_long(start) or 0, 0)
    size = values.to_long(length)
    return text[start:] if size is None else text[start : start + max(size, 0)]


def _split(text: Any, separator: Any, index: Any = None) -> list[str]:
    text, separator = to_string(text), to_string(separator)
    parts = text.split(separator) if separator else [text]
    if index is None:
        return parts
    at = values.to_long(index)
    return [parts[at]] if at is not None and 0 <= at < len(parts) else []


def _index_of(text: Any, sought: Any) -> int:
    return to_string(text).find(to_string(sought))


def _replace(text: Any, old: Any, new: Any) -> str:
    return to_string(text).replace(to_string(old), to_string(new)) if to_string(old) else to_string(text)


def _extract(pattern: Any, group: Any, text: Any) -> str:
    try:
        match = re.search(to_string(pattern), to_string(text))
        return (match[values.to_long(group) or 0] or "") if match else ""
    except (re.error, IndexError, RecursionError, OverflowError):
        return ""


def _parse_url(text: Any) -> dict[str, Any]:
    try:
        parts = urlsplit(to_string(text))
        return {
            "Scheme": parts.scheme,
            "Host": parts.hostname or "",
            "Port": str(parts.port or ""),
            "Path": parts.path,
            "Fragment": parts.fragment,
        }
    except ValueError:
        return {}


def _array_length(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else None


def _bag_keys(value: Any) -> list[str] | None:
    return list(value) if isinstance(value, dict) else None


def _pack(*given: Any) -> dict[str, Any]:
    return {to_string(key): values.written(value) for key, value in zip(given[::2], given[1::2], strict=False)}


def _pack_array(*given: Any) -> list[Any]:
    return [values.written(value) for value in given]


def _has_element(array: Any, value: Any) -> bool:
    return isinstance(array, list) and value in array


def _case(*given: Any) -> Any:
    """Tests and values in turn, and at the end the value where no test holds."""
    tests = zip(given[:-1:2], given[1::2], strict=True)
    return next((value for test, value in tests if test), given[-1])


def ago(now: datetime, span: Any) -> datetime | None:
    try:
        return now - span
    except (TypeError, OverflowError):
        return None


FUNCTIONS: dict[str, Function] = {
    "tostring": Function("string", to_string),
    "tolower": Function("string", lambda text: to_string(text).lower()),
    "toupper": Function("string", lambda text: to_string(text).upper()),
    "tolong": Function("long", values.to_long),
    "toint": Function("int", values.to_long),
    "todouble": Function("real", values.to_real),
    "toreal": Function("real", values.to_real),
    "tobool": Function("bool", values.to_bool),
    "todatetime": Function("datetime", values.to_datetime),
    "todynamic": Function("dynamic", values.to_dynamic),
    "parse_json": Function("dynamic", values.to_dynamic),
    "parse_url": Function("dynamic", _parse_url),
    "not": Function("bool", lambda value: None if value is None else not value),
    "isnull": Function("bool", lambda value: value is None),
    "isnotnull": Function("bool", lambda value: value is not None),
    "isempty": Function("bool", _is_empty),
    "isnotempty": Function("bool", lambda value: not _is_empty(value)),
    "iff": Function(None, lambda test, yes, no: yes if test else no, 3, 3, lambda given: given[1:]),
    "iif": Function(None, lambda test, yes, no: yes if test else no, 3, 3, lambda given: given[1:]),
    "coalesce": Function(None, _coalesce, 2, None),
    "strcat": Function("string", lambda *parts: "".join(map(to_string, parts)), 1, None),
    "strlen": Function("long", lambda text: len(to_string(text))),
    "substring": Function("string", _substring, 2, 3),
    "split": Function("dynamic", _split, 2, 3),
    "indexof": Function("long", _index_of, 2, 2),
    "replace_string": Function("string", _replace, 3, 3),
    "extract": Function("string", _extract, 3, 3),
    "array_length": Function("long", _array_length),
    "bag_keys": Function("dynamic", _bag_keys),
    "pack": Function("dynamic", _pack, 2, None),
    "bag_pack": Function("dynamic", _pack, 2, None),
    "pack_array": Function("dynamic", _pack_array, 1, None),
    "set_has_element": Function("bool", _has_element, 2, 2),
    "case": Function(None, _case, 3, None, lambda given: [*given[1::2], given[-1]]),
}
