"""The fields of responses. A field of another type than expected counts as missing."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from azext_acrcmk.cloud.errors import UnexpectedResponse, one_line
from azext_acrcmk.model.ids import ArmId, Id, Scope


def part(body: Any, *names: str) -> dict[str, Any]:
    """The object at a path of names; an empty one if there is none."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, dict) else {}


def parts(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [each for each in _list(body, name) if isinstance(each, dict)]


def items_of(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of a list. Raises UnexpectedResponse if it is none: what it has not named is not absent."""
    if not isinstance(page.get("value"), list):
        raise UnexpectedResponse("a list was expected.")
    return parts(page, "value")


def identifier(body: dict[str, Any], name: str) -> Id | None:
    """An ID without parts, such as a GUID."""
    value = text(body, name)
    return None if value is None else Id(value)


def scope_id(body: dict[str, Any], name: str) -> Scope:
    """The ID of a resource or of whatever it can be in; empty if there is none."""
    return Scope(text(body, name) or "")


def text(body: dict[str, Any], name: str) -> str | None:
    """A text, on one line."""
    value = body.get(name)
    return one_line(value) if isinstance(value, str) else None


def texts(body: dict[str, Any], name: str) -> tuple[str, ...]:
    """The texts in a list."""
    return tuple(each for each in _list(body, name) if isinstance(each, str))


def number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(body: dict[str, Any], name: str) -> datetime | None:
    """A time that is told in seconds since 1970."""
    seconds = number(body, name)
    try:
        return datetime.fromtimestamp(seconds, timezone.utc) if seconds else None
    except (OverflowError, OSError, ValueError):
        return None  # outside the range of dates


def flag(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    return value if isinstance(value, bool) else None


def resource_id(body: dict[str, Any], name: str = "id") -> ArmId:
    """The ID of a resource in a resource group. Raises UnexpectedResponse if it is not one."""
    try:
        return ArmId.parse(text(body, name) or "")
    except ValueError as error:
        raise UnexpectedResponse(f"field '{name}': {error}") from None


def _list(body: dict[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    return value if isinstance(value, list) else []
