"""The fields of what the services answer. One of another kind than expected is as good as missing."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.errors import Misunderstood
from azext_acrcmk.model.ids import ArmId


def part(body: Any, *names: str) -> dict[str, Any]:
    """The object that a path of names leads to; an empty one where there is none."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, dict) else {}


def parts(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [each for each in _list(body, name) if isinstance(each, dict)]


def text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def texts(body: dict[str, Any], name: str) -> tuple[str, ...]:
    """The texts in a list."""
    return tuple(each for each in _list(body, name) if isinstance(each, str))


def number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    return value if isinstance(value, bool) else None


def resource_id(body: dict[str, Any], name: str = "id") -> ArmId:
    """The id of a resource in a resource group. Raises Misunderstood where it is none: nothing can be done without."""
    try:
        return ArmId.parse(text(body, name) or "")
    except ValueError as error:
        raise Misunderstood(f"'{name}' in an answer: {error}") from None


def _list(body: dict[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    return value if isinstance(value, list) else []
