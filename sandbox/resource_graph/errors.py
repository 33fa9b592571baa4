"""Refusals of Resource Graph: one code for all, and the cause in the details (recording graph_query_invalid_400)."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.core.web import AzureError

_OWN_CODES = {429: "RateLimiting", 403: "AccessDenied"}


def refuse(code: str, message: str, *, status: int = 400) -> AzureError:
    return refused([{"code": code, "message": message}], status)


def refused(details: list[dict[str, Any]], status: int = 400) -> AzureError:
    """The message, which has the time, is put in by whoever knows the time."""
    return AzureError(status, _OWN_CODES.get(status, "BadRequest"), "", details=details)


def support_message(now: str) -> str:
    return f"Please provide below info when asking for support: timestamp = {now}, correlationId = {uuid.uuid4()}."
