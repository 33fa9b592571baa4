"""Faults on demand: what a network or a service may do to a request, for the n-th request that matches."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.web import Request

# `-after`: once the service has acted on the request, so that only its answer is lost.
ACTIONS = ("status", "delay", "reset-before", "reset-after", "hang", "hang-after")


@dataclass
class Fault:
    """`path` is a regular expression on host and path. The fault begins with match `nth` and lasts `times` matches."""

    action: str
    method: str = ""
    path: str = ""
    nth: int = 1
    times: int = 1
    status: int = 500
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    seen: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"Unknown action '{self.action}': one of {', '.join(ACTIONS)}.")
        self._path = re.compile(self.path, re.IGNORECASE)

    def strikes(self, request: Request) -> bool:
        """Whether this request gets the fault. Counts the request if it matches."""
        if self.method and self.method.upper() != request.method:
            return False
        if not self._path.search(request.host + request.path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times
