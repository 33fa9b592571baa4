"""Malformed responses: bodies with values that are missing, null or of another type, which a client must handle."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sandbox.core.web import Reply

Place = tuple[str | int, ...]

_DROPPED = object()


def _other_casing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.swapcase(): each for key, each in value.items()}
    return value.swapcase() if isinstance(value, str) else value


def _with_more(value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, "unheardOf": {"of": [None, 1, "2"]}, "": None}
    return [*value, None, 7, "unheard of", [], {}] if isinstance(value, list) else value


# What a value is replaced with.
ALTERATIONS: dict[str, Callable[[Any], Any]] = {
    "dropped": lambda value: _DROPPED,
    "null": lambda value: None,
    "text": lambda value: "unheard of",
    "empty-text": lambda value: "",
    "number": lambda value: -1,
    "huge": lambda value: 10**30,
    "true": lambda value: True,
    "list": lambda value: [],
    "object": lambda value: {},
    "in-list": lambda value: [value],
    "in-object": lambda value: {"value": value},
    "casing": _other_casing,
    "more": _with_more,
}


def alter(reply: Reply, fault: Any) -> tuple[Reply, str]:
    """The reply with the body, headers and values of a fault (see faults.py), and a list of what was altered."""
    headers = {name: value for name, value in {**reply.headers, **fault.headers}.items() if value is not None}
    if fault.body is not None:
        return replace(reply, body=fault.body, headers=headers), "all of it"
    body, what = copy.deepcopy(reply.body), ""
    if fault.alteration and body is not None:
        there = list(_places(body))
        place = there[fault.place % len(there)]
        what = f"{fault.alteration} at {'/'.join(map(str, place)) or 'the top'} (of {len(there)})"
        body = _altered(body, place, ALTERATIONS[fault.alteration])
    for path, value in fault.put.items():
        if _put(body, path.split("/"), value):
            what = f"{path} is {value}"
    return replace(reply, body=body, headers=headers), what


def _places(body: Any) -> Iterator[Place]:
    """The paths of all values in a body, the whole body first."""
    yield ()
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from ((key, *rest) for rest in _places(value))


def _altered(body: Any, place: Place, change: Callable[[Any], Any]) -> Any:
    whole = {"": body}
    parent: Any = whole
    *above, last = ("", *place)
    for key in above:
        parent = parent[key]
    value = change(parent[last])
    if value is _DROPPED:
        del parent[last]
    else:
        parent[last] = value
    return whole.get("", "")


def _put(body: Any, path: list[str], value: Any) -> bool:
    """Set the value at a path of keys, if its parents exist. The key `*` stands for every item of a list."""
    key, *rest = path
    if key == "*" and isinstance(body, list):
        return sum(_put(each, rest, value) for each in body) > 0
    if not isinstance(body, dict) or (rest and key not in body):
        return False
    if rest:
        return _put(body[key], rest, value)
    body[key] = value
    return True
