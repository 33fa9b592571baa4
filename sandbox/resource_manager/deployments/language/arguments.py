"""How template functions convert their arguments."""

from __future__ import annotations

import json
from typing import Any

from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import unusable

LONGEST = 4 * 1024 * 1024  # the limit of a template, and so of its values


def text_of(value: Any) -> str:
    """A value as text in a string, in the format of .NET."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, bool | int | float) else compact(value)


def compact(value: Any, **how: bool) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, **how)


def bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise TemplateError(f"The length of the result exceeds the limit of '{LONGEST}'")
    return text


def need(name: str, value: Any, kinds: type | tuple[type, ...], what: str) -> None:
    wrong_boolean = isinstance(value, bool) and kinds is int
    if not isinstance(value, kinds) or wrong_boolean:
        raise unusable(name, f"the value '{bounded(text_of(value))[:80]}' is not {what}")


def need_text(name: str, value: Any) -> str:
    need(name, value, str, "a string")
    return value


def need_number(name: str, value: Any) -> int:
    need(name, value, int, "an integer")
    return value
