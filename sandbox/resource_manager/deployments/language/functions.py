"""Template functions that depend only on their arguments.

Names are in lowercase, as templates are case-insensitive. Error messages are from memory.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import reduce
from typing import Any

from sandbox.resource_manager.deployments.language import jsonc
from sandbox.resource_manager.deployments.language.arguments import (
    LONGEST,
    bounded,
    need,
    need_number,
    need_text,
    text_of,
)
from sandbox.resource_manager.deployments.language.arithmetic import ARITHMETIC, same
from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import find_key, is_number, item_of, unusable
from sandbox.resource_manager.deployments.language.hashes import guid, unique_string

_RANGE = 10_000  # documentation: the count of `range`
_HOLE = re.compile(r"\{\{|\}\}|\{(\d+)\}|[{}]")

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "true": lambda: True,
    "false": lambda: False,
    "null": lambda: None,
    **ARITHMETIC,
}


def _function(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS[name.lower()] = function
        return function

    return add


# Strings


@_function("concat")
def _concat(*parts: Any) -> Any:
    if parts and all(isinstance(part, list) for part in parts):
        if sum(map(len, parts)) > LONGEST:
            raise TemplateError(f"The length of the result exceeds the limit of '{LONGEST}'")
        return [item for part in parts for item in part]
    if any(isinstance(part, list | dict) for part in parts):
        raise unusable("concat", "all arguments have to be arrays, or all of them simple values")
    return bounded("".join(text_of(part) for part in parts))


@_function("format")
def _format(pattern: Any, *values: Any) -> str:
    """.NET's composite format, without widths and format strings."""

    def fill(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match[1] is None or len(match[1]) > 4 or int(match[1]) >= len(values):
            raise unusable("format", "the format string and the number of values do not agree")
        return text_of(values[int(match[1])])

    return bounded(_HOLE.sub(fill, need_text("format", pattern)))


@_function("toLower")
def _to_lower(text: Any) -> str:
    return need_text("toLower", text).lower()


@_function("toUpper")
def _to_upper(text: Any) -> str:
    return need_text("toUpper", text).upper()


@_function("trim")
def _trim(text: Any) -> str:
    return need_text("trim", text).strip()


@_function("split")
def _split(text: Any, by: Any) -> list[str]:
    separators = [need_text("split", each) for each in (by if isinstance(by, list) else [by])]
    pattern = "|".join(re.escape(each) for each in separators if each)
    return re.split(pattern, need_text("split", text)) if pattern else [need_text("split", text)]


@_function("replace")
def _replace(text: Any, old: Any, new: Any) -> str:
    text, old, new = (need_text("replace", each) for each in (text, old, new))
    if not old:
        raise unusable("replace", "the text to look for is empty")
    if text.count(old) * len(new) > LONGEST:
        raise TemplateError(f"The length of the result exceeds the limit of '{LONGEST}'")
    return text.replace(old, new)


@_function("substring")
def _substring(text: Any, start: Any, length: Any = None) -> str:
    text, start = need_text("substring", text), need_number("substring", start)
    length = len(text) - start if length is None else need_number("substring", length)
    if start < 0 or length < 0 or start + length > len(text):
        raise unusable("substring", "index and length must refer to a location within the string")
    return text[start : start + length]


@_function("startsWith")
def _starts_with(text: Any, start: Any) -> bool:
    return need_text("startsWith", text).lower().startswith(need_text("startsWith", start).lower())


@_function("endsWith")
def _ends_with(text: Any, end: Any) -> bool:
    return need_text("endsWith", text).lower().endswith(need_text("endsWith", end).lower())


@_function("indexOf")
def _index_of(where: Any, what: Any) -> int:
    if isinstance(where, list):
        return next((at for at, item in enumerate(where) if same(item, what)), -1)
    return need_text("indexOf", where).lower().find(need_text("indexOf", what).lower())


@_function("padLeft")
def _pad_left(value: Any, length: Any, by: Any = " ") -> str:
    length = need_number("padLeft", length)
    if not 0 <= length <= LONGEST or len(need_text("padLeft", by)) != 1:
        raise unusable("padLeft", "length and padding make no sense")
    return text_of(value).rjust(length, by)


@_function("join")
def _join(items: Any, by: Any) -> str:
    need("join", items, list, "an array")
    return bounded(need_text("join", by).join(text_of(item) for item in items))


@_function("base64")
def _base64(text: Any) -> str:
    return base64.b64encode(need_text("base64", text).encode()).decode()


@_function("base64ToString")
def _base64_to_string(text: Any) -> str:
    try:
        return base64.b64decode(need_text("base64ToString", text), validate=True).decode()
    except ValueError:
        raise unusable("base64ToString", "the text is not the base64 of a string") from None


@_function("guid")
def _guid(first: Any, *more: Any) -> str:
    return guid(*(need_text("guid", part) for part in (first, *more)))


@_function("uniqueString")
def _unique_string(first: Any, *more: Any) -> str:
    return unique_string(*(need_text("uniqueString", part) for part in (first, *more)))


# Conversion


@_function("string")
def _string(value: Any) -> str:
    return text_of(value)


@_function("int")
def _int(value: Any) -> int:
    if is_number(value):
        return value
    text = need_text("int", value).strip()
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise unusable("int", f"the value '{text[:80]}' is not an integer")
    return int(text)


@_function("bool")
def _bool(value: Any) -> bool:
    if is_number(value):
        return value != 0
    lower = text_of(value).lower()
    if lower not in ("true", "false"):
        raise unusable("bool", f"the value '{lower[:80]}' is not a boolean")
    return lower == "true"


@_function("json")
def _json(text: Any) -> Any:
    try:
        return jsonc.loads(need_text("json", text))
    except jsonc.JsonError as error:
        raise unusable("json", f"the text is not valid JSON: {error}") from None


# Arrays and objects


@_function("length")
def _length(value: Any) -> int:
    need("length", value, (str, list, dict), "a string, an array or an object")
    return len(value)


@_function("empty")
def _empty(value: Any) -> bool:
    if value is not None:
        need("empty", value, (str, list, dict), "a string, an array or an object")
    return not value


@_function("contains")
def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, dict):
        return find_key(where, text_of(what)) is not None
    if isinstance(where, list):
        return any(same(item, what) for item in where)
    return text_of(what) in need_text("contains", where)


@_function("take")
def _take(value: Any, count: Any) -> Any:
    need("take", value, (str, list), "a string or an array")
    return value[: max(need_number("take", count), 0)]


@_function("skip")
def _skip(value: Any, count: Any) -> Any:
    need("skip", value, (str, list), "a string or an array")
    return value[max(need_number("skip", count), 0) :]


@_function("first")
def _first(value: Any) -> Any:
    return _end("first", value, 0)


@_function("last")
def _last(value: Any) -> Any:
    return _end("last", value, -1)


def _end(name: str, value: Any, at: int) -> Any:
    need(name, value, (str, list), "a string or an array")
    return value[at] if value else ("" if isinstance(value, str) else None)


@_function("createArray")
def _create_array(*items: Any) -> list[Any]:
    return list(items)


@_function("createObject")
def _create_object(*pairs: Any) -> dict[str, Any]:
    if len(pairs) % 2:
        raise unusable("createObject", "a key has no value")
    return {need_text("createObject", pairs[at]): pairs[at + 1] for at in range(0, len(pairs), 2)}


@_function("array")
def _array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@_function("items")
def _items(of: Any) -> list[dict[str, Any]]:
    need("items", of, dict, "an object")
    return [{"key": key, "value": of[key]} for key in sorted(of)]


@_function("union")
def _union(first: Any, *more: Any) -> Any:
    result = first
    for other in more:
        if isinstance(result, dict) and isinstance(other, dict):
            result = _merged(result, other)
        elif isinstance(result, list) and isinstance(other, list):
            result = [*result, *(item for item in other if not any(same(item, each) for each in result))]
        else:
            raise unusable("union", "all arguments have to be arrays, or all of them objects")
    return result


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Objects are merged recursively; everything else is replaced."""
    result = dict(base)
    for name, value in over.items():
        key = find_key(result, name) or name
        both = isinstance(result.get(key), dict) and isinstance(value, dict)
        result[key] = _merged(result[key], value) if both else value
    return result


@_function("intersection")
def _intersection(first: Any, *more: Any) -> Any:
    if all(isinstance(each, list) for each in (first, *more)):
        return [item for item in first if all(any(same(item, each) for each in other) for other in more)]
    for each in (first, *more):
        need("intersection", each, dict, "an object like the others")
    return {name: value for name, value in first.items() if all(same(value, other.get(name)) for other in more)}


@_function("tryGet")
def _try_get(base: Any, *path: Any) -> Any:
    try:
        return reduce(item_of, path, base)
    except TemplateError:
        return None


@_function("range")
def _range(start: Any, count: Any) -> list[int]:
    start, count = need_number("range", start), need_number("range", count)
    if not 0 <= count <= _RANGE:
        raise unusable("range", f"the count has to be between 0 and {_RANGE}")
    return list(range(start, start + count))
